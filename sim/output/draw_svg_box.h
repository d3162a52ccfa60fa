/* SPDX-License-Identifier: MIT */
/**
 * @file draw_svg_box.h
 * The elements an SVG of a machine is made of.
 */
#ifndef IOMMUSIM_OUTPUT_DRAW_SVG_BOX_H
#define IOMMUSIM_OUTPUT_DRAW_SVG_BOX_H

#include "sim/output/draw.h"
#include "sim/output/draw_colours.h"
#include "sim/output/text_width.h"

/** A document while it is written. */
struct svg {
    const struct drawing *drawing;
    const struct draw_colour *colours; /**< [group] */
    struct text_buffer *out;
};

/** Where a line of text stands: its base line, in pixels. */
struct svg_place {
    int x, y;
    int room;          /**< pixels; more is cut */
    const char *style; /**< further attributes, e.g. `fill="#555"`; may be "" */
};

/** A line of text, shortened to its room. */
void svg_text(struct svg *svg, struct svg_place place, struct text_font font, const char *text);

/** The same with its end at x + room. @return its width in pixels */
int svg_text_right(struct svg *svg, struct svg_place place, struct text_font font, const char *text);

/** A rectangle in pixels. @param style attributes */
void svg_rectangle(struct svg *svg, int x, int y, int width, int height, const char *style);

/** A rectangle in the colour of a group, hatched where the colour is. @param group  NONE: white, dashed */
void svg_group_rectangle(struct svg *svg, int x, int y, int width, int height, uint32_t group);

/** `<title>` with @p text */
void svg_tooltip(struct svg *svg, const char *text);

/** A link of so many lanes (0: unknown) from y to y + length. */
void svg_link(struct svg *svg, int x, int y, int length, unsigned lanes);

/** Box @p index and all in it. */
void svg_box(struct svg *svg, uint32_t index);

#endif
