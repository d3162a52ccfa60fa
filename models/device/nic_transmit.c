/* SPDX-License-Identifier: MIT */
/* Sending: packets of a transmitting card, and the acknowledgements of a receiving one. */
#include "models/device/nic_internal.h"

enum { ACKNOWLEDGEMENT_BYTES = 66 }; /* Ethernet, IP and TCP headers with time stamps */

bool nic_send_start(struct nic *nic, struct nic_queue *queue, uint32_t ring)
{
    const struct nic_parameters *p = &nic->parameters;
    struct nic_send *send = &queue->send;
    send->ring = ring;
    send->slots = arena_array(nic->arena, ring, sizeof(*send->slots));
    send->descriptors_at =
        nic->host.coherent(nic->host.context, nic->host.device, ring * p->descriptor_bytes, COHERENT_PAGE);
    send->completions_at =
        nic->host.coherent(nic->host.context, nic->host.device, ring * p->completion_bytes, COHERENT_PAGE);
    return send->descriptors_at && send->completions_at;
}

static struct nic_send_slot *slot_at(struct nic_send *send, uint64_t number)
{
    return &send->slots[number % send->ring];
}

/* ---- the driver ---- */

static bool wants_to_send(const struct nic *nic, const struct nic_send *send)
{
    if (send->posted - send->reaped >= send->ring)
        return false;
    if (nic->parameters.direction == NIC_RECEIVE)
        return send->due > 0;
    return !nic->units || nic->counters->begun < nic->units + nic->warmup;
}

/* Through the stack; mapping follows. */
static void prepare(struct nic *nic, struct nic_queue *queue)
{
    struct nic_send_slot *slot = slot_at(&queue->send, queue->send.posted);
    uint64_t work_ps = nic->driver.acknowledgement_ps;
    *slot = (struct nic_send_slot){.counted = nic->parameters.direction == NIC_TRANSMIT,
                                   .begun_ps = nic->host.now_ps(nic->host.context)};
    slot->buffer.length = ACKNOWLEDGEMENT_BYTES;
    if (slot->counted) {
        slot->buffer.length = nic_packet_bytes(nic);
        nic->counters->begun++;
        work_ps = driver_packet_ps(&nic->driver, slot->buffer.length);
    } else {
        queue->send.due--;
        nic->counters->acknowledgements++;
    }
    queue->task = TASK_PREPARE;
    nic->host.cpu(nic->host.context, nic->host.device, queue->cpu, work_ps, nic_token(NIC_DRIVER, queue, 0));
}

bool nic_send_step(struct nic *nic, struct nic_queue *queue)
{
    struct nic_send *send = &queue->send;
    uint64_t untold = send->posted - send->told;
    if (send->reaped < send->finished) {
        queue->task = TASK_SEND_UNMAP;
        nic->host.unmap(nic->host.context, nic->host.device, queue->cpu, &slot_at(send, send->reaped)->buffer,
                        false, nic_token(NIC_DRIVER, queue, 0));
        return true;
    }
    bool more = wants_to_send(nic, send);
    if (untold && (untold >= nic->parameters.doorbell_batch || !more)) {
        queue->task = TASK_SEND_DOORBELL;
        nic->host.cpu(nic->host.context, nic->host.device, queue->cpu, nic->driver.doorbell_ps,
                      nic_token(NIC_DRIVER, queue, 0));
        return true;
    }
    if (!more)
        return false;
    prepare(nic, queue);
    return true;
}

void nic_send_task_done(struct nic *nic, struct nic_queue *queue)
{
    struct nic_send *send = &queue->send;
    switch (queue->task) {
    case TASK_PREPARE:
        queue->task = TASK_SEND_MAP;
        nic->host.map(nic->host.context, nic->host.device, queue->cpu, &slot_at(send, send->posted)->buffer,
                      false, nic_token(NIC_DRIVER, queue, 0));
        return;
    case TASK_SEND_MAP:
        nic->counters->maps++;
        nic->counters->descriptors_posted++;
        send->posted++;
        break;
    case TASK_SEND_UNMAP:
        nic->counters->unmaps++;
        send->reaped++;
        break;
    case TASK_SEND_DOORBELL:
        nic->counters->doorbells++;
        nic->host.doorbell(nic->host.context, nic->host.device,
                           nic_token(NIC_SEND_ANNOUNCED, queue, (uint32_t)(send->posted - send->told)));
        send->told = send->posted;
        break;
    default:
        break;
    }
    queue->task = TASK_IDLE;
}

