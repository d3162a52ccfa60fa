/* SPDX-License-Identifier: MIT */
/*
 * A CPU takes its jobs one by one. Mapping is one piece of work; unmapping has parts, since other CPUs and
 * the units go on between them: the tables are cleared; in strict mode the CPU polls until the range is
 * invalidated, in lazy mode, where its ring is full, until the whole domain is; then addresses and copies are
 * given back.
 */
#include "sim/machine/machine_mapping.h"

#include "sim/base/arena.h"
#include "sim/base/status.h"
#include "sim/machine/machine_state.h"

enum { PAGE = 4096 };

static struct mapping_job *job_at(struct machine *machine, uint32_t job)
{
    return &machine->mapping.jobs[job];
}

static struct dma_device *device_of(struct machine *machine, const struct mapping_job *job)
{
    return mapping_device(machine, job->function_id, job->pasid);
}

static struct mapping_domain *domain_of(struct machine *machine, const struct mapping_job *job)
{
    return job->domain == NONE ? NULL : &machine->mapping.domains[job->domain];
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
    if (what->function_id != NONE)
        state->jobs[job].domain = mapping_domain_of_request(machine, what->function_id, what->pasid);
    state->live_jobs++;
    return job;
}

void mapping_work(struct machine *machine, const struct mapping_job *job)
{
    virtual_cpus_begin(machine, job->cpu);
    event_queue_push(&machine->events, job->time.now_ps, PRIORITY_NORMAL, EVENT_CPU, job->cpu, 0);
}

static int begin(struct machine *machine, uint32_t job_id);

static int start_next(struct machine *machine, uint32_t cpu_id)
{
    uint32_t job_id = machine->mapping.cpus[cpu_id].first;
    if (job_id == NONE)
        return 0;
    job_at(machine, job_id)->time = (struct kernel_time){.cpu = cpu_id, .now_ps = machine->events.now_ps};
    return begin(machine, job_id);
}

void mapping_add_job(struct machine *machine, const struct mapping_job *what)
{
    uint32_t job = take_job(machine, what);
    struct mapping_cpu *cpu = &machine->mapping.cpus[what->cpu];
    if (cpu->first == NONE) {
        cpu->first = cpu->last = job;
        int status = start_next(machine, what->cpu);
        if (status < 0)
            machine->status = status;
    } else {
        job_at(machine, cpu->last)->next = job;
        cpu->last = job;
    }
}

/* The first job of the CPU is over: go on with the next, tell who waits for this one. */
static int end_job(struct machine *machine, uint32_t job_id)
{
    struct mapping_state *state = &machine->mapping;
    struct mapping_job job = *job_at(machine, job_id);
    struct mapping_cpu *cpu = &state->cpus[job.cpu];
    cpu->first = job.next;
    if (cpu->first == NONE) {
        cpu->last = NONE;
        cpu->idle_from_ps = machine->events.now_ps;
    }
    mapping_count_job(machine, &job);
    state->jobs[job_id].next = state->free_job;
    state->free_job = job_id;
    state->live_jobs--;
    int status = start_next(machine, job.cpu);
    if (job.done)
        job.done(machine, &job);
    return status;
}

/* ---- mapping ---- */

/* A line of a trace says what is mapped where. */
static int map_fixed(struct machine *machine, struct mapping_job *job)
{
    struct mapping_domain *domain = domain_of(machine, job);
    uint32_t entries =
        mapping_tables_map(&domain->tables, job->iova, job->physical, job->length, job->read, job->write);
    if (!entries)
        return mapping_refuse_fixed(machine, job);
    dma_spend_on_table(&domain->kernel, &job->time, entries, false);
    return 0;
}

static int begin_map(struct machine *machine, uint32_t job_id)
{
    struct mapping_job *job = job_at(machine, job_id);
    if (job->fixed) {
        int status = map_fixed(machine, job);
        if (status < 0)
            return status;
    } else if (job->request != NONE) {
        job->result = requests_map(machine, job->request, &job->time);
    } else {
        job->result = dma_map(device_of(machine, job), &job->time, job->mapping.buffer, job->mapping.length,
                              job->mapping.direction, &job->mapping);
    }
    struct mapping_domain *domain = domain_of(machine, job);
    if (domain)
        domain->counters.maps += job->result == DMA_MAPPED;
    machine->mapping.bounce_full += job->result == DMA_NO_SLOTS;
    mapping_work(machine, job);
    return 0;
}

