/* SPDX-License-Identifier: MIT */
/**
 * @file isolation_effects.h
 * What hangs on the assumptions behind groups: for each function whose isolation the input does not show,
 * what the opposite assumption would change.
 */
#ifndef IOMMUSIM_ANALYSIS_ISOLATION_EFFECTS_H
#define IOMMUSIM_ANALYSIS_ISOLATION_EFFECTS_H

#include "sim/analysis/iommu_groups.h"

/** True where the answer for a function was assumed: its registers are hidden and they count, or the success
 * of a chipset's workaround is not shown. */
bool isolation_assumed(const struct iommu_groups *groups, uint32_t function_id);

/** Groups with one assumption turned at a time. */
struct isolation_probe;

struct isolation_probe *isolation_probe_new(const struct iommu_groups *groups);

/**
 * The groups with the assumption about @p function_id turned into its opposite. Only @c decisions, @c
 * verdicts and @c views are valid in the result (no lists of members); it holds until the next call.
 */
const struct iommu_groups *isolation_probe_flip(struct isolation_probe *probe, uint32_t function_id);

/** NULL is fine. */
void isolation_probe_free(struct isolation_probe *probe);

/** The opposite of one assumption, where it changes something. */
struct isolation_effect {
    uint32_t function_id;
    bool port;               /**< it is a bridge: what is below is at stake */
    bool contested;          /**< see isolation_contested() */
    uint32_t changed;        /**< functions that would have other group mates */
    uint32_t groups_now;     /**< groups these form now */
    uint32_t groups_flipped; /**< groups they would form */
    uint32_t first_group;    /**< the lowest of those they form now */
};

/**
 * All assumptions that change something, by function id.
 * @param arena  for the result; @param count  filled
 * Time: for each assumed function one decision for each function below the same bus.
 */
struct isolation_effect *isolation_effects(const struct iommu_groups *groups, struct arena *arena,
                                           uint32_t *count);

#endif
