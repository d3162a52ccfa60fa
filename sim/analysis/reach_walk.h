/* SPDX-License-Identifier: MIT */
/**
 * @file reach_walk.h
 * A walk through the fabric in progress; what reach.c and reach_identity.c share.
 */
#ifndef IOMMUSIM_ANALYSIS_REACH_WALK_H
#define IOMMUSIM_ANALYSIS_REACH_WALK_H

#include "sim/analysis/reach.h"

struct reach_walk {
    const struct reach *reach;
    struct transaction transaction;
    struct reach_result result;
    struct reach_hop *hops;
    uint32_t capacity;
    bool decided; /**< a turn or a redirect was met: its rule stands */
};

/** Note a decision taken at @p place. */
void reach_walk_record(struct reach_walk *walk, struct route_place place,
                       const struct route_decision *decision);

/** Step from @p place to the end of the fabric. @return the last decision, never ROUTE_MOVE */
struct route_decision reach_walk_on(struct reach_walk *walk, struct route_place place);

/** Why @p source_id cannot send requests of this way to anybody; REACH_ABSENT_NOTHING where it can. */
enum reach_absence reach_source_absence(const struct fabric *fabric, uint32_t source_id,
                                        struct reach_way way);

/** The walk ended with ROUTE_BLOCK: blocked, perhaps after a redirect. */
enum reach_outcome reach_walk_blocked(const struct reach_walk *walk);

#endif
