/* SPDX-License-Identifier: MIT */
/*
 * Where receive buffers come from and what becomes of them. They are cut from chunks of memory, each mapped
 * by one call; a chunk whose buffers were all released is unmapped, or waits to be used again as it is.
 */
#include "models/device/nic_internal.h"

enum { SPARE_CHUNKS = 8 };

static uint32_t buffers_per_chunk(const struct nic_parameters *p)
{
    return p->mapping_bytes > p->buffer_bytes ? (uint32_t)(p->mapping_bytes / p->buffer_bytes) : 1;
}

static void put(struct nic_receive *receive, struct nic_list *list, uint32_t chunk)
{
    nic_list_append(&receive->chunks[0].next, sizeof(*receive->chunks), list, chunk);
}

static uint32_t take(struct nic_receive *receive, struct nic_list *list)
{
    return nic_list_take(&receive->chunks[0].next, sizeof(*receive->chunks), list);
}

void nic_buffers_init(struct nic *nic, struct nic_queue *queue)
{
    const struct nic_parameters *p = &nic->parameters;
    struct nic_receive *receive = &queue->receive;
    uint32_t cut = buffers_per_chunk(p), ring = p->ring + p->buffers_per_descriptor;
    receive->hold_bytes = queue->flows * p->held_bytes;
    /* Posted ones, as many again in a cache, and what applications hold; the last are counted in bytes
     * received, of which a buffer has at least that of the smallest packet. */
    uint64_t held = receive->hold_bytes / 64 < receive->hold_bytes ? receive->hold_bytes / 64 : 0;
    uint64_t most = (uint64_t)(ring + p->page_cache) / cut + 2 + SPARE_CHUNKS +
                    (p->recycling == NIC_PAGE_POOL ? (held < 1 << 16 ? held : 1 << 16) : 0);
    receive->chunk_count = (uint32_t)most;
    receive->chunks = arena_array(nic->arena, receive->chunk_count, sizeof(*receive->chunks));
    for (uint32_t i = 0; i < receive->chunk_count; i++)
        put(receive, &receive->spare, i);
    receive->current = UINT32_MAX;
}

/* ---- chunks ---- */

static bool is_read(const struct nic_receive *receive, uint32_t chunk)
{
    return receive->received_bytes >= receive->chunks[chunk].free_at;
}

static void begin_chunk(const struct nic *nic, struct nic_receive *receive, uint32_t chunk)
{
    receive->current = chunk;
    receive->current_left = buffers_per_chunk(&nic->parameters);
    receive->chunks[chunk].live = receive->current_left;
}

/* A chunk that is mapped already. @return false where there is none that may be used */
static bool reuse_chunk(struct nic *nic, struct nic_receive *receive)
{
    if (nic->parameters.recycling == NIC_PAGE_POOL) {
        while (receive->held.count && is_read(receive, receive->held.first))
            put(receive, &receive->kept, take(receive, &receive->held));
    }
    if (!receive->kept.count || !is_read(receive, receive->kept.first))
        return false;
    begin_chunk(nic, receive, take(receive, &receive->kept));
    nic->counters->recycled++;
    return true;
}

/* All its buffers were released. */
static void retire_chunk(struct nic *nic, struct nic_receive *receive, uint32_t chunk)
{
    const struct nic_parameters *p = &nic->parameters;
    /* Applications read now and then: what they hold is half as much at times, and half as much again. */
    receive->chunks[chunk].free_at = receive->received_bytes + receive->hold_bytes / 2 +
                                     random_below(&nic->random, receive->hold_bytes + 1);
    switch ((enum nic_recycling)p->recycling) {
    case NIC_PAGE_POOL:
        put(receive, &receive->held, chunk);
        return;
    case NIC_PAGE_CACHE:
        if (receive->kept.count < (p->page_cache + buffers_per_chunk(p) - 1) / buffers_per_chunk(p)) {
            put(receive, &receive->kept, chunk);
            return;
        }
        break;
    case NIC_NO_RECYCLING:
        break;
    }
    put(receive, &receive->to_unmap, chunk);
}

void nic_chunk_mapped(struct nic *nic, struct nic_queue *queue)
{
    nic->counters->maps++;
    begin_chunk(nic, &queue->receive, queue->task_chunk);
}

void nic_chunk_unmapped(struct nic *nic, struct nic_queue *queue)
{
    nic->counters->unmaps++;
    put(&queue->receive, &queue->receive.spare, queue->task_chunk);
}

