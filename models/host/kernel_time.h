/* SPDX-License-Identifier: MIT */
/**
 * @file kernel_time.h
 * The time kernel code takes on a CPU: a clock that goes on as the code works, and what it worked at. Models
 * of the kernel take one of these along and add to it; the engine then has the CPU busy that long.
 */
#ifndef IOMMUSIM_HOST_KERNEL_TIME_H
#define IOMMUSIM_HOST_KERNEL_TIME_H

#include <stdint.h>

/** What a CPU does for the DMA API. */
enum kernel_work {
    KERNEL_IOVA,         /**< finding or giving back an IO virtual address */
    KERNEL_LOCK,         /**< waiting for a lock that another CPU has, and for its cache line */
    KERNEL_TABLE,        /**< writing or clearing page-table entries */
    KERNEL_FLUSH_QUEUE,  /**< putting ranges into the flush queue, and taking them out */
    KERNEL_INVALIDATION, /**< submitting invalidations and polling until they are done */
    KERNEL_BOUNCE,       /**< finding and freeing slots for bounce buffers */
    KERNEL_COPY,         /**< copying to and from them */
    KERNEL_OTHER,        /**< what a device's driver does besides */
    KERNEL_HYPERVISOR,   /**< a guest's CPU is stopped: the hypervisor works for its virtual IOMMU */
    KERNEL_WORKS,
};

/** A CPU at work in kernel code, from some moment on. */
struct kernel_time {
    uint32_t cpu;
    uint64_t now_ps; /**< how far it has got */
    uint64_t spent_ps[KERNEL_WORKS];
};

static inline void kernel_time_spend(struct kernel_time *time, enum kernel_work work, uint64_t duration_ps)
{
    time->now_ps += duration_ps;
    time->spent_ps[work] += duration_ps;
}

/** Name in output, e.g. "page_table". Never NULL. */
const char *kernel_work_name(enum kernel_work work);

#endif
