/* SPDX-License-Identifier: MIT */
/**
 * @file slots_output.h
 * The slots a device could be in, best first, as text, JSON and tab-separated lines.
 */
#ifndef IOMMUSIM_OUTPUT_SLOTS_OUTPUT_H
#define IOMMUSIM_OUTPUT_SLOTS_OUTPUT_H

#include "sim/analysis/slot_survey.h"

/** For people: a line a port, with who would share the group and why. */
void slots_output_text(const struct slot_survey *survey, struct text_buffer *out);

/** One document "iommusim-slots/1". */
void slots_output_json(const struct slot_survey *survey, struct text_buffer *out);

/**
 * One line a port, best first, a stable contract ("-" where nothing is known):
 *
 *     RANK PORT present|free|impossible ENDPOINT-MATES MATES GROUPS UNCOVERED LEAKS-OUT LEAKS-IN LINK
 * BOTTLENECK BYTES-PER-S MATE,MATE...
 *
 * LINK and BOTTLENECK are generation x lanes ("4x16"), bytes a second those of the bottleneck.
 */
void slots_output_tsv(const struct slot_survey *survey, struct text_buffer *out);

#endif
