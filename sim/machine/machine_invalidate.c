/* SPDX-License-Identifier: MIT */
/* The invalidations of a CPU's job: one range after the other, each in one unit after the other that the
 * domain is in. The CPU polls meanwhile. */
#include "sim/machine/machine_mapping.h"
#include "sim/machine/machine_state.h"

enum { EVERY_PAGE = 52 };

bool mapping_piece(const struct machine *machine, const struct mapping_job *job, uint32_t piece,
                   uint64_t *iova, uint64_t *length)
{
    const struct scatter_mapping *list =
        job->request == NONE ? NULL : &machine->mapping.requests[job->request].mapping;
    const struct dma_device *device =
        job->function_id == NONE ? NULL : mapping_device(machine, job->function_id, job->pasid);
    uint32_t count = list && list->one_by_one ? list->element_count : 1;
    if (piece >= count)
        return false;
    if (job->fixed) {
        *iova = job->iova;
        *length = job->length;
    } else if (!list) {
        dma_mapping_range(device, &job->mapping, iova, length);
    } else if (list->one_by_one) {
        dma_mapping_range(device, &list->elements[piece], iova, length);
    } else {
        *iova = list->iova;
        *length = list->iova_length;
    }
    return true;
}

/* The device TLBs of the domain's functions come behind the unit's own caches, or they would fill again from
 * there. */
static uint32_t add_device_tlbs(struct machine *machine, const struct mapping_job *job,
                                struct invalidation *batch)
{
    const struct domain *domain = &machine->workload->domains[job->domain];
    struct invalidation invalidation = batch[0];
    uint32_t count = 1;
    invalidation.type = INVALIDATION_DEVICE_TLB;
    invalidation.pasid = domain->pasid;
    if (invalidation.scope != INVALIDATE_PAGES) {
        invalidation.iova = 0;
        invalidation.order = EVERY_PAGE;
    }
    for (uint32_t i = 0; i < domain->function_count; i++) {
        invalidation.function_id = domain->function_ids[i];
        uint32_t engine = machine->engine_of[invalidation.function_id];
        if (engine != NONE && machine->engines[engine].device_tlb &&
            machine->root_complex.unit_of[invalidation.function_id] == job->unit)
            batch[count++] = invalidation;
    }
    return count;
}

/* What of the domain is to go: a range of pages, or @p length 0: all. */
static void submit_pages(struct machine *machine, uint32_t job_id, uint64_t iova, uint64_t length)
{
    const struct mapping_job *job = &machine->mapping.jobs[job_id];
    const struct iommu_parameters *parameters = &machine->units[job->unit].parameters;
    struct invalidation *batch = machine->mapping.batch;
    bool pages = length != 0;
    unsigned order = pages ? invalidation_order(iova, length) : 0;
    batch[0] = (struct invalidation){
        .type = INVALIDATION_IOTLB,
        .scope = pages && order <= parameters->invalidation_max_order ? INVALIDATE_PAGES : INVALIDATE_DOMAIN,
        .domain = mapping_domain_id(machine, job->domain, job->unit),
        .iova = iova >> (PAGE_SHIFT_4K + order) << (PAGE_SHIFT_4K + order),
        .order = (uint8_t)order,
        .leaf_only = pages && parameters->invalidation_hint,
    };
    machine->mapping.cpus[job->cpu].spin_from_ps = machine->events.now_ps;
    invalidation_queue_submit(&machine->queues[job->unit], batch, add_device_tlbs(machine, job, batch),
                              job_id);
}

static void submit(struct machine *machine, uint32_t job_id)
{
    const struct mapping_job *job = &machine->mapping.jobs[job_id];
    uint64_t iova = 0, length = 0;
    if (viommu_has_turn(job) && job->turn.length) { /* what the hypervisor has unmapped just now */
        submit_pages(machine, job_id, job->turn.iova, job->turn.length);
        return;
    }
    bool pages =
        job->invalidation == DMA_INVALIDATE_RANGE && mapping_piece(machine, job, job->piece, &iova, &length);
    submit_pages(machine, job_id, iova, pages ? length : 0);
}

void mapping_submit(struct machine *machine, uint32_t job_id)
{
    struct mapping_job *job = &machine->mapping.jobs[job_id];
    job->unit = mapping_next_unit(machine, job->domain, 0);
    submit(machine, job_id);
}

