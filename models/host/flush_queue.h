/* SPDX-License-Identifier: MIT */
/**
 * @file flush_queue.h
 * Lazy unmapping: IO virtual addresses that were unmapped but not yet invalidated, in a ring for each CPU
 * (drivers/iommu/dma-iommu.c, iova_fq). A full ring, or a timer, has the whole domain invalidated at once;
 * only then addresses are free for use again. Until then the unit may still translate them.
 */
#ifndef IOMMUSIM_HOST_FLUSH_QUEUE_H
#define IOMMUSIM_HOST_FLUSH_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

struct flush_entry {
    uint64_t iova, length;
    uint64_t counter; /**< flushes begun before it was put in */
    bool allocated;   /**< the owner's own: the address goes back to an allocator */
};

/** The rings of one domain. */
struct flush_queue {
    uint32_t size; /**< of a ring; one entry stays empty */
    uint32_t cpus;
    struct flush_entry *entries; /**< [cpu x size] */
    uint32_t *head, *tail;       /**< [cpu] */
    uint64_t begun, finished;    /**< flushes */
};

void flush_queue_init(struct flush_queue *queue, uint32_t size, uint32_t cpus);
void flush_queue_fini(struct flush_queue *queue);

/** Ranges that the ring of @p cpu still takes. */
static inline uint32_t flush_queue_room(const struct flush_queue *queue, uint32_t cpu)
{
    return (queue->head[cpu] + queue->size - queue->tail[cpu] - 1) % queue->size;
}

/** Put an unmapped range into the ring of @p cpu, which must not be full. Its counter is set here. */
void flush_queue_add(struct flush_queue *queue, uint32_t cpu, const struct flush_entry *entry);

/** Take out the oldest range of @p cpu that an invalidation has covered since it was put in. @return false:
 * none */
bool flush_queue_take(struct flush_queue *queue, uint32_t cpu, struct flush_entry *entry);

#endif
