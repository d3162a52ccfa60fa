/* SPDX-License-Identifier: MIT */
/*
 * Operations with buffers of their own: a driver gets memory, maps it, has the device work on it, and unmaps
 * it. An operation is what the driver asks for; the device does as many operations as there are segments in
 * the mapped list. Its latency is the driver's: from asking to having the buffer back.
 */
#include "sim/machine/machine_mapping.h"

#include "sim/base/arena.h"
#include "sim/machine/machine_state.h"

#include <string.h>

static struct buffered_request *request_at(struct machine *machine, uint32_t request)
{
    return &machine->mapping.requests[request];
}

static const struct stream *stream_of(const struct machine *machine, const struct buffered_request *request)
{
    return &machine->workload->streams[request->stream];
}

static struct dma_device *device_of(struct machine *machine, const struct buffered_request *request)
{
    return mapping_device(machine, request->function_id, stream_of(machine, request)->pasid);
}

/* ---- slots: each stream has its own, since their lists differ in length ---- */

/* No segment of the device is longer. */
static uint64_t longest_of(const struct dma_device *device, const struct stream *stream)
{
    uint64_t bounce = dma_longest(device);
    return stream->pieces > 1 && device->longest_segment < bounce ? device->longest_segment : bounce;
}

/* The lists of a request: what its buffers may become, split to what the device takes. */
static void make_room(struct machine *machine, struct buffered_request *request,
                      const struct buffered_request *what)
{
    const struct stream *stream = stream_of(machine, what);
    uint64_t longest = longest_of(device_of(machine, what), stream), piece = what->length / stream->pieces;
    size_t most = stream->pieces * (size_t)((piece + (longest - 1)) / longest + 1);
    if (request->room >= most)
        return;
    request->room = (uint32_t)most;
    request->pieces = arena_array(machine->arena, stream->pieces, sizeof(*request->pieces));
    request->joined = arena_array(machine->arena, most, sizeof(*request->joined));
    request->mapping.segments = arena_array(machine->arena, most, sizeof(*request->mapping.segments));
    request->mapping.elements = arena_array(machine->arena, most, sizeof(*request->mapping.elements));
}

static uint32_t take_slot(struct machine *machine, const struct buffered_request *what)
{
    struct mapping_state *state = &machine->mapping;
    uint32_t *free_first = &state->free_requests[what->stream], index = *free_first;
    if (index == NONE) {
        state->requests = memory_grow(state->requests, state->request_count, &state->request_capacity,
                                      sizeof(*state->requests));
        index = state->request_count++;
        state->requests[index] = (struct buffered_request){0};
    } else {
        *free_first = state->requests[index].next;
    }
    make_room(machine, &state->requests[index], what);
    return index;
}

static void release_slot(struct machine *machine, uint32_t index)
{
    struct buffered_request *request = request_at(machine, index);
    uint32_t *first = request->mapped ? &machine->mapping.pooled_requests[request->stream]
                                      : &machine->mapping.free_requests[request->stream];
    request->next = *first;
    *first = index;
    request->live = false;
    machine->mapping.live_requests--;
}

/* ---- memory ---- */

static bool take_pieces(struct machine *machine, struct buffered_request *request)
{
    const struct stream *stream = stream_of(machine, request);
    uint32_t node;
    struct page_allocator *pages = mapping_pages_of(machine, request->function_id, &node);
    for (uint32_t i = 0; i < stream->pieces; i++) {
        struct scatter_element *piece = &request->pieces[i];
        piece->length = request->length / stream->pieces;
        if (!page_allocator_take_exact(pages, piece->length, node, stream->zone, &piece->address))
            return false;
        request->piece_count = i + 1;
    }
    return true;
}

static void give_pieces(struct machine *machine, const struct buffered_request *request)
{
    for (uint32_t i = 0; i < request->piece_count; i++)
        mapping_give_memory(machine, request->function_id, request->pieces[i].address,
                            request->pieces[i].length);
}

