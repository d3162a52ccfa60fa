/* SPDX-License-Identifier: MIT */
/* The card's side of receiving: packets come in, find a buffer, and are written with their completion entry.
 */
#include "models/device/nic_internal.h"

bool nic_receive_start(struct nic *nic, struct nic_queue *queue)
{
    const struct nic_parameters *p = &nic->parameters;
    struct nic_receive *receive = &queue->receive;
    receive->descriptors = p->ring / p->buffers_per_descriptor;
    receive->buffers = arena_array(nic->arena, p->ring, sizeof(*receive->buffers));
    receive->ack_countdown = p->packets_per_ack;
    receive->descriptors_at = nic->host.coherent(nic->host.context, nic->host.device,
                                                 receive->descriptors * p->descriptor_bytes, COHERENT_PAGE);
    receive->completions_at =
        nic->host.coherent(nic->host.context, nic->host.device, p->ring * p->completion_bytes, COHERENT_PAGE);
    return receive->descriptors_at && receive->completions_at;
}

/* ---- the wire ---- */

/* Each queue has an equal part of the card's memory. */
static bool has_room(const struct nic *nic, const struct nic_queue *queue)
{
    return nic->packet_free != UINT32_MAX && queue->receive.memory_used + nic->outside_bytes <=
                                                 nic->parameters.packet_memory_bytes / nic->parameters.queues;
}

/* Connection f belongs to queue f modulo queues. Connections of a full queue do not send, as TCP's windows
 * have it: the next queue's turn has come. @return false where all are full */
static bool choose_queue(struct nic *nic)
{
    const struct nic_parameters *p = &nic->parameters;
    uint32_t busy = p->flows < p->queues ? p->flows : p->queues,
             drawn = (uint32_t)(random_below(&nic->random, p->flows) % p->queues);
    nic->outside_queue = drawn;
    if (p->overrun == NIC_DROP)
        return true;
    for (uint32_t i = 0; i < busy; i++) {
        nic->outside_queue = (drawn + i) % busy;
        if (has_room(nic, &nic->queues[nic->outside_queue]))
            return true;
    }
    return false;
}

/* The next packet begins to come, unless nobody may send. */
static void expect_next(struct nic *nic)
{
    if (nic->units && nic->counters->begun >= nic->units + nic->warmup)
        return;
    if (!nic->paused)
        nic->outside_bytes = nic_packet_bytes(nic);
    nic->paused = !choose_queue(nic);
    if (nic->paused) {
        nic->counters->held_up++;
        return;
    }
    nic->counters->begun++;
    busy_time_add(&nic->counters->own_rate[0], nic->host.now_ps(nic->host.context),
                  nic_wire_ps(nic, nic->outside_bytes));
    nic->host.after(nic->host.context, nic->host.device, nic_wire_ps(nic, nic->outside_bytes),
                    token_make(NIC_ARRIVAL, nic->outside_queue, 0));
}

void nic_begin_arrivals(struct nic *nic)
{
    expect_next(nic);
}

static struct nic_list *waiting_of(struct nic_queue *queue)
{
    return &queue->receive.waiting;
}

/* Does the packet that is next fit into the buffers the card knows? */
static bool next_fits(const struct nic *nic, const struct nic_receive *receive)
{
    uint64_t known = receive->fetched * nic->parameters.buffers_per_descriptor - receive->used;
    return !receive->waiting.count || nic->packets[receive->waiting.first].buffers <= known;
}

/* Descriptors ahead of need, as many as one read brings; more where the next packet takes more. */
static void fetch(struct nic *nic, struct nic_queue *queue)
{
    const struct nic_parameters *p = &nic->parameters;
    struct nic_receive *receive = &queue->receive;
    uint64_t unused = receive->fetched - receive->used / p->buffers_per_descriptor,
             known = receive->announced - receive->fetched, at = receive->fetched % receive->descriptors;
    if (receive->fetching || !known || (unused >= p->descriptors_fetched && next_fits(nic, receive)))
        return;
    uint64_t count = known < p->descriptors_fetched ? known : p->descriptors_fetched;
    if (count > receive->descriptors - at)
        count = receive->descriptors - at;
    receive->fetching = true;
    receive->fetch_count = (uint32_t)count;
    nic->counters->descriptor_fetches++;
    nic->host.dma(nic->host.context, nic->host.device, receive->descriptors_at + at * p->descriptor_bytes,
                  (uint32_t)(count * p->descriptor_bytes), false, nic_token(NIC_FETCHED, queue, 0));
}

