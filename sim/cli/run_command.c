/* SPDX-License-Identifier: MIT */
/* iommusim run SCENARIO, or run --topology FILE --workload FILE */
#include "sim/base/arena.h"
#include "sim/base/status.h"
#include "sim/batch/replay.h"
#include "sim/batch/scenario_run.h"
#include "sim/cli/commands.h"
#include "sim/cli/run_arguments.h"
#include "sim/cli/run_progress.h"
#include "sim/cli/world_program.h"
#include "sim/cli/world_run.h"
#include "sim/input/world.h"
#include "sim/output/output_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { EXIT_ANSWER_NO = 1, EXIT_BAD_INPUT = 2, ERRORS_SHOWN = 20 };

/* ---- from options to a scenario ---- */

static int make_scenario(const struct run_options *chosen, struct scenario **result,
                         struct diagnostics *diagnostics)
{
    int status = STATUS_OK;
    if (chosen->replay)
        status = replay_load(chosen->replay, result, diagnostics);
    else if (chosen->scenario)
        status = scenario_load(chosen->scenario, result, diagnostics);
    else
        *result = scenario_new();
    if (status < 0)
        return status;
    struct scenario *scenario = *result;
    if (chosen->topology.count) {
        struct machine_files files = file_arguments_get(&chosen->topology);
        scenario_set_topology(scenario, &files);
    }
    if (chosen->workload)
        scenario->workload_path = chosen->workload;
    if (chosen->cmdline)
        scenario->cmdline = chosen->cmdline;
    if (chosen->iommu)
        scenario->iommu = chosen->iommu;
    if (chosen->seed_given)
        scenario->seed = chosen->seed;
    for (unsigned i = 0; i < chosen->setting_count; i++)
        scenario_add_override(scenario, chosen->settings[i]);
    return STATUS_OK;
}

/* ---- results ---- */

static int write_into(const char *folder, const char *name, const struct text_buffer *text,
                      struct diagnostics *diagnostics)
{
    struct text_buffer path = {0};
    text_buffer_format(&path, "%s/%s", folder, name);
    int status = output_file_write(path.text, text_buffer_get(text), text->length, diagnostics);
    text_buffer_fini(&path);
    return status;
}

static int write_folder(const char *folder, const struct text_buffer *texts, struct diagnostics *diagnostics)
{
    int status = STATUS_OK;
    if (mkdir(folder, 0777) < 0 && errno != EEXIST) {
        const struct source_text source = {folder, NULL, 0};
        diagnostics_report(diagnostics, DIAGNOSTIC_ERROR, &source, DIAGNOSTIC_NO_OFFSET, NULL, "file-create",
                           "cannot make the folder: %s", strerror(errno));
        return STATUS_FILE_WRITE;
    }
    for (int i = 0; i < FORMATS && status == STATUS_OK; i++)
        status = write_into(folder, run_forms[i].file, &texts[i], diagnostics);
    return status;
}

static int write_result(const struct run_options *chosen, const struct result *result,
                        struct diagnostics *diagnostics)
{
    struct text_buffer texts[FORMATS] = {{0}};
    bool folder = chosen->output && run_output_is_folder(chosen->output);
    int status = STATUS_OK;
    for (int i = 0; i < FORMATS; i++) {
        if (folder || chosen->format == (enum run_format)i)
            run_forms[i].write(result, &texts[i]);
    }
    if (folder)
        status = write_folder(chosen->output, texts, diagnostics);
    const struct text_buffer *answer = &texts[chosen->format];
    if (status == STATUS_OK)
        status = output_file_write(chosen->output && !folder ? chosen->output : "-", text_buffer_get(answer),
                                   answer->length, diagnostics);
    for (int i = 0; i < FORMATS; i++)
        text_buffer_fini(&texts[i]);
    return status;
}

/* ---- the run ---- */

/* Warnings come before a long run, not after it. */
static struct diagnostics *flush(struct diagnostics **diagnostics)
{
    diagnostics_print(*diagnostics, stderr);
    diagnostics_free(*diagnostics);
    return *diagnostics = diagnostics_new(ERRORS_SHOWN);
}

