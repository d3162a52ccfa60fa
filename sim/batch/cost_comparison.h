/* SPDX-License-Identifier: MIT */
/**
 * @file cost_comparison.h
 * What a change costs: one workload on a machine before and after it.
 */
#ifndef IOMMUSIM_BATCH_COST_COMPARISON_H
#define IOMMUSIM_BATCH_COST_COMPARISON_H

#include "sim/analysis/iommu_platform.h"
#include "sim/input/machine_input.h"

struct arena;

struct cost_figure {
    const char *name;
    double before, after; /**< NAN: that side has no such figure */
};

struct cost_comparison {
    struct arena *arena;
    const char *workload; /**< path */
    struct cost_figure *figures;
    size_t count, capacity;
};

/** One of the machines. */
struct cost_side {
    const struct machine_input *input;
    enum iommu_choice choice;
    const char *cmdline; /**< in place of the input's, or NULL */
};

/**
 * The input of a machine whose devices were moved: parameters go with their functions, those of a link with
 * the port above it.
 * @param known  [id in input's topology] id in @p moved
 */
struct machine_input *cost_moved_input(struct arena *arena, const struct machine_input *input,
                                       struct topology *moved, const uint32_t *known);

/** How far it is. */
struct cost_progress {
    bool (*step)(void *context, unsigned thousandths); /**< as in struct machine_options; NULL: nobody asks */
    void *context;
};

/**
 * Run the workload on both machines.
 * @param path  of a workload or scenario; of a scenario the workload and seed are taken
 * @return 0, STATUS_INTERRUPTED, or what went wrong after diagnostics; cost_comparison_fini() in any case
 */
int cost_compare(struct cost_comparison *comparison, const struct cost_side sides[2], const char *path,
                 const struct cost_progress *progress, struct diagnostics *diagnostics);
void cost_comparison_fini(struct cost_comparison *comparison);

/** (after - before) / |before|; NAN where one is missing or before is 0. */
double cost_change(const struct cost_figure *figure);

#endif
