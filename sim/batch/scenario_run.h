/* SPDX-License-Identifier: MIT */
/**
 * @file scenario_run.h
 * One scenario, from its texts to its result: `iommusim run` and every point of a study go this way.
 *
 *     scenario_run_load() -> scenario_run_build() -> scenario_run_simulate() -> run.result ->
 * scenario_run_fini()
 */
#ifndef IOMMUSIM_BATCH_SCENARIO_RUN_H
#define IOMMUSIM_BATCH_SCENARIO_RUN_H

#include "sim/input/scenario.h"
#include "sim/machine/simulation.h"
#include "sim/output/result.h"

/** Zero-initialise. */
struct scenario_run {
    struct scenario *scenario; /**< borrowed */
    struct machine_input *input;
    struct workload *workload;
    struct simulation simulation;
    struct result result; /**< valid after scenario_run_simulate(); refers to all of the above */
};

/**
 * Load machine and workload with the scenario's overrides, decide groups and reach.
 * @param scenario  must outlive the run; its arena takes strings of the result
 * @return 0, STATUS_BAD_INPUT, STATUS_FILE_OPEN or STATUS_FILE_READ after diagnostics
 */
int scenario_run_load(struct scenario_run *run, struct scenario *scenario, struct diagnostics *diagnostics);

/**
 * Build the machine.
 * @param progress  as in struct machine_options, or NULL
 * @return as machine_new()
 */
int scenario_run_build(struct scenario_run *run, bool (*progress)(void *context, unsigned thousandths),
                       void *progress_context, struct diagnostics *diagnostics);

/** Run to the end and describe. @return as machine_run(); run.result is there after 0 and STATUS_INTERRUPTED
 */
int scenario_run_simulate(struct scenario_run *run, struct diagnostics *diagnostics);

/** All of the above, start to end. @param text  gets the result document @return as machine_run() */
int scenario_run_whole(struct scenario *scenario, struct text_buffer *text, struct diagnostics *diagnostics);

/** Free everything but the scenario. */
void scenario_run_fini(struct scenario_run *run);

#endif
