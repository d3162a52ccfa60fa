/* SPDX-License-Identifier: MIT */
#include "models/host/flush_queue.h"

#include "sim/base/arena.h"

#include <assert.h>
#include <stdlib.h>

void flush_queue_init(struct flush_queue *queue, uint32_t size, uint32_t cpus)
{
    *queue = (struct flush_queue){.size = size, .cpus = cpus};
    queue->entries = memory_array((size_t)size * cpus, sizeof(*queue->entries));
    queue->head = memory_array(cpus, sizeof(*queue->head));
    queue->tail = memory_array(cpus, sizeof(*queue->tail));
}

void flush_queue_fini(struct flush_queue *queue)
{
    free(queue->entries);
    free(queue->head);
    free(queue->tail);
    *queue = (struct flush_queue){0};
}

void flush_queue_add(struct flush_queue *queue, uint32_t cpu, const struct flush_entry *entry)
{
    assert(flush_queue_room(queue, cpu));
    struct flush_entry *place = &queue->entries[(size_t)cpu * queue->size + queue->tail[cpu]];
    *place = *entry;
    place->counter = queue->begun;
    queue->tail[cpu] = (queue->tail[cpu] + 1) % queue->size;
}

bool flush_queue_take(struct flush_queue *queue, uint32_t cpu, struct flush_entry *entry)
{
    const struct flush_entry *oldest = &queue->entries[(size_t)cpu * queue->size + queue->head[cpu]];
    if (queue->head[cpu] == queue->tail[cpu] || oldest->counter >= queue->finished)
        return false;
    *entry = *oldest;
    queue->head[cpu] = (queue->head[cpu] + 1) % queue->size;
    return true;
}
