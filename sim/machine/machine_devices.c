/* SPDX-License-Identifier: MIT */
/*
 * Models of devices in a machine: what they ask for becomes operations of their function's DMA engine, jobs
 * of CPUs and events; what comes of it is told them. As long as something they asked for is under way, their
 * stream is not over.
 */
#include "sim/machine/machine_state.h"

#include "sim/base/arena.h"
#include "sim/base/status.h"

#include <string.h>

enum { INTERRUPT_BYTES = 4, REGISTER_BYTES = 8, ROOM = 8 };

/* ---- what models ask for (struct device_host) ---- */

static uint64_t now_ps(void *context)
{
    const struct machine *machine = context;
    return machine->events.now_ps;
}

static uint64_t coherent(void *context, uint32_t stream, uint64_t bytes, uint64_t page_bytes)
{
    return mapping_coherent(context, stream, bytes, page_bytes);
}

static void occupy(void *context, uint32_t stream, uint64_t bytes, uint64_t count)
{
    mapping_occupy(context, stream, bytes, count);
}

/* Something goes under way. Nobody holds pointers into these arrays when a model is called. */
static void begin(struct machine *machine, uint32_t stream)
{
    dma_operation_pool_reserve(&machine->operations, ROOM);
    event_queue_reserve(&machine->events, ROOM);
    traffic_device_begins(machine, stream);
}

static void submit(struct machine *machine, uint32_t stream, const struct dma_operation *what)
{
    struct traffic *traffic = &machine->traffic[stream];
    if (machine->engines[machine->engine_of[traffic->stream->function_id]].stopped)
        return; /* it waits for a reset: nothing is answered any more */
    begin(machine, stream);
    uint32_t index = dma_operation_take(&machine->operations);
    struct dma_operation *operation = &machine->operations.items[index];
    *operation = *what;
    operation->next = NONE;
    operation->stream = stream;
    operation->traffic_class = traffic->stream->traffic_class;
    operation->start_ps = machine->events.now_ps;
    operation->engine = machine->engine_of[traffic->stream->function_id];
    operation->recorded = traffic->device->counters.done >= traffic->stream->warmup_operations;
    operation->of_device = true;
    if (traffic->issued++ == 0)
        traffic->result.first_ps = machine->events.now_ps;
    queue_meter_arrive(&traffic->queue, machine->events.now_ps);
    traffic->result.submitted++;
    machine->bytes_submitted += operation->length_bytes;
    if (machine->options.trace)
        request_trace_begin(machine->options.trace, operation);
    dma_engine_submit(&machine->engines[operation->engine], index);
}

static void dma(void *context, uint32_t stream, uint64_t address, uint32_t bytes, bool write, uint32_t token)
{
    submit(
        context, stream,
        &(struct dma_operation){.address = address, .length_bytes = bytes, .write = write, .token = token});
}

static void interrupt(void *context, uint32_t stream, uint32_t token)
{
    const struct machine *machine = context;
    submit(context, stream,
           &(struct dma_operation){.address = machine->traffic[stream].interrupt_address,
                                   .length_bytes = INTERRUPT_BYTES,
                                   .write = true,
                                   .interrupt = true,
                                   .token = token});
}

static void cpu(void *context, uint32_t stream, uint32_t cpu_id, uint64_t duration_ps, uint32_t token)
{
    begin(context, stream);
    mapping_work_for_device(context, stream, cpu_id, duration_ps, token);
}

static void map(void *context, uint32_t stream, uint32_t cpu_id, struct device_buffer *buffer, bool write,
                uint32_t token)
{
    begin(context, stream);
    mapping_map_for_device(context, stream, cpu_id, buffer, write, token);
}

static void unmap(void *context, uint32_t stream, uint32_t cpu_id, struct device_buffer *buffer, bool write,
                  uint32_t token)
{
    begin(context, stream);
    mapping_unmap_for_device(context, stream, cpu_id, buffer, write, token);
}

static void sync(void *context, uint32_t stream, uint32_t cpu_id, const struct device_buffer *buffer,
                 uint32_t bytes, uint32_t token)
{
    begin(context, stream);
    mapping_sync_for_device(context, stream, cpu_id, buffer, bytes, token);
}

static void after(void *context, uint32_t stream, uint64_t delay_ps, uint32_t token)
{
    struct machine *machine = context;
    begin(machine, stream);
    event_queue_push(&machine->events, machine->events.now_ps + delay_ps, PRIORITY_NORMAL, EVENT_DEVICE,
                     stream, token);
}

