/* SPDX-License-Identifier: MIT */
/**
 * @file soundness_report.h
 * The answer of `iommusim reach --sound`: where groups promise an isolation that the fabric does not keep,
 * and where they are larger than it demands.
 */
#ifndef IOMMUSIM_OUTPUT_SOUNDNESS_REPORT_H
#define IOMMUSIM_OUTPUT_SOUNDNESS_REPORT_H

#include "sim/analysis/soundness.h"
#include "sim/base/text_buffer.h"

/** Text: the verdict, then a paragraph for each place where groups leak and for each merge that nothing
 * demands, shortened where there are many. @param summary_only  the verdict alone */
void soundness_report_text(const struct soundness *soundness, bool summary_only, struct text_buffer *out);

/**
 * Lines without header, all of them: what, first function, second function, group of each, rule, port of the
 * rule. "what" is reach, requester-id or vouched (pairs of different groups), or pessimistic, undefined or
 * silent (functions of one group that nothing brings together, surely or not: enum loose_doubt; rule and port
 * are those of the request from the first to the second).
 */
void soundness_report_tsv(const struct soundness *soundness, struct text_buffer *out);

/** One "iommusim-soundness/1" document. */
void soundness_report_json(const struct soundness *soundness, struct text_buffer *out);

#endif
