/* SPDX-License-Identifier: MIT */
/**
 * @file draw_words.h
 * What stands on the boxes of a drawing, for every format.
 */
#ifndef IOMMUSIM_OUTPUT_DRAW_WORDS_H
#define IOMMUSIM_OUTPUT_DRAW_WORDS_H

#include "sim/output/draw.h"

/** Append the address: "00:1f.3", "3b:00.0, 3c:00.0 and 6 more", "device 00:1f", "Host bridge 0000:00". */
void draw_words_address(const struct drawing *drawing, const struct draw_box *box, struct text_buffer *out);

/** Append "group 4", "groups 4-9", "6 groups" or "no group", for a box of functions. */
void draw_words_group(const struct drawing *drawing, const struct draw_box *box, struct text_buffer *out);

/** The group all functions of the box are in; NONE where there are several, or none. */
uint32_t draw_words_one_group(const struct drawing *drawing, const struct draw_box *box);

/** Append what a host bridge owns: "buses 00-3f, node 1, unit 0". */
void draw_words_host_bridge(const struct drawing *drawing, const struct draw_box *box,
                            struct text_buffer *out);

/** The unit that most functions below a host bridge have; NONE: most have none. */
uint32_t draw_words_usual_unit(const struct drawing *drawing, uint32_t host_bridge_id);

/** Append "8086:a348 0403 Audio device". */
void draw_words_ids(const struct pci_function *function, struct text_buffer *out);

/** The product, else nothing (NULL). */
const char *draw_words_name(const struct pci_function *function);

/** Append a link's "8GT/s x4", and " of 16GT/s x4" where it could be more; for a port the link below it.
 * @return false, and nothing, where nothing is known */
bool draw_words_link(const struct drawing *drawing, const struct pci_function *function,
                     struct text_buffer *out);

/** Append all that is known, lines of text, for a tooltip. */
void draw_words_detail(const struct drawing *drawing, const struct draw_box *box, struct text_buffer *out);

/** Append what an arrow stands for, lines of text. */
void draw_words_arrow(const struct drawing *drawing, const struct draw_arrow *arrow, struct text_buffer *out);

/** Append the IOMMU and what it rests on: "vt-d, on (the input names no unit: one is assumed)". */
void draw_words_iommu(const struct drawing *drawing, struct text_buffer *out);

/** Append "33 functions in 21 groups; 2 leaks" and its like. */
void draw_words_counts(const struct drawing *drawing, struct text_buffer *out);

/** The n-th remark on what the picture cannot show or takes for granted, appended. @return false: no more */
bool draw_words_note(const struct drawing *drawing, unsigned n, struct text_buffer *out);

#endif
