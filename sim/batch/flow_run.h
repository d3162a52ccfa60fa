/* SPDX-License-Identifier: MIT */
/**
 * @file flow_run.h
 * A scenario's bulk streams as flows in SimGrid (`iommusim run --engine flow`): seconds of transfers in
 * milliseconds.
 *
 * Each stream is sampled by itself (flow_sample.h): how fast it is, and which wires carry how much for it. It
 * becomes a flow over those wires (sim/world/fluid_run.h), in bytes as they are on the wire. Whenever streams
 * begin or end, those under way get new ceilings: what a sample of just them together gives each
 * (FLOW_SHARING_SAMPLED), what arbitration by port
 * gives (FLOW_SHARING_PORTS), or what each can do by itself, so that SimGrid shares the wires
 * (FLOW_SHARING_MAX_MIN). Where the two differ by more than a tenth the result says so, and why.
 */
#ifndef IOMMUSIM_BATCH_FLOW_RUN_H
#define IOMMUSIM_BATCH_FLOW_RUN_H

#include "sim/batch/scenario_run.h"
#include "sim/output/flow_result.h"
#include "sim/world/world_engines.h"

struct flow_run_options {
    enum flow_sharing sharing;
    bool (*progress)(void *context, unsigned thousandths); /**< as in struct machine_options, or NULL */
    void *progress_context;
};

/**
 * Run it.
 * @param run      loaded (scenario_run_load()); must outlive the result
 * @param result   filled on success, and where interrupted once it is @c measured; lives in @p arena and the
 * sampler
 * @param sampler  gets what the result refers to; free with flow_sampler_free() after the result, also on
 * failure
 * @return 0; STATUS_INTERRUPTED; STATUS_BAD_INPUT with diagnostics: a stream that is no bulk transfer
 * (flow-stream), or one that moves nothing (flow-no-progress); as machine_new()
 */
int flow_run(struct scenario_run *run, const struct world_engines *engines,
             const struct flow_run_options *options, struct arena *arena, struct flow_sampler **sampler,
             struct flow_result *result, struct diagnostics *diagnostics);

#endif
