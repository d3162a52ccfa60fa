/* SPDX-License-Identifier: MIT */
/**
 * @file viability_diff.h
 * Which devices can be given to a guest in one of two machines and not in the other. Every device is asked
 * about by itself: all endpoint functions of its slot are given, everyone else keeps the driver the input
 * states (viability.h, the modern rule). VFs are asked about one by one, where their groups changed.
 */
#ifndef IOMMUSIM_ANALYSIS_VIABILITY_DIFF_H
#define IOMMUSIM_ANALYSIS_VIABILITY_DIFF_H

#include "sim/analysis/machine_diff.h"
#include "sim/analysis/viability.h"

/** A device for which the answer differs, or that is in both machines under one answer but for the reason. */
struct viability_change {
    const uint32_t *rows; /**< its functions, indexes in machine_diff.rows */
    uint32_t row_count;
    bool there_before, there_after; /**< it is in that machine at all */
    enum viability_verdict before, after;
    const char *reason_before, *reason_after; /**< the first things in the way, in words; NULL: nothing is */
};

struct viability_diff {
    struct arena *arena;
    struct viability_change *changes; /**< by address of the first function */
    uint32_t change_count;
    uint32_t viable_before, viable_after; /**< devices that can be given as drivers are */
    uint32_t worse;                       /**< changes for devices in both machines to a worse verdict */
};

/** Compare. Free with viability_diff_free(). */
struct viability_diff *viability_diff_new(const struct machine_diff *diff);
void viability_diff_free(struct viability_diff *diff);

#endif