static void write_packet(struct nic *nic, struct nic_queue *queue, uint32_t index)
{
    const struct nic_parameters *p = &nic->parameters;
    struct nic_receive *receive = &queue->receive;
    struct nic_packet *packet = &nic->packets[index];
    uint64_t descriptors = receive->used / p->buffers_per_descriptor;
    packet->pieces = packet->buffers;
    for (uint32_t done = 0; done < packet->bytes; done += (uint32_t)p->buffer_bytes) {
        const struct nic_receive_buffer *buffer = &receive->buffers[receive->used++ % p->ring];
        uint32_t left = packet->bytes - done;
        nic->host.dma(nic->host.context, nic->host.device, buffer->address,
                      left < p->buffer_bytes ? left : (uint32_t)p->buffer_bytes, true,
                      nic_token(NIC_DATA_WRITTEN, queue, index));
    }
    nic->counters->descriptors_used += receive->used / p->buffers_per_descriptor - descriptors;
    nic->host.dma(nic->host.context, nic->host.device,
                  receive->completions_at + receive->entries++ % p->ring * p->completion_bytes,
                  (uint32_t)p->completion_bytes, true, nic_token(NIC_ENTRY_WRITTEN, queue, index));
}

/* Packets of the queue into the buffers the card knows. */
static void serve(struct nic *nic, struct nic_queue *queue)
{
    struct nic_receive *receive = &queue->receive;
    struct nic_list *waiting = waiting_of(queue);
    while (waiting->count && next_fits(nic, receive)) {
        write_packet(nic, queue, nic_list_take(&nic->packets[0].next, sizeof(*nic->packets), waiting));
        fetch(nic, queue);
    }
    fetch(nic, queue);
}

static void take_in(struct nic *nic)
{
    struct nic_queue *queue = &nic->queues[nic->outside_queue];
    uint32_t index = nic->packet_free, bytes = nic->outside_bytes;
    struct nic_packet *packet = &nic->packets[index];
    nic->packet_free = packet->next;
    queue->receive.memory_used += bytes;
    *packet = (struct nic_packet){
        .bytes = bytes,
        .buffers = (uint32_t)((bytes + nic->parameters.buffer_bytes - 1) / nic->parameters.buffer_bytes),
        .arrived_ps = nic->host.now_ps(nic->host.context)};
    nic_list_append(&nic->packets[0].next, sizeof(*nic->packets), waiting_of(queue), index);
    serve(nic, queue);
    expect_next(nic);
}

static void arrive(struct nic *nic, const struct nic_queue *queue)
{
    if (has_room(nic, queue)) {
        take_in(nic);
        return;
    }
    nic->counters->dropped++;
    expect_next(nic);
}

/* ---- what comes back ---- */

static void data_written(struct nic *nic, struct nic_queue *queue, uint32_t index)
{
    struct nic_packet *packet = &nic->packets[index];
    if (--packet->pieces)
        return;
    queue->receive.memory_used -= packet->bytes;
    if (nic->paused && has_room(nic, queue))
        expect_next(nic);
}

void nic_receive_event(struct nic *nic, struct nic_queue *queue, enum nic_token kind, uint32_t slot)
{
    struct nic_receive *receive = &queue->receive;
    switch (kind) {
    case NIC_ARRIVAL:
        arrive(nic, queue);
        break;
    case NIC_DATA_WRITTEN:
        data_written(nic, queue, slot);
        break;
    case NIC_ENTRY_WRITTEN:
        nic_list_append(&nic->packets[0].next, sizeof(*nic->packets), &receive->completed, slot);
        nic_completion_visible(nic, queue);
        nic_driver_go_on(nic, queue);
        break;
    case NIC_FETCHED:
        receive->fetching = false;
        receive->fetched += receive->fetch_count;
        serve(nic, queue);
        break;
    case NIC_ANNOUNCED:
        receive->announced += slot;
        fetch(nic, queue);
        serve(nic, queue);
        break;
    default:
        break;
    }
}
