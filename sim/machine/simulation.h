/* SPDX-License-Identifier: MIT */
/**
 * @file simulation.h
 * One run, from a loaded machine to its results: what the kernel makes of the machine (groups, ACS in force,
 * which unit translates whom), who can reach whom, then the workload on it. `run`, studies and regression all
 * go this way.
 *
 *     simulation_init() -> simulation_workload_machine(), load a workload -> simulation_build()
 *         -> machine_run(simulation.machine) -> results -> simulation_fini()
 */
#ifndef IOMMUSIM_MACHINE_SIMULATION_H
#define IOMMUSIM_MACHINE_SIMULATION_H

#include "sim/analysis/iommu_groups.h"
#include "sim/analysis/reach.h"
#include "sim/input/workload_reader.h"
#include "sim/machine/machine.h"

struct simulation {
    const struct machine_input *input; /**< as loaded; borrowed */
    const struct workload *workload;   /**< borrowed */
    struct arena *arena;
    struct machine_input in_force; /**< the input with as many units as are built; shares all with @c input */
    bool units_assumed;            /**< the units are not those of the input, but assumed */
    struct iommu_groups *groups;
    const struct reach *reach;
    struct machine_options options;
    struct machine *machine; /**< NULL until simulation_build() */
};

/**
 * Decide everything that does not depend on the workload.
 * @param input        must outlive the simulation
 * @param choice       which IOMMU (iommu_platform_decide())
 * @param cmdline      kernel command line in place of the input's, or NULL
 * @param diagnostics  gets warnings about the command line
 */
void simulation_init(struct simulation *simulation, const struct machine_input *input,
                     enum iommu_choice choice, const char *cmdline, struct diagnostics *diagnostics);

/** The machine as a workload's reader wants to know it. Valid as long as the simulation. */
struct workload_machine simulation_workload_machine(const struct simulation *simulation);

/**
 * Build the machine. Set options.seed, options.progress and options.progress_context before.
 * @param workload  must outlive the simulation
 * @return as machine_new()
 */
int simulation_build(struct simulation *simulation, const struct workload *workload,
                     struct diagnostics *diagnostics);

void simulation_fini(struct simulation *simulation);

#endif
