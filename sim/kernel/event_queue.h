/* SPDX-License-Identifier: MIT */
/**
 * @file event_queue.h
 * The pending events of one machine, in a total order: time, then priority, then sequence of insertion.
 *
 * Nothing else decides the order - no addresses, no hash - so the same inputs give the same run. Time is
 * picoseconds in 64 bits: 213 days. The queue allocates in event_queue_init() and event_queue_reserve() only.
 *
 * Structure: a 4-ary heap for what is near; when more than some dozens of events are pending, those further
 * away wait unsorted in a wheel of time buckets and those beyond the wheel in a second heap. The order of
 * events out is the same.
 */
#ifndef IOMMUSIM_KERNEL_EVENT_QUEUE_H
#define IOMMUSIM_KERNEL_EVENT_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** One event: small values only, never pointers into arrays that grow. */
struct event {
    uint64_t time_ps;
    uint64_t order;  /**< priority in the top 8 bits, insertion sequence below */
    uint32_t target; /**< kind in the top 8 bits (event_kind()), id of the component below (event_target()) */
    uint32_t argument; /**< the handler's own */
};

enum { EVENT_TARGET_BITS = 24 };

/** Whose handler: the caller's enum, 0..255. */
static inline uint32_t event_kind(const struct event *event)
{
    return event->target >> EVENT_TARGET_BITS;
}

/** Id of the component, below 2^24. */
static inline uint32_t event_target(const struct event *event)
{
    return event->target & ((UINT32_C(1) << EVENT_TARGET_BITS) - 1);
}

/** Lower values first among events of one time. */
enum event_priority {
    PRIORITY_RELEASE = 64, /**< resources become free before anyone asks for them at the same instant */
    PRIORITY_OUTSIDE = 96, /**< what comes from outside a machine is there before anything else of that time
                            */
    PRIORITY_NORMAL = 128,
    PRIORITY_LAST = 255, /**< sampling, end of run */
};

struct event_wheel;

struct event_queue {
    uint64_t now_ps;        /**< time of the last event popped */
    uint64_t sequence;      /**< next insertion number */
    uint64_t popped;        /**< events popped since init */
    size_t capacity;        /**< most events pending at once */
    size_t heap_count;      /**< in the near heap */
    size_t spill_above;     /**< near heap size at which the wheel is started */
    struct event *heap;     /**< 4-ary: children of i at 4i+1 .. 4i+4 */
    uint64_t near_limit_ps; /**< events before it are in the heap; UINT64_MAX while the wheel is not used */
    struct event_wheel *wheel;
};

/** Set up for at most @p capacity (at most 2^30) pending events. Free with event_queue_fini(). */
void event_queue_init(struct event_queue *queue, size_t capacity);
void event_queue_fini(struct event_queue *queue);

/**
 * Make sure that @p spare more events can be pushed; grows the queue, by doubling, if need be. Called between
 * events by whoever cannot bound the number beforehand.
 */
void event_queue_reserve(struct event_queue *queue, size_t spare);

/** Events pending. */
size_t event_queue_count(const struct event_queue *queue);

/**
 * Insert an event. @p time_ps must not lie before now (asserted: a model that does so is wrong). Aborts with
 * a message when the capacity is passed: whoever sized the queue was wrong.
 */
void event_queue_push(struct event_queue *queue, uint64_t time_ps, unsigned priority, uint32_t kind,
                      uint32_t target, uint32_t argument);

/** Take the first event and advance now. @return false when nothing is pending. */
bool event_queue_pop(struct event_queue *queue, struct event *event);

/** event_queue_pop(), unless the first event is at or after @p limit_ps; then it stays. */
bool event_queue_pop_before(struct event_queue *queue, uint64_t limit_ps, struct event *event);

/** Time of the first event; UINT64_MAX when nothing is pending. */
uint64_t event_queue_next_ps(struct event_queue *queue);

/** Check the heap order, the counts and the wheel's ranges. @return true if all hold. For tests; linear time.
 */
bool event_queue_check(const struct event_queue *queue);

#endif
