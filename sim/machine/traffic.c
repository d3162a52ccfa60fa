/* SPDX-License-Identifier: MIT */
/* Where DMA operations come from: generators and traces, open or closed loop. */
#include "sim/machine/machine_state.h"

#include "sim/base/arena.h"
#include "sim/base/status.h"

#include <inttypes.h>

/* An open loop that offers more than the machine takes would fill memory. More than this do not wait: they
 * are turned away, as a device does whose queue is full. */
enum { OPEN_LOOP_LIMIT = 65536, BACKLOG_OF_NOTE = 64 };

/* ---- what comes next ---- */

static uint64_t next_offset(struct traffic *traffic)
{
    const struct stream *stream = traffic->stream;
    uint64_t offset = traffic->position;
    if (stream->pattern == PATTERN_RANDOM) {
        uint64_t starts = (stream->window_bytes - stream->size_bytes) / stream->alignment_bytes + 1;
        return random_below(&traffic->random, starts) * stream->alignment_bytes;
    }
    uint64_t step = stream->pattern == PATTERN_STRIDED ? stream->stride_bytes : stream->size_bytes;
    traffic->position = offset + step;
    if (traffic->position + stream->size_bytes > stream->window_bytes)
        traffic->position = 0;
    return offset;
}

static bool generator_next(struct traffic *traffic, struct dma_operation *operation, uint32_t *function_id)
{
    const struct stream *stream = traffic->stream;
    if (traffic->exhausted)
        return false;
    if (stream->operations && traffic->issued >= stream->operations + stream->warmup_operations)
        return false;
    operation->address = stream->base + next_offset(traffic);
    operation->length_bytes = (uint32_t)stream->size_bytes;
    if (stream->operation == STREAM_MSI && !stream->base)
        operation->address = traffic->interrupt_address;
    operation->interrupt = stream->operation == STREAM_MSI;
    operation->write = stream->operation == STREAM_WRITE || stream->operation == STREAM_MSI ||
                       (stream->operation == STREAM_ALTERNATE && traffic->write_next);
    operation->pasid = stream->pasid;
    operation->traffic_class = stream->traffic_class;
    traffic->write_next = !traffic->write_next;
    *function_id = stream->function_id;
    return true;
}

/* Keep one record read ahead; barriers are consumed when nothing of the trace is outstanding. */
static bool trace_fill(struct machine *machine, struct traffic *traffic)
{
    while (!traffic->pending_valid && !traffic->exhausted) {
        int got = trace_next(traffic->trace, &traffic->pending, machine->diagnostics);
        if (got < 0)
            machine->status = got;
        traffic->exhausted = got <= 0;
        traffic->pending_valid = got > 0;
    }
    return traffic->pending_valid;
}

/* What a driver does comes between the device's operations: without time stamps it waits for those before it,
 * and those after it wait. @return false where it has to wait */
static bool take_driver_call(struct machine *machine, struct traffic *traffic)
{
    if (!traffic->stream->trace_timed && traffic->outstanding)
        return false;
    traffic->outstanding++;
    traffic->driver_calls += !traffic->stream->trace_timed;
    traffic->pending_valid = false;
    int status = mapping_of_trace(machine, (uint32_t)(traffic - machine->traffic), &traffic->pending);
    if (status < 0)
        machine->status = status;
    return status == 0;
}

static bool trace_take(struct machine *machine, struct traffic *traffic, struct dma_operation *operation,
                       uint32_t *function_id)
{
    if (traffic->driver_calls)
        return false;
    while (trace_fill(machine, traffic)) {
        const struct trace_record *record = &traffic->pending;
        if (record->operation == TRACE_BARRIER) {
            if (traffic->outstanding)
                return false;
            traffic->pending_valid = false;
            continue;
        }
        if (traffic->stream->trace_timed &&
            traffic->stream->start_ps + record->time_ps > machine->events.now_ps)
            return false;
        if (record->operation >= TRACE_MAP) {
            if (!take_driver_call(machine, traffic) || traffic->driver_calls)
                return false;
            continue;
        }
        if (machine->engines[machine->engine_of[record->function_id]].stopped) {
            traffic->result.left_out++;
            traffic->pending_valid = false;
            continue;
        }
        operation->address = record->iova;
        operation->length_bytes = record->length;
        operation->write = record->operation == TRACE_WRITE;
        operation->pasid = record->pasid;
        operation->traffic_class = traffic->stream->traffic_class;
        *function_id = record->function_id;
        traffic->pending_valid = false;
        return true;
    }
    return false;
}

