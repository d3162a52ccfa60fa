/* SPDX-License-Identifier: MIT */
/**
 * @file reach_sarif.h
 * What reach finds, as SARIF results: each at the function that lets a request through (where something can
 * be done about it), with source and target as related places.
 */
#ifndef IOMMUSIM_OUTPUT_REACH_SARIF_H
#define IOMMUSIM_OUTPUT_REACH_SARIF_H

#include "sim/analysis/soundness.h"
#include "sim/output/sarif.h"

/** Rules of findings about reach, for sarif_begin(). ORDER: reach_sarif_rules. */
enum reach_sarif_rule {
    REACH_SARIF_LEAK,        /**< a pair of different groups reaches */
    REACH_SARIF_ID,          /**< ... shares a requester id */
    REACH_SARIF_VOUCHED,     /**< ... would reach, but for a vendor's word */
    REACH_SARIF_PESSIMISTIC, /**< a group larger than needed */
    REACH_SARIF_RULES,
};
extern const struct sarif_rule reach_sarif_rules[REACH_SARIF_RULES];

/** What a log is about. */
struct reach_sarif {
    const struct reach *reach;
    const struct iommu_groups *groups;
    const struct source_place *places; /**< [function] */
};

/** A pair that reaches one of another group. @param result  of reach_pair() */
void reach_sarif_pair(const struct reach_sarif *about, struct sarif *sarif, enum reach_sarif_rule rule,
                      uint32_t source_id, uint32_t target_id, const struct reach_result *result);

/** A whole log for `reach`: the pairs that leak and those on a vendor's word. @param source_id, target_id
 * NONE: every function. @return the number of leaks */
uint64_t reach_sarif_pairs(const struct reach_sarif *about, uint32_t source_id, uint32_t target_id,
                           struct text_buffer *out);

/** A whole log for `reach --sound`. */
void reach_sarif_soundness(const struct soundness *soundness, const struct source_place *places,
                           struct text_buffer *out);

#endif