/* ---- the card ---- */

static void fetch(struct nic *nic, struct nic_queue *queue)
{
    const struct nic_parameters *p = &nic->parameters;
    struct nic_send *send = &queue->send;
    uint64_t known = send->announced - send->fetched, at = send->fetched % send->ring;
    if (send->fetching || !known || send->fetched - send->started >= p->descriptors_fetched)
        return;
    uint64_t count = known < p->descriptors_fetched ? known : p->descriptors_fetched;
    if (count > send->ring - at)
        count = send->ring - at;
    send->fetching = true;
    send->fetch_count = (uint32_t)count;
    nic->counters->descriptor_fetches++;
    nic->host.dma(nic->host.context, nic->host.device, send->descriptors_at + at * p->descriptor_bytes,
                  (uint32_t)(count * p->descriptor_bytes), false, nic_token(NIC_SEND_FETCHED, queue, 0));
}

/* Ask for data as far as the card has room for it. */
static void start(struct nic *nic, struct nic_queue *queue)
{
    struct nic_send *send = &queue->send;
    uint64_t room = nic->parameters.packet_memory_bytes / nic->parameters.queues;
    while (send->started < send->fetched) {
        struct nic_send_slot *slot = slot_at(send, send->started);
        if (send->in_card_bytes && send->in_card_bytes + slot->buffer.length > room)
            break;
        send->in_card_bytes += slot->buffer.length;
        nic->host.dma(nic->host.context, nic->host.device, slot->buffer.iova, slot->buffer.length, false,
                      nic_token(NIC_DATA_READ, queue, (uint32_t)(send->started % send->ring)));
        send->started++;
        nic->counters->descriptors_used++;
    }
    fetch(nic, queue);
}

/* Packets leave in the order of the ring; all queues share the wire. */
static void hand_to_wire(struct nic *nic, struct nic_queue *queue)
{
    struct nic_send *send = &queue->send;
    uint64_t now_ps = nic->host.now_ps(nic->host.context);
    struct busy_time *wire = &nic->counters->own_rate[1];
    for (; send->wired < send->started && slot_at(send, send->wired)->read; send->wired++) {
        busy_time_add(wire, now_ps, nic_wire_ps(nic, slot_at(send, send->wired)->buffer.length));
        nic->host.after(nic->host.context, nic->host.device, wire->until_ps - now_ps,
                        nic_token(NIC_SENT, queue, (uint32_t)(send->wired % send->ring)));
    }
}

static void sent(struct nic *nic, struct nic_queue *queue, uint32_t index)
{
    const struct nic_parameters *p = &nic->parameters;
    struct nic_send *send = &queue->send;
    struct nic_send_slot *slot = &send->slots[index];
    send->in_card_bytes -= slot->buffer.length;
    send->sent++;
    if (slot->counted)
        nic_unit_done(nic, slot->buffer.length, slot->begun_ps);
    if (send->sent % p->packets_per_completion == 0 || send->sent == send->announced) {
        slot->covers = send->sent;
        nic->host.dma(nic->host.context, nic->host.device,
                      send->completions_at + send->entries++ % send->ring * p->completion_bytes,
                      (uint32_t)p->completion_bytes, true, nic_token(NIC_SEND_ENTRY, queue, index));
    }
    start(nic, queue);
}

void nic_send_event(struct nic *nic, struct nic_queue *queue, enum nic_token kind, uint32_t slot)
{
    struct nic_send *send = &queue->send;
    switch (kind) {
    case NIC_SEND_ANNOUNCED:
        send->announced += slot;
        fetch(nic, queue);
        break;
    case NIC_SEND_FETCHED:
        send->fetching = false;
        send->fetched += send->fetch_count;
        start(nic, queue);
        break;
    case NIC_DATA_READ:
        send->slots[slot].read = true;
        hand_to_wire(nic, queue);
        break;
    case NIC_SENT:
        sent(nic, queue, slot);
        break;
    case NIC_SEND_ENTRY:
        if (send->slots[slot].covers > send->finished)
            send->finished = send->slots[slot].covers;
        nic_completion_visible(nic, queue);
        nic_driver_go_on(nic, queue);
        break;
    default:
        break;
    }
}
