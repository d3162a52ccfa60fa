/* SPDX-License-Identifier: MIT */
/* How fast streams were, measured while their queues were full: struct steady_window. */
#include "sim/machine/machine_state.h"

/* Of an operation under way. */
static uint64_t moved_so_far(const struct dma_operation *operation)
{
    if (operation->leads || operation->late || !operation->issued_bytes || !operation->remaining_bytes)
        return 0; /* not begun, or over and counted */
    return operation->length_bytes - operation->remaining_bytes;
}

static uint64_t bytes_moved(const struct machine *machine, uint32_t stream)
{
    uint64_t bytes = machine->traffic[stream].result.moved_bytes;
    for (uint32_t i = 0; i < machine->operations.count; i++) {
        if (machine->operations.items[i].stream == stream)
            bytes += moved_so_far(&machine->operations.items[i]);
    }
    return bytes;
}

/* An open loop goes on as before with the first recorded operation; a closed one when the last of the warm-up
 * is over and the queue has been through once. */
static bool is_warm(const struct traffic *traffic)
{
    const struct stream *stream = traffic->stream;
    uint64_t warmup = stream->warmup_operations;
    if (!stream_is_closed_loop(stream))
        return traffic->issued >= warmup;
    return traffic->over_operations >= warmup && (!warmup || traffic->over_operations >= stream->queue_depth);
}

void steady_window_begin(struct machine *machine, uint32_t stream)
{
    const struct traffic *traffic = &machine->traffic[stream];
    struct steady_window *steady = &machine->traffic[stream].result.steady;
    if (!steady->submitted)
        steady->submitted_ps = machine->events.now_ps;
    steady->submitted = true;
    if (steady->begun || !is_warm(traffic))
        return;
    steady->begun = true;
    steady->begin_ps = machine->events.now_ps;
    steady->begin_bytes = bytes_moved(machine, stream);
}

void steady_window_end(struct machine *machine, uint32_t stream)
{
    struct steady_window *steady = &machine->traffic[stream].result.steady;
    if (!steady->begun || steady->ended)
        return;
    steady->ended = true;
    steady->end_ps = machine->events.now_ps;
    steady->end_bytes = bytes_moved(machine, stream);
    if (stream_is_closed_loop(machine->traffic[stream].stream)) /* what an open one left waiting goes on */
        stream_limit_settle(machine, stream);
}

static uint64_t bytes_of_all(const struct machine *machine)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < machine->workload->stream_count; i++)
        bytes += bytes_moved(machine, i);
    return bytes;
}

void rate_of_all_begin(struct machine *machine)
{
    machine->measured_from_bytes = bytes_of_all(machine);
}

struct stream_rate machine_rate_of_all(const struct machine *machine)
{
    return (struct stream_rate){.begin_ps = machine->measured_from_ps,
                                .elapsed_ps = machine_end_ps(machine) - machine->measured_from_ps,
                                .bytes = bytes_of_all(machine) - machine->measured_from_bytes};
}

struct stream_rate stream_result_rate(const struct stream_result *result)
{
    const struct steady_window *steady = &result->steady;
    uint64_t begin_ps = result->first_ps, end_ps = result->last_ps, bytes = result->bytes;
    if (steady->ended && (steady->end_bytes - steady->begin_bytes) * 4 >= result->bytes) {
        begin_ps = steady->begin_ps;
        end_ps = steady->end_ps;
        bytes = steady->end_bytes - steady->begin_bytes;
    } else if (steady->submitted) {
        begin_ps = steady->submitted_ps;
        bytes = result->moved_bytes;
    }
    return (struct stream_rate){.begin_ps = begin_ps,
                                .elapsed_ps = result->recorded && end_ps > begin_ps ? end_ps - begin_ps : 0,
                                .bytes = bytes};
}

uint64_t stream_result_operations_per_s(const struct stream_result *result)
{
    struct stream_rate rate = stream_result_rate(result);
    if (!rate.elapsed_ps || !result->bytes)
        return 0;
    __uint128_t whole = (__uint128_t)result->bytes * rate.elapsed_ps;
    return (uint64_t)(((__uint128_t)rate.bytes * result->recorded * UINT64_C(1000000000000) + whole / 2) /
                      whole);
}
