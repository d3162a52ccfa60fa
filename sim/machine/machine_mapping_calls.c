/* SPDX-License-Identifier: MIT */
/* What drivers ask of CPUs: the lines of traces, and models of devices with their drivers. */
#include "sim/machine/machine_mapping.h"
#include "sim/machine/machine_state.h"

#include "sim/base/arena.h"

enum { PAGE = 4096 };

/* Buffers for which the trace named no place come from memory that is for them alone. */
static bool is_placed(const struct machine *machine, uint64_t physical)
{
    const struct free_memory *memory = &machine->mapping.trace_memory;
    return machine->mapping.trace_pages.zones && physical >= memory->base && physical <= memory->limit;
}

static void line_done(struct machine *machine, const struct mapping_job *job)
{
    if (job->kind == JOB_UNMAP && is_placed(machine, job->physical))
        page_allocator_give_exact(&machine->mapping.trace_pages, job->physical, job->length);
    traffic_job_done(machine, job->stream);
}

static bool place_buffer(struct machine *machine, struct mapping_job *job)
{
    return machine->mapping.trace_pages.zones &&
           page_allocator_take_exact(&machine->mapping.trace_pages, job->length,
                                     machine->mapping.trace_memory.node, ZONE_NORMAL, &job->physical);
}

int mapping_of_trace(struct machine *machine, uint32_t stream, const struct trace_record *record)
{
    static const enum mapping_job_kind kinds[] = {
        [TRACE_MAP] = JOB_MAP, [TRACE_UNMAP] = JOB_UNMAP, [TRACE_INVALIDATE] = JOB_INVALIDATE};
    struct mapping_job job = {.kind = kinds[record->operation],
                              .function_id = record->function_id,
                              .request = NONE,
                              .fixed = true,
                              .stream = stream,
                              .cpu = machine->workload->streams[stream].cpu,
                              .iova = record->iova,
                              .length = record->length,
                              .physical = record->physical,
                              .read = record->map_read,
                              .write = record->map_write,
                              .line = record->line,
                              .done = line_done,
                              .invalidation = record->length ? DMA_INVALIDATE_RANGE : DMA_INVALIDATE_DOMAIN};
    if (mapping_domain_of(machine, record->function_id) == NONE)
        return mapping_refuse(
            machine, &job, "trace-map-domain",
            "the device is in no domain of mode strict or lazy that an IOMMU translates: nothing "
            "can be mapped");
    if (job.kind == JOB_MAP && !record->physical_given && !place_buffer(machine, &job))
        return mapping_refuse(machine, &job, "run-no-memory", "no room is left in RAM for buffers");
    mapping_add_job(machine, &job);
    return 0;
}

/* ---- for models of devices ---- */

/* The driver is told that it gets nothing now, or tries again when something was unmapped; where nothing can
 * be, the run ends. */
static void device_starves(struct machine *machine, const struct mapping_job *job)
{
    struct mapping_state *state = &machine->mapping;
    if (requests_hopeless(machine, job)) {
        mapping_refuse_buffer(machine, job, job->mapping.buffer, job->mapping.length);
        return;
    }
    if (job->buffer->may_be_refused) {
        mapping_give_memory(machine, job->function_id, job->mapping.buffer, job->mapping.length);
        devices_job_done(machine, job);
        return;
    }
    state->starved_jobs = memory_grow(state->starved_jobs, state->starved_job_count,
                                      &state->starved_job_capacity, sizeof(*state->starved_jobs));
    state->starved_jobs[state->starved_job_count++] = *job;
}

static void device_mapped(struct machine *machine, const struct mapping_job *job)
{
    if (job->result != DMA_MAPPED) {
        device_starves(machine, job);
        return;
    }
    *job->buffer = (struct device_buffer){.iova = job->mapping.address,
                                          .physical = job->mapping.buffer,
                                          .length = job->buffer->length,
                                          .target = job->mapping.physical,
                                          .slot = job->mapping.slot,
                                          .bounces = job->mapping.slot != SWIOTLB_NOTHING,
                                          .skip_sync = job->buffer->skip_sync,
                                          .mapped = true};
    devices_job_done(machine, job);
}

static void device_unmapped(struct machine *machine, const struct mapping_job *job)
{
    mapping_give_memory(machine, job->function_id, job->mapping.buffer, job->mapping.length);
    requests_retry(machine);
    devices_job_done(machine, job);
}

void mapping_map_for_device(struct machine *machine, uint32_t stream, uint32_t cpu,
                            struct device_buffer *buffer, bool write, uint32_t token)
{
    struct mapping_job job = {
        .kind = JOB_MAP,
        .function_id = machine->workload->streams[stream].function_id,
        .pasid = machine->workload->streams[stream].pasid,
        .request = NONE,
        .stream = stream,
        .cpu = cpu,
        .token = token,
        .buffer = buffer,
        .mapping = {.length = buffer->length, .direction = write ? DMA_FROM_DEVICE : DMA_TO_DEVICE},
        .done = device_mapped};
    if (!mapping_take_memory(machine, job.function_id, buffer->length, &job.mapping.buffer))
        machine->status =
            mapping_refuse(machine, &job, "run-no-memory", "no room is left in RAM for buffers");
    else
        mapping_add_job(machine, &job);
}