/* ---- unmapping ---- */

/* What the tables say of a range, before it goes: runs of pages that lie side by side in memory. */
static bool add_stale_runs(struct machine *machine, const struct mapping_job *job, uint64_t iova,
                           uint64_t length)
{
    struct mapping_domain *domain = domain_of(machine, job);
    uint64_t run_iova = iova, run_physical = 0, at = iova;
    while (at < iova + length) {
        unsigned shift = 0;
        uint64_t leaf = mapping_tables_find(machine, job->domain, at, &shift);
        uint64_t size = UINT64_C(1) << shift, physical = page_table_entry_target(leaf);
        if (!leaf || (at & (size - 1)) || size > iova + length - at)
            return false;
        if (at != run_iova && physical != run_physical + (at - run_iova)) {
            mapping_add_stale(domain, run_iova, at - run_iova, run_physical);
            run_iova = at;
        }
        if (at == run_iova)
            run_physical = physical;
        at += size;
    }
    mapping_add_stale(domain, run_iova, at - run_iova, run_physical);
    return true;
}

static int refuse_unmap(struct machine *machine, const struct mapping_job *job, uint64_t iova)
{
    unsigned shift = 0;
    return mapping_refuse(machine, job, "trace-unmap",
                          mapping_tables_find(machine, job->domain, iova, &shift)
                              ? "part of a larger page cannot be unmapped"
                              : "nothing is mapped there");
}

static int begin_unmap(struct machine *machine, uint32_t job_id)
{
    struct mapping_job *job = job_at(machine, job_id);
    struct mapping_domain *domain = domain_of(machine, job);
    uint64_t iova, length;
    for (uint32_t piece = 0; domain && mapping_piece(machine, job, piece, &iova, &length); piece++) {
        if (!add_stale_runs(machine, job, iova, length))
            return refuse_unmap(machine, job, iova);
        domain->counters.bytes_unmapped += length;
    }
    if (job->fixed) {
        unsigned shift = 0;
        job->physical = page_table_entry_target(mapping_tables_find(machine, job->domain, job->iova, &shift));
        uint32_t entries = domain->kernel.tables.unmap(&domain->tables, job->iova, job->length);
        dma_spend_on_table(&domain->kernel, &job->time, entries, true);
    } else if (job->request != NONE) {
        scatter_unmap_begin(device_of(machine, job), &job->time,
                            &machine->mapping.requests[job->request].mapping);
    } else {
        dma_unmap_begin(device_of(machine, job), &job->time, &job->mapping);
    }
    if (domain)
        domain->counters.unmaps++;
    job->phase = PHASE_BEGUN;
    mapping_work(machine, job);
    return 0;
}

static void begin_flush(struct machine *machine, struct mapping_domain *domain, uint32_t job_id)
{
    dma_flush_begin(&domain->kernel);
    domain->counters.flushes++;
    mapping_invalidate(machine, job_id);
}

static void begin_invalidating(struct machine *machine, uint32_t job_id)
{
    const struct mapping_job *job = job_at(machine, job_id);
    if (job->invalidation == DMA_INVALIDATE_DOMAIN)
        begin_flush(machine, domain_of(machine, job), job_id);
    else
        mapping_invalidate(machine, job_id);
}

/* The tables are clear: what must be invalidated before the buffer is the driver's? */
static void go_on_unmapping(struct machine *machine, uint32_t job_id)
{
    struct mapping_job *job = job_at(machine, job_id);
    uint64_t iova, length;
    uint32_t ranges = 0;
    while (job->domain != NONE && mapping_piece(machine, job, ranges, &iova, &length))
        ranges++;
    job->invalidation = dma_unmap_next(device_of(machine, job), &job->time, ranges);
    job->phase = PHASE_NEXT;
    if (job->invalidation == DMA_INVALIDATE_NOTHING)
        mapping_invalidated(machine, job_id);
    else if (job->time.now_ps > machine->events.now_ps)
        mapping_work(machine, job);
    else
        begin_invalidating(machine, job_id);
}

