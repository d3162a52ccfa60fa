/* SPDX-License-Identifier: MIT */
/**
 * @file run_flow.h
 * `iommusim run --engine flow`: what becomes of a loaded scenario there.
 */
#ifndef IOMMUSIM_CLI_RUN_FLOW_H
#define IOMMUSIM_CLI_RUN_FLOW_H

#include "sim/batch/scenario_run.h"
#include "sim/output/flow_result.h"

struct run_flow {
    enum flow_sharing sharing;
    bool json;          /**< not text */
    const char *output; /**< a file; NULL: standard output */
};

/** Run as flows and write the answer. The program is linked with SimGrid. @return 0 or a status after
 * diagnostics; what was done until an interruption is written */
int run_flow(const struct run_flow *chosen, struct scenario_run *run, struct diagnostics *diagnostics);

#endif
