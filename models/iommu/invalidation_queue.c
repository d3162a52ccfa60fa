/* SPDX-License-Identifier: MIT */
#include "models/iommu/invalidation_queue.h"

#include "sim/base/arena.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Arguments of events: a descriptor was carried out; a status was seen (the waiter follows in the low bits);
 * a round of waiting for devices took too long; invalidations are complete. */
enum {
    ARGUMENT_CARRIED_OUT = 0,
    ARGUMENT_STATUS = 1U << 30,
    ARGUMENT_TIMEOUT = 2U << 30,
    ARGUMENT_COMPLETE = 3U << 30,
    ARGUMENT_KIND = 3U << 30,
    RING_INITIAL = 16,
};

void invalidation_queue_init(struct invalidation_queue *queue, struct remapping_unit *unit,
                             uint32_t event_kind)
{
    *queue = (struct invalidation_queue){
        .unit = unit, .events = unit->events, .event_kind = event_kind, .id = unit->id, .size = RING_INITIAL};
    queue->ring = memory_array(queue->size, sizeof(*queue->ring));
}

void invalidation_queue_fini(struct invalidation_queue *queue)
{
    free(queue->ring);
    *queue = (struct invalidation_queue){0};
}

void invalidation_queue_restart_counters(struct invalidation_queue *queue)
{
    memset(queue->descriptors, 0, sizeof(queue->descriptors));
    queue->batches = queue->timeouts = queue->busy_ps = queue->lock_wait_ps = 0;
    queue->high = queue->count;
    if (queue->busy && queue->started_ps < queue->events->now_ps)
        queue->started_ps = queue->events->now_ps;
}

static void post(struct invalidation_queue *queue, uint64_t time_ps, uint32_t argument)
{
    event_queue_push(queue->events, time_ps, PRIORITY_NORMAL, queue->event_kind, queue->id, argument);
}

static struct invalidation *at(const struct invalidation_queue *queue, uint32_t place)
{
    return &queue->ring[(queue->first + place) & (queue->size - 1)];
}

static void append(struct invalidation_queue *queue, const struct invalidation *invalidation)
{
    if (queue->count == queue->size) {
        struct invalidation *ring = memory_array((size_t)queue->size * 2, sizeof(*ring));
        for (uint32_t i = 0; i < queue->count; i++)
            ring[i] = *at(queue, i);
        free(queue->ring);
        queue->ring = ring;
        queue->first = 0;
        queue->size *= 2;
    }
    *at(queue, queue->count) = *invalidation;
    if (++queue->count > queue->high)
        queue->high = queue->count;
}

/* Begin the first descriptor, if there is one and none is under way. */
static void start(struct invalidation_queue *queue)
{
    uint64_t now_ps = queue->events->now_ps;
    if (queue->busy || !queue->count)
        return;
    uint64_t visible_ps = at(queue, 0)->visible_ps;
    queue->busy = true;
    queue->started_ps = visible_ps > now_ps ? visible_ps : now_ps;
    post(queue, queue->started_ps + queue->unit->parameters.invalidation_descriptor_ps, ARGUMENT_CARRIED_OUT);
}

static uint64_t crossing_ps(const struct invalidation_queue *queue)
{
    return queue->unit->host_memory ? memory_queue_crossing_ps(queue->unit->host_memory) : 0;
}

void invalidation_queue_submit(struct invalidation_queue *queue, const struct invalidation *batch,
                               uint32_t count, uint32_t waiter)
{
    uint64_t now_ps = queue->events->now_ps,
             begin_ps = now_ps + queue->waiting * queue->unit->parameters.invalidation_poll_ps;
    if (begin_ps < queue->lock_free_ps)
        begin_ps = queue->lock_free_ps;
    struct invalidation wait = {.type = INVALIDATION_WAIT, .waiter = waiter};
    assert(waiter < ARGUMENT_STATUS);
    uint64_t visible_ps = queue->count ? 0 : crossing_ps(queue); /* fetched, else before its turn comes */
    queue->lock_free_ps = begin_ps + queue->unit->parameters.invalidation_submit_ps + crossing_ps(queue);
    visible_ps += queue->lock_free_ps;
    queue->lock_wait_ps += begin_ps - now_ps;
    queue->waiting++;
    queue->batches++;
    for (uint32_t i = 0; i <= count; i++) {
        struct invalidation invalidation = i < count ? batch[i] : wait;
        invalidation.visible_ps = visible_ps;
        append(queue, &invalidation);
    }
    start(queue);
}

static void take_first(struct invalidation_queue *queue)
{
    queue->first = (queue->first + 1) & (queue->size - 1);
    queue->count--;
    queue->busy = false;
    queue->busy_ps += queue->events->now_ps - queue->started_ps;
    start(queue);
}

