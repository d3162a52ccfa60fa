/* SPDX-License-Identifier: MIT */
/**
 * @file draw_steps.h
 * The steps of drawing_new(), in their order.
 */
#ifndef IOMMUSIM_OUTPUT_DRAW_STEPS_H
#define IOMMUSIM_OUTPUT_DRAW_STEPS_H

#include "sim/output/draw.h"

/** A box for every host bridge, slot and function; fills boxes and box_of. */
void draw_boxes(struct drawing *drawing);

/** Make one of boxes that are alike, siblings with all that is below: same ids, class, kind, links and name,
 * and groups of the same form. Boxes that vanish are no longer in the tree of first_child and next_sibling
 * (nor in boxes, which is packed); box_of follows. */
void draw_merge_alike(struct drawing *drawing, enum draw_collapse collapse);

/** Ask for every pair; fills arrows (without points), leaks, vouched, and the lanes of boxes. Where many
 * arrows meet between the same two children of a box they become one; where that is still too many, all lead
 * to the box. */
void draw_leaks(struct drawing *drawing);

/** Sizes and places of all boxes. */
void draw_layout(struct drawing *drawing);

/** Ways for the arrows between the boxes. */
void draw_route(struct drawing *drawing);

/** The child of @p ancestor that has @p box in it; @p ancestor itself where that is @p box. */
uint32_t draw_child_towards(const struct drawing *drawing, uint32_t ancestor, uint32_t box);

#endif
