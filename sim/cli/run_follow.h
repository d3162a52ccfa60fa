/* SPDX-License-Identifier: MIT */
/**
 * @file run_follow.h
 * What `iommusim run` writes beside its answer: the life of slow operations, a timeline, a histogram.
 */
#ifndef IOMMUSIM_CLI_RUN_FOLLOW_H
#define IOMMUSIM_CLI_RUN_FOLLOW_H

#include "sim/batch/scenario_run.h"

struct run_follow {
    uint32_t slowest;                 /**< operations to explain; 0: none */
    const char *timeline, *histogram; /**< files to write; NULL: none */
    bool json;                        /**< explain as JSON */
};

/** Does the first run need a trace? */
bool run_follow_wanted(const struct run_follow *follow);

/**
 * After the run: write what is wanted. Operations that are to be followed are those of a second, equal run.
 * @param run    has run, with @p trace where run_follow_wanted()
 * @return 0, or a failure after diagnostics
 */
int run_follow(const struct run_follow *follow, const struct scenario_run *run,
               const struct request_trace *trace, struct diagnostics *diagnostics);

#endif
