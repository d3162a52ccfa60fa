/* SPDX-License-Identifier: MIT */
/* Working a case out. */
#include "sim/batch/case_answers.h"

#include "sim/base/arena.h"
#include "sim/base/status.h"
#include "sim/batch/point_metrics.h"
#include "sim/batch/scenario_run.h"
#include "sim/output/address_order.h"
#include "sim/output/group_words.h"

#include <stdlib.h>
#include <string.h>

void case_answers_fini(struct case_answers *answers)
{
    free(answers->functions);
    free(answers->leaks);
    free(answers->figures);
    arena_free(answers->arena);
    *answers = (struct case_answers){0};
}

void case_work_fini(struct case_work *work)
{
    case_answers_fini(&work->answers);
    simulation_fini(&work->simulation);
    machine_input_free(work->input);
    for (uint32_t i = 0; i < work->run_count; i++)
        text_buffer_fini(&work->results[i]);
    free(work->results);
    *work = (struct case_work){0};
}

uint32_t case_function(const struct case_work *work, const char *address)
{
    uint32_t segment;
    uint8_t bus, devfn;
    if (!bdf_parse(address, &segment, &bus, &devfn))
        return NONE;
    const struct topology *topology = work->simulation.groups->topology;
    const struct pci_function *function = topology_find(topology, segment, bus, devfn);
    return function ? (uint32_t)(function - topology->functions) : NONE;
}

/* ---- groups and leaks ---- */

static void answer_groups(struct case_work *work)
{
    struct case_answers *answers = &work->answers;
    const struct iommu_groups *groups = work->simulation.groups;
    uint32_t count = groups->topology->function_count;
    const uint32_t *order = address_order(groups->topology, answers->arena);
    answers->functions = memory_array(count, sizeof(*answers->functions));
    for (uint32_t i = 0; i < count; i++) {
        char address[BDF_TEXT_SIZE];
        answers->functions[answers->function_count++] = (struct answered_function){
            arena_string(answers->arena, group_words_address(groups->topology, order[i], address)),
            groups->decisions[order[i]].group};
    }
}

static void answer_leaks(struct case_work *work)
{
    struct case_answers *answers = &work->answers;
    const struct iommu_groups *groups = work->simulation.groups;
    const struct topology *topology = groups->topology;
    const uint32_t *order = address_order(topology, answers->arena);
    for (uint32_t i = 0; i < topology->function_count; i++) {
        for (uint32_t j = 0; j < topology->function_count; j++) {
            char source[BDF_TEXT_SIZE], target[BDF_TEXT_SIZE], at[BDF_TEXT_SIZE];
            struct reach_result result = reach_pair(work->simulation.reach, order[i], order[j]);
            if (reach_leak(groups, &result, order[i], order[j]) != REACH_LEAK)
                continue;
            answers->leaks = memory_grow(answers->leaks, answers->leak_count, &answers->leak_capacity,
                                         sizeof(*answers->leaks));
            answers->leaks[answers->leak_count++] = (struct answered_leak){
                arena_format(answers->arena, "%s -> %s", group_words_address(topology, order[i], source),
                             group_words_address(topology, order[j], target)),
                arena_format(answers->arena, "%s at %s", route_rule_name(result.rule),
                             result.at_id == NONE ? "the root complex"
                                                  : group_words_address(topology, result.at_id, at))};
        }
    }
}

/* ---- runs ---- */

struct figure_taker {
    struct case_answers *answers;
    const char *run;
};

static void take_figure(void *context, const char *name, const char *value)
{
    const struct figure_taker *taker = context;
    struct case_answers *answers = taker->answers;
    char *end;
    double number = strtod(value, &end);
    if (*end || end == value)
        return; /* nothing recorded: null */
    answers->figures = memory_grow(answers->figures, answers->figure_count, &answers->figure_capacity,
                                   sizeof(*answers->figures));
    answers->figures[answers->figure_count++] =
        (struct answered_figure){arena_format(answers->arena, "%s: %s", taker->run, name), number};
}

static int answer_run(struct case_work *work, const struct check_case *one, const struct check_run *wanted,
                      struct diagnostics *diagnostics)
{
    struct scenario *scenario;
    struct text_buffer *result = &work->results[work->run_count++];
    int status = scenario_of_workload(wanted->path, &scenario, diagnostics);
    if (status < 0)
        return status;
    scenario_set_topology(scenario, &one->topology);
    scenario->iommu = one->iommu;
    if (one->cmdline)
        scenario->cmdline = one->cmdline;
    status = scenario_run_whole(scenario, result, diagnostics);
    if (status == STATUS_OK) {
        struct figure_taker taker = {&work->answers, wanted->name};
        const struct study defaults = {.metrics = study_default_metrics,
                                       .metric_count = STUDY_DEFAULT_METRICS};
        point_metrics_find(&defaults, text_buffer_get(result), take_figure, &taker);
    }
    scenario_free(scenario);
    return status;
}

int case_work_out(struct case_work *work, const struct check_case *one, struct diagnostics *diagnostics)
{
    enum iommu_choice choice = IOMMU_CHOICE_AUTO;
    int status = machine_input_load_files(&one->topology, &work->input, diagnostics);
    if (status < 0)
        return status;
    iommu_choice_parse(one->iommu, &choice);
    simulation_init(&work->simulation, work->input, choice, one->cmdline, diagnostics);
    work->answers.arena = arena_new();
    answer_groups(work);
    answer_leaks(work);
    work->results = memory_array(one->run_count, sizeof(*work->results));
    for (uint32_t i = 0; i < one->run_count && status == STATUS_OK; i++)
        status = answer_run(work, one, &one->runs[i], diagnostics);
    return status;
}
