/* SPDX-License-Identifier: MIT */
/**
 * @file reach_report.h
 * The answer of `iommusim reach` as text, JSON or tab-separated lines.
 */
#ifndef IOMMUSIM_OUTPUT_REACH_REPORT_H
#define IOMMUSIM_OUTPUT_REACH_REPORT_H

#include "sim/analysis/iommu_groups.h"
#include "sim/analysis/reach_ways.h"
#include "sim/base/text_buffer.h"

/** Not every report has every format: REPORT_SARIF is reach_sarif.h. */
enum report_format { REPORT_TEXT, REPORT_JSON, REPORT_TSV, REPORT_SARIF };

struct reach_question {
    uint32_t source_id, target_id; /**< NONE: every function */
    bool outcomes[REACH_OUTCOMES]; /**< which outcomes are listed */
    bool summary_only;
    enum report_format format;
    struct reach_way ways[REACH_WAYS]; /**< kinds of requests asked about */
    uint32_t way_count;                /**< 0: plain writes */
};

/** What was found, over all pairs and kinds of requests asked about, listed or not. */
struct reach_counts {
    uint64_t pairs[REACH_OUTCOMES]; /**< ordered pairs of different functions, by outcome */
    uint64_t leaks;                 /**< pairs with REACH_LEAK, by requests for memory or ports */
    uint64_t vouched;               /**< pairs with REACH_VOUCHED */
    uint32_t sources, targets;      /**< functions that issue requests; with a memory BAR that decodes */
    uint32_t silent_bars; /**< functions whose memory BARs all do not decode: no address, or disabled */
    uint32_t acs_hidden;  /**< functions whose ACS registers the input hides */
};

/**
 * Answer @p question into @p out.
 *
 * Text: a line for each pair listed (at most 500, then their number; a pair asked for by name with its hops),
 * the rules that occurred in words, then the summary; within 80 columns. tsv: source, target, outcome, rule,
 * port of the rule, BAR, "leak", "vouched" or "-", kind of request; no header, no summary unless asked for
 * alone. JSON: one "iommusim-reach/1" document.
 */
struct reach_counts reach_report(const struct reach *reach, const struct iommu_groups *groups,
                                 const struct reach_question *question, struct text_buffer *out);

#endif