/* The wait descriptor at the head is done once nothing translated before it is under way, invalidations are
 * complete and all devices have answered. */
static void try_finish_wait(struct invalidation_queue *queue)
{
    if (!queue->draining || queue->events->now_ps < queue->complete_ps ||
        queue->drain.in_flight[queue->drain.generation ^ 1] || queue->devices)
        return;
    const struct iommu_parameters *parameters = &queue->unit->parameters;
    uint32_t waiter = at(queue, 0)->waiter, others = queue->waiting - 1;
    queue->draining = false;
    post(queue,
         queue->events->now_ps + parameters->invalidation_wait_ps + crossing_ps(queue) * 3 / 2 +
             others * parameters->invalidation_poll_ps / 2,
         ARGUMENT_STATUS | waiter);
    take_first(queue);
}

/* One timer for the queue: set again where the wait it was set for is over. */
static void set_timer(struct invalidation_queue *queue)
{
    if (queue->timer_set || !queue->draining || !queue->devices)
        return;
    queue->timer_set = true;
    post(queue, queue->wait_began_ps + queue->unit->parameters.invalidation_timeout_ps, ARGUMENT_TIMEOUT);
}

static void begin_wait(struct invalidation_queue *queue)
{
    queue->draining = true;
    queue->drain.generation ^= 1;
    queue->wait_began_ps = queue->events->now_ps;
    set_timer(queue);
    if (queue->complete_ps > queue->events->now_ps)
        post(queue, queue->complete_ps, ARGUMENT_COMPLETE);
    try_finish_wait(queue);
}

static void carry_out(struct invalidation_queue *queue)
{
    struct invalidation head = *at(queue, 0);
    queue->descriptors[head.type]++;
    switch (head.type) {
    case INVALIDATION_CONTEXT:
        remapping_unit_invalidate_context(queue->unit, head.source_id);
        break;
    case INVALIDATION_IOTLB:
        remapping_unit_invalidate(queue->unit, head.scope, head.domain, head.iova, head.order,
                                  head.leaf_only);
        queue->complete_ps = queue->events->now_ps + queue->unit->parameters.invalidation_completion_ps;
        break;
    case INVALIDATION_DEVICE_TLB:
        queue->devices++;
        queue->send(queue->context, queue->id, &head);
        break;
    case INVALIDATION_INTERRUPT:
        queue->interrupt(queue->context, queue->id, head.function_id);
        break;
    case INVALIDATION_WAIT:
    case INVALIDATION_TYPES:
        begin_wait(queue);
        return;
    }
    take_first(queue);
}

static void on_timer(struct invalidation_queue *queue)
{
    uint64_t timeout_ps = queue->unit->parameters.invalidation_timeout_ps;
    queue->timer_set = false;
    if (!queue->draining || queue->events->now_ps < queue->wait_began_ps + timeout_ps) {
        set_timer(queue);
        return;
    }
    queue->timeouts += queue->devices;
    queue->devices = 0;
    try_finish_wait(queue);
}

void invalidation_queue_event(struct invalidation_queue *queue, uint32_t argument)
{
    switch (argument & ARGUMENT_KIND) {
    case ARGUMENT_STATUS:
        queue->waiting--;
        queue->done(queue->context, queue->id, argument & ~(uint32_t)ARGUMENT_KIND);
        break;
    case ARGUMENT_TIMEOUT:
        on_timer(queue);
        break;
    case ARGUMENT_COMPLETE:
        try_finish_wait(queue);
        break;
    default:
        carry_out(queue);
        break;
    }
}

void invalidation_queue_answered(struct invalidation_queue *queue)
{
    if (queue->devices) /* else it was given up before */
        queue->devices--;
    try_finish_wait(queue);
}

void invalidation_queue_leave(struct invalidation_queue *queue, uint8_t generation)
{
    assert(queue->drain.in_flight[generation]);
    queue->drain.in_flight[generation]--;
    try_finish_wait(queue);
}

unsigned invalidation_order(uint64_t iova, uint64_t length)
{
    uint64_t first = iova >> PAGE_SHIFT_4K, last = (iova + (length - 1)) >> PAGE_SHIFT_4K;
    unsigned order = 0;
    while (first >> order != last >> order)
        order++;
    return order;
}

const char *invalidation_type_name(enum invalidation_type type)
{
    static const char *const names[INVALIDATION_TYPES] = {
        [INVALIDATION_CONTEXT] = "context",
        [INVALIDATION_IOTLB] = "iotlb",
        [INVALIDATION_DEVICE_TLB] = "device_tlb",
        [INVALIDATION_INTERRUPT] = "interrupt_entry",
        [INVALIDATION_WAIT] = "wait",
    };
    return names[type];
}
