/* SPDX-License-Identifier: MIT */
#include "sim/machine/machine_series.h"

#include "sim/base/arena.h"
#include "sim/machine/machine_state.h"

static struct series_row totals_of(const struct machine *machine)
{
    struct series_row totals = {.bytes = machine->bytes_finished};
    for (uint32_t i = 0; i < machine->workload->stream_count; i++) {
        totals.operations += machine->traffic[i].result.completed;
        totals.outstanding += machine->traffic[i].outstanding;
    }
    for (uint32_t i = 0; i < machine->unit_count; i++) {
        const struct iommu_counters *counters = &machine->units[i].counters;
        totals.requests += counters->requests;
        totals.iotlb_hits += counters->iotlb_hits;
        totals.iotlb_misses += counters->iotlb_misses;
        totals.walks_waiting += machine->units[i].waiting_count;
    }
    return totals;
}

/* Counters of units begin anew where the warm-up ends: then all there is came since. */
static uint64_t gained(uint64_t now, uint64_t before)
{
    return now >= before ? now - before : now;
}

static void add_row(struct machine *machine, uint64_t end_ps)
{
    struct machine_series *series = &machine->series;
    struct series_row now = totals_of(machine), before = series->totals;
    series->rows = memory_grow(series->rows, series->count, &series->capacity, sizeof(*series->rows));
    series->rows[series->count++] =
        (struct series_row){.end_ps = end_ps,
                            .operations = gained(now.operations, before.operations),
                            .bytes = gained(now.bytes, before.bytes),
                            .requests = gained(now.requests, before.requests),
                            .iotlb_hits = gained(now.iotlb_hits, before.iotlb_hits),
                            .iotlb_misses = gained(now.iotlb_misses, before.iotlb_misses),
                            .walks_waiting = now.walks_waiting,
                            .outstanding = now.outstanding};
    series->totals = now;
}

void machine_series_advance(struct machine *machine, uint64_t now_ps)
{
    struct machine_series *series = &machine->series;
    uint64_t end_ps;
    while (series->count < SERIES_ROWS_MAX && (end_ps = (series->count + 1) * series->interval_ps) < now_ps)
        add_row(machine, end_ps);
}

void machine_series_finish(struct machine *machine)
{
    struct machine_series *series = &machine->series;
    if (series->count < SERIES_ROWS_MAX && machine->events.now_ps > series->count * series->interval_ps)
        add_row(machine, machine->events.now_ps);
}