/* What the block layer makes of the buffers: neighbours are one, nothing is longer than the device takes. */
static void join_pieces(struct machine *machine, struct buffered_request *request)
{
    const struct dma_device *device = device_of(machine, request);
    uint64_t longest = longest_of(device, stream_of(machine, request));
    uint32_t count = 0;
    for (uint32_t i = 0; i < request->piece_count; i++) {
        struct scatter_element rest = request->pieces[i];
        while (rest.length) {
            uint64_t part = rest.length < longest ? rest.length : longest;
            request->joined[count++] = (struct scatter_element){rest.address, part};
            rest.address += part;
            rest.length -= part;
        }
    }
    request->joined_count = scatter_join(request->joined, count, device->boundary_mask, longest);
}

/* ---- mapping ---- */

static void request_mapped(struct machine *machine, const struct mapping_job *job);
static void request_synchronised(struct machine *machine, const struct mapping_job *job);
static void request_unmapped(struct machine *machine, const struct mapping_job *job);

static void add_job(struct machine *machine, uint32_t index, enum mapping_job_kind kind,
                    void (*done)(struct machine *, const struct mapping_job *))
{
    const struct buffered_request *request = request_at(machine, index);
    mapping_add_job(machine, &(struct mapping_job){.kind = kind,
                                                   .function_id = request->function_id,
                                                   .pasid = stream_of(machine, request)->pasid,
                                                   .request = index,
                                                   .stream = request->stream,
                                                   .cpu = stream_of(machine, request)->cpu,
                                                   .done = done});
}

/* A buffer of the pool that is mapped already, or memory for a new one. */
void requests_begin(struct machine *machine, const struct buffered_request *what)
{
    uint32_t *pooled = &machine->mapping.pooled_requests[what->stream];
    bool mapped = *pooled != NONE;
    uint32_t index = mapped ? *pooled : take_slot(machine, what);
    struct buffered_request *request = request_at(machine, index);
    if (mapped)
        *pooled = request->next;
    request->stream = what->stream;
    request->function_id = what->function_id;
    request->write = what->write;
    request->recorded = what->recorded;
    request->start_ps = machine->events.now_ps;
    request->length = what->length;
    request->outside_token = what->outside_token;
    request->failed = request->late = false;
    request->translated_ps = 0;
    request->ledger = (struct ledger){0};
    request->live = true;
    machine->mapping.live_requests++;
    if (mapped) {
        add_job(machine, index, JOB_SYNC_FOR_DEVICE, request_synchronised);
        return;
    }
    request->piece_count = 0;
    if (!take_pieces(machine, request)) {
        const struct mapping_job job = {.stream = request->stream};
        machine->status =
            mapping_refuse(machine, &job, "run-no-memory", "no room is left in RAM for buffers");
        return;
    }
    join_pieces(machine, request);
    add_job(machine, index, JOB_MAP, request_mapped);
}

enum dma_map_result requests_map(struct machine *machine, uint32_t index, struct kernel_time *time)
{
    struct buffered_request *request = request_at(machine, index);
    const struct stream *stream = stream_of(machine, request);
    enum dma_direction direction = request->write ? DMA_FROM_DEVICE : DMA_TO_DEVICE;
    if (stream->buffers == BUFFERS_POOLED && stream->operation == STREAM_ALTERNATE)
        direction = DMA_BIDIRECTIONAL;
    return scatter_map(device_of(machine, request), time, request->joined, request->joined_count, direction,
                       &request->mapping);
}

bool requests_hopeless(const struct machine *machine, const struct mapping_job *job)
{
    const struct mapping_state *state = &machine->mapping;
    if (job->result == DMA_NO_SLOTS)
        return state->swiotlb.used == 0;
    return job->result != DMA_NO_ADDRESS || (state->domains[job->domain].kernel.iova.live_bytes == 0);
}

/* The driver tries again when something was unmapped. */
static void starve(struct machine *machine, uint32_t index)
{
    struct mapping_state *state = &machine->mapping;
    struct buffered_request *request = request_at(machine, index);
    request->next = NONE;
    if (state->starved_first == NONE)
        state->starved_first = index;
    else
        request_at(machine, state->starved_last)->next = index;
    state->starved_last = index;
    machine->traffic[request->stream].result.buffers.retries++;
}