static void doorbell(void *context, uint32_t stream, uint32_t token)
{
    struct machine *machine = context;
    begin(machine, stream);
    event_queue_push(&machine->events,
                     machine->events.now_ps + machine->input->parameters.driver.doorbell_latency_ps,
                     PRIORITY_NORMAL, EVENT_DOORBELL, stream, token);
}

static void measure(void *context, uint32_t stream)
{
    struct machine *machine = context;
    machine->traffic[stream].result.first_ps = machine->events.now_ps;
    if (--machine->warming_streams == 0)
        machine_measure_from_now(machine);
}

/* ---- what becomes of it ---- */

/* Tell the model, which may ask for more, then see whether this was the last. */
static void answer(struct machine *machine, uint32_t stream, uint32_t token)
{
    device_model_event(machine->traffic[stream].device, token);
    traffic_device_ends(machine, stream);
}

/* MODEL: registers have 64 bits. It goes by the function's id, as messages do: the address of whatever
 * register it is leads the same way. */
void devices_on_doorbell(struct machine *machine, uint32_t stream, uint32_t token)
{
    uint32_t function_id = machine->traffic[stream].stream->function_id,
             index = machine_make_message(machine, TRANSACTION_MESSAGE_BY_ID, function_id);
    struct tlp *tlp = &machine->pool.items[index];
    tlp->message = MESSAGE_DOORBELL;
    tlp->iova = (uint64_t)stream << 32 | token;
    tlp->length_bytes = REGISTER_BYTES;
    tlp->wire_bytes = TLP_FRAMING_BYTES + TLP_REQUEST_HEADER_BYTES + REGISTER_BYTES;
    if (machine_send_down(machine, index, function_id))
        return;
    devices_doorbell_arrived(machine, tlp); /* part of the root complex */
    tlp_release(&machine->pool, index);
}

void devices_doorbell_arrived(struct machine *machine, const struct tlp *tlp)
{
    event_queue_push(&machine->events, machine->events.now_ps, PRIORITY_NORMAL, EVENT_DEVICE,
                     (uint32_t)(tlp->iova >> 32), (uint32_t)tlp->iova);
}

void devices_on_event(struct machine *machine, uint32_t stream, uint32_t token)
{
    answer(machine, stream, token);
}

uint32_t devices_interrupt_held(struct machine *machine, struct dma_operation *operation)
{
    uint32_t token = operation->token;
    if (!operation->of_device || !operation->interrupt) /* data that went astray is told of when it is over */
        return NONE;
    operation->interrupt = false; /* no longer to be answered when it ends */
    operation->token = NONE;
    traffic_device_begins(machine, operation->stream);
    return token;
}

void devices_interrupted(struct machine *machine, struct dma_operation *operation, uint64_t taken_ps)
{
    uint32_t token = devices_interrupt_held(machine, operation);
    if (token != NONE)
        event_queue_push(&machine->events, taken_ps, PRIORITY_NORMAL, EVENT_DEVICE, operation->stream, token);
}

void devices_operation_done(struct machine *machine, uint32_t index)
{
    const struct dma_operation operation = machine->operations.items[index];
    queue_meter_depart(&machine->traffic[operation.stream].queue, operation.start_ps, machine->events.now_ps);
    dma_operation_release(&machine->operations, index);
    if (operation.token != NONE)
        answer(machine, operation.stream, operation.token);
    else
        traffic_device_ends(machine, operation.stream);
}

void devices_job_done(struct machine *machine, const struct mapping_job *job)
{
    answer(machine, job->stream, job->token);
}

/* ---- life ---- */

/* The workload's own parameters over those of the machine. */
static union device_parameters parameters_of(const struct machine *machine, const struct stream *stream)
{
    const struct field_table *table = device_fields(stream->device_kind);
    union device_parameters parameters = machine->input->parameters.devices[stream->device_kind];
    static const size_t sizes[] = {[FIELD_QUANTITY] = sizeof(uint64_t),
                                   [FIELD_COUNT] = sizeof(uint32_t),
                                   [FIELD_BOOLEAN] = sizeof(bool),
                                   [FIELD_CHOICE] = sizeof(int)};
    for (size_t i = 0; i < table->count; i++) {
        if (stream->device_given[i])
            memcpy((char *)&parameters + table->fields[i].offset,
                   (const char *)&stream->device + table->fields[i].offset, sizes[table->fields[i].type]);
    }
    return parameters;
}

uint32_t devices_cpus(const struct machine *machine, uint32_t stream_id)
{
    const struct stream *stream = &machine->workload->streams[stream_id];
    if (stream->device_kind == DEVICE_NONE)
        return 1;
    union device_parameters parameters = parameters_of(machine, stream);
    return device_cpus(stream->device_kind, &parameters);
}

