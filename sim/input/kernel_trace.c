/* SPDX-License-Identifier: MIT */
/* What is mapped at a moment of the recording, and the operations that follow from events. */
#include "sim/base/arena.h"
#include "sim/input/kernel_trace_internal.h"
#include "sim/input/trace_line.h"

#include <stdlib.h>
#include <string.h>

enum { PAGE = 4096 };

struct kernel_trace *kernel_trace_new(uint32_t function)
{
    struct kernel_trace *trace = memory_alloc(sizeof(*trace));
    memset(trace, 0, sizeof(*trace));
    trace->unused = NONE;
    trace->named = function;
    return trace;
}

void kernel_trace_free(struct kernel_trace *trace)
{
    if (!trace)
        return;
    live_mappings_fini(&trace->live);
    free(trace->buffers);
    free(trace->queue);
    free(trace);
}

/* ---- operations ---- */

static void put(struct kernel_trace *trace, const struct kernel_operation *operation)
{
    trace->queue = memory_grow(trace->queue, (uint32_t)(trace->first + trace->count), &trace->capacity,
                               sizeof(*trace->queue));
    trace->queue[trace->first + trace->count++] = *operation;
}

bool kernel_trace_take(struct kernel_trace *trace, struct kernel_operation *operation)
{
    if (!trace->count) {
        trace->first = 0;
        return false;
    }
    *operation = trace->queue[trace->first++];
    trace->count--;
    return true;
}

/* In pieces, where it is longer than an operation may be. */
void kernel_trace_put(struct kernel_trace *trace, uint32_t function, enum trace_operation kind, uint64_t iova,
                      uint64_t length, const struct live_buffer *access)
{
    while (length) {
        uint32_t piece = length < TRACE_LENGTH_MAX ? (uint32_t)length : TRACE_LENGTH_MAX;
        put(trace, &(struct kernel_operation){.time_ps = trace->now_ps - trace->first_ps,
                                              .function = function,
                                              .operation = kind,
                                              .iova = iova,
                                              .length = piece,
                                              .map_read = access && access->to_device,
                                              .map_write = access && access->from_device});
        iova += piece;
        length -= piece;
    }
}

/* Pages of a buffer that no other buffer has become mapped, or no longer mapped: in runs. */
static void change_pages(struct kernel_trace *trace, uint32_t function, const struct live_buffer *buffer,
                         bool map)
{
    uint64_t begin = buffer->address & ~(uint64_t)(PAGE - 1), run = begin,
             end = (buffer->address + buffer->length + PAGE - 1) & ~(uint64_t)(PAGE - 1);
    /* MODEL: a page keeps the access it was mapped with first; where buffers share pages all of them may be
     * read and written. */
    bool whole = !((buffer->address | buffer->length) & (PAGE - 1));
    struct live_buffer access = *buffer;
    access.to_device |= !whole;
    access.from_device |= !whole;
    for (uint64_t page = begin; page < end; page += PAGE) {
        struct live_key key = {page, function, KEY_PAGE};
        uint32_t *count = live_mappings_find(&trace->live, &key);
        bool changes = map ? !count : count && *count == 1;
        if (map && !count)
            live_mappings_add(&trace->live, &key, 1);
        else if (count && changes)
            live_mappings_remove(&trace->live, &key);
        else if (count)
            *count += map ? 1U : UINT32_MAX;
        if (changes)
            continue;
        kernel_trace_put(trace, function, map ? TRACE_MAP : TRACE_UNMAP, run, page - run, &access);
        run = page + PAGE;
    }
    if (run < end)
        kernel_trace_put(trace, function, map ? TRACE_MAP : TRACE_UNMAP, run, end - run, &access);
}

/* ---- buffers ---- */

static uint32_t new_buffer(struct kernel_trace *trace, const struct live_buffer *what)
{
    uint32_t index = trace->unused;
    if (index == NONE) {
        trace->buffers = memory_grow(trace->buffers, trace->buffer_count, &trace->buffer_capacity,
                                     sizeof(*trace->buffers));
        index = trace->buffer_count++;
    } else {
        trace->unused = trace->buffers[index].next;
    }
    trace->buffers[index] = *what;
    return index;
}

void kernel_trace_access(struct kernel_trace *trace, uint32_t function, const struct live_buffer *buffer,
                         enum trace_operation kind)
{
    kernel_trace_put(trace, function, kind, buffer->address, buffer->length, NULL);
}

/* A chain of buffers goes: @p used by their device or not. */
static void unmap_chain(struct kernel_trace *trace, uint32_t function, uint32_t index, bool used)
{
    while (index != NONE) {
        const struct live_buffer buffer = trace->buffers[index];
        if (used && buffer.from_device)
            kernel_trace_access(trace, function, &buffer, TRACE_WRITE);
        change_pages(trace, function, &buffer, false);
        trace->buffers[index].next = trace->unused;
        trace->unused = index;
        trace->mapped--;
        index = buffer.next;
    }
}

void kernel_trace_unmap(struct kernel_trace *trace, const struct live_key *key, bool used)
{
    const uint32_t *found = live_mappings_find(&trace->live, key);
    if (!found) {
        trace->counts.never_mapped++;
        return;
    }
    uint32_t index = *found;
    live_mappings_remove(&trace->live, key);
    unmap_chain(trace, key->function, index, used);
}

/* Buffers that are mapped together. What is mapped at the key already was given back unseen. */
void kernel_trace_map(struct kernel_trace *trace, const struct live_key *key, const uint64_t *addresses,
                      const uint64_t *lengths, uint32_t count, struct live_buffer access, bool used)
{
    uint32_t index = NONE;
    if (live_mappings_find(&trace->live, key))
        kernel_trace_unmap(trace, key, false);
    for (uint32_t i = count; i-- > 0;) {
        access.address = addresses[i];
        access.length = lengths[i];
        access.next = index;
        index = new_buffer(trace, &access);
        trace->mapped++;
    }
    live_mappings_add(&trace->live, key, index);
    for (; index != NONE; index = trace->buffers[index].next) {
        const struct live_buffer buffer = trace->buffers[index];
        change_pages(trace, key->function, &buffer, true);
        if (used && buffer.to_device)
            kernel_trace_access(trace, key->function, &buffer, TRACE_READ);
    }
}

const struct kernel_trace_counts *kernel_trace_counts(struct kernel_trace *trace)
{
    trace->counts.still_mapped = trace->mapped;
    return &trace->counts;
}
