/* SPDX-License-Identifier: MIT */
#include "sim/cli/run_flow.h"

#include "sim/base/arena.h"
#include "sim/base/status.h"
#include "sim/batch/flow_run.h"
#include "sim/cli/run_progress.h"
#include "sim/cli/world_program.h"
#include "sim/output/output_file.h"

int run_flow(const struct run_flow *chosen, struct scenario_run *run, struct diagnostics *diagnostics)
{
    struct run_progress progress;
    struct flow_run_options options = {chosen->sharing, run_progress_step, &progress};
    struct flow_result result;
    struct flow_sampler *sampler = NULL;
    struct arena *arena = arena_new();
    run_progress_begin(&progress);
    int status = flow_run(run, world_program_engines(), &options, arena, &sampler, &result, diagnostics);
    run_progress_erase(&progress);
    if (result.measured && (status == STATUS_OK || status == STATUS_INTERRUPTED)) {
        struct text_buffer out = {0};
        if (chosen->json)
            flow_result_json(&result, &out);
        else
            flow_result_text(&result, &out);
        int written = output_file_write(chosen->output, text_buffer_get(&out), out.length, diagnostics);
        status = written < 0 ? written : status;
        text_buffer_fini(&out);
    }
    run_progress_end(&progress);
    flow_sampler_free(sampler);
    arena_free(arena);
    return status;
}
