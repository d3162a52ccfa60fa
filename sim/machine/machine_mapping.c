/* SPDX-License-Identifier: MIT */
/*
 * A CPU takes its jobs one by one: first the driver's own work (mapping_on_cpu() ends it), then, for
 * unmapping in strict mode and for flushes, one invalidation after the other in every unit the domain is in,
 * while it polls.
 */
#include "sim/machine/machine_mapping.h"

#include "sim/base/arena.h"
#include "sim/base/status.h"
#include "sim/machine/machine_state.h"

#include <inttypes.h>
#include <stdlib.h>

enum { PAGE = 4096, EVERY_PAGE = 52 };

static struct mapping_job *job_at(struct machine *machine, uint32_t job)
{
    return &machine->mapping.jobs[job];
}

static uint32_t domain_id(const struct machine *machine, uint32_t domain, uint32_t unit)
{
    return machine->mapping.domain_ids[(size_t)domain * machine->unit_count + unit];
}

/* ---- jobs of a CPU ---- */

static uint32_t take_job(struct machine *machine, const struct mapping_job *what)
{
    struct mapping_state *state = &machine->mapping;
    uint32_t job = state->free_job;
    if (job == NONE) {
        state->jobs = memory_grow(state->jobs, state->job_count, &state->job_capacity, sizeof(*state->jobs));
        job = state->job_count++;
    } else {
        state->free_job = state->jobs[job].next;
    }
    state->jobs[job] = *what;
    state->jobs[job].next = NONE;
    state->jobs[job].begin_ps = machine->events.now_ps;
    state->live_jobs++;
    return job;
}

static uint64_t work_ps(const struct machine *machine, const struct mapping_job *job)
{
    const struct dma_api_parameters *costs = &machine->input->parameters.dma_api;
    if (job->kind == JOB_WORK)
        return job->work_ps;
    return job->kind == JOB_MAP ? costs->map_ps : job->kind == JOB_UNMAP ? costs->unmap_ps : 0;
}

static void start_job(struct machine *machine, uint32_t cpu_id)
{
    struct mapping_cpu *cpu = &machine->mapping.cpus[cpu_id];
    if (cpu->first == NONE)
        return;
    uint64_t duration_ps = work_ps(machine, job_at(machine, cpu->first));
    cpu->busy_ps += duration_ps;
    event_queue_push(&machine->events, machine->events.now_ps + duration_ps, PRIORITY_NORMAL, EVENT_CPU,
                     cpu_id, 0);
}

void mapping_add_job(struct machine *machine, const struct mapping_job *what)
{
    uint32_t job = take_job(machine, what);
    struct mapping_cpu *cpu = &machine->mapping.cpus[what->cpu];
    if (cpu->first == NONE) {
        cpu->first = cpu->last = job;
        start_job(machine, what->cpu);
    } else {
        job_at(machine, cpu->last)->next = job;
        cpu->last = job;
    }
}

static void operation_has_buffer(struct machine *machine, const struct mapping_job *job)
{
    struct dma_operation *operation = &machine->operations.items[job->operation];
    operation->address = job->iova;
    operation->physical = job->physical;
    dma_engine_submit(&machine->engines[operation->engine], job->operation);
}

/* The device gets at the buffer once more, after the driver took it back. */
static bool use_after_unmap(struct machine *machine, const struct mapping_job *job)
{
    const struct stream *stream = &machine->workload->streams[job->stream];
    struct dma_operation *operation = &machine->operations.items[job->operation];
    if (stream->misbehaviour != MISBEHAVIOUR_USE_AFTER_UNMAP)
        return false;
    operation->late = true;
    operation->failed = operation->refused = false;
    operation->issued_bytes = 0;
    machine->bytes_submitted += operation->length_bytes;
    event_queue_push(&machine->events, machine->events.now_ps + stream->misbehaviour_delay_ps,
                     PRIORITY_NORMAL, EVENT_RETRY, operation->engine, job->operation);
    return true;
}