void requests_retry(struct machine *machine)
{
    struct mapping_state *state = &machine->mapping;
    uint32_t index = state->starved_first;
    if (state->starved_job_count) {
        struct mapping_job job = state->starved_jobs[0];
        memmove(state->starved_jobs, state->starved_jobs + 1,
                --state->starved_job_count * sizeof(*state->starved_jobs));
        mapping_add_job(machine, &job);
        return;
    }
    if (index == NONE)
        return;
    state->starved_first = request_at(machine, index)->next;
    add_job(machine, index, JOB_MAP, request_mapped);
}

int requests_end(struct machine *machine)
{
    const struct mapping_state *state = &machine->mapping;
    struct mapping_job job = {.stream = NONE};
    if (machine->stopped || (state->starved_first == NONE && !state->starved_job_count))
        return 0;
    if (state->starved_job_count)
        job = state->starved_jobs[0];
    else
        job.stream = request_at(machine, state->starved_first)->stream;
    return mapping_refuse(
        machine, &job, "run-starved",
        "its driver waits for an address or a bounce buffer, but all are in buffers that stay "
        "mapped: fewer of those, or a larger pool (swiotlb=)");
}

/* ---- the device's operations ---- */

static void submit_segment(struct machine *machine, uint32_t index, uint32_t segment, bool late)
{
    dma_operation_pool_reserve(&machine->operations, 1);
    event_queue_reserve(&machine->events, machine->operations.count + 64);
    const struct buffered_request *request = request_at(machine, index);
    const struct scatter_element *place = &request->mapping.segments[segment];
    uint32_t id = dma_operation_take(&machine->operations);
    struct dma_operation *operation = &machine->operations.items[id];
    *operation = (struct dma_operation){.address = place->address,
                                        .length_bytes = (uint32_t)place->length,
                                        .stream = request->stream,
                                        .engine = machine->engine_of[request->function_id],
                                        .write = request->write,
                                        .recorded = request->recorded,
                                        .late = late,
                                        .pasid = stream_of(machine, request)->pasid,
                                        .traffic_class = stream_of(machine, request)->traffic_class,
                                        .forged = stream_of(machine, request)->misbehaviour ==
                                                  MISBEHAVIOUR_FORGED_TRANSLATION,
                                        .request = index + 1,
                                        .start_ps = request->start_ps,
                                        .next = NONE};
    machine->bytes_submitted += place->length;
    if (machine->options.trace && !late)
        request_trace_begin(machine->options.trace, operation);
    if (late)
        event_queue_push(&machine->events,
                         machine->events.now_ps + stream_of(machine, request)->misbehaviour_delay_ps,
                         PRIORITY_NORMAL, EVENT_RETRY, operation->engine, id);
    else
        dma_engine_submit(&machine->engines[operation->engine], id);
}

static void submit_all(struct machine *machine, uint32_t index, bool late)
{
    struct buffered_request *request = request_at(machine, index);
    uint32_t count = request->mapping.segment_count;
    request->operations_left = count;
    for (uint32_t i = 0; i < count; i++)
        submit_segment(machine, index, i, late);
}

static void count_mapped(struct machine *machine, const struct buffered_request *request)
{
    struct buffer_counters *counters = &machine->traffic[request->stream].result.buffers;
    counters->pieces += request->piece_count;
    counters->joined += request->joined_count;
    counters->segments += request->mapping.segment_count;
    for (uint32_t i = 0; i < request->mapping.element_count && request->mapping.one_by_one; i++) {
        if (request->mapping.elements[i].slot != SWIOTLB_NOTHING)
            counters->bounced_bytes += request->mapping.elements[i].length;
    }
}

