/* SPDX-License-Identifier: MIT */
#include "sim/cli/run_follow.h"

#include "sim/base/arena.h"
#include "sim/base/status.h"
#include "sim/output/explain_report.h"
#include "sim/output/output_file.h"

#include <stdlib.h>

enum { TIMELINE_OPERATIONS = 2000, TIMELINE_BLOCK = 100, MESSAGES = 20 };

typedef void writer(const struct simulation *simulation, const struct request_trace *trace,
                    struct text_buffer *out);

bool run_follow_wanted(const struct run_follow *follow)
{
    return follow->slowest || follow->timeline;
}

static int write_and_free(const char *path, struct text_buffer *text, struct diagnostics *diagnostics)
{
    int status = output_file_write(path, text_buffer_get(text), text->length, diagnostics);
    text_buffer_fini(text);
    return status;
}

/* The same run once more, following what @p trace says. Its warnings were told the first time. */
static int follow_again(const struct scenario_run *first, struct request_trace *trace, writer *write,
                        const char *path, struct diagnostics *diagnostics)
{
    struct scenario_run run = {0};
    struct diagnostics *told = diagnostics_new(MESSAGES);
    int status = scenario_run_load(&run, first->scenario, told);
    run.simulation.options.trace = trace;
    if (status == STATUS_OK)
        status = scenario_run_build(&run, NULL, NULL, told);
    if (status == STATUS_OK)
        status = machine_run(run.simulation.machine, told);
    if (status == STATUS_OK) {
        struct text_buffer text = {0};
        write(&run.simulation, trace, &text);
        status = write_and_free(path, &text, diagnostics);
    } else {
        diagnostics_print(told, stderr);
    }
    diagnostics_free(told);
    scenario_run_fini(&run);
    return status;
}

static int by_number(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

/* Slowest first, behind the answer. */
static void write_text(const struct simulation *simulation, const struct request_trace *trace,
                       struct text_buffer *out)
{
    text_buffer_add(out, "\n");
    explain_text_write(simulation, trace, out);
}

static int explain_slowest(const struct run_follow *follow, const struct scenario_run *run,
                           const struct request_trace *first, struct diagnostics *diagnostics)
{
    uint64_t *numbers = memory_array(first->slowest_count + 1, sizeof(*numbers));
    struct request_trace trace;
    request_trace_init(&trace);
    for (uint32_t i = 0; i < first->slowest_count; i++)
        numbers[i] = first->slowest[i].number;
    qsort(numbers, first->slowest_count, sizeof(*numbers), by_number);
    trace.numbers = numbers;
    trace.number_count = first->slowest_count;
    trace.slowest_first = true;
    int status = follow_again(run, &trace, follow->json ? explain_json_write : write_text, "-", diagnostics);
    request_trace_fini(&trace);
    free(numbers);
    return status;
}

static int write_timeline(const struct run_follow *follow, const struct scenario_run *run,
                          const struct request_trace *first, struct diagnostics *diagnostics)
{
    struct request_trace trace;
    request_trace_init(&trace);
    trace.limit = TIMELINE_OPERATIONS;
    trace.block = TIMELINE_BLOCK;
    trace.every = (first->submitted / TIMELINE_OPERATIONS + 1) * TIMELINE_BLOCK;
    int status = follow_again(run, &trace, timeline_write, follow->timeline, diagnostics);
    request_trace_fini(&trace);
    return status;
}

int run_follow(const struct run_follow *follow, const struct scenario_run *run,
               const struct request_trace *trace, struct diagnostics *diagnostics)
{
    int status = STATUS_OK;
    if (follow->histogram) {
        struct text_buffer text = {0};
        histogram_hgrm_write(&run->simulation, &text);
        status = write_and_free(follow->histogram, &text, diagnostics);
    }
    if (status == STATUS_OK && follow->timeline)
        status = write_timeline(follow, run, trace, diagnostics);
    if (status == STATUS_OK && follow->slowest)
        status = explain_slowest(follow, run, trace, diagnostics);
    return status;
}
