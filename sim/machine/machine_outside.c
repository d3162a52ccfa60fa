/* SPDX-License-Identifier: MIT */
/* A machine that is driven from outside: operations that are submitted to it, calls at a time, pauses. */
#include "sim/machine/machine_state.h"

uint64_t machine_now_ps(const struct machine *machine)
{
    return machine->events.now_ps;
}

uint64_t machine_next_ps(struct machine *machine)
{
    return event_queue_next_ps(&machine->events);
}

uint32_t machine_streams_left(const struct machine *machine)
{
    return machine->active_streams;
}

void machine_pause(struct machine *machine)
{
    machine->paused = true;
}

void machine_call_at(struct machine *machine, uint64_t time_ps, uint32_t token)
{
    event_queue_reserve(&machine->events, 1);
    event_queue_push(&machine->events, time_ps, PRIORITY_OUTSIDE, EVENT_OUTSIDE, 0, token);
}

void machine_submit(struct machine *machine, const struct machine_operation *operation)
{
    struct traffic *traffic = &machine->traffic[operation->stream];
    machine_make_room(machine);
    if (traffic->issued++ == 0)
        traffic->result.first_ps = machine->events.now_ps;
    queue_meter_arrive(&traffic->queue, machine->events.now_ps);
    traffic->result.submitted++;
    if (stream_buffers_are_mapped(traffic->stream->buffers)) {
        requests_begin(machine, &(struct buffered_request){.stream = operation->stream,
                                                           .function_id = operation->function_id,
                                                           .write = operation->write,
                                                           .recorded = true,
                                                           .length = operation->length_bytes,
                                                           .outside_token = operation->token});
        return;
    }
    uint32_t index = dma_operation_take(&machine->operations);
    machine->operations.items[index] =
        (struct dma_operation){.stream = operation->stream,
                               .engine = machine->engine_of[operation->function_id],
                               .address = operation->address,
                               .length_bytes = operation->length_bytes,
                               .write = operation->write,
                               .outside_token = operation->token,
                               .recorded = true,
                               .start_ps = machine->events.now_ps,
                               .next = NONE};
    machine->bytes_submitted += operation->length_bytes;
    dma_engine_submit(&machine->engines[machine->operations.items[index].engine], index);
}

void outside_request_done(struct machine *machine, const struct buffered_request *request)
{
    const struct machine_outside *outside = &machine->options.outside;
    uint64_t now_ps = machine->events.now_ps, device_ps = ledger_total_ps(&request->slowest);
    const struct machine_operation_time time = {
        .mapping_ps = now_ps - request->start_ps - device_ps,
        .iommu_ps = ledger_translation_ps(&request->slowest),
        .fabric_ps = device_ps - ledger_translation_ps(&request->slowest),
    };
    queue_meter_depart(&machine->traffic[request->stream].queue, request->start_ps, now_ps);
    machine->streams_end_ps = now_ps;
    outside->operation_over(outside->context, request->outside_token, &time, request->failed);
}

void outside_operation_done(struct machine *machine, uint32_t index)
{
    const struct machine_outside *outside = &machine->options.outside;
    const struct dma_operation over = machine->operations.items[index];
    uint64_t now_ps = machine->events.now_ps;
    const struct machine_operation_time time = {
        .mapping_ps = now_ps - over.start_ps - over.latency_ps,
        .iommu_ps = over.iommu_ps,
        .fabric_ps = over.latency_ps - over.iommu_ps,
    };
    dma_operation_release(&machine->operations, index);
    machine->streams_end_ps = now_ps;
    outside->operation_over(outside->context, over.outside_token, &time, over.failed);
}
