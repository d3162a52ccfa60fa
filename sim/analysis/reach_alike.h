/* SPDX-License-Identifier: MIT */
/**
 * @file reach_alike.h
 * Functions that the fabric cannot tell apart, and answers about reach that are worked out once for all of
 * them: what makes every pair of thousands of functions, most of them VFs or ports of one card, affordable.
 *
 * Two functions are alike where changing their places would change nothing but who is who: endpoints on the
 * same bus, of one bus number, with the same ACS, the same standing before the IOMMU, and BARs (ids, ports)
 * that every bus above leads to them and no bridge beside that way claims. Then each answer about the one,
 * with the names changed, is the answer about the other. Bridges, and whatever is out of the ordinary, are
 * alike to nobody but themselves.
 */
#ifndef IOMMUSIM_ANALYSIS_REACH_ALIKE_H
#define IOMMUSIM_ANALYSIS_REACH_ALIKE_H

#include "sim/analysis/reach.h"

/** Functions of different segments: an id of the one means somebody else, or nobody, where the other is. What
 * is sent under a forged id across segments is answered function by function. */
static inline bool reach_alike_forgeable(const struct topology *topology, uint32_t a, uint32_t b)
{
    return topology->functions[a].segment == topology->functions[b].segment;
}

struct reach_alike {
    uint32_t *class_of; /**< [function] */
    uint32_t count;     /**< classes, from 0 on in order of their first functions */
};

/** @param arena  owns the result */
struct reach_alike *reach_alike_new(struct arena *arena, const struct reach *reach);

/** Answers of one way about all pairs, a source after the other. */
struct reach_table;

/** @param alike  of @p reach; both must outlive the table */
struct reach_table *reach_table_new(struct arena *arena, const struct reach *reach,
                                    const struct reach_alike *alike, struct reach_way way);

/** A table of reach_pair(), with classes of its own. */
struct reach_table *reach_table_of_writes(struct arena *arena, const struct reach *reach);

/**
 * As reach_pair_by() for the table's way, but for @c requester_id, which is not told (0).
 *
 * Ask source by source: answers are kept until a source of another class is asked about.
 */
struct reach_result reach_table_ask(struct reach_table *table, uint32_t source_id, uint32_t target_id);

/** The outcome of reach_table_ask() alone, at less cost. */
enum reach_outcome reach_table_outcome(struct reach_table *table, uint32_t source_id, uint32_t target_id);

#endif