/* ---- submitting ---- */

/* A read, and before it a write of the same place. */
static void submit_write_read(struct machine *machine, uint32_t read)
{
    uint32_t index = dma_operation_take(&machine->operations);
    struct dma_operation *operation = &machine->operations.items[index];
    struct dma_engine *engine = &machine->engines[machine->operations.items[read].engine];
    *operation = machine->operations.items[read];
    operation->write = operation->leads = true;
    operation->trace = 0;
    operation->read_behind = read + 1;
    machine->operations.items[read].blocked = true;
    machine->bytes_submitted += operation->length_bytes;
    dma_engine_submit(engine, index);
    dma_engine_submit(engine, read);
}

static void submit_operation(struct machine *machine, const struct dma_operation *operation)
{
    uint32_t index = dma_operation_take(&machine->operations);
    machine->bytes_submitted += operation->length_bytes;
    machine->operations.items[index] = *operation;
    if (machine->options.trace)
        request_trace_begin(machine->options.trace, &machine->operations.items[index]);
    if (machine->workload->streams[operation->stream].operation == STREAM_WRITE_READ)
        submit_write_read(machine, index);
    else
        dma_engine_submit(&machine->engines[operation->engine], index);
}

static bool submit_one(struct machine *machine, uint32_t stream_id)
{
    struct traffic *traffic = &machine->traffic[stream_id];
    struct dma_operation next = {.stream = stream_id, .start_ps = machine->events.now_ps, .next = NONE};
    uint32_t function_id = NONE;
    if (machine->status < 0)
        return false; /* refused: once is enough */
    bool got = traffic->trace ? trace_take(machine, traffic, &next, &function_id)
                              : generator_next(traffic, &next, &function_id);
    if (!got) {
        if (!traffic->trace || (traffic->exhausted && !traffic->pending_valid))
            steady_window_end(machine, stream_id);
        return false;
    }
    if (!stream_is_closed_loop(traffic->stream) && traffic->outstanding >= OPEN_LOOP_LIMIT) {
        traffic->issued++;
        traffic->result.turned_away++;
        traffic->result.overloaded = true;
        return true;
    }
    next.engine = machine->engine_of[function_id];
    next.forged = traffic->stream->misbehaviour == MISBEHAVIOUR_FORGED_TRANSLATION;
    next.recorded = traffic->issued >= traffic->stream->warmup_operations;
    if (traffic->issued == 0)
        traffic->result.first_ps = machine->events.now_ps;
    steady_window_begin(machine, stream_id);
    traffic->issued++;
    traffic->outstanding++;
    queue_meter_arrive(&traffic->queue, machine->events.now_ps);
    traffic->result.submitted++;
    if (stream_buffers_are_mapped(traffic->stream->buffers))
        requests_begin(machine, &(struct buffered_request){.stream = stream_id,
                                                           .function_id = function_id,
                                                           .write = next.write,
                                                           .recorded = next.recorded,
                                                           .length = next.length_bytes});
    else
        submit_operation(machine, &next);
    return true;
}

static void fill_queue(struct machine *machine, uint32_t stream_id)
{
    struct traffic *traffic = &machine->traffic[stream_id];
    while (traffic->outstanding < traffic->stream->queue_depth && submit_one(machine, stream_id)) {
        dma_operation_pool_reserve(&machine->operations, 2);
        event_queue_reserve(&machine->events, machine->operations.count + 64);
    }
}

static void post_issue(struct machine *machine, uint32_t stream_id, uint64_t time_ps)
{
    event_queue_push(&machine->events, time_ps, PRIORITY_NORMAL, EVENT_ISSUE, stream_id, 0);
}

/* Timed trace: submit what is due and come back for the next. */
static void issue_timed(struct machine *machine, uint32_t stream_id)
{
    struct traffic *traffic = &machine->traffic[stream_id];
    while (submit_one(machine, stream_id)) {
        dma_operation_pool_reserve(&machine->operations, 2);
        event_queue_reserve(&machine->events, machine->operations.count + 64);
    }
    if (traffic->pending_valid && traffic->pending.operation != TRACE_BARRIER)
        post_issue(machine, stream_id, traffic->stream->start_ps + traffic->pending.time_ps);
}