/* The first job of the CPU is over: tell who waits for it, go on with the next. */
static void end_job(struct machine *machine, uint32_t job_id)
{
    struct mapping_state *state = &machine->mapping;
    struct mapping_job job = *job_at(machine, job_id);
    struct mapping_cpu *cpu = &state->cpus[job.cpu];
    cpu->first = job.next;
    if (cpu->first == NONE)
        cpu->last = NONE;
    state->jobs[job_id].next = state->free_job;
    state->free_job = job_id;
    state->live_jobs--;
    start_job(machine, job.cpu);
    if (job.of_device)
        devices_job_done(machine, &job);
    else if (job.kind == JOB_MAP && job.operation != NONE)
        operation_has_buffer(machine, &job);
    else if (job.kind == JOB_UNMAP && job.operation != NONE && use_after_unmap(machine, &job))
        return;
    else if (job.operation != NONE)
        traffic_operation_done(machine, job.operation);
    else if (job.stream != NONE)
        traffic_job_done(machine, job.stream);
}

/* ---- invalidations ---- */

/* The next unit the domain is in, from @p unit on; NONE after the last. */
static uint32_t next_unit(const struct machine *machine, uint32_t domain, uint32_t unit)
{
    while (unit < machine->unit_count && domain_id(machine, domain, unit) == NONE)
        unit++;
    return unit < machine->unit_count ? unit : NONE;
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

static void submit(struct machine *machine, uint32_t job_id)
{
    const struct mapping_job *job = job_at(machine, job_id);
    const struct iommu_parameters *parameters = &machine->units[job->unit].parameters;
    struct invalidation *batch = machine->mapping.batch;
    bool pages = job->length && job->kind != JOB_FLUSH && !job->flushing;
    unsigned order = pages ? invalidation_order(job->iova, job->length) : 0;
    batch[0] = (struct invalidation){
        .type = INVALIDATION_IOTLB,
        .scope = pages && order <= parameters->invalidation_max_order ? INVALIDATE_PAGES : INVALIDATE_DOMAIN,
        .domain = domain_id(machine, job->domain, job->unit),
        .iova = job->iova >> (PAGE_SHIFT_4K + order) << (PAGE_SHIFT_4K + order),
        .order = (uint8_t)order,
        .leaf_only = pages && parameters->invalidation_hint,
    };
    machine->mapping.cpus[job->cpu].spin_from_ps = machine->events.now_ps;
    invalidation_queue_submit(&machine->queues[job->unit], batch, add_device_tlbs(machine, job, batch),
                              job_id);
}

static void submit_interrupt(struct machine *machine, uint32_t job_id)
{
    const struct mapping_job *job = job_at(machine, job_id);
    const struct invalidation invalidation = {.type = INVALIDATION_INTERRUPT,
                                              .function_id = (uint32_t)job->iova};
    machine->mapping.cpus[job->cpu].spin_from_ps = machine->events.now_ps;
    invalidation_queue_submit(&machine->queues[job->unit], &invalidation, 1, job_id);
}

void mapping_invalidate_interrupt(struct machine *machine, uint32_t cpu, uint32_t unit, uint32_t entry)
{
    mapping_add_job(machine, &(struct mapping_job){.kind = JOB_INTERRUPT,
                                                   .stream = NONE,
                                                   .operation = NONE,
                                                   .cpu = cpu,
                                                   .unit = unit,
                                                   .iova = entry});
}

static void begin_invalidating(struct machine *machine, uint32_t job_id)
{
    struct mapping_job *job = job_at(machine, job_id);
    job->covered = machine->mapping.domains[job->domain].unmap_number;
    job->unit = next_unit(machine, job->domain, 0);
    submit(machine, job_id);
}

/* ---- flush queue ---- */

static void free_covered(struct mapping_domain *domain, uint32_t cpu)
{
    struct flush_entry entry;
    while (flush_queue_take(&domain->flush_queue, cpu, &entry)) {
        if (entry.allocated)
            address_allocator_give(&domain->iova, entry.iova, entry.length);
    }
}

static void begin_flush(struct machine *machine, uint32_t job_id)
{
    struct mapping_domain *domain = &machine->mapping.domains[job_at(machine, job_id)->domain];
    domain->flush_queue.begun++;
    domain->counters.flushes++;
    begin_invalidating(machine, job_id);
}

static void end_flush(struct machine *machine, const struct mapping_job *job)
{
    struct mapping_domain *domain = &machine->mapping.domains[job->domain];
    domain->flush_queue.finished++;
    mapping_drop_covered(domain, job->covered, machine->events.now_ps);
}

void mapping_on_flush_timer(struct machine *machine, uint32_t domain_index)
{
    struct mapping_domain *domain = &machine->mapping.domains[domain_index];
    domain->flush_queue.timer_set = false;
    domain->counters.flush_timeouts++;
    /* The kernel's timer runs on the CPU that armed it; one is as good as another here. */
    mapping_add_job(
        machine,
        &(struct mapping_job){.kind = JOB_FLUSH, .domain = domain_index, .stream = NONE, .operation = NONE});
}

/* ---- mapping ---- */

int mapping_refuse(struct machine *machine, const struct mapping_job *job, const char *code, const char *text)
{
    const struct stream *stream = &machine->workload->streams[job->stream];
    if (job->line)
        workload_report(machine->workload, machine->diagnostics, DIAGNOSTIC_ERROR, stream->pointer, code,
                        "line %" PRIu64 " of %s: %s", job->line, stream->trace_path, text);
    else
        workload_report(machine->workload, machine->diagnostics, DIAGNOSTIC_ERROR, stream->pointer, code,
                        "stream \"%s\": %s", stream->name, text);
    return STATUS_BAD_INPUT;
}

/* Find an IO virtual address that nothing is mapped at; those mapped before the run are passed over. */
static bool find_iova(struct machine *machine, struct mapping_job *job)
{
    struct mapping_domain *domain = &machine->mapping.domains[job->domain];
    uint32_t unit = next_unit(machine, job->domain, 0);
    const struct remapping_unit *remapping = &machine->units[unit];
    const struct page_table *table = &remapping->domains[domain_id(machine, job->domain, unit)].table;
    for (;;) {
        bool taken = false;
        unsigned shift;
        if (!address_allocator_take(&domain->iova, job->length, &job->iova))
            return false;
        for (uint64_t at = 0; at < job->length && !taken; at += PAGE)
            taken = page_table_find(table, &remapping->memory, job->iova + at, &shift) != 0;
        if (!taken)
            return true;
    }
}

static bool map_pages(struct machine *machine, const struct mapping_job *job)
{
    unsigned access = (job->read ? PAGE_READ : 0U) | (job->write ? PAGE_WRITE : 0U);
    for (uint32_t unit = next_unit(machine, job->domain, 0); unit != NONE;
         unit = next_unit(machine, job->domain, unit + 1)) {
        struct remapping_unit *remapping = &machine->units[unit];
        struct page_table *table = &remapping->domains[domain_id(machine, job->domain, unit)].table;
        for (uint64_t at = 0; at < job->length; at += PAGE) {
            if (page_table_map(table, &remapping->memory, job->iova + at, job->physical + at, PAGE_SHIFT_4K,
                               access) != PAGE_TABLE_MAPPED)
                return false;
        }
    }
    return true;
}

static int finish_map(struct machine *machine, uint32_t job_id)
{
    struct mapping_job *job = job_at(machine, job_id);
    if (!job->physical_given &&
        !address_allocator_take(&machine->mapping.buffers, job->length, &job->physical))
        return mapping_refuse(machine, job, "run-no-memory", "no room is left in RAM for buffers");
    if ((job->operation != NONE || job->of_device) && !find_iova(machine, job))
        return mapping_refuse(machine, job, "run-no-iova", "no IO virtual address is left");
    if (!map_pages(machine, job))
        return mapping_refuse(machine, job, "trace-map",
                              "something is mapped there already, or the address is beyond the width");
    machine->mapping.domains[job->domain].counters.maps++;
    end_job(machine, job_id);
    return 0;
}

/* ---- unmapping ---- */

static int unmap_pages(struct machine *machine, struct mapping_job *job)
{
    for (uint32_t unit = next_unit(machine, job->domain, 0); unit != NONE;
         unit = next_unit(machine, job->domain, unit + 1)) {
        struct remapping_unit *remapping = &machine->units[unit];
        struct page_table *table = &remapping->domains[domain_id(machine, job->domain, unit)].table;
        for (uint64_t at = 0; at < job->length; at += PAGE) {
            unsigned shift = 0;
            uint64_t leaf = page_table_find(table, &remapping->memory, job->iova + at, &shift);
            if (!leaf || shift != PAGE_SHIFT_4K)
                return mapping_refuse(machine, job, "trace-unmap",
                                      leaf ? "part of a larger page cannot be unmapped"
                                           : "nothing is mapped there");
            page_table_unmap(table, &remapping->memory, job->iova + at, &shift);
            if (at == 0)
                job->physical = page_table_entry_target(leaf);
        }
    }
    return 0;
}

/* The driver has its buffer back: whatever gets it next must be safe from the device. */
static void end_unmap(struct machine *machine, uint32_t job_id)
{
    struct mapping_job job = *job_at(machine, job_id);
    struct mapping_domain *domain = &machine->mapping.domains[job.domain];
    uint64_t now_ps = machine->events.now_ps;
    histogram_record(&domain->counters.unmap, now_ps - job.begin_ps);
    if (domain->lazy) {
        flush_queue_add(
            &domain->flush_queue, job.cpu,
            &(struct flush_entry){job.iova, job.length, 0, job.operation != NONE || job.of_device});
        mapping_return_stale(domain, job.iova, job.length, now_ps);
        if (!domain->flush_queue.timer_set) {
            domain->flush_queue.timer_set = true;
            event_queue_push(&machine->events, now_ps + machine->input->parameters.dma_api.flush_timeout_ps,
                             PRIORITY_NORMAL, EVENT_FLUSH_TIMER, job.domain, 0);
        }
    } else {
        mapping_drop_range(domain, job.iova, job.length, UINT64_MAX, now_ps);
        if (job.operation != NONE || job.of_device)
            address_allocator_give(&domain->iova, job.iova, job.length);
    }
    if (job.physical - machine->workload->buffer_base < machine->workload->buffer_bytes)
        address_allocator_give(&machine->mapping.buffers, job.physical, job.length);
    end_job(machine, job_id);
}

static int finish_unmap(struct machine *machine, uint32_t job_id)
{
    struct mapping_job *job = job_at(machine, job_id);
    struct mapping_domain *domain = &machine->mapping.domains[job->domain];
    int status = unmap_pages(machine, job);
    if (status < 0)
        return status;
    mapping_add_stale(domain, job);
    if (!domain->lazy) {
        begin_invalidating(machine, job_id);
        return 0;
    }
    free_covered(domain, job->cpu);
    job->flushing = flush_queue_is_full(&domain->flush_queue, job->cpu);
    if (job->flushing)
        begin_flush(machine, job_id);
    else
        end_unmap(machine, job_id);
    return 0;
}

/* ---- events ---- */

void mapping_on_cpu(struct machine *machine, uint32_t cpu)
{
    uint32_t job = machine->mapping.cpus[cpu].first;
    int status = 0;
    switch (job_at(machine, job)->kind) {
    case JOB_MAP:
        status = finish_map(machine, job);
        break;
    case JOB_UNMAP:
        status = finish_unmap(machine, job);
        break;
    case JOB_INVALIDATE:
        begin_invalidating(machine, job);
        break;
    case JOB_FLUSH:
        begin_flush(machine, job);
        break;
    case JOB_INTERRUPT:
        submit_interrupt(machine, job);
        break;
    case JOB_WORK:
        end_job(machine, job);
        break;
    }
    if (status < 0)
        machine->status = status;
}

static void all_invalidated(struct machine *machine, uint32_t job_id)
{
    struct mapping_job *job = job_at(machine, job_id);
    struct mapping_domain *domain = &machine->mapping.domains[job->domain];
    uint64_t now_ps = machine->events.now_ps;
    switch (job->kind) {
    case JOB_UNMAP:
        if (job->flushing) {
            end_flush(machine, job);
            free_covered(domain, job->cpu);
        }
        end_unmap(machine, job_id);
        return;
    case JOB_FLUSH:
        end_flush(machine, job);
        for (uint32_t cpu = 0; cpu < domain->flush_queue.cpus; cpu++)
            free_covered(domain, cpu);
        break;
    case JOB_INVALIDATE:
        if (job->length)
            mapping_drop_range(domain, job->iova, job->length, job->covered, now_ps);
        else
            mapping_drop_covered(domain, job->covered, now_ps);
        break;
    case JOB_MAP:
    case JOB_INTERRUPT:
    case JOB_WORK:
        break;
    }
    end_job(machine, job_id);
}

void mapping_on_invalidated(void *context, uint32_t unit, uint32_t job_id)
{
    struct machine *machine = context;
    struct mapping_job *job = job_at(machine, job_id);
    struct mapping_cpu *cpu = &machine->mapping.cpus[job->cpu];
    uint64_t spun_ps = machine->events.now_ps - cpu->spin_from_ps;
    cpu->spin_ps += spun_ps;
    cpu->busy_ps += spun_ps;
    if (job->kind == JOB_INTERRUPT) {
        end_job(machine, job_id);
        return;
    }
    job->unit = next_unit(machine, job->domain, unit + 1);
    if (job->unit != NONE)
        submit(machine, job_id);
    else
        all_invalidated(machine, job_id);
}
