/* SPDX-License-Identifier: MIT */
/**
 * @file kernel_trace.h
 * What a live kernel records of its DMA, as DMA to replay: lines of events as ftrace's `trace` file,
 * `trace-cmd report` and `perf script` print them (a time stamp "SECONDS.FRACTION:", the event's name with or
 * without its system, its fields).
 *
 *     dma:dma_map_page, dma_map_phys, dma_map_resource, dma_map_sg     map, then what the device reads
 *     dma:dma_unmap_page, dma_unmap_phys, dma_unmap_resource, dma_unmap_sg   what the device has written,
 * unmap dma:dma_alloc, dma_alloc_pages, dma_free, dma_free_pages         map and unmap: rings, used by nobody
 * here dma:dma_sync_single_for_device, ..._for_cpu                      what the device reads, has written
 *     iommu:map, iommu:unmap       the same without directions; of a device that the caller names
 *     iommu:io_page_fault          the access that was refused
 *     swiotlb:swiotlb_bounced      counted
 *
 * Kernels record what drivers ask for, not what devices do: each buffer is taken to be read once, whole, when
 * it was handed to its device, and written once, whole, before it is taken back. Buffers may share pages (as
 * without an IOMMU): a page is mapped as long as one of them is. Other events, and devices that are no PCI
 * functions, are counted.
 */
#ifndef IOMMUSIM_INPUT_KERNEL_TRACE_H
#define IOMMUSIM_INPUT_KERNEL_TRACE_H

#include "sim/input/trace.h"

enum { KERNEL_TRACE_NAMES = 12, KERNEL_TRACE_NAME_SIZE = 40 };

/** One operation to replay. */
struct kernel_operation {
    uint64_t time_ps;  /**< since the first event */
    uint32_t function; /**< trace_bare_function() */
    enum trace_operation operation;
    uint64_t iova;
    uint32_t length;
    bool map_read, map_write; /**< TRACE_MAP */
};

/** What was seen, and what of it could not be used. */
struct kernel_trace_counts {
    uint64_t events; /**< of the kinds above */
    uint64_t faults; /**< io_page_fault */
    uint64_t bounced, bounced_bytes;
    uint64_t never_mapped;   /**< given back, but mapped before the trace began */
    uint64_t still_mapped;   /**< at the end; valid after it */
    uint64_t without_device; /**< iommu:map and iommu:unmap, and no device was named */
    uint64_t other_devices;  /**< of devices that are no PCI functions */
    uint64_t failed;         /**< mappings that the kernel refused (..._err) */
    uint64_t lost;           /**< "LOST n EVENTS" */
    uint64_t unknown;        /**< other events */
    struct {
        char name[KERNEL_TRACE_NAME_SIZE];
        uint64_t count;
    } names[KERNEL_TRACE_NAMES]; /**< the first kinds of those; the rest in @c unknown only */
};

struct kernel_trace;

/** @param function  whose iommu:map and iommu:unmap are (trace_bare_function()), or NONE */
struct kernel_trace *kernel_trace_new(uint32_t function);
void kernel_trace_free(struct kernel_trace *trace);

/** Does @p text, the beginning of a file, look like such a trace? */
bool kernel_trace_recognise(const char *text);

/**
 * Take a line. What comes of it is fetched with kernel_trace_take().
 * @return true, or false where an event of a kind above lacks a field: @p wrong says which
 */
bool kernel_trace_line(struct kernel_trace *trace, const char *line, const char **wrong);

/** Next operation of the lines so far. @return false: none */
bool kernel_trace_take(struct kernel_trace *trace, struct kernel_operation *operation);

const struct kernel_trace_counts *kernel_trace_counts(struct kernel_trace *trace);

#endif
