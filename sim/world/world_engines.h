/* SPDX-License-Identifier: MIT */
/**
 * @file world_engines.h
 * What the program build/iommusim-world can do beyond build/iommusim: the engines that stand on SimGrid.
 *
 * Both programs are made from the same sources and have the same commands. Only iommusim-world is linked with
 * sim/world and so with SimGrid, whose start-up costs tens of milliseconds; iommusim becomes it (execv(2),
 * sim/cli/world_program.h) when an input asks for what only it can do. So each engine has a process to
 * itself, as SimGrid needs it.
 */
#ifndef IOMMUSIM_WORLD_WORLD_ENGINES_H
#define IOMMUSIM_WORLD_WORLD_ENGINES_H

#include "sim/world/fluid_run.h"
#include "sim/world/world_result.h"

/** One member an engine. */
struct world_engines {
    /** The version of the library in use, "3.32". */
    const char *(*simgrid_version)(void);
    /** fluid_run() */
    int (*run_fluid)(struct fluid_run *run);
    /** world_simulation_run() and world_result_free() */
    int (*run_world)(const struct world *world, const struct world_options *options,
                     struct world_result **result, struct diagnostics *diagnostics);
    void (*free_world_result)(struct world_result *result);
};

/** Weak: its address is NULL in a program that is linked without sim/world. */
extern const struct world_engines world_engines __attribute__((weak));

#endif
