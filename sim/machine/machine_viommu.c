/* SPDX-License-Identifier: MIT */
/*
 * A job of a CPU in a guest that has a virtual IOMMU (models/host/viommu.h): after its own part of mapping,
 * or in place of the invalidation of unmapping, it takes a turn, leaves the guest where it must, and has the
 * hypervisor do range after range what the host's kernel does for it.
 *
 * The tables of shadowed guests exist once here, as the host's: what the guest maps is there at once (nobody
 * uses an address before mapping returned), what it unmaps goes when the hypervisor comes to it.
 */
#include "sim/machine/machine_mapping.h"
#include "sim/machine/machine_state.h"

enum { PAGE = 4096 };

/* Where a job's turn is. */
enum viommu_step {
    STEP_NONE,    /* it has none, or waits for one */
    STEP_DRIVER,  /* in the guest; all there is to it */
    STEP_EXIT,    /* on the way to the hypervisor */
    STEP_CALL,    /* a call of the hypervisor */
    STEP_FORWARD, /* its last call: invalidations as the guest wrote them */
    STEP_RETURN,  /* on the way back */
};

static struct mapping_job *job_at(struct machine *machine, uint32_t job)
{
    return &machine->mapping.jobs[job];
}

static struct mapping_domain *domain_of(struct machine *machine, const struct mapping_job *job)
{
    return &machine->mapping.domains[job->domain];
}

static void work(struct machine *machine, struct mapping_job *job, enum viommu_step step)
{
    job->turn.step = (uint8_t)step;
    mapping_work(machine, job);
}

/* ---- what a turn is about ---- */

/* The first range at or behind place @p *at of the turn: a piece of the job's, or, of a flush, one that was
 * unmapped before it began. @return false: there is none */
static bool next_range(const struct machine *machine, const struct mapping_job *job, uint64_t *at,
                       uint64_t *iova, uint64_t *length)
{
    const struct mapping_domain *domain = &machine->mapping.domains[job->domain];
    if (job->turn.request == VIOMMU_MAP)
        return mapping_piece(machine, job, (uint32_t)*at, iova, length);
    if (job->turn.request == VIOMMU_UNMAP) /* one submission for each piece */
        return *at == 0 && mapping_piece(machine, job, job->piece, iova, length);
    uint32_t low = 0, high = domain->stale_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (domain->stale[middle].number < *at)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == domain->stale_count || domain->stale[low].number >= job->covered)
        return false;
    *at = domain->stale[low].number;
    *iova = domain->stale[low].iova;
    *length = domain->stale[low].length;
    return true;
}

/* What the hypervisor reads: descriptors or requests, and entries of the guest's tables. */
static void count_reading(const struct machine *machine, const struct mapping_job *job, uint32_t *descriptors,
                          uint64_t *entries)
{
    const struct viommu *viommu = machine->mapping.domains[job->domain].viommu;
    uint64_t at = 0, iova, length, pages = 0;
    uint32_t ranges = 0;
    for (; next_range(machine, job, &at, &iova, &length); at++, ranges++)
        pages += length / PAGE;
    *descriptors = viommu->kind == VIOMMU_VIRTIO ? ranges : mapping_descriptors(machine, job) + 1;
    *entries = 0;
    if (viommu->kind == VIOMMU_SHADOWED)
        *entries = job->turn.request == VIOMMU_FLUSH ? viommu->mapped_pages : pages;
}

/* ---- turns ---- */

static void end_turn(struct machine *machine, uint32_t job_id);

static void begin_turn(struct machine *machine, uint32_t job_id)
{
    struct mapping_job *job = job_at(machine, job_id);
    struct viommu *viommu = domain_of(machine, job)->viommu;
    uint32_t descriptors;
    uint64_t entries;
    kernel_time_spend(&job->time, KERNEL_LOCK, machine->events.now_ps - job->time.now_ps);
    kernel_time_spend(&job->time, KERNEL_INVALIDATION, viommu_driver_ps(viommu, job->turn.request));
    if (!viommu_exits(viommu, job->turn.request)) {
        work(machine, job, STEP_DRIVER);
        return;
    }
    count_reading(machine, job, &descriptors, &entries);
    job->turn.exit_ps = job->time.now_ps;
    kernel_time_spend(&job->time, KERNEL_HYPERVISOR, viommu_exit_ps(viommu, descriptors, entries));
    work(machine, job, STEP_EXIT);
}

