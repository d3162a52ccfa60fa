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
 * A device may ask for several pages in one group, of which the last request is marked (10.4.1). What comes
 * before it is put aside until the last one is there; then one handler serves the group, page after page, and
 * one response tells the worst that came of it. Where the queue is full the last request of a group gets the
 * automatic response, and what was put aside for it is forgotten; others are dropped in silence. Without a
 * queue (page_requests 0) everything is answered with Response Failure, which ends the device's use of the
 * interface (10.4.2.1; SMMUv3: PRIQEN 0).
 *
 * MODEL: pages of a group are present when the last of them is; requests of one page that wait at the same
 * time are served one by one, the later ones finding the page there. Stop markers are not sent, as no PASID
 * is taken back.
 */
#ifndef IOMMUSIM_IOMMU_PAGE_REQUEST_QUEUE_H
#define IOMMUSIM_IOMMU_PAGE_REQUEST_QUEUE_H

#include "models/iommu/iommu_parameters.h"
#include "sim/kernel/event_queue.h"
#include "sim/kernel/queue_meter.h"

/** Response codes (PCIe Base Spec 10.4.2.1), the worst last. */
enum page_response {
    PAGE_RESPONSE_SUCCESS, /**< ask for the translation again */
    PAGE_RESPONSE_INVALID, /**< there is no such page, or not with the access wanted */
    PAGE_RESPONSE_FAILURE, /**< no page requests are served: the device makes no further ones */
};

/** Pages of a group at most (endpoint/page_request_group). */
enum { PAGE_GROUP_MAX = 32 };

struct page_request {
    uint64_t iova; /**< of the page */
    uint32_t function_id;
    uint32_t pasid; /**< plus one; 0: none */
    uint32_t space; /**< the device's own, given back in the response */
    uint16_t group; /**< Page Request Group Index, the device's own */
    bool last;      /**< of its group */
    bool write;
    bool forgotten;     /**< internal: the last of its group was lost */
    uint64_t queued_ps; /**< internal: when it came */
};

struct page_request_queue {
    const struct iommu_parameters *parameters;
    struct event_queue *events;
    uint32_t event_kind, id; /**< events are posted as (event_kind, id, handler) */
    void *context;
    /** Make the page present, if there is one: what a fault handler of the kernel does. */
    enum page_response (*serve)(void *context, uint32_t unit, const struct page_request *request);
    /** Send the response to a group to the device; @p request is its last one. */
    void (*respond)(void *context, uint32_t unit, const struct page_request *request,
                    enum page_response response);

    struct page_request *ring; /**< [page_requests] */
    uint32_t first, count;
    struct page_request *aside; /**< requests of groups whose last has not come */
    uint32_t aside_count;
    size_t aside_capacity;
    uint64_t awake_ps;           /**< from when on there is somebody to take what comes */
    struct page_request *served; /**< [handler x PAGE_GROUP_MAX] the group it serves */
    uint32_t *busy;              /**< [handler] requests of it; 0: free */
    uint32_t busy_count;
    struct queue_meter waiting;
    uint64_t requests, succeeded, invalid, overflowed, forgotten,
        failed;      /**< requests = the other five, when all are over */
    uint64_t groups; /**< responses sent */
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
