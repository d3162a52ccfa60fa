/* SPDX-License-Identifier: MIT */
/*
 * The driver of a queue, on its CPU: one thing after the other. It is woken by an interrupt, polls as long as
 * there is something to do, and arms the interrupt again before it stops.
 */
#include "models/device/nic_internal.h"

static const struct nic_packet *head_packet(const struct nic *nic, const struct nic_queue *queue)
{
    return &nic->packets[queue->receive.completed.first];
}

/* The packet at the head of the completions goes through the stack. */
static void take_packet(struct nic *nic, struct nic_queue *queue)
{
    const struct nic_packet *packet = head_packet(nic, queue);
    queue->task = TASK_PACKET;
    nic->host.cpu(nic->host.context, nic->host.device, queue->cpu,
                  driver_packet_ps(&nic->driver, packet->bytes), nic_token(NIC_DRIVER, queue, 0));
}

/* ... once it is where the CPU may read it. */
static void read_packet(struct nic *nic, struct nic_queue *queue)
{
    const struct device_buffer *bounced = nic_bounced_buffer(nic, queue);
    if (!bounced) {
        take_packet(nic, queue);
        return;
    }
    queue->task = TASK_SYNC;
    nic->host.sync(nic->host.context, nic->host.device, queue->cpu, bounced, head_packet(nic, queue)->bytes,
                   nic_token(NIC_DRIVER, queue, 0));
}

static void packet_taken(struct nic *nic, struct nic_queue *queue)
{
    struct nic_receive *receive = &queue->receive;
    uint32_t index = nic_list_take(&nic->packets[0].next, sizeof(*nic->packets), &receive->completed);
    struct nic_packet *packet = &nic->packets[index];
    receive->received_bytes += packet->bytes;
    nic_unit_done(nic, packet->bytes, packet->arrived_ps);
    nic_release_buffers(nic, queue, packet->buffers);
    packet->next = nic->packet_free;
    nic->packet_free = index;
    if (nic->parameters.packets_per_ack && --receive->ack_countdown == 0) {
        receive->ack_countdown = nic->parameters.packets_per_ack;
        queue->send.due++;
    }
}

/* Packet by packet: what it came in is given back and the ring filled again, then one step towards sending,
 * then the next packet. */
void nic_driver_go_on(struct nic *nic, struct nic_queue *queue)
{
    if (queue->task != TASK_IDLE || queue->armed)
        return; /* at work already, or asleep until an interrupt comes */
    bool receives = nic->parameters.direction == NIC_RECEIVE;
    if (receives && nic_refill(nic, queue))
        return;
    bool packets = queue->receive.completed.count > 0;
    queue->sends = !queue->sends || !packets;
    if (queue->sends && nic_send_step(nic, queue))
        return;
    if (packets) {
        read_packet(nic, queue);
        return;
    }
    queue->armed = true;
    queue->unseen = 0;
}

static void task_done(struct nic *nic, struct nic_queue *queue)
{
    switch (queue->task) {
    case TASK_IDLE:
    case TASK_INTERRUPT:
        break;
    case TASK_UNMAP:
        nic_chunk_unmapped(nic, queue);
        break;
    case TASK_MAP:
        nic_chunk_mapped(nic, queue);
        break;
    case TASK_DOORBELL: {
        struct nic_receive *receive = &queue->receive;
        nic->counters->doorbells++;
        nic->host.doorbell(nic->host.context, nic->host.device,
                           nic_token(NIC_ANNOUNCED, queue, (uint32_t)(receive->posted - receive->told)));
        receive->told = receive->posted;
        break;
    }
    case TASK_SYNC:
        take_packet(nic, queue);
        return;
    case TASK_PACKET:
        packet_taken(nic, queue);
        break;
    case TASK_PREPARE:
    case TASK_SEND_MAP:
    case TASK_SEND_DOORBELL:
    case TASK_SEND_UNMAP:
        nic_send_task_done(nic, queue);
        if (queue->task != TASK_IDLE)
            return;
        break;
    }
    queue->task = TASK_IDLE;
    nic_driver_go_on(nic, queue);
}

void nic_driver_event(struct nic *nic, struct nic_queue *queue, enum nic_token kind)
{
    switch (kind) {
    case NIC_TIMER:
        queue->timer = false;
        if (queue->armed && queue->unseen)
            nic_raise_interrupt(nic, queue);
        break;
    case NIC_IN_HANDLER:
        nic->host.cpu(nic->host.context, nic->host.device, queue->cpu, nic->driver.interrupt_ps,
                      nic_token(NIC_DRIVER, queue, 0));
        break;
    default:
        task_done(nic, queue);
        break;
    }
}
