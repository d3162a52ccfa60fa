/* SPDX-License-Identifier: MIT */
/**
 * @file wish_report.h
 * The answer of `iommusim reach --want`: the bits to change, the words that change them, and what it costs.
 */
#ifndef IOMMUSIM_OUTPUT_WISH_REPORT_H
#define IOMMUSIM_OUTPUT_WISH_REPORT_H

#include "sim/analysis/acs_wish_words.h"
#include "sim/analysis/machine_diff.h"
#include "sim/base/text_buffer.h"

/** What is told. */
struct wish_report {
    const struct acs_wish *wish;
    const struct acs_wish_answer *answer;
    const struct acs_words *words;
    const struct machine_view *before;
    const struct machine_view *after; /**< booted with the words; NULL where there are none */
};

void wish_report_text(const struct wish_report *report, struct text_buffer *out);

/** Lines without header: "clear" or "set", function, bit by lspci's name. Nothing where no setting does it,
 * or none is needed. */
void wish_report_tsv(const struct wish_report *report, struct text_buffer *out);

/** One "iommusim-wish/1" document. */
void wish_report_json(const struct wish_report *report, struct text_buffer *out);

#endif
