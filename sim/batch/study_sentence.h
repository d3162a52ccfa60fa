/* SPDX-License-Identifier: MIT */
/**
 * @file study_sentence.h
 * What a study comes to, in one line: its figure for every combination, or from which combination on it is
 * within a bound, as the study's "answer" asks. All of it are means over repeats.
 *
 *   reads of all devices: 16.5 M/s with mode off, 16.4 M/s lazy, 2.8 M/s strict
 *   mappings refused: none from size 16MiB on; 1.204 k at 8MiB
 */
#ifndef IOMMUSIM_BATCH_STUDY_SENTENCE_H
#define IOMMUSIM_BATCH_STUDY_SENTENCE_H

#include "sim/batch/collect.h"

/** Append the line, with its end. @return false, and nothing appended, where the study asks for none */
bool study_sentence_print(const struct collected *table, struct text_buffer *out);

#endif