static bool finished(const struct traffic *traffic)
{
    const struct stream *stream = traffic->stream;
    if (traffic->outstanding || traffic->pending_valid)
        return false;
    if (traffic->device)
        return traffic->exhausted || device_model_is_done(traffic->device);
    if (traffic->trace || traffic->exhausted)
        return traffic->exhausted;
    return stream->operations && traffic->issued >= stream->operations + stream->warmup_operations;
}

static void check_finished(struct machine *machine, uint32_t stream_id)
{
    struct traffic *traffic = &machine->traffic[stream_id];
    if (traffic->over || !finished(traffic))
        return;
    traffic->over = true;
    stream_limit_settle(machine, stream_id);
    for (uint32_t i = 0; i < machine->workload->stream_count && machine->active_streams == 1; i++)
        stream_limit_settle(machine, i); /* of those that ended before anything was measured */
    machine->streams_end_ps = machine->events.now_ps;
    machine->active_streams--;
}

bool traffic_is_over(const struct machine *machine)
{
    for (uint32_t i = 0; i < machine->workload->stream_count && !machine->active_streams; i++) {
        if (machine->workload->streams[i].source == STREAM_SUBMITTED)
            return false;
    }
    return machine->active_streams == 0;
}

void traffic_stop_function(struct machine *machine, uint32_t function_id)
{
    for (uint32_t i = 0; i < machine->workload->stream_count; i++) {
        struct traffic *traffic = &machine->traffic[i];
        if (traffic->stream->function_id != function_id)
            continue;
        traffic->exhausted = true;
        check_finished(machine, i);
    }
}

/* In an open loop that gets less than it asks for, operations pile up as long as it lasts: at its end there
 * are twice as many as at half time. */
static void watch_backlog(const struct machine *machine, struct traffic *traffic)
{
    const struct stream *stream = traffic->stream;
    uint64_t all = stream->operations + stream->warmup_operations;
    bool half = stream->operations ? traffic->issued >= all / 2
                                   : machine->events.now_ps >= machine->workload->duration_ps / 2;
    if (!half)
        traffic->backlog_at_half = traffic->outstanding;
    traffic->result.overloaded =
        traffic->result.turned_away ||
        (half && traffic->outstanding > BACKLOG_OF_NOTE &&
         traffic->outstanding > traffic->backlog_at_half + traffic->backlog_at_half / 2);
}

void traffic_on_issue(struct machine *machine, uint32_t stream_id)
{
    struct traffic *traffic = &machine->traffic[stream_id];
    const struct stream *stream = traffic->stream;
    if (traffic->device) {
        devices_start(machine, stream_id);
    } else if (stream_is_closed_loop(stream)) {
        fill_queue(machine, stream_id);
    } else if (traffic->trace) {
        issue_timed(machine, stream_id);
    } else if (submit_one(machine, stream_id)) {
        watch_backlog(machine, traffic);
        post_issue(machine, stream_id, machine->events.now_ps + stream->interval_ps);
    }
    check_finished(machine, stream_id); /* an empty trace, or one whose devices have stopped */
}

/* Something of the stream is over: submit what waited for it. */
static void go_on(struct machine *machine, uint32_t stream_id)
{
    struct traffic *traffic = &machine->traffic[stream_id];
    traffic->outstanding--;
    if (stream_is_closed_loop(traffic->stream))
        fill_queue(machine, stream_id);
    else if (traffic->trace && traffic->pending_valid && traffic->pending.operation == TRACE_BARRIER &&
             !traffic->outstanding)
        issue_timed(machine, stream_id);
    check_finished(machine, stream_id);
}

void traffic_device_begins(struct machine *machine, uint32_t stream_id)
{
    machine->traffic[stream_id].outstanding++;
}

void traffic_device_ends(struct machine *machine, uint32_t stream_id)
{
    machine->traffic[stream_id].outstanding--;
    check_finished(machine, stream_id);
}

