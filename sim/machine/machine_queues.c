/* SPDX-License-Identifier: MIT */
/* Every queue of a machine: who may ask for it, when it is measured, and that Little's law holds for it. */
#include "sim/machine/machine_state.h"

#include "sim/base/arena.h"

#include <stdlib.h>

/* ---- one after the other ---- */

struct machine_queue machine_queue(const struct machine *machine, uint32_t index)
{
    const struct root_complex *root_complex = &machine->root_complex;
    if (index < machine->workload->stream_count)
        return (struct machine_queue){QUEUE_STREAM, index, &machine->traffic[index].queue};
    index -= machine->workload->stream_count;
    if (index < machine->engine_count)
        return (struct machine_queue){QUEUE_ENGINE, machine->engines[index].function_id,
                                      &machine->engines[index].ready_queue};
    index -= machine->engine_count;
    if (index < machine->transport.channel_count)
        return (struct machine_queue){QUEUE_CHANNEL, index, &machine->transport.channels[index].queue};
    index -= machine->transport.channel_count;
    if (index < machine->unit_count)
        return (struct machine_queue){QUEUE_WALKERS, index, &machine->units[index].waiting_queue};
    index -= machine->unit_count;
    if (index < machine->unit_count)
        return (struct machine_queue){QUEUE_PAGE_REQUESTS, index, &machine->page_requests[index].waiting};
    index -= machine->unit_count;
    if (index < machine->completer_count)
        return (struct machine_queue){QUEUE_COMPLETER, index, &machine->completers[index].queue};
    index -= machine->completer_count;
    return index == 0 ? (struct machine_queue){QUEUE_READ_SLOTS, NONE, &root_complex->slot_queue}
                      : (struct machine_queue){QUEUE_ORDER, NONE, &root_complex->order_queue};
}

uint32_t machine_completer_function(const struct machine *machine, uint32_t completer)
{
    return machine->completers[completer].owner_id;
}

uint32_t machine_queue_count(const struct machine *machine)
{
    return machine->workload->stream_count + machine->engine_count + machine->transport.channel_count +
           2 * machine->unit_count + machine->completer_count + 2;
}

__uint128_t machine_queue_area(const struct machine *machine, const struct queue_meter *meter)
{
    uint64_t end_ps = machine_end_ps(machine); /* the driver may have been at work after it */
    return queue_meter_area(meter, end_ps > meter->changed_ps ? end_ps : meter->changed_ps);
}

void machine_measure_from_now(struct machine *machine)
{
    uint64_t now_ps = machine->events.now_ps;
    machine->measured_from_ps = now_ps;
    rate_of_all_begin(machine);
    for (uint32_t i = 0; i < machine->workload->stream_count; i++)
        queue_meter_restart(&machine->traffic[i].queue, now_ps);
    for (uint32_t i = 0; i < machine->workload->stream_count; i++) {
        struct device_model *device = machine->traffic[i].device;
        for (int way = 0; device && way < 2; way++)
            busy_time_restart(&device->counters.own_rate[way], now_ps);
    }
    for (uint32_t i = 0; i < machine->engine_count; i++)
        dma_engine_restart_counters(&machine->engines[i]);
    for (uint32_t i = 0; i < machine->unit_count; i++)
        remapping_unit_restart_counters(&machine->units[i]);
    for (uint32_t i = 0; i < machine->unit_count; i++)
        queue_meter_restart(&machine->page_requests[i].waiting, now_ps);
    for (uint32_t i = 0; i < machine->completer_count; i++)
        queue_meter_restart(&machine->completers[i].queue, now_ps);
    transport_restart_counters(&machine->transport);
    root_complex_restart_counters(&machine->root_complex);
    mapping_restart_counters(machine);
}

/* ---- Little's law ---- */

/* Sum over a list of TLPs of their time in its queue. */
static __uint128_t staying_in_list(const struct machine *machine, const struct queue_meter *meter,
                                   uint32_t first)
{
    __uint128_t sum = 0;
    for (uint32_t i = first; i != NONE; i = machine->pool.items[i].next)
        sum += queue_meter_stay(meter, machine->pool.items[i].queued_ps, machine->events.now_ps);
    return sum;
}