void viommu_begin(struct machine *machine, uint32_t job_id, enum viommu_request request)
{
    struct mapping_job *job = job_at(machine, job_id);
    job->time.now_ps = machine->events.now_ps;
    job->turn = (struct viommu_turn){.request = request};
    if (viommu_enter(domain_of(machine, job)->viommu, request, job_id, machine->events.now_ps))
        begin_turn(machine, job_id);
}

/* All that was asked for is done. */
static void return_to_guest(struct machine *machine, struct mapping_job *job)
{
    kernel_time_spend(&job->time, KERNEL_HYPERVISOR, viommu_return_ps(domain_of(machine, job)->viommu));
    work(machine, job, STEP_RETURN);
}

/* The next thing to have the host's kernel do: a shadowed entry, a range of a virtio request. */
static void next_call(struct machine *machine, uint32_t job_id)
{
    struct mapping_job *job = job_at(machine, job_id);
    struct mapping_domain *domain = domain_of(machine, job);
    struct viommu *viommu = domain->viommu;
    bool map = job->turn.request == VIOMMU_MAP;
    uint64_t iova, length;
    unsigned shift = 0;
    if (!next_range(machine, job, &job->turn.range, &iova, &length)) {
        return_to_guest(machine, job);
        return;
    }
    job->turn.iova = iova + job->turn.offset;
    job->turn.length = length - job->turn.offset;
    if (viommu->kind == VIOMMU_SHADOWED && mapping_tables_find(machine, job->domain, job->turn.iova, &shift))
        job->turn.length = UINT64_C(1) << shift;
    job->turn.offset += job->turn.length;
    if (job->turn.offset >= length) {
        job->turn.offset = 0;
        job->turn.range++;
    }
    if (!map)
        mapping_tables_unmap(&domain->tables, job->turn.iova, job->turn.length);
    kernel_time_spend(&job->time, KERNEL_HYPERVISOR, viommu_call_ps(viommu, map, job->turn.length / PAGE));
    work(machine, job, STEP_CALL);
}

static void forward(struct machine *machine, struct mapping_job *job)
{
    kernel_time_spend(&job->time, KERNEL_HYPERVISOR,
                      viommu_call_ps(domain_of(machine, job)->viommu, false, 0));
    work(machine, job, STEP_FORWARD);
}

/* Leave the turn to the next, and go on with what the job was about. */
static void end_turn(struct machine *machine, uint32_t job_id)
{
    struct mapping_job *job = job_at(machine, job_id);
    struct viommu *viommu = domain_of(machine, job)->viommu;
    if (viommu_exits(viommu, job->turn.request))
        viommu->counters.stopped_ps += machine->events.now_ps - job->turn.exit_ps;
    job->turn.step = STEP_NONE;
    uint32_t next = viommu_leave(viommu, machine->events.now_ps);
    if (next != VIOMMU_NOBODY)
        begin_turn(machine, next);
    mapping_turn_over(machine, job_id);
}

bool viommu_has_turn(const struct mapping_job *job)
{
    return job->turn.step != STEP_NONE;
}

void viommu_on_cpu(struct machine *machine, uint32_t job_id)
{
    struct mapping_job *job = job_at(machine, job_id);
    switch ((enum viommu_step)job->turn.step) {
    case STEP_EXIT:
        if (domain_of(machine, job)->viommu->kind == VIOMMU_NESTED)
            forward(machine, job);
        else
            next_call(machine, job_id);
        break;
    case STEP_CALL:
        if (job->turn.request == VIOMMU_MAP)
            next_call(machine, job_id);
        else
            mapping_submit(machine, job_id);
        break;
    case STEP_FORWARD:
        mapping_submit(machine, job_id);
        break;
    case STEP_NONE:
    case STEP_DRIVER:
    case STEP_RETURN:
        end_turn(machine, job_id);
        break;
    }
}

void viommu_invalidated(struct machine *machine, uint32_t job_id)
{
    struct mapping_job *job = job_at(machine, job_id);
    if (job->turn.step == STEP_FORWARD)
        return_to_guest(machine, job);
    else
        next_call(machine, job_id);
}
