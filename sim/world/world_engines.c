/* SPDX-License-Identifier: MIT */
#include "sim/world/world_engines.h"

#include "sim/world/simgrid_compat.h"
#include "sim/world/world_simulation.h"

const struct world_engines world_engines = {
    .simgrid_version = simgrid_compat_version,
    .run_fluid = fluid_run,
    .run_world = world_simulation_run,
    .free_world_result = world_result_free,
};
