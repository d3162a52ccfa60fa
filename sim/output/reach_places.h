/* SPDX-License-Identifier: MIT */
/**
 * @file reach_places.h
 * What becomes of requests to addresses, functions' or not: the answer of `iommusim reach FILE SRC ADDRESS`
 * and its like, as text, JSON or tab-separated lines.
 */
#ifndef IOMMUSIM_OUTPUT_REACH_PLACES_H
#define IOMMUSIM_OUTPUT_REACH_PLACES_H

#include "sim/analysis/reach_destinations.h"
#include "sim/input/function_places.h"
#include "sim/output/reach_report.h"

struct reach_places_question {
    uint32_t source_id; /**< NONE: every function that issues requests */
    const struct reach_destination *places;
    uint32_t place_count;
    const struct reach_question *common; /**< outcomes, ways, format, summary_only; its functions are not
                                            looked at. Without ways: writes, and I/O requests to ports */
};

/**
 * Answer into @p out.
 *
 * Text: one source and one place hop by hop; else a line for each (at most 500), then how many of each kind
 * of place end how. tsv: source, place, owner ("-"), BAR or window, address, outcome, rule, where, who got it
 * ("-", "memory", "iommu", "processors" or a function), "leak", "vouched" or "-", kind of request; alone with
 * summary_only: place, outcome, number. JSON: one "iommusim-reach-places/1" document. SARIF: a finding for
 * each leak, as reach_sarif_pairs().
 * @param places_of  [function] where it stands in the input; only for SARIF
 * @return the number of leaks: requests that arrive at a function of another group
 */
uint64_t reach_places_report(const struct reach *reach, const struct iommu_groups *groups,
                             const struct reach_places_question *question,
                             const struct source_place *places_of, struct text_buffer *out);

#endif