static void set_flush_timer(struct machine *machine, const struct mapping_job *job)
{
    struct mapping_domain *domain = domain_of(machine, job);
    if (!domain || !domain->kernel.lazy || domain->timer_set)
        return;
    domain->timer_set = true;
    event_queue_push(&machine->events, job->time.now_ps + domain->kernel.parameters->flush_timeout_ps,
                     PRIORITY_NORMAL, EVENT_FLUSH_TIMER, job->domain, 0);
}

/* The last part of unmapping. */
static void give_back(struct machine *machine, uint32_t job_id)
{
    struct mapping_job *job = job_at(machine, job_id);
    struct mapping_domain *domain = domain_of(machine, job);
    if (job->fixed)
        dma_release_iova(&domain->kernel, &job->time, job->iova, job->length, false);
    else if (job->request != NONE)
        scatter_unmap_end(device_of(machine, job), &job->time,
                          &machine->mapping.requests[job->request].mapping);
    else
        dma_unmap_end(device_of(machine, job), &job->time, &job->mapping);
    set_flush_timer(machine, job);
    job->phase = PHASE_ENDED;
    mapping_work(machine, job);
}

/* The driver has its buffer back: whatever gets it next must be safe from the device. */
static int end_unmap(struct machine *machine, uint32_t job_id)
{
    const struct mapping_job *job = job_at(machine, job_id);
    struct mapping_domain *domain = domain_of(machine, job);
    uint64_t now_ps = machine->events.now_ps, iova, length;
    if (domain)
        histogram_record(&domain->counters.unmap, now_ps - job->begin_ps);
    for (uint32_t piece = 0; domain && mapping_piece(machine, job, piece, &iova, &length); piece++) {
        if (domain->kernel.lazy)
            mapping_return_stale(domain, iova, length, now_ps);
        else
            mapping_drop_range(domain, iova, length, UINT64_MAX, now_ps);
    }
    return end_job(machine, job_id);
}

/* ---- flushes ---- */

static void end_flush(struct machine *machine, const struct mapping_job *job)
{
    struct mapping_domain *domain = domain_of(machine, job);
    dma_flush_end(&domain->kernel);
    mapping_drop_covered(domain, job->covered, machine->events.now_ps);
}

void mapping_on_flush_timer(struct machine *machine, uint32_t domain_index)
{
    struct mapping_domain *domain = &machine->mapping.domains[domain_index];
    domain->timer_set = false;
    domain->counters.flush_timeouts++;
    /* The kernel's timer runs on the CPU that armed it; one is as good as another here. */
    mapping_add_job(machine, &(struct mapping_job){.kind = JOB_FLUSH,
                                                   .function_id = NONE,
                                                   .request = NONE,
                                                   .stream = NONE,
                                                   .domain = domain_index,
                                                   .invalidation = DMA_INVALIDATE_DOMAIN});
}

/* ---- parts of a job ---- */

static void sync(struct machine *machine, struct mapping_job *job)
{
    struct dma_device *device = device_of(machine, job);
    bool for_cpu = job->kind == JOB_SYNC_FOR_CPU;
    if (job->request != NONE)
        scatter_sync(device, &job->time, &machine->mapping.requests[job->request].mapping, for_cpu);
    else if (for_cpu)
        dma_sync_for_cpu(device, &job->time, &job->mapping);
    else
        dma_sync_for_device(device, &job->time, &job->mapping);
}

static int begin(struct machine *machine, uint32_t job_id)
{
    struct mapping_job *job = job_at(machine, job_id);
    switch (job->kind) {
    case JOB_MAP:
        return begin_map(machine, job_id);
    case JOB_UNMAP:
        return begin_unmap(machine, job_id);
    case JOB_SYNC_FOR_CPU:
    case JOB_SYNC_FOR_DEVICE:
        sync(machine, job);
        break;
    case JOB_WORK:
        kernel_time_spend(&job->time, KERNEL_OTHER, job->work_ps);
        break;
    case JOB_HYPERVISOR:
        kernel_time_spend(&job->time, KERNEL_HYPERVISOR, job->work_ps);
        break;
    case JOB_INVALIDATE:
    case JOB_FLUSH:
    case JOB_INTERRUPT:
    case JOB_CONTEXT:
        break;
    }
    job->phase = PHASE_BEGUN;
    mapping_work(machine, job);
    return 0;
}