static int simulate(const struct run_options *chosen, struct scenario_run *run, struct request_trace *trace,
                    struct diagnostics **findings)
{
    struct run_progress progress;
    run->simulation.options.series_interval_ps = chosen->series_ps;
    run->simulation.options.trace = run_follow_wanted(&chosen->follow) ? trace : NULL;
    int status = scenario_run_build(run, run_progress_step, &progress, *findings);
    if (status < 0)
        return status;
    struct diagnostics *diagnostics = flush(findings);
    run_progress_begin(&progress);
    status = scenario_run_simulate(run, diagnostics);
    run_progress_erase(&progress);
    if (status < 0 && status != STATUS_INTERRUPTED) {
        run_progress_end(&progress);
        return status;
    }
    const struct result *result = &run->result;
    bool instead = chosen->follow.slowest && chosen->follow.json;
    int written = instead ? STATUS_OK : write_result(chosen, result, diagnostics);
    if (written == STATUS_OK && status == STATUS_OK)
        written = run_follow(&chosen->follow, run, trace, diagnostics);
    run_progress_end(&progress);
    if (written < 0 || status < 0)
        return written < 0 ? written : status;
    struct result_totals totals = result_totals(result);
    return (chosen->fail_on_leak && result_observed_leaks(result)) ||
                   (chosen->fail_on_overload && result_overloaded(result)) ||
                   (chosen->fail_on_fault && (totals.failed || totals.faults))
               ? EXIT_ANSWER_NO
               : STATUS_OK;
}

/* Options that say something about one machine, or about its answer. */
static bool goes_with_world(const struct run_options *chosen)
{
    return !chosen->topology.count && !chosen->workload && !chosen->cmdline && !chosen->iommu &&
           !chosen->setting_count && !chosen->series_ps && !run_follow_wanted(&chosen->follow) &&
           !chosen->fail_on_leak && !chosen->fail_on_fault && !chosen->fail_on_overload && !chosen->flow &&
           (chosen->format == FORMAT_TEXT || chosen->format == FORMAT_JSON) &&
           !(chosen->output && run_output_is_folder(chosen->output));
}

static int run_of_world(const struct run_options *chosen, char **argv, struct diagnostics **findings)
{
    const struct world_run_options how = {.path = chosen->scenario,
                                          .output = chosen->output,
                                          .json = chosen->format == FORMAT_JSON,
                                          .seed_given = chosen->seed_given,
                                          .seed = chosen->seed,
                                          .threads = chosen->threads ? chosen->threads : 1};
    if (goes_with_world(chosen))
        return world_run(&how, argv, findings);
    diagnostics_report(*findings, DIAGNOSTIC_ERROR, NULL, DIAGNOSTIC_NO_OFFSET, NULL, "run-world",
                       "with a world go --format text|json, --output FILE, --seed and --threads only");
    return STATUS_BAD_USAGE;
}

static int run(const struct run_options *chosen, struct diagnostics **findings)
{
    if (chosen->threads) {
        diagnostics_report(*findings, DIAGNOSTIC_ERROR, NULL, DIAGNOSTIC_NO_OFFSET, NULL, "run-world",
                           "--threads is for worlds: one machine runs on one");
        return STATUS_BAD_USAGE;
    }
    struct scenario *scenario = NULL;
    struct scenario_run scenario_run = {0};
    int status = make_scenario(chosen, &scenario, *findings);
    if (status < 0)
        return status;
    struct request_trace trace;
    request_trace_init(&trace);
    trace.slowest_wanted = chosen->follow.slowest;
    status = scenario_run_load(&scenario_run, scenario, *findings);
    const struct run_flow flow = {chosen->sharing, chosen->format == FORMAT_JSON, chosen->output};
    if (status == STATUS_OK)
        status = chosen->flow ? run_flow(&flow, &scenario_run, *findings)
                              : simulate(chosen, &scenario_run, &trace, findings);
    request_trace_fini(&trace);
    scenario_run_fini(&scenario_run);
    scenario_free(scenario);
    return status;
}

int run_command(int argc, char **argv)
{
    struct run_options chosen = {0};
    argp_err_exit_status = EXIT_BAD_INPUT;
    argp_parse(&run_argp, argc, argv, 0, NULL, &chosen);
    struct diagnostics *diagnostics = diagnostics_new(ERRORS_SHOWN);
    bool world = chosen.scenario && world_recognise(chosen.scenario);
    bool elsewhere = !world && chosen.flow && !world_program_engines();
    int status = world       ? run_of_world(&chosen, argv, &diagnostics)
                 : elsewhere ? world_program_become(argv, diagnostics)
                             : run(&chosen, &diagnostics);
    diagnostics_print(diagnostics, stderr);
    diagnostics_free(diagnostics);
    return status == EXIT_ANSWER_NO ? EXIT_ANSWER_NO : status_exit_code(status);
}