/* ---- the ring ---- */

static void map_chunk(struct nic *nic, struct nic_queue *queue)
{
    struct nic_receive *receive = &queue->receive;
    queue->task = TASK_MAP;
    queue->task_chunk = take(receive, &receive->spare);
    struct device_buffer *buffer = &receive->chunks[queue->task_chunk].buffer;
    uint64_t bytes = nic->parameters.mapping_bytes > nic->parameters.buffer_bytes
                         ? nic->parameters.mapping_bytes
                         : nic->parameters.buffer_bytes;
    /* Drivers that keep buffers mapped copy what they read, not what they unmap. */
    *buffer = (struct device_buffer){.length = (uint32_t)bytes,
                                     .skip_sync = nic->parameters.recycling != NIC_NO_RECYCLING};
    nic->host.map(nic->host.context, nic->host.device, queue->cpu, buffer, true,
                  nic_token(NIC_DRIVER, queue, 0));
}

static void unmap_chunk(struct nic *nic, struct nic_queue *queue)
{
    struct nic_receive *receive = &queue->receive;
    queue->task = TASK_UNMAP;
    queue->task_chunk = take(receive, &receive->to_unmap);
    nic->host.unmap(nic->host.context, nic->host.device, queue->cpu,
                    &receive->chunks[queue->task_chunk].buffer, true, nic_token(NIC_DRIVER, queue, 0));
}

/* Buffers cut from the current chunk go into the descriptor that is being written. */
static void cut_buffers(struct nic *nic, struct nic_receive *receive, uint64_t wanted)
{
    const struct nic_parameters *p = &nic->parameters;
    while (receive->current_left && receive->cut < wanted) {
        const struct nic_chunk *chunk = &receive->chunks[receive->current];
        uint32_t index = buffers_per_chunk(p) - receive->current_left--;
        receive->buffers[receive->cut++ % p->ring] =
            (struct nic_receive_buffer){chunk->buffer.iova + index * p->buffer_bytes, receive->current};
        if (receive->cut % p->buffers_per_descriptor == 0) {
            receive->posted++;
            nic->counters->descriptors_posted++;
        }
    }
}

/* A batch, but no more than a quarter of the ring: the card must not run out of descriptors it knows. */
static uint64_t doorbell_after(const struct nic *nic, const struct nic_receive *receive)
{
    uint32_t quarter = receive->descriptors / 4 ? receive->descriptors / 4 : 1;
    return nic->parameters.doorbell_batch < quarter ? nic->parameters.doorbell_batch : quarter;
}

bool nic_refill(struct nic *nic, struct nic_queue *queue)
{
    const struct nic_parameters *p = &nic->parameters;
    struct nic_receive *receive = &queue->receive;
    if (receive->to_unmap.count) {
        unmap_chunk(nic, queue);
        return true;
    }
    /* Room for whole descriptors only. */
    uint64_t room = receive->released / p->buffers_per_descriptor + receive->descriptors,
             wanted = room * p->buffers_per_descriptor;
    while (receive->cut < wanted) {
        if (!receive->current_left && !reuse_chunk(nic, receive)) {
            if (!receive->spare.count)
                break;
            map_chunk(nic, queue);
            return true;
        }
        cut_buffers(nic, receive, wanted);
    }
    if (receive->posted - receive->told < doorbell_after(nic, receive))
        return false;
    queue->task = TASK_DOORBELL;
    nic->host.cpu(nic->host.context, nic->host.device, queue->cpu, nic->driver.doorbell_ps,
                  nic_token(NIC_DRIVER, queue, 0));
    return true;
}

const struct device_buffer *nic_bounced_buffer(const struct nic *nic, const struct nic_queue *queue)
{
    const struct nic_receive *receive = &queue->receive;
    uint32_t chunk = receive->buffers[receive->released % nic->parameters.ring].chunk;
    const struct device_buffer *buffer = &receive->chunks[chunk].buffer;
    return buffer->bounces && buffer->skip_sync ? buffer : NULL;
}

void nic_release_buffers(struct nic *nic, struct nic_queue *queue, uint32_t buffers)
{
    struct nic_receive *receive = &queue->receive;
    for (uint32_t i = 0; i < buffers; i++) {
        uint32_t chunk = receive->buffers[receive->released++ % nic->parameters.ring].chunk;
        if (--receive->chunks[chunk].live == 0)
            retire_chunk(nic, receive, chunk);
    }
}
