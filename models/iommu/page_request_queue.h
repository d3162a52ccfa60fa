/* SPDX-License-Identifier: MIT */
/**
 * @file page_request_queue.h
 * Page requests of devices (PRI, PCIe Base Spec 10.4) at the host: the queue in memory that a unit writes
 * them to, and the software that serves them (VT-d specification 7.4 to 7.6, Linux's prq_event_thread() and
 * io-pgfault.c; AMD-Vi's PPR log and SMMUv3's PRI queue work alike).
 *
 * The first entry of an empty queue raises an interrupt; its handler comes page_request_wake later, and takes
 * entries as long as there are any, page_fault_handlers at once, each page_fault long. What was found goes
 * back as a response. A request that finds the queue full is dropped and answered by the unit itself with
 * success, so that the device asks for the translation again, finds none, and requests the page anew
 * (VT-d 7.4.1, SMMUv3 8.2: automatic response).
 *
 * MODEL: a group is one request (the last of it); requests of one page that wait at the same time are served
 * one by one, the later ones finding the page there.
 */
#ifndef IOMMUSIM_IOMMU_PAGE_REQUEST_QUEUE_H
#define IOMMUSIM_IOMMU_PAGE_REQUEST_QUEUE_H

#include "models/iommu/iommu_parameters.h"
#include "sim/kernel/event_queue.h"
#include "sim/kernel/queue_meter.h"

/** Response codes (PCIe Base Spec 10.4.2.1). */
enum page_response {
    PAGE_RESPONSE_SUCCESS, /**< ask for the translation again */
    PAGE_RESPONSE_INVALID, /**< there is no such page, or not with the access wanted */
};

struct page_request {
    uint64_t iova; /**< of the page */
    uint32_t function_id;
    uint32_t pasid; /**< plus one; 0: none */
    uint32_t space; /**< the device's own, given back in the response */
    bool write;
    uint64_t queued_ps; /**< internal: when it came */
};

struct page_request_queue {
    const struct iommu_parameters *parameters;
    struct event_queue *events;
    uint32_t event_kind, id; /**< events are posted as (event_kind, id, handler) */
    void *context;
    /** Make the page present, if there is one: what a fault handler of the kernel does. */
    enum page_response (*serve)(void *context, uint32_t unit, const struct page_request *request);
    /** Send a response to the device. */
    void (*respond)(void *context, uint32_t unit, const struct page_request *request,
                    enum page_response response);

    struct page_request *ring; /**< [page_requests] */
    uint32_t first, count;
    struct page_request *served; /**< [handler] what it serves */
    bool *busy;                  /**< [handler] */
    uint32_t busy_count;
    struct queue_meter waiting;
    uint64_t requests, succeeded, invalid, overflowed; /**< requests = the other three, when all are over */
};

/** Empty queue of unit @p id. Callbacks are the caller's to set. */
void page_request_queue_init(struct page_request_queue *queue, const struct iommu_parameters *parameters,
                             struct event_queue *events, uint32_t event_kind, uint32_t id);
void page_request_queue_fini(struct page_request_queue *queue);

/** A page request arrived at the unit, at the present time. */
void page_request_queue_receive(struct page_request_queue *queue, const struct page_request *request);

/** Its event: a handler is through. */
void page_request_queue_event(struct page_request_queue *queue, uint32_t handler);

/** Sum of the times in the queue of what waits, for Little's law. */
__uint128_t page_request_queue_staying(const struct page_request_queue *queue, uint64_t now_ps);

#endif