static __uint128_t staying_for_channel(const struct machine *machine, uint32_t id)
{
    const struct channel *channel = &machine->transport.channels[id];
    const struct transport_node *node = &machine->transport.nodes[channel->from_node];
    __uint128_t sum = 0;
    for (uint32_t n = 0; n < node->ingress_count; n++) {
        const struct ingress *ingress = &machine->transport.ingresses[node->ingress_first + n];
        for (int flow = 0; flow < FLOW_CLASSES; flow++) {
            for (uint32_t i = ingress->first[flow]; i != NONE; i = machine->pool.items[i].next) {
                if (machine->pool.items[i].egress == id)
                    sum += queue_meter_stay(&channel->queue, machine->pool.items[i].queued_ps,
                                            machine->events.now_ps);
            }
        }
    }
    return sum;
}

static __uint128_t staying_for_walkers(const struct machine *machine, const struct remapping_unit *unit)
{
    __uint128_t sum = 0;
    for (uint32_t t = unit->waiting_first; t != IOMMU_NO_WORK; t = unit->works[t].next)
        sum += queue_meter_stay(&unit->waiting_queue, unit->works[t].queued_ps, machine->events.now_ps);
    return sum;
}

static __uint128_t staying_in_engine(const struct machine *machine, const struct dma_engine *engine)
{
    __uint128_t sum = 0;
    for (int write = 0; write < 2; write++) {
        for (uint32_t i = engine->ready_first[write]; i != NONE; i = machine->operations.items[i].next)
            sum += queue_meter_stay(&engine->ready_queue, machine->operations.items[i].queued_ps,
                                    machine->events.now_ps);
    }
    return sum;
}

/* Operations of a stream that are under way: those of the pool that are not free; and what its driver asked
 * for, whose operations are a part of it. */
static __uint128_t staying_in_stream(const struct machine *machine, uint32_t stream, const bool *is_free)
{
    __uint128_t sum = 0;
    for (uint32_t i = 0; i < machine->operations.count; i++) {
        const struct dma_operation *operation = &machine->operations.items[i];
        if (!is_free[i] && operation->stream == stream && !operation->request && !operation->leads)
            sum += queue_meter_stay(&machine->traffic[stream].queue, operation->start_ps,
                                    machine->events.now_ps);
    }
    for (uint32_t i = 0; i < machine->mapping.request_count; i++) {
        const struct buffered_request *request = &machine->mapping.requests[i];
        if (request->live && request->stream == stream)
            sum +=
                queue_meter_stay(&machine->traffic[stream].queue, request->start_ps, machine->events.now_ps);
    }
    return sum;
}

static __uint128_t staying(const struct machine *machine, const struct machine_queue *queue,
                           const bool *is_free)
{
    const struct root_complex *root_complex = &machine->root_complex;
    __uint128_t sum = 0;
    switch (queue->kind) {
    case QUEUE_STREAM:
        return staying_in_stream(machine, queue->id, is_free);
    case QUEUE_ENGINE:
        return staying_in_engine(machine, &machine->engines[machine->engine_of[queue->id]]);
    case QUEUE_CHANNEL:
        return staying_for_channel(machine, queue->id);
    case QUEUE_WALKERS:
        return staying_for_walkers(machine, &machine->units[queue->id]);
    case QUEUE_PAGE_REQUESTS:
        return page_request_queue_staying(&machine->page_requests[queue->id], machine->events.now_ps);
    case QUEUE_COMPLETER:
        return staying_in_list(machine, queue->meter, machine->completers[queue->id].first);
    case QUEUE_READ_SLOTS:
        return staying_in_list(machine, queue->meter, root_complex->slot_first);
    case QUEUE_ORDER:
        for (uint32_t i = 0; i < machine->transport.nodes[machine->transport.root_node].ingress_count; i++)
            sum += staying_in_list(machine, queue->meter, root_complex->orders[i].held_first);
        return sum;
    case QUEUE_KINDS:
        break;
    }
    return sum;
}

bool machine_queues_hold(const struct machine *machine)
{
    bool *is_free = memory_array(machine->operations.count, sizeof(*is_free)), good = true;
    for (uint32_t i = machine->operations.free_first; i != NONE; i = machine->operations.items[i].next)
        is_free[i] = true;
    for (uint32_t i = 0; i < machine_queue_count(machine) && good; i++) {
        struct machine_queue queue = machine_queue(machine, i);
        good = queue_meter_holds(queue.meter, queue.meter->count ? staying(machine, &queue, is_free) : 0,
                                 machine->events.now_ps);
    }
    free(is_free);
    return good;
}
