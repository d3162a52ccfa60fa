/* SPDX-License-Identifier: MIT */
#include "sim/batch/cost_comparison.h"

#include "sim/base/arena.h"
#include "sim/base/status.h"
#include "sim/batch/point_metrics.h"
#include "sim/input/scenario.h"
#include "sim/input/source_file.h"
#include "sim/machine/simulation.h"
#include "sim/output/result_json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct study_metric metrics[] = {
    {"bytes_per_s", "/streams/*/bytes_per_s"},
    {"operations_per_s", "/streams/*/operations_per_s"},
    {"mean_ps", "/streams/*/latency/mean_ps"},
    {"p50_ps", "/streams/*/latency/p50_ps"},
    {"p99_ps", "/streams/*/latency/p99_ps"},
    {"p99.9_ps", "/streams/*/latency/p99.9_ps"},
    {"maximum_ps", "/streams/*/latency/maximum_ps"},
    {"iotlb_hit_rate", "/units/*/iotlb_hit_rate"},
    {"walker_occupancy", "/units/*/walker_occupancy"},
    {"driver.busy_ps", "/driver/busy_ps"},
    {"failed operations", "/run/failed"},
};

double cost_change(const struct cost_figure *figure)
{
    return figure->before == 0 ? NAN : (figure->after - figure->before) / fabs(figure->before);
}

void cost_comparison_fini(struct cost_comparison *comparison)
{
    free(comparison->figures);
    arena_free(comparison->arena);
    *comparison = (struct cost_comparison){0};
}

#define MOVE_ARRAY(arena, member, from, count, old_count, known)                                             \
    do {                                                                                                     \
        member = arena_array(arena, count, sizeof(*(member)));                                               \
        for (uint32_t i = 0; i < (old_count); i++)                                                           \
            if ((known)[i] != NONE)                                                                          \
                (member)[(known)[i]] = (from)[i];                                                            \
    } while (0)

struct machine_input *cost_moved_input(struct arena *arena, const struct machine_input *input,
                                       struct topology *moved, const uint32_t *known)
{
    struct machine_input *result = arena_alloc(arena, sizeof(*result));
    uint32_t count = moved->function_count, old = input->topology->function_count;
    *result = *input;
    result->topology = moved;
    MOVE_ARRAY(arena, result->parameters.links, input->parameters.links, count, old, known);
    MOVE_ARRAY(arena, result->parameters.switches, input->parameters.switches, count, old, known);
    MOVE_ARRAY(arena, result->parameters.bridges, input->parameters.bridges, count, old, known);
    MOVE_ARRAY(arena, result->parameters.engines, input->parameters.engines, count, old, known);
    return result;
}

struct taking {
    struct cost_comparison *comparison;
    bool second;
};

static void take(void *context, const char *name, const char *value)
{
    const struct taking *taking = context;
    struct cost_comparison *comparison = taking->comparison;
    size_t i = 0;
    char *end;
    double number = strtod(value, &end);
    if (*end || end == value)
        return;
    while (i < comparison->count && strcmp(comparison->figures[i].name, name) != 0)
        i++;
    if (i == comparison->count) {
        comparison->figures = memory_grow(comparison->figures, comparison->count, &comparison->capacity,
                                          sizeof(*comparison->figures));
        comparison->figures[comparison->count++] =
            (struct cost_figure){arena_string(comparison->arena, name), NAN, NAN};
    }
    *(taking->second ? &comparison->figures[i].after : &comparison->figures[i].before) = number;
}

/* Each side is half of the way. */
struct half_way {
    const struct cost_progress *whole;
    unsigned begun; /* thousandths */
};

static bool step(void *context, unsigned thousandths)
{
    const struct half_way *half = context;
    return half->whole->step(half->whole->context, half->begun + thousandths / 2);
}

/* The result document of one side. */
static int run_side(const struct cost_side *side, struct scenario *scenario, struct half_way *half,
                    struct text_buffer *text, struct diagnostics *diagnostics)
{
    struct simulation simulation = {0};
    struct workload *workload = NULL;
    simulation_init(&simulation, side->input, side->choice, side->cmdline, diagnostics);
    struct workload_machine machine = simulation_workload_machine(&simulation);
    int status = scenario_load_workload(scenario, &machine, &workload, diagnostics);
    simulation.options.seed = scenario->seed;
    simulation.options.progress = half->whole->step ? step : NULL;
    simulation.options.progress_context = half;
    if (status == STATUS_OK)
        status = simulation_build(&simulation, workload, diagnostics);
    if (status == STATUS_OK)
        status = machine_run(simulation.machine, diagnostics);
    if (status == STATUS_OK) {
        struct result result = {.simulation = &simulation,
                                .iommu = side->choice,
                                .sections = 1U << RESULT_STREAMS | 1U << RESULT_UNITS | 1U << RESULT_DOMAINS};
        result.traces = arena_array(scenario->arena, workload->stream_count, sizeof(*result.traces));
        result_json_write(&result, text);
    }
    simulation_fini(&simulation);
    workload_free(workload);
    return status;
}

int cost_compare(struct cost_comparison *comparison, const struct cost_side sides[2], const char *path,
                 const struct cost_progress *progress, struct diagnostics *diagnostics)
{
    static const struct study asked = {.metrics = metrics,
                                       .metric_count = sizeof(metrics) / sizeof(metrics[0])};
    struct scenario *scenario = NULL;
    *comparison = (struct cost_comparison){.arena = arena_new()};
    comparison->workload = arena_string(comparison->arena, path);
    int status = scenario_of_workload(path, &scenario, diagnostics);
    for (int i = 0; i < 2 && status == STATUS_OK; i++) {
        struct text_buffer text = {0};
        struct taking taking = {comparison, i == 1};
        struct half_way half = {progress, i == 1 ? 500 : 0};
        status = run_side(&sides[i], scenario, &half, &text, diagnostics);
        if (status == STATUS_OK)
            point_metrics_find(&asked, text_buffer_get(&text), take, &taking);
        text_buffer_fini(&text);
    }
    scenario_free(scenario);
    return status;
}
