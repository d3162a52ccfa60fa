/* SPDX-License-Identifier: MIT */
/**
 * @file kernel_trace_internal.h
 * The inside of a kernel's recorded trace: kernel_trace_line.c reads events, kernel_trace.c keeps what is
 * mapped and makes operations.
 */
#ifndef IOMMUSIM_INPUT_KERNEL_TRACE_INTERNAL_H
#define IOMMUSIM_INPUT_KERNEL_TRACE_INTERNAL_H

#include "sim/input/kernel_trace.h"
#include "sim/input/live_mappings.h"

enum { SEGMENTS_MAX = 4096 };

/** Kinds of keys: buffers by their DMA address, lists by the physical address of their first element, pages
 * by their address (the value counts the buffers in them). */
enum key_kind { KEY_BUFFER, KEY_LIST, KEY_PAGE };

/** A buffer that is mapped; value of its key is its index. */
struct live_buffer {
    uint64_t address, length;
    uint32_t next; /**< of a list, or of unused ones; NONE */
    bool to_device, from_device;
};

struct kernel_trace {
    struct live_mappings live;
    struct live_buffer *buffers;
    uint32_t buffer_count, unused;
    size_t buffer_capacity;
    uint64_t mapped; /* buffers */
    struct kernel_operation *queue;
    size_t first, count, capacity;
    uint32_t named; /* function of iommu:map */
    uint64_t first_ps, now_ps;
    bool timed;
    uint64_t addresses[SEGMENTS_MAX], lengths[SEGMENTS_MAX];
    struct kernel_trace_counts counts;
};

/** Operations of a range, in pieces where it is longer than an operation may be. @param access  of a map */
void kernel_trace_put(struct kernel_trace *trace, uint32_t function, enum trace_operation kind, uint64_t iova,
                      uint64_t length, const struct live_buffer *access);

/** The device uses a buffer. */
void kernel_trace_access(struct kernel_trace *trace, uint32_t function, const struct live_buffer *buffer,
                         enum trace_operation kind);

/** Buffers are mapped together. @param used  their device reads what it is handed */
void kernel_trace_map(struct kernel_trace *trace, const struct live_key *key, const uint64_t *addresses,
                      const uint64_t *lengths, uint32_t count, struct live_buffer access, bool used);

/** They are taken back. @param used  their device has written what it was to write */
void kernel_trace_unmap(struct kernel_trace *trace, const struct live_key *key, bool used);

#endif