/* Time since @p from_ps that a CPU's job took: what it copied, waited for invalidations, and all the rest. */
static void charge(struct buffered_request *request, const struct mapping_job *job, uint64_t from_ps,
                   uint64_t now_ps)
{
    uint64_t copy_ps = job->time.spent_ps[KERNEL_COPY], wait_ps = job->time.spent_ps[KERNEL_INVALIDATION];
    request->ledger.ps[LEDGER_BOUNCE_COPY] += copy_ps;
    request->ledger.ps[LEDGER_INVALIDATION] += wait_ps;
    request->ledger.ps[LEDGER_DRIVER] += now_ps - from_ps - copy_ps - wait_ps;
}

static void request_mapped(struct machine *machine, const struct mapping_job *job)
{
    struct buffered_request *request = request_at(machine, job->request);
    if (job->result != DMA_MAPPED) {
        if (requests_hopeless(machine, job))
            mapping_refuse_buffer(machine, job, request->pieces[0].address, request->length);
        else
            starve(machine, job->request);
        return;
    }
    request->mapped = true;
    machine->mapping.mapped_requests++;
    request_synchronised(machine, job);
}

/* The buffer is the device's. */
static void request_synchronised(struct machine *machine, const struct mapping_job *job)
{
    struct buffered_request *request = request_at(machine, job->request);
    count_mapped(machine, request);
    charge(request, job, request->start_ps, machine->events.now_ps);
    request->done_ps = machine->events.now_ps;
    request->before = request->ledger;
    submit_all(machine, job->request, false);
}

void requests_note(struct machine *machine, const struct dma_operation *operation,
                   const struct ledger *ledger, uint64_t done_ps)
{
    struct buffered_request *request = request_at(machine, operation->request - 1);
    request->failed |= operation->failed;
    if (operation->translated_ps > request->translated_ps)
        request->translated_ps = operation->translated_ps;
    if (done_ps < request->done_ps)
        return;
    request->done_ps = done_ps;
    request->slowest = *ledger;
    request->slowest_number = operation->number;
}

static void finish(struct machine *machine, uint32_t index)
{
    const struct buffered_request request = *request_at(machine, index);
    release_slot(machine, index);
    if (stream_of(machine, &request)->source == STREAM_SUBMITTED)
        outside_request_done(machine, &request);
    else
        traffic_request_done(machine, request.stream, request.start_ps);
}

/* The buffer is the CPU's, and stays mapped. */
static void request_returned(struct machine *machine, const struct mapping_job *job)
{
    struct buffered_request *request = request_at(machine, job->request);
    charge(request, job, request->done_ps, machine->events.now_ps);
    machine_record_request(machine, request, machine->events.now_ps);
    finish(machine, job->request);
}

static void request_unmapped(struct machine *machine, const struct mapping_job *job)
{
    struct buffered_request *request = request_at(machine, job->request);
    const struct stream *stream = stream_of(machine, request);
    uint64_t now_ps = machine->events.now_ps;
    charge(request, job, request->done_ps, now_ps);
    request->mapped = false;
    machine->mapping.mapped_requests--;
    give_pieces(machine, request);
    machine_record_request(machine, request, now_ps);
    requests_retry(machine);
    if (stream->misbehaviour == MISBEHAVIOUR_USE_AFTER_UNMAP) {
        request_at(machine, job->request)->late = true;
        submit_all(machine, job->request, true);
    } else {
        finish(machine, job->request);
    }
}

void requests_operation_done(struct machine *machine, uint32_t operation)
{
    uint32_t index = machine->operations.items[operation].request - 1;
    struct buffered_request *request = request_at(machine, index);
    dma_operation_release(&machine->operations, operation);
    if (--request->operations_left)
        return;
    if (request->late) {
        finish(machine, index);
        return;
    }
    for (int part = 0; part < LEDGER_PARTS; part++)
        request->ledger.ps[part] += request->slowest.ps[part];
    if (stream_of(machine, request)->buffers == BUFFERS_POOLED)
        add_job(machine, index, JOB_SYNC_FOR_CPU, request_returned);
    else
        add_job(machine, index, JOB_UNMAP, request_unmapped);
}
