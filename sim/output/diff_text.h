/* SPDX-License-Identifier: MIT */
/**
 * @file diff_text.h
 * Parts of the text of a comparison.
 */
#ifndef IOMMUSIM_OUTPUT_DIFF_TEXT_H
#define IOMMUSIM_OUTPUT_DIFF_TEXT_H

#include "sim/analysis/override_exposure.h"

/** Addresses with blanks between them, wrapped; further lines begin at column @p indent, and so does the
 * first. */
void diff_text_addresses(const struct machine_view *view, const uint32_t *ids, uint32_t count,
                         unsigned indent, struct text_buffer *out);

/** The paragraph about who reaches whom. */
void diff_text_leaks(const struct machine_diff *diff, struct text_buffer *out);

/** The paragraph about pcie_acs_override. */
void diff_text_override(const struct override_exposure *exposure, struct text_buffer *out);

#endif