void traffic_request_done(struct machine *machine, uint32_t stream_id, uint64_t start_ps)
{
    struct traffic *traffic = &machine->traffic[stream_id];
    queue_meter_depart(&traffic->queue, start_ps, machine->events.now_ps);
    traffic->over_operations++;
    if (stream_is_closed_loop(traffic->stream))
        steady_window_begin(machine, stream_id);
    go_on(machine, stream_id);
}

void traffic_operation_done(struct machine *machine, uint32_t index)
{
    const struct dma_operation operation = machine->operations.items[index];
    if (operation.leads) { /* its read goes on */
        dma_operation_release(&machine->operations, index);
        return;
    }
    if (machine->traffic[operation.stream].stream->source == STREAM_SUBMITTED) {
        queue_meter_depart(&machine->traffic[operation.stream].queue, operation.start_ps,
                           machine->events.now_ps);
        outside_operation_done(machine, index);
        return;
    }
    dma_operation_release(&machine->operations, index);
    traffic_request_done(machine, operation.stream, operation.start_ps);
}

void traffic_job_done(struct machine *machine, uint32_t stream_id)
{
    struct traffic *traffic = &machine->traffic[stream_id];
    traffic->driver_calls -= !traffic->stream->trace_timed;
    go_on(machine, stream_id);
}

/* ---- life ---- */

int traffic_open(struct machine *machine, struct diagnostics *diagnostics)
{
    const struct workload *workload = machine->workload;
    machine->traffic = arena_array(machine->arena, workload->stream_count, sizeof(*machine->traffic));
    for (uint32_t i = 0; i < workload->stream_count; i++) {
        struct traffic *traffic = &machine->traffic[i];
        traffic->stream = &workload->streams[i];
        random_init(&traffic->random, machine->options.seed, traffic->stream->name);
        traffic->write_next = true;
        if (traffic->stream->device_kind != DEVICE_NONE) {
            int status = devices_open(machine, i, diagnostics);
            if (status < 0)
                return status;
        }
        if (traffic->stream->trace_path) {
            int status = trace_open(traffic->stream->trace_path, machine->input->topology, &traffic->trace,
                                    diagnostics);
            if (status < 0)
                return status;
        }
    }
    return 0;
}

void traffic_start(struct machine *machine)
{
    for (uint32_t i = 0; i < machine->workload->stream_count; i++) {
        const struct stream *stream = &machine->workload->streams[i];
        enum guest_device_state device = guests_device_state(machine, stream->function_id);
        if (device == GUEST_DEVICE_REFUSED) {
            machine->traffic[i].exhausted = machine->traffic[i].over = true;
            continue;
        }
        machine->warming_streams += stream->warmup_operations != 0;
        if (stream->source == STREAM_SUBMITTED)
            continue;
        machine->active_streams++;
        machine->traffic[i].begun = device == GUEST_DEVICE_USABLE;
        if (machine->traffic[i].begun)
            post_issue(machine, i, stream->start_ps);
    }
}

void traffic_start_function(struct machine *machine, uint32_t function_id)
{
    uint32_t engine = machine->engine_of[function_id];
    if (engine != NONE)
        machine->engines[engine].stopped = false; /* it was reset */
    for (uint32_t i = 0; machine->traffic && i < machine->workload->stream_count; i++) {
        struct traffic *traffic = &machine->traffic[i];
        const struct stream *stream = traffic->stream;
        if (stream->function_id != function_id || stream->source == STREAM_SUBMITTED || traffic->begun ||
            traffic->over)
            continue;
        traffic->begun = true;
        event_queue_reserve(&machine->events, 1);
        post_issue(machine, i,
                   stream->start_ps > machine->events.now_ps ? stream->start_ps : machine->events.now_ps);
    }
}

void traffic_device_gone(struct machine *machine, uint32_t function_id)
{
    for (uint32_t i = 0; i < machine->workload->stream_count; i++) {
        struct traffic *traffic = &machine->traffic[i];
        if (traffic->stream->function_id != function_id || !traffic->device)
            continue;
        machine->engines[machine->engine_of[function_id]].stopped = true;
        traffic->exhausted = true;
        check_finished(machine, i);
    }
}

void traffic_close(struct machine *machine)
{
    for (uint32_t i = 0; machine->traffic && i < machine->workload->stream_count; i++)
        trace_close(machine->traffic[i].trace);
}
