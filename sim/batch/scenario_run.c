/* SPDX-License-Identifier: MIT */
#include "sim/batch/scenario_run.h"

#include "sim/base/arena.h"
#include "sim/base/status.h"
#include "sim/output/result_json.h"

#include <stdlib.h>
#include <string.h>

int scenario_run_load(struct scenario_run *run, struct scenario *scenario, struct diagnostics *diagnostics)
{
    enum iommu_choice choice = IOMMU_CHOICE_AUTO;
    run->scenario = scenario;
    int status = scenario_load_machine(scenario, &run->input, diagnostics);
    if (status < 0)
        return status;
    iommu_choice_parse(scenario->iommu, &choice);
    simulation_init(&run->simulation, run->input, choice, scenario->cmdline, diagnostics);
    struct workload_machine machine = simulation_workload_machine(&run->simulation);
    return scenario_load_workload(scenario, &machine, &run->workload, diagnostics);
}

int scenario_run_build(struct scenario_run *run, bool (*progress)(void *context, unsigned thousandths),
                       void *progress_context, struct diagnostics *diagnostics)
{
    run->simulation.options.seed = run->scenario->seed;
    run->simulation.options.progress = progress;
    run->simulation.options.progress_context = progress_context;
    return simulation_build(&run->simulation, run->workload, diagnostics);
}

/* Name and hash of a file that can be read once more. */
static struct result_input describe_file(struct arena *arena, const char *path, const char *otherwise)
{
    bool file = path && strcmp(path, "-") != 0 && strncmp(path, "synthetic:", 10) != 0;
    char *hash = file ? result_hash_file(path) : NULL;
    struct result_input described = {path, hash ? arena_string(arena, hash) : otherwise};
    free(hash);
    return described;
}

/* Several files are one input: their names and the hash of all. */
static struct result_input describe_topology(const struct scenario *scenario, const char *input_hash)
{
    const struct machine_files *files = &scenario->topology_files;
    if (files->count < 2)
        return describe_file(scenario->arena, files->count ? files->paths[0] : NULL, input_hash);
    struct text_buffer names = {0};
    for (size_t i = 0; i < files->count; i++)
        text_buffer_format(&names, "%s%s", i ? " + " : "", files->paths[i]);
    struct result_input described = {arena_string(scenario->arena, text_buffer_get(&names)), input_hash};
    text_buffer_fini(&names);
    return described;
}

static void describe(struct scenario_run *run, bool interrupted)
{
    const struct scenario *scenario = run->scenario;
    const struct workload *workload = run->workload;
    struct result *result = &run->result;
    *result = (struct result){
        .name = scenario->name,
        .scenario = {scenario->path, scenario->hash},
        .topology = describe_topology(scenario, run->input->input_hash),
        .topology_files = scenario->topology_files,
        .workload = describe_file(scenario->arena, scenario->workload_path, workload->input_hash),
        .overrides = scenario->overrides,
        .override_count = scenario->override_count,
        .cmdline = scenario->cmdline,
        .simulation = &run->simulation,
        .interrupted = interrupted,
        .sections = scenario->sections,
    };
    iommu_choice_parse(scenario->iommu, &result->iommu);
    result->traces = arena_array(scenario->arena, workload->stream_count, sizeof(*result->traces));
    for (uint32_t i = 0; i < workload->stream_count; i++)
        result->traces[i] = describe_file(scenario->arena, workload->streams[i].trace_path, NULL);
}

int scenario_run_simulate(struct scenario_run *run, struct diagnostics *diagnostics)
{
    int status = machine_run(run->simulation.machine, diagnostics);
    if (status == STATUS_OK || status == STATUS_INTERRUPTED)
        describe(run, status == STATUS_INTERRUPTED);
    return status;
}

void scenario_run_fini(struct scenario_run *run)
{
    simulation_fini(&run->simulation);
    workload_free(run->workload);
    machine_input_free(run->input);
    *run = (struct scenario_run){0};
}

int scenario_run_whole(struct scenario *scenario, struct text_buffer *text, struct diagnostics *diagnostics)
{
    struct scenario_run run = {0};
    int status = scenario_run_load(&run, scenario, diagnostics);
    if (status == STATUS_OK)
        status = scenario_run_build(&run, NULL, NULL, diagnostics);
    if (status == STATUS_OK)
        status = scenario_run_simulate(&run, diagnostics);
    if (status == STATUS_OK)
        result_json_write(&run.result, text);
    scenario_run_fini(&run);
    return status;
}