uint64_t devices_ring_bytes(const struct machine *machine, uint32_t stream_id)
{
    const struct stream *stream = &machine->workload->streams[stream_id];
    if (stream->device_kind == DEVICE_NONE)
        return 0;
    union device_parameters parameters = parameters_of(machine, stream);
    return device_ring_bytes(stream->device_kind, &parameters);
}

/* The largest memory BAR of a function. */
static const struct bar *memory_of(const struct machine *machine, uint32_t function_id)
{
    const struct pci_function *function = &machine->input->topology->functions[function_id];
    const struct bar *best = NULL;
    for (int i = 0; i < BAR_COUNT; i++) {
        const struct bar *bar = &function->bars[i];
        bool memory = (bar->kind == BAR_MEMORY32 || bar->kind == BAR_MEMORY64) && bar->assigned;
        if (memory && (!best || bar->size > best->size))
            best = bar;
    }
    return best;
}

static int refuse(const struct machine *machine, uint32_t stream, struct diagnostics *diagnostics,
                  const char *field, const char *text)
{
    workload_report(machine->workload, diagnostics, DIAGNOSTIC_ERROR,
                    machine->workload->streams[stream].pointer, "workload-device-model",
                    "stream \"%s\": \"%s\" %s", machine->workload->streams[stream].name, field, text);
    return STATUS_BAD_INPUT;
}

int devices_open(struct machine *machine, uint32_t stream_id, struct diagnostics *diagnostics)
{
    const struct stream *stream = &machine->workload->streams[stream_id];
    struct traffic *traffic = &machine->traffic[stream_id];
    const char *field;
    traffic->parameters = parameters_of(machine, stream);
    const char *wrong = device_parameters_wrong(stream->device_kind, &traffic->parameters, &field);
    if (wrong)
        return refuse(machine, stream_id, diagnostics, field, wrong);
    struct device_setup setup = {.kind = stream->device_kind,
                                 .parameters = traffic->parameters,
                                 .driver = machine->input->parameters.driver,
                                 .host = {machine, stream_id, now_ps, coherent, occupy, dma, interrupt, cpu,
                                          map, unmap, sync, doorbell, after, measure},
                                 .first_cpu = stream->cpu,
                                 .units = stream->operations,
                                 .warmup = stream->warmup_operations,
                                 .seed = machine->options.seed,
                                 .name = stream->name};
    if (stream->device_kind == DEVICE_COPY_ENGINE &&
        traffic->parameters.copy_engine.direction == COPY_TO_PEER) {
        const struct bar *bar = stream->peer_id == NONE ? NULL : memory_of(machine, stream->peer_id);
        if (!bar)
            return refuse(machine, stream_id, diagnostics, "peer",
                          stream->peer_id == NONE ? "is missing: copies go to a peer"
                                                  : "names a function without memory of its own");
        if (bar->size / traffic->parameters.copy_engine.engines < traffic->parameters.copy_engine.copy_bytes)
            return refuse(machine, stream_id, diagnostics, "copy", "is larger than the peer's memory");
        struct guest_device *device;
        if (guests_find(machine, stream->function_id, &device) !=
            guests_find(machine, stream->peer_id, &device))
            return refuse(machine, stream_id, diagnostics, "peer",
                          "names a device that is not of the same guest");
        setup.peer_at = mapping_peer(machine, stream_id, bar->address, bar->size);
        setup.peer_bytes = bar->size;
        if (!setup.peer_at)
            return refuse(machine, stream_id, diagnostics, "peer",
                          "has its memory where the device does not reach it (\"dma_mask_bits\")");
    }
    traffic->device = arena_alloc(machine->arena, sizeof(*traffic->device));
    device_model_init(traffic->device, machine->arena, &setup);
    return 0;
}

void devices_start(struct machine *machine, uint32_t stream)
{
    struct device_model *device = machine->traffic[stream].device;
    device->counters.first_ps = machine->events.now_ps;
    traffic_device_begins(machine, stream);
    if (!device_model_start(device))
        machine->status =
            refuse(machine, stream, machine->diagnostics, device_fields(device->kind)->name,
                   "finds no room for its rings in the RAM that the device reaches (\"dma_mask_bits\")");
    traffic_device_ends(machine, stream);
}

const struct device_model *machine_device_model(const struct machine *machine, uint32_t stream)
{
    return machine->traffic[stream].device;
}

const union device_parameters *machine_device_parameters(const struct machine *machine, uint32_t stream)
{
    return &machine->traffic[stream].parameters;
}
