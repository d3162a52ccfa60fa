/* SPDX-License-Identifier: MIT */
#include "models/iommu/page_request_queue.h"

#include "sim/base/arena.h"

#include <stdlib.h>

void page_request_queue_init(struct page_request_queue *queue, const struct iommu_parameters *parameters,
                             struct event_queue *events, uint32_t event_kind, uint32_t id)
{
    *queue = (struct page_request_queue){
        .parameters = parameters, .events = events, .event_kind = event_kind, .id = id};
    queue->ring = memory_array(parameters->page_requests, sizeof(*queue->ring));
    queue->served = memory_array(parameters->page_fault_handlers, sizeof(*queue->served));
    queue->busy = memory_array(parameters->page_fault_handlers, sizeof(*queue->busy));
}

void page_request_queue_fini(struct page_request_queue *queue)
{
    free(queue->ring);
    free(queue->served);
    free(queue->busy);
    *queue = (struct page_request_queue){0};
}

/* Free handlers take what waits; @p begin_ps is when they have it. */
static void take(struct page_request_queue *queue, uint64_t begin_ps)
{
    const struct iommu_parameters *p = queue->parameters;
    for (uint32_t handler = 0; handler < p->page_fault_handlers && queue->count; handler++) {
        if (queue->busy[handler])
            continue;
        queue->served[handler] = queue->ring[queue->first];
        queue->first = queue->first + 1 == p->page_requests ? 0 : queue->first + 1;
        queue->count--;
        queue->busy[handler] = true;
        queue->busy_count++;
        queue_meter_depart(&queue->waiting, queue->served[handler].queued_ps, queue->events->now_ps);
        event_queue_push(queue->events, begin_ps + p->page_fault_ps, PRIORITY_NORMAL, queue->event_kind,
                         queue->id, handler);
    }
}

void page_request_queue_receive(struct page_request_queue *queue, const struct page_request *request)
{
    const struct iommu_parameters *p = queue->parameters;
    uint64_t now_ps = queue->events->now_ps;
    queue->requests++;
    if (queue->count == p->page_requests) {
        queue->overflowed++;
        queue->respond(queue->context, queue->id, request, PAGE_RESPONSE_SUCCESS);
        return;
    }
    uint32_t at = queue->first + queue->count++;
    at = at >= p->page_requests ? at - p->page_requests : at;
    queue->ring[at] = *request;
    queue->ring[at].queued_ps = now_ps;
    queue_meter_arrive(&queue->waiting, now_ps);
    /* Handlers at work are awake; else the interrupt has to wake one. */
    take(queue, queue->busy_count ? now_ps : now_ps + p->page_request_wake_ps);
}

void page_request_queue_event(struct page_request_queue *queue, uint32_t handler)
{
    const struct page_request request = queue->served[handler];
    enum page_response response = queue->serve(queue->context, queue->id, &request);
    queue->succeeded += response == PAGE_RESPONSE_SUCCESS;
    queue->invalid += response == PAGE_RESPONSE_INVALID;
    queue->busy[handler] = false;
    queue->busy_count--;
    queue->respond(queue->context, queue->id, &request, response);
    take(queue, queue->events->now_ps);
}

__uint128_t page_request_queue_staying(const struct page_request_queue *queue, uint64_t now_ps)
{
    __uint128_t sum = 0;
    for (uint32_t i = 0; i < queue->count; i++) {
        uint32_t at = (queue->first + i) % queue->parameters->page_requests;
        sum += queue_meter_stay(&queue->waiting, queue->ring[at].queued_ps, now_ps);
    }
    return sum;
}