uint32_t mapping_descriptors(const struct machine *machine, const struct mapping_job *job)
{
    const struct domain *domain = &machine->workload->domains[job->domain];
    uint32_t count = 1;
    for (uint32_t i = 0; i < domain->function_count; i++) {
        uint32_t engine = machine->engine_of[domain->function_ids[i]];
        count += engine != NONE && machine->engines[engine].device_tlb;
    }
    return count;
}

static void submit_interrupt(struct machine *machine, uint32_t job_id)
{
    const struct mapping_job *job = &machine->mapping.jobs[job_id];
    const struct invalidation invalidation = {.type = INVALIDATION_INTERRUPT,
                                              .function_id = (uint32_t)job->iova};
    machine->mapping.cpus[job->cpu].spin_from_ps = machine->events.now_ps;
    invalidation_queue_submit(&machine->queues[job->unit], &invalidation, 1, job_id);
}

static void submit_context(struct machine *machine, uint32_t job_id)
{
    const struct mapping_job *job = &machine->mapping.jobs[job_id];
    struct invalidation *batch = machine->mapping.batch;
    uint32_t count = guest_flush(machine, job, batch);
    machine->mapping.cpus[job->cpu].spin_from_ps = machine->events.now_ps;
    invalidation_queue_submit(&machine->queues[job->unit], batch, count, job_id);
}

void mapping_invalidate(struct machine *machine, uint32_t job_id)
{
    struct mapping_job *job = &machine->mapping.jobs[job_id];
    if (job->kind == JOB_INTERRUPT) {
        submit_interrupt(machine, job_id);
        return;
    }
    if (job->kind == JOB_CONTEXT) {
        submit_context(machine, job_id);
        return;
    }
    job->covered = machine->mapping.domains[job->domain].unmap_number;
    if (machine->mapping.domains[job->domain].viommu && job->kind != JOB_HYPERVISOR)
        viommu_begin(machine, job_id,
                     job->invalidation == DMA_INVALIDATE_DOMAIN ? VIOMMU_FLUSH : VIOMMU_UNMAP);
    else
        mapping_submit(machine, job_id);
}

/* Another range of the same unmapping? */
static bool next_piece(const struct machine *machine, struct mapping_job *job)
{
    uint64_t iova, length;
    if (job->invalidation != DMA_INVALIDATE_RANGE || job->kind != JOB_UNMAP ||
        !mapping_piece(machine, job, job->piece + 1, &iova, &length))
        return false;
    job->piece++;
    return true;
}

bool mapping_next_submission(struct machine *machine, uint32_t job_id)
{
    struct mapping_job *job = &machine->mapping.jobs[job_id];
    if (!next_piece(machine, job))
        return false;
    viommu_begin(machine, job_id, VIOMMU_UNMAP);
    return true;
}

void mapping_on_invalidated(void *context, uint32_t unit, uint32_t job_id)
{
    struct machine *machine = context;
    struct mapping_job *job = &machine->mapping.jobs[job_id];
    uint64_t now_ps = machine->events.now_ps, spun_ps = now_ps - machine->mapping.cpus[job->cpu].spin_from_ps;
    job->time.now_ps = now_ps;
    job->time.spent_ps[viommu_has_turn(job) ? KERNEL_HYPERVISOR : KERNEL_INVALIDATION] += spun_ps;
    bool one_unit = job->kind == JOB_INTERRUPT || job->kind == JOB_CONTEXT;
    job->unit = one_unit ? NONE : mapping_next_unit(machine, job->domain, unit + 1);
    if (job->unit != NONE)
        submit(machine, job_id);
    else if (viommu_has_turn(job))
        viommu_invalidated(machine, job_id);
    else if (next_piece(machine, job))
        mapping_submit(machine, job_id);
    else
        mapping_invalidated(machine, job_id);
}

void mapping_invalidate_interrupt(struct machine *machine, uint32_t stream, uint32_t unit, uint32_t entry)
{
    mapping_add_job(machine, &(struct mapping_job){.kind = JOB_INTERRUPT,
                                                   .cpu = machine->workload->streams[stream].cpu,
                                                   .function_id = NONE,
                                                   .request = NONE,
                                                   .stream = stream,
                                                   .unit = unit,
                                                   .iova = entry,
                                                   .done = interrupts_moved});
}
