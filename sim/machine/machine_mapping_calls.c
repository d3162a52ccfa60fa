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
