/* SPDX-License-Identifier: MIT */
#include "sim/world/world_engines.h"

#include "sim/world/simgrid_compat.h"

const struct world_engines world_engines = {
    .simgrid_version = simgrid_compat_version,
    .run_fluid = fluid_run,
};
