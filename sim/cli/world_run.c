/* SPDX-License-Identifier: MIT */
#include "sim/cli/world_run.h"

#include "sim/base/status.h"
#include "sim/base/text_buffer.h"
#include "sim/cli/run_progress.h"
#include "sim/cli/world_program.h"
#include "sim/output/output_file.h"
#include "sim/output/world_report.h"

#include <stdio.h>

enum { EXIT_DEADLOCK = 1 };

static int write_report(const struct world_run_options *options, const struct world_result *result,
                        struct diagnostics *diagnostics)
{
    struct text_buffer text = {0};
    (options->json ? world_report_json : world_report_text)(result, &text);
    int status = output_file_write(options->output, text_buffer_get(&text), text.length, diagnostics);
    text_buffer_fini(&text);
    return status;
}

static int simulate(const struct world_run_options *options, const struct world *world,
                    struct diagnostics *diagnostics)
{
    const struct world_engines *engines = world_program_engines();
    struct run_progress progress;
    const struct world_options how = {options->threads, run_progress_step, &progress};
    struct world_result *result = NULL;
    run_progress_begin(&progress);
    int status = engines->run_world(world, &how, &result, diagnostics);
    run_progress_erase(&progress);
    if (result) {
        int written = write_report(options, result, diagnostics);
        bool deadlock = result->waiting_count != 0;
        engines->free_world_result(result);
        status = written < 0 ? written : status < 0 ? status : deadlock ? EXIT_DEADLOCK : STATUS_OK;
    }
    run_progress_end(&progress);
    return status;
}

int world_run(const struct world_run_options *options, char **argv, struct diagnostics **diagnostics)
{
    struct world *world = NULL;
    if (!world_program_engines())
        return world_program_become(argv, *diagnostics);
    int status = world_load(options->path, &world, *diagnostics);
    if (status < 0)
        return status;
    if (options->seed_given)
        world->seed = options->seed;
    status = simulate(options, world, *diagnostics);
    world_free(world);
    return status;
}
