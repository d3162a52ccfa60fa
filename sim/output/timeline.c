/* SPDX-License-Identifier: MIT */
/* Followed operations as trace events, and latencies as percentiles. */
#include "sim/base/arena.h"
#include "sim/output/explain_report.h"

#include <inttypes.h>
#include <stdlib.h>

/* Microseconds with six decimals: exact to the picosecond. */
static void print_us(struct text_buffer *out, uint64_t ps)
{
    text_buffer_format(out, "%" PRIu64 ".%06" PRIu64, ps / 1000000, ps % 1000000);
}

static void slice(struct text_buffer *out, const char *name, uint32_t process, uint32_t row,
                  uint64_t begin_ps, uint64_t ps)
{
    text_buffer_add(out, ",\n{\"ph\": \"X\", \"name\": ");
    text_buffer_json_string(out, name);
    text_buffer_format(out, ", \"pid\": %" PRIu32 ", \"tid\": %" PRIu32 ", \"ts\": ", process, row);
    print_us(out, begin_ps);
    text_buffer_add(out, ", \"dur\": ");
    print_us(out, ps);
    text_buffer_add(out, "}");
}

static int by_submission(const void *left, const void *right)
{
    const struct traced_request *a = *(const struct traced_request *const *)left,
                                *b = *(const struct traced_request *const *)right;
    if (a->submit_ps != b->submit_ps)
        return a->submit_ps < b->submit_ps ? -1 : 1;
    return (a->number > b->number) - (a->number < b->number);
}

/* The first row of the stream that is free when the request begins. */
static uint32_t take_row(uint64_t **free_at, uint32_t *rows, size_t *capacity,
                         const struct traced_request *request)
{
    uint32_t row = 0;
    while (row < *rows && (*free_at)[row] > request->submit_ps)
        row++;
    if (row == *rows) {
        *free_at = memory_grow(*free_at, *rows, capacity, sizeof(**free_at));
        ++*rows;
    }
    (*free_at)[row] = request->done_ps;
    return row;
}

static void write_request(const struct request_trace *trace, const struct traced_request *request,
                          uint32_t row, struct text_buffer *out)
{
    struct traced_step *steps;
    struct text_buffer name = {0};
    uint32_t count = request_trace_steps(trace, request, &steps);
    text_buffer_format(&name, "%s %" PRIu32 " B 0x%" PRIx64 "%s", request->write ? "write" : "read",
                       request->length_bytes, request->address, request->failed ? " failed" : "");
    slice(out, name.text, request->stream, row, request->submit_ps, request->done_ps - request->submit_ps);
    for (uint32_t i = 0; i < count; i++) {
        if (!steps[i].is_walk && !steps[i].of_translation)
            slice(out, ledger_part_name(steps[i].part), request->stream, row, steps[i].begin_ps, steps[i].ps);
    }
    text_buffer_fini(&name);
    free(steps);
}

static void write_stream(const struct simulation *simulation, const struct request_trace *trace,
                         const struct traced_request *const *requests, uint32_t stream,
                         struct text_buffer *out)
{
    uint64_t *free_at = NULL;
    uint32_t rows = 0;
    size_t capacity = 0;
    text_buffer_format(
        out, "%s\n{\"ph\": \"M\", \"name\": \"process_name\", \"pid\": %" PRIu32 ", \"args\": {\"name\": ",
        stream ? "," : "", stream);
    text_buffer_json_string(out, simulation->workload->streams[stream].name);
    text_buffer_add(out, "}}");
    for (uint32_t i = 0; i < trace->request_count; i++) {
        if (requests[i]->stream == stream)
            write_request(trace, requests[i], take_row(&free_at, &rows, &capacity, requests[i]), out);
    }
    free(free_at);
}

void timeline_write(const struct simulation *simulation, const struct request_trace *trace,
                    struct text_buffer *out)
{
    const struct traced_request **requests;
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): the elements to sort are pointers */
    const size_t element_bytes = sizeof(*requests);
    requests = memory_array(trace->request_count ? trace->request_count : 1, element_bytes);
    for (uint32_t i = 0; i < trace->request_count; i++)
        requests[i] = &trace->requests[i];
    qsort(requests, trace->request_count, element_bytes, by_submission);
    text_buffer_add(out, "{\"displayTimeUnit\": \"ns\", \"traceEvents\": [");
    for (uint32_t s = 0; s < simulation->workload->stream_count; s++)
        write_stream(simulation, trace, requests, s, out);
    text_buffer_add(out, "\n]}\n");
    free(requests);
}

/* ---- percentiles ---- */

/** @param all  empty */
static void merge_streams(const struct simulation *simulation, struct histogram *all)
{
    for (uint32_t s = 0; s < simulation->workload->stream_count; s++)
        histogram_merge(all, &machine_stream_result(simulation->machine, s)->latency);
}

/* As HdrHistogram prints: five lines for each halving of the distance to 100 %. */
void histogram_hgrm_write(const struct simulation *simulation, struct text_buffer *out)
{
    enum { TICKS_PER_HALVING = 5, MILLION = 1000000 };
    struct histogram *all = memory_alloc(sizeof(*all));
    merge_streams(simulation, all);
    text_buffer_add(out, "       Value     Percentile TotalCount 1/(1-Percentile)\n\n");
    double left = 1.0;
    for (int tick = 0; all->count && left * (double)all->count >= 1.0; tick++) {
        uint32_t per_million = (uint32_t)((1.0 - left) * MILLION + 0.5);
        uint64_t value = histogram_percentile(all, per_million);
        text_buffer_format(out, "%12.3f %14.12f %10.0f %14.2f\n", (double)value / 1e3, 1.0 - left,
                           (1.0 - left) * (double)all->count + 0.5, 1.0 / left);
        int halving = tick / TICKS_PER_HALVING, part = tick % TICKS_PER_HALVING + 1;
        double whole = 1.0 / (double)(UINT64_C(1) << halving);
        left = whole - whole / 2 * part / TICKS_PER_HALVING;
    }
    if (all->count)
        text_buffer_format(out, "%12.3f %14.12f %10" PRIu64 "\n", (double)all->maximum / 1e3, 1.0,
                           all->count);
    double mean_ns = (double)histogram_mean(all) / 1e3;
    text_buffer_format(out, "#[Mean    = %12.3f, Total count    = %12" PRIu64 "]\n", mean_ns, all->count);
    text_buffer_format(out, "#[Max     = %12.3f, Min            = %12.3f]\n",
                       all->count ? (double)all->maximum / 1e3 : 0,
                       all->count ? (double)all->minimum / 1e3 : 0);
    free(all);
}
