/* SPDX-License-Identifier: MIT */
/**
 * @file interrupt_report.h
 * The answer of `iommusim reach --interrupts`: who can raise whose interrupts.
 */
#ifndef IOMMUSIM_OUTPUT_INTERRUPT_REPORT_H
#define IOMMUSIM_OUTPUT_INTERRUPT_REPORT_H

#include "sim/analysis/interrupt_reach.h"
#include "sim/base/text_buffer.h"

struct interrupt_question {
    uint32_t source_id, target_id; /**< NONE: every function */
    bool summary_only;             /**< text without the lists */
};

/** Text: is it remapped, who can write the interrupt window, and which functions can raise interrupts of
 * which others, by how (at most 40 functions each). */
void interrupt_report_text(const struct interrupts *interrupts, const struct interrupt_question *question,
                           struct text_buffer *out);

/** A line a pair of which the first can raise interrupts of the second: source, victim, how (forging,
 * sharing, at-will), "leak" where they are of different groups or "-". No header. */
void interrupt_report_tsv(const struct interrupts *interrupts, const struct interrupt_question *question,
                          struct text_buffer *out);

/** One "iommusim-interrupts/1" document: each function with what its vectors are open to, then the pairs. */
void interrupt_report_json(const struct interrupts *interrupts, const struct interrupt_question *question,
                           struct text_buffer *out);

#endif