static struct dma_mapping mapping_of_buffer(const struct device_buffer *buffer, uint64_t length, bool write)
{
    return (struct dma_mapping){.address = buffer->iova,
                                .physical = buffer->target,
                                .buffer = buffer->physical,
                                .length = length,
                                .slot = buffer->slot,
                                .skip_sync = buffer->skip_sync,
                                .direction = write ? DMA_FROM_DEVICE : DMA_TO_DEVICE};
}

void mapping_sync_for_device(struct machine *machine, uint32_t stream, uint32_t cpu,
                             const struct device_buffer *buffer, uint32_t bytes, uint32_t token)
{
    mapping_add_job(machine,
                    &(struct mapping_job){.kind = JOB_SYNC_FOR_CPU,
                                          .function_id = machine->workload->streams[stream].function_id,
                                          .request = NONE,
                                          .stream = stream,
                                          .cpu = cpu,
                                          .token = token,
                                          .mapping = mapping_of_buffer(buffer, bytes, true),
                                          .done = devices_job_done});
}

void mapping_unmap_for_device(struct machine *machine, uint32_t stream, uint32_t cpu,
                              const struct device_buffer *buffer, bool write, uint32_t token)
{
    mapping_add_job(machine,
                    &(struct mapping_job){.kind = JOB_UNMAP,
                                          .function_id = machine->workload->streams[stream].function_id,
                                          .pasid = machine->workload->streams[stream].pasid,
                                          .request = NONE,
                                          .stream = stream,
                                          .cpu = cpu,
                                          .token = token,
                                          .mapping = mapping_of_buffer(buffer, buffer->length, write),
                                          .done = device_unmapped});
}

void mapping_work_for_device(struct machine *machine, uint32_t stream, uint32_t cpu, uint64_t duration_ps,
                             uint32_t token)
{
    mapping_add_job(machine, &(struct mapping_job){.kind = JOB_WORK,
                                                   .function_id = NONE,
                                                   .request = NONE,
                                                   .stream = stream,
                                                   .cpu = cpu,
                                                   .token = token,
                                                   .work_ps = duration_ps,
                                                   .done = devices_job_done});
}

static uint64_t map_for_good(struct machine *machine, uint32_t stream, uint64_t physical, uint64_t bytes,
                             uint64_t page_bytes)
{
    uint32_t function_id = machine->workload->streams[stream].function_id,
             pasid = machine->workload->streams[stream].pasid,
             domain = mapping_domain_of_request(machine, function_id, pasid);
    struct kernel_time time = {0}; /* before the device starts: nobody waits */
    uint64_t iova;
    if (domain == NONE)
        return physical + (bytes - 1) <= mapping_device(machine, function_id, pasid)->mask ? physical : 0;
    if (!dma_take_iova(mapping_device(machine, function_id, pasid), &time, bytes, &iova))
        return 0;
    for (uint64_t at = 0; at < bytes; at += page_bytes) {
        if (!mapping_tables_map(&machine->mapping.domains[domain].tables, iova + at, physical + at,
                                page_bytes, true, true))
            return 0;
    }
    return iova;
}

uint64_t mapping_coherent(struct machine *machine, uint32_t stream, uint64_t bytes, uint64_t page_bytes)
{
    uint64_t physical, length = (bytes + page_bytes - 1) & ~(page_bytes - 1);
    if (!mapping_take_coherent_memory(machine, stream, length, &physical))
        return 0;
    return map_for_good(machine, stream, physical, length, page_bytes);
}

void mapping_occupy(struct machine *machine, uint32_t stream, uint64_t bytes, uint64_t count)
{
    uint32_t function_id = machine->workload->streams[stream].function_id,
             pasid = machine->workload->streams[stream].pasid;
    if (mapping_domain_of_request(machine, function_id, pasid) == NONE)
        return;
    for (uint64_t i = 0; i < count; i++) {
        /* Whoever opens the queues does so on a CPU; these are spread as the queues will be. */
        struct kernel_time time = {.cpu = (uint32_t)(i % machine->mapping.cpu_count)};
        uint64_t iova;
        if (!dma_take_iova(mapping_device(machine, function_id, pasid), &time, bytes, &iova))
            return;
    }
}

uint64_t mapping_peer(struct machine *machine, uint32_t stream, uint64_t physical, uint64_t bytes)
{
    uint64_t large = UINT64_C(2) << 20;
    struct guest_device *device;
    uint32_t function_id = machine->workload->streams[stream].function_id;
    struct guest *guest = guests_find(machine, function_id, &device);
    if (guest && mapping_domain_of(machine, function_id) == NONE)
        return guest_window(machine, guest, machine->workload->streams[stream].peer_id, physical, bytes);
    return map_for_good(machine, stream, physical, bytes, (physical | bytes) % large ? PAGE : large);
}