static int unmap_on_cpu(struct machine *machine, uint32_t job_id)
{
    switch (job_at(machine, job_id)->phase) {
    case PHASE_BEGUN:
        go_on_unmapping(machine, job_id);
        return 0;
    case PHASE_NEXT:
        begin_invalidating(machine, job_id);
        return 0;
    case PHASE_ENDED:
        break;
    }
    return end_unmap(machine, job_id);
}

/* A guest maps: does its virtual IOMMU have to know? */
static int map_on_cpu(struct machine *machine, uint32_t job_id)
{
    const struct mapping_job *job = job_at(machine, job_id);
    if (job->domain == NONE || !domain_of(machine, job)->viommu || job->result != DMA_MAPPED)
        return end_job(machine, job_id);
    viommu_begin(machine, job_id, VIOMMU_MAP);
    return 0;
}

void mapping_turn_over(struct machine *machine, uint32_t job_id)
{
    if (job_at(machine, job_id)->kind == JOB_MAP) {
        int status = end_job(machine, job_id);
        if (status < 0)
            machine->status = status;
    } else if (!mapping_next_submission(machine, job_id)) {
        mapping_invalidated(machine, job_id);
    }
}

void mapping_on_cpu(struct machine *machine, uint32_t cpu)
{
    uint32_t job_id = machine->mapping.cpus[cpu].first;
    struct mapping_job *job = job_at(machine, job_id);
    int status = 0;
    if (virtual_cpus_hold(machine, cpu))
        return;
    job->time.now_ps = machine->events.now_ps; /* later than it would be, where the CPU was away */
    if (viommu_has_turn(job)) {
        viommu_on_cpu(machine, job_id);
        return;
    }
    switch (job->kind) {
    case JOB_UNMAP:
        status = unmap_on_cpu(machine, job_id);
        break;
    case JOB_INVALIDATE:
    case JOB_INTERRUPT:
    case JOB_CONTEXT:
    case JOB_HYPERVISOR:
        mapping_invalidate(machine, job_id);
        break;
    case JOB_FLUSH:
        if (job->phase == PHASE_BEGUN)
            begin_flush(machine, domain_of(machine, job), job_id);
        else
            status = end_job(machine, job_id);
        break;
    case JOB_MAP:
        status = map_on_cpu(machine, job_id);
        break;
    case JOB_SYNC_FOR_CPU:
    case JOB_SYNC_FOR_DEVICE:
    case JOB_WORK:
        status = end_job(machine, job_id);
        break;
    }
    if (status < 0)
        machine->status = status;
}

void mapping_invalidated(struct machine *machine, uint32_t job_id)
{
    struct mapping_job *job = job_at(machine, job_id);
    struct mapping_domain *domain = domain_of(machine, job);
    uint64_t now_ps = machine->events.now_ps;
    int status = 0;
    switch (job->kind) {
    case JOB_UNMAP:
        if (job->invalidation == DMA_INVALIDATE_DOMAIN)
            end_flush(machine, job);
        give_back(machine, job_id);
        return;
    case JOB_FLUSH:
        end_flush(machine, job);
        dma_flush_free(&domain->kernel, &job->time);
        requests_retry(machine);
        job_at(machine, job_id)->phase = PHASE_ENDED;
        mapping_work(machine, job_at(machine, job_id));
        return;
    case JOB_INVALIDATE:
        if (job->length)
            mapping_drop_range(domain, job->iova, job->length, job->covered, now_ps);
        else
            mapping_drop_covered(domain, job->covered, now_ps);
        status = end_job(machine, job_id);
        break;
    default:
        status = end_job(machine, job_id);
        break;
    }
    if (status < 0)
        machine->status = status;
}
