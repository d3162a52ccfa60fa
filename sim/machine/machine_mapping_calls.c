/* SPDX-License-Identifier: MIT */
/* What is asked of the CPUs: buffers for operations, and the driver's lines of a trace. */
#include "sim/machine/machine_mapping.h"
#include "sim/machine/machine_state.h"

enum { PAGE = 4096 };

static uint64_t pages_of(uint64_t length)
{
    return (length + PAGE - 1) & ~(uint64_t)(PAGE - 1);
}

/* The domain whose page tables the function's requests go through; NONE where they go through none. */
static uint32_t translating_domain(const struct machine *machine, uint32_t function_id)
{
    uint32_t domain = machine->mapping.domain_of[function_id];
    bool translated = domain != NONE && machine->root_complex.unit_of[function_id] != NO_UNIT;
    return translated && machine->mapping.domains[domain].dynamic ? domain : NONE;
}

/* Without an IOMMU in the way a buffer's address is its physical one, and mapping takes no time. */
static void use_physical(struct machine *machine, uint32_t index)
{
    struct dma_operation *operation = &machine->operations.items[index];
    const struct mapping_job job = {.stream = operation->stream};
    if (!address_allocator_take(&machine->mapping.buffers, pages_of(operation->length_bytes),
                                &operation->address))
        machine->status =
            mapping_refuse(machine, &job, "run-no-memory", "no room is left in RAM for buffers");
    operation->physical = operation->address;
    dma_engine_submit(&machine->engines[operation->engine], index);
}

void mapping_begin_operation(struct machine *machine, uint32_t index)
{
    const struct dma_operation *operation = &machine->operations.items[index];
    uint32_t domain = translating_domain(machine, machine->engines[operation->engine].function_id);
    if (domain == NONE) {
        use_physical(machine, index);
        return;
    }
    mapping_add_job(machine, &(struct mapping_job){.kind = JOB_MAP,
                                                   .domain = domain,
                                                   .stream = operation->stream,
                                                   .operation = index,
                                                   .cpu = machine->workload->streams[operation->stream].cpu,
                                                   .length = pages_of(operation->length_bytes),
                                                   .read = !operation->write,
                                                   .write = operation->write});
}

bool mapping_end_operation(struct machine *machine, uint32_t index)
{
    const struct dma_operation *operation = &machine->operations.items[index];
    const struct stream *stream = &machine->workload->streams[operation->stream];
    uint64_t length = pages_of(operation->length_bytes);
    if (stream->buffers != BUFFERS_PER_USE || operation->late)
        return false;
    uint32_t domain = translating_domain(machine, machine->engines[operation->engine].function_id);
    if (domain == NONE) {
        address_allocator_give(&machine->mapping.buffers, operation->physical, length);
        return false;
    }
    mapping_add_job(machine, &(struct mapping_job){.kind = JOB_UNMAP,
                                                   .domain = domain,
                                                   .stream = operation->stream,
                                                   .operation = index,
                                                   .cpu = stream->cpu,
                                                   .iova = operation->address,
                                                   .length = length});
    return true;
}

int mapping_of_trace(struct machine *machine, uint32_t stream, const struct trace_record *record)
{
    static const enum mapping_job_kind kinds[] = {
        [TRACE_MAP] = JOB_MAP, [TRACE_UNMAP] = JOB_UNMAP, [TRACE_INVALIDATE] = JOB_INVALIDATE};
    struct mapping_job job = {.kind = kinds[record->operation],
                              .domain = translating_domain(machine, record->function_id),
                              .stream = stream,
                              .operation = NONE,
                              .cpu = machine->workload->streams[stream].cpu,
                              .iova = record->iova,
                              .length = record->length,
                              .physical = record->physical,
                              .physical_given = record->physical_given,
                              .read = record->map_read,
                              .write = record->map_write,
                              .line = record->line};
    if (job.domain == NONE)
        return mapping_refuse(
            machine, &job, "trace-map-domain",
            "the device is in no domain of mode strict or lazy that an IOMMU translates: nothing "
            "can be mapped");
    mapping_add_job(machine, &job);
    return 0;
}

/* ---- for models of devices ---- */

void mapping_of_device(struct machine *machine, const struct mapping_job *what)
{
    struct mapping_job job = *what;
    uint32_t function_id = machine->workload->streams[job.stream].function_id;
    job.of_device = true;
    job.operation = NONE;
    job.domain = translating_domain(machine, function_id);
    job.length = pages_of(job.length);
    if (job.kind != JOB_WORK && job.domain == NONE) { /* nothing to be done but to find memory */
        bool good = true;
        if (job.kind == JOB_MAP)
            good = address_allocator_take(&machine->mapping.buffers, job.length, &job.physical);
        else
            address_allocator_give(&machine->mapping.buffers, job.physical, job.length);
        if (!good)
            machine->status =
                mapping_refuse(machine, &job, "run-no-memory", "no room is left in RAM for buffers");
        job.iova = job.physical;
        if (job.kind == JOB_MAP)
            *job.buffer = (struct device_buffer){
                .iova = job.iova, .physical = job.physical, .length = job.buffer->length};
        job.buffer = NULL;
        job.kind = JOB_WORK;
        job.domain = 0;
    }
    mapping_add_job(machine, &job);
}

/* Map into all units of a domain at once. */
static bool map_at_start(struct machine *machine, uint32_t domain, uint64_t iova, uint64_t physical,
                         uint64_t bytes, uint64_t page_bytes)
{
    const struct mapping_state *state = &machine->mapping;
    for (uint32_t unit = 0; unit < machine->unit_count; unit++) {
        uint32_t id = state->domain_ids[(size_t)domain * machine->unit_count + unit];
        struct remapping_unit *remapping = &machine->units[unit];
        if (id == NONE)
            continue;
        uint64_t page = remapping->parameters.superpages_2m ? page_bytes : PAGE;
        for (uint64_t at = 0; at < bytes; at += page) {
            if (page_table_map(&remapping->domains[id].table, &remapping->memory, iova + at, physical + at,
                               (unsigned)__builtin_ctzll(page), PAGE_READ | PAGE_WRITE) != PAGE_TABLE_MAPPED)
                return false;
        }
    }
    return true;
}

static uint64_t map_for_good(struct machine *machine, uint32_t stream, uint64_t physical, uint64_t bytes,
                             uint64_t page_bytes)
{
    uint32_t domain = translating_domain(machine, machine->workload->streams[stream].function_id);
    uint64_t iova;
    if (domain == NONE)
        return physical;
    if (!address_allocator_take(&machine->mapping.domains[domain].iova, bytes, &iova) ||
        !map_at_start(machine, domain, iova, physical, bytes, page_bytes))
        return 0;
    return iova;
}

uint64_t mapping_coherent(struct machine *machine, uint32_t stream, uint64_t bytes, uint64_t page_bytes)
{
    uint64_t physical, length = (bytes + page_bytes - 1) & ~(page_bytes - 1);
    if (!address_allocator_take(&machine->mapping.buffers, length, &physical))
        return 0;
    return map_for_good(machine, stream, physical, length, page_bytes);
}

uint64_t mapping_peer(struct machine *machine, uint32_t stream, uint64_t physical, uint64_t bytes)
{
    uint64_t large = UINT64_C(2) << 20;
    return map_for_good(machine, stream, physical, bytes, (physical | bytes) % large ? PAGE : large);
}
