/* SPDX-License-Identifier: MIT */
#include "models/iommu/page_request_queue.h"

#include "sim/base/arena.h"

#include <stdlib.h>

void page_request_queue_init(struct page_request_queue *queue, const struct iommu_parameters *parameters,
                             struct event_queue *events, uint32_t event_kind, uint32_t id)
{
    *queue = (struct page_request_queue){
        .parameters = parameters, .events = events, .event_kind = event_kind, .id = id};
    queue->ring = memory_array((size_t)parameters->page_requests + 1, sizeof(*queue->ring));
    queue->served =
        memory_array((size_t)parameters->page_fault_handlers * PAGE_GROUP_MAX, sizeof(*queue->served));
    queue->busy = memory_array(parameters->page_fault_handlers, sizeof(*queue->busy));
}

void page_request_queue_fini(struct page_request_queue *queue)
{
    free(queue->ring);
    free(queue->aside);
    free(queue->served);
    free(queue->busy);
    *queue = (struct page_request_queue){0};
}

static bool same_group(const struct page_request *a, const struct page_request *b)
{
    return a->function_id == b->function_id && a->pasid == b->pasid && a->group == b->group;
}

/* The requests put aside for the group of its last one. @param into  room for PAGE_GROUP_MAX - 1; NULL:
 * forget them
 * @return how many there were */
static uint32_t collect(struct page_request_queue *queue, const struct page_request *last,
                        struct page_request *into)
{
    uint32_t kept = 0, found = 0;
    for (uint32_t i = 0; i < queue->aside_count; i++) {
        if (!same_group(&queue->aside[i], last))
            queue->aside[kept++] = queue->aside[i];
        else if (into && found < PAGE_GROUP_MAX - 1)
            into[found++] = queue->aside[i];
        else
            found += !into;
    }
    queue->aside_count = kept;
    return found;
}

static struct page_request pop(struct page_request_queue *queue)
{
    const struct page_request request = queue->ring[queue->first];
    queue->first = queue->first + 1 == queue->parameters->page_requests ? 0 : queue->first + 1;
    queue->count--;
    queue_meter_depart(&queue->waiting, request.queued_ps, queue->events->now_ps);
    return request;
}

static void put_aside(struct page_request_queue *queue, struct page_request request)
{
    queue->aside =
        memory_grow(queue->aside, queue->aside_count, &queue->aside_capacity, sizeof(*queue->aside));
    queue->aside[queue->aside_count++] = request;
}

/* A handler begins with the group whose last request is the first of the queue. */
static void serve_group(struct page_request_queue *queue, uint32_t handler)
{
    const struct page_request last = pop(queue);
    struct page_request *served = &queue->served[(size_t)handler * PAGE_GROUP_MAX];
    uint64_t now_ps = queue->events->now_ps, begin_ps = now_ps > queue->awake_ps ? now_ps : queue->awake_ps;
    uint32_t count = collect(queue, &last, served);
    served[count++] = last;
    queue->busy[handler] = count;
    queue->busy_count++;
    event_queue_push(queue->events, begin_ps + count * queue->parameters->page_fault_ps, PRIORITY_NORMAL,
                     queue->event_kind, queue->id, handler);
}

/* Take what waits: parts of groups aside, whole ones as far as there are free handlers. */
static void take(struct page_request_queue *queue)
{
    uint32_t handler = 0;
    while (queue->count) {
        if (!queue->ring[queue->first].last) {
            const struct page_request part = pop(queue);
            if (part.forgotten)
                queue->forgotten++;
            else
                put_aside(queue, part);
            continue;
        }
        while (handler < queue->parameters->page_fault_handlers && queue->busy[handler])
            handler++;
        if (handler == queue->parameters->page_fault_handlers)
            return;
        serve_group(queue, handler);
    }
}

/* The last request of a group is lost: so are those that came before it. */
static void forget(struct page_request_queue *queue, const struct page_request *last)
{
    queue->forgotten += collect(queue, last, NULL);
    for (uint32_t i = 0; i < queue->count; i++) {
        struct page_request *request = &queue->ring[(queue->first + i) % queue->parameters->page_requests];
        request->forgotten |= !request->last && same_group(request, last);
    }
}

static void respond(struct page_request_queue *queue, const struct page_request *last,
                    enum page_response response)
{
    queue->groups++;
    queue->respond(queue->context, queue->id, last, response);
}

void page_request_queue_receive(struct page_request_queue *queue, const struct page_request *request)
{
    const struct iommu_parameters *p = queue->parameters;
    uint64_t now_ps = queue->events->now_ps;
    queue->requests++;
    if (queue->count == p->page_requests) {
        queue->overflowed += p->page_requests != 0;
        queue->failed += p->page_requests == 0;
        if (!request->last)
            return;
        forget(queue, request);
        respond(queue, request, p->page_requests ? PAGE_RESPONSE_SUCCESS : PAGE_RESPONSE_FAILURE);
        return;
    }
    /* Handlers at work are awake; else the interrupt has to wake one. */
    if (!queue->busy_count && !queue->count && !queue->aside_count)
        queue->awake_ps = now_ps + p->page_request_wake_ps;
    uint32_t at = queue->first + queue->count++;
    at = at >= p->page_requests ? at - p->page_requests : at;
    queue->ring[at] = *request;
    queue->ring[at].queued_ps = now_ps;
    queue_meter_arrive(&queue->waiting, now_ps);
    take(queue);
}

void page_request_queue_event(struct page_request_queue *queue, uint32_t handler)
{
    const struct page_request *served = &queue->served[(size_t)handler * PAGE_GROUP_MAX];
    const uint32_t count = queue->busy[handler];
    enum page_response worst = PAGE_RESPONSE_SUCCESS;
    for (uint32_t i = 0; i < count; i++) {
        enum page_response response = queue->serve(queue->context, queue->id, &served[i]);
        queue->succeeded += response == PAGE_RESPONSE_SUCCESS;
        queue->invalid += response == PAGE_RESPONSE_INVALID;
        queue->failed += response == PAGE_RESPONSE_FAILURE;
        worst = response > worst ? response : worst;
    }
    queue->busy[handler] = 0;
    queue->busy_count--;
    respond(queue, &served[count - 1], worst);
    take(queue);
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
