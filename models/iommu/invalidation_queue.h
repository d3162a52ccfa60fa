/* SPDX-License-Identifier: MIT */
/**
 * @file invalidation_queue.h
 * How software tells a remapping unit to forget: descriptors in a queue that the unit takes one by one (VT-d
 * specification 6.5.2, queued invalidation; AMD-Vi's command buffer and SMMUv3's command queue work alike).
 *
 * A submitter takes the queue's lock, writes a batch and a wait descriptor, moves the tail, and polls until
 * the unit writes the wait descriptor's status (qi_submit_sync() of drivers/iommu/intel/dmar.c). With VT-d it
 * takes the lock again for each look, and reads a register of the unit meanwhile (qi_check_fault()); the lock
 * is had in turn. So whoever comes waits for one look of each that waits already, and whose status is written
 * sees it half a round of them later, on average: with many CPUs an invalidation takes time in proportion to
 * their number, and their invalidations together do not become more. The unit
 * carries descriptors out in order. A wait descriptor is done when
 *   - IOTLB invalidations before it are complete in all of the unit's caches (invalidation_completion:
 * SMMUv3's are spread over the chip, and a CMD_SYNC waits for the answers of all), and
 *   - requests translated before it have reached memory or left the root complex (VT-d: DR and DW, draining),
 * and
 *   - devices have answered the ATS invalidations before it, or were given up.
 *
 * In another socket's memory (memory/queues_remote) the way there is gone when descriptors are written, when
 * the unit fetches them from a queue that was empty, half of it when it writes the status, and when the
 * submitter's look finds that.
 *
 * MODEL: the ring has no end. Submitters wait for what they submit, so a full ring of 256 would only make
 * them wait at another place.
 */
#ifndef IOMMUSIM_IOMMU_INVALIDATION_QUEUE_H
#define IOMMUSIM_IOMMU_INVALIDATION_QUEUE_H

#include "models/iommu/remapping_unit.h"

enum invalidation_type {
    INVALIDATION_CONTEXT,    /**< context-cache: of one source id */
    INVALIDATION_IOTLB,      /**< @c scope says of what */
    INVALIDATION_DEVICE_TLB, /**< a range of one function's device TLB */
    INVALIDATION_INTERRUPT,  /**< interrupt entry cache: one entry */
    INVALIDATION_WAIT,
    INVALIDATION_TYPES,
};

struct invalidation {
    enum invalidation_type type;
    enum invalidation_scope scope;
    uint32_t domain;      /**< of the unit */
    uint64_t iova;        /**< multiple of 4 KiB << order */
    uint8_t order;        /**< log2 of the 4 KiB pages, of INVALIDATE_PAGES and INVALIDATION_DEVICE_TLB */
    bool leaf_only;       /**< spare the walk caches */
    uint16_t source_id;   /**< INVALIDATION_CONTEXT */
    uint32_t function_id; /**< INVALIDATION_DEVICE_TLB: whose; INVALIDATION_INTERRUPT: the entry */
    uint32_t pasid;      /**< INVALIDATION_DEVICE_TLB: of whose addresses, plus one; 0: of requests without */
    uint32_t waiter;     /**< INVALIDATION_WAIT: the submitter's own */
    uint64_t visible_ps; /**< internal: the unit may fetch it from then on */
};

/** Requests between their translation and the end of their access, in two generations. */
struct drain {
    uint32_t in_flight[2];
    uint8_t generation; /**< that new ones belong to */
};

struct invalidation_queue {
    struct remapping_unit *unit;
    struct event_queue *events;
    uint32_t event_kind, id; /**< events are posted as (event_kind, id, argument) */
    void *context;
    /** Send an ATS invalidation to a function. invalidation_queue_answered() follows when it answered. */
    void (*send)(void *context, uint32_t unit, const struct invalidation *invalidation);
    /** The status of a wait descriptor was seen by its submitter. */
    void (*done)(void *context, uint32_t unit, uint32_t waiter);
    /** An interrupt entry is dropped. May be NULL. */
    void (*interrupt)(void *context, uint32_t unit, uint32_t entry);

    struct invalidation *ring;
    uint32_t first, count, size; /**< size is a power of two */
    bool busy;                   /**< the first descriptor is being carried out, or waits for others */
    bool draining;               /**< it is a wait descriptor, and is not done yet */
    uint32_t devices;            /**< ATS invalidations sent and not answered */
    uint64_t complete_ps;        /**< when the IOTLB invalidations that were carried out are complete */
    uint64_t wait_began_ps;      /**< of the wait descriptor at the head, if it waits for devices */
    bool timer_set;              /**< an event for its time-out is under way */
    uint64_t lock_free_ps;
    uint32_t waiting; /**< submitters that poll */
    struct drain drain;
    /* Counters. */
    uint64_t descriptors[INVALIDATION_TYPES], batches, timeouts, busy_ps;
    uint64_t lock_wait_ps; /**< of submitters, until the lock was theirs */
    uint32_t high;         /**< most descriptors in the queue at once */
    uint64_t started_ps;   /* internal */
};

/** Empty queue of @p unit, whose parameters say what things take. Callbacks are the caller's to set. */
void invalidation_queue_init(struct invalidation_queue *queue, struct remapping_unit *unit,
                             uint32_t event_kind);
void invalidation_queue_fini(struct invalidation_queue *queue);
/** Count anew; a descriptor under way counts from now on. */
void invalidation_queue_restart_counters(struct invalidation_queue *queue);

/**
 * Submit a batch at the present time; done() follows with @p waiter.
 * @param batch  copied; a wait descriptor is added behind it
 */
void invalidation_queue_submit(struct invalidation_queue *queue, const struct invalidation *batch,
                               uint32_t count, uint32_t waiter);

/** Its events. */
void invalidation_queue_event(struct invalidation_queue *queue, uint32_t argument);

/** A device answered one invalidation. */
void invalidation_queue_answered(struct invalidation_queue *queue);

/** A request was translated; returns its generation, for invalidation_queue_leave(). */
static inline uint8_t invalidation_queue_enter(struct invalidation_queue *queue)
{
    queue->drain.in_flight[queue->drain.generation]++;
    return queue->drain.generation;
}

/** Its access is over. */
void invalidation_queue_leave(struct invalidation_queue *queue, uint8_t generation);

/** Smallest naturally aligned power of two of 4 KiB pages that covers a range. */
unsigned invalidation_order(uint64_t iova, uint64_t length);

/** Name of a type in output, e.g. "device_tlb". Never NULL. */
const char *invalidation_type_name(enum invalidation_type type);

#endif
