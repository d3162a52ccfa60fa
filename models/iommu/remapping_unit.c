/* SPDX-License-Identifier: MIT */
/*
 * Life of a translation: lookup (context cache, IOTLB) -> done, or -> a walker, for the context entry first
 * where that is missing, then for the page. Lists are threaded through the caller's array of works by index.
 */
#include "models/iommu/remapping_unit.h"

#include "models/iommu/context_lookup.h"
#include "models/iommu/page_walk.h"
#include "models/iommu/prefetcher.h"

#include "sim/base/arena.h"

#include <assert.h>

enum phase { PHASE_CONTEXT = 1, PHASE_WALK, PHASE_MERGED, PHASE_STALLED, PHASE_DONE };

/* ---- lists ---- */

static void list_append(struct remapping_unit *unit, uint32_t *first, uint32_t *last, uint32_t ticket)
{
    unit->works[ticket].next = IOMMU_NO_WORK;
    if (*last == IOMMU_NO_WORK)
        *first = ticket;
    else
        unit->works[*last].next = ticket;
    *last = ticket;
}

static uint32_t list_take(struct remapping_unit *unit, uint32_t *first, uint32_t *last)
{
    uint32_t ticket = *first;
    if (ticket == IOMMU_NO_WORK)
        return ticket;
    *first = unit->works[ticket].next;
    if (*first == IOMMU_NO_WORK)
        *last = IOMMU_NO_WORK;
    return ticket;
}

static void finish(struct remapping_unit *unit, uint32_t ticket, uint64_t ready_ps)
{
    struct translation_work *work = &unit->works[ticket];
    work->phase = PHASE_DONE;
    if (work->posted_walk) {
        unit->posted_walking--;
        saturation_note(&unit->posted_full, false, unit->events->now_ps);
    }
    work->posted_walk = false;
    work->ready_ps = ready_ps;
    unit->counters.faults += work->fault != IOMMU_NO_FAULT;
    list_append(unit, &unit->finished_first, &unit->finished_last, ticket);
}

uint32_t remapping_unit_finished(struct remapping_unit *unit)
{
    return list_take(unit, &unit->finished_first, &unit->finished_last);
}

/* ---- walking ---- */

/* Begin the page walk of a work that holds a walker, at begin_ps. */
static void begin_page_walk(struct remapping_unit *unit, uint32_t ticket, uint64_t begin_ps)
{
    const struct iommu_parameters *p = &unit->parameters;
    struct translation_work *work = &unit->works[ticket];
    work->phase = PHASE_WALK;
    page_walk_start(unit, work);
    uint64_t cache_ps = page_walk_caches_ps(unit), reads_ps;
    unsigned reads = page_walk_read(unit, work, begin_ps + cache_ps + p->walk_fixed_ps, &reads_ps);
    uint64_t memory_ps = p->walk_fixed_ps + reads_ps;
    work->walk_caches_ps += cache_ps;
    work->walk_memory_ps += memory_ps;
    unit->counters.walks++;
    unit->counters.page_table_reads += reads;
    event_queue_push(unit->events, begin_ps + cache_ps + memory_ps, PRIORITY_NORMAL, unit->event_kind,
                     unit->id, ticket);
}

static void start_walker(struct remapping_unit *unit, uint32_t ticket)
{
    struct translation_work *work = &unit->works[ticket];
    uint64_t now_ps = unit->events->now_ps, begin_ps = work->mark_ps > now_ps ? work->mark_ps : now_ps;
    uint32_t slot = 0;
    while (unit->running[slot] != IOMMU_NO_WORK)
        slot++;
    unit->running[slot] = ticket;
    unit->walkers_busy++;
    queue_meter_arrive(&unit->walking, now_ps);
    work->walker_queueing_ps += begin_ps - work->mark_ps;
    if (work->phase == PHASE_CONTEXT)
        event_queue_push(unit->events, begin_ps + context_read(unit, work, begin_ps), PRIORITY_NORMAL,
                         unit->event_kind, unit->id, ticket);
    else
        begin_page_walk(unit, ticket, begin_ps);
}

/* Nobody walks for it yet: an entry of the IOTLB may be kept for it from now on. */
static void reserve_entry(struct remapping_unit *unit, struct translation_work *work)
{
    if (unit->parameters.reserve_entry && !(work->iova >> 57))
        page_walk_iotlb_reserve(unit, work);
}

/* A miss whose context is known waits for a walk that is under way, as far as the unit merges. Hardware
 * counts one miss a page that is written piece by piece: who waits for the walk of the TLP before finds it
 * later. */
static bool merge(struct remapping_unit *unit, uint32_t ticket)
{
    const struct iommu_parameters *p = &unit->parameters;
    struct translation_work *work = &unit->works[ticket];
    uint32_t found = IOMMU_NO_WORK;
    if (p->merge_inflight)
        found = walks_in_flight_find(&unit->in_flight, unit->works, work);
    else if (p->merge_consecutive)
        found = walks_in_flight_before(&unit->in_flight, unit->works, work);
    if (found == IOMMU_NO_WORK)
        return false;
    work->phase = PHASE_MERGED;
    work->next = unit->works[found].merged;
    unit->works[found].merged = ticket;
    unit->counters.merged++;
    *(p->merge_inflight ? &unit->counters.iotlb_misses : &unit->counters.iotlb_hits) += 1;
    return true;
}

/* Its page walk comes: others may wait for it. */
static void note_walk(struct remapping_unit *unit, uint32_t ticket)
{
    if (unit->parameters.merge_inflight)
        walks_in_flight_add(&unit->in_flight, unit->works, ticket);
    if (unit->parameters.merge_consecutive)
        walks_in_flight_note(&unit->in_flight, unit->works, ticket);
}

/* A posted request that has to wait for the walks of others; counted once, however often it is looked at. */
static void hold(struct remapping_unit *unit, uint32_t ticket)
{
    unit->counters.held += !unit->works[ticket].held;
    unit->works[ticket].held = true;
    list_append(unit, &unit->held_first, &unit->held_last, ticket);
}

/* A work that missed (phase CONTEXT or WALK): to a running walk, a walker, the queue, or held back. */
static void enqueue(struct remapping_unit *unit, uint32_t ticket)
{
    const struct iommu_parameters *p = &unit->parameters;
    struct translation_work *work = &unit->works[ticket];
    bool limited = work->write && p->posted_walks;
    /* Posted requests that are translated one by one wait to be looked up again instead. */
    bool one_by_one = limited && p->posted_walks == 1;
    if (work->phase == PHASE_WALK && (p->merge_inflight || !one_by_one) && merge(unit, ticket))
        return;
    if (limited && unit->posted_walking >= p->posted_walks) {
        work->phase = PHASE_STALLED;
        hold(unit, ticket);
        return;
    }
    bool free_walker = unit->walkers_busy < p->walkers;
    if (!free_walker && p->walk_queue && unit->waiting_count >= p->walk_queue) {
        work->phase = PHASE_STALLED;
        list_append(unit, &unit->stalled_first, &unit->stalled_last, ticket);
        return;
    }
    work->posted_walk = work->write;
    if (work->posted_walk)
        saturation_note(&unit->posted_full, ++unit->posted_walking == p->posted_walks, unit->events->now_ps);
    if (work->phase == PHASE_WALK) {
        unit->counters.iotlb_misses++;
        reserve_entry(unit, work);
        note_walk(unit, ticket);
    }
    if (free_walker) {
        start_walker(unit, ticket);
        return;
    }
    work->queued_ps = unit->events->now_ps;
    queue_meter_arrive(&unit->waiting_queue, work->queued_ps);
    list_append(unit, &unit->waiting_first, &unit->waiting_last, ticket);
    if (++unit->waiting_count > unit->counters.walk_queue_high)
        unit->counters.walk_queue_high = unit->waiting_count;
}

/* ---- lookup ---- */

/* Context known at mark_ps: pass-through, or the IOTLB. True when answered; else phase is WALK. */
static bool lookup_page(struct remapping_unit *unit, struct translation_work *work)
{
    if (work->kind != WORK_UNTRANSLATED && !unit->ats[work->requester_id]) {
        work->fault = IOMMU_FAULT_TRANSLATION_BLOCKED;
        work->ready_ps = work->mark_ps;
        return true;
    }
    if (work->kind == WORK_TRANSLATED) {
        work->physical = work->iova;
        work->ready_ps = work->mark_ps;
        return true;
    }
    if (unit->domains[work->domain].passthrough) {
        work->physical = work->iova;
        work->ready_ps = work->mark_ps;
        return true;
    }
    work->iotlb_ps += unit->parameters.iotlb_hit_ps;
    work->mark_ps += unit->parameters.iotlb_hit_ps;
    bool hit = page_walk_iotlb_lookup(unit, work);
    if (unit->parameters.prefetch == PREFETCH_TENANT)
        prefetcher_observe(unit, work);
    if (hit) {
        unit->counters.iotlb_hits++;
        work->ready_ps = work->mark_ps;
        return true;
    }
    work->phase = PHASE_WALK;
    return false;
}

/* One pass through the lookup pipeline. True when answered. */
static bool lookup(struct remapping_unit *unit, uint32_t ticket)
{
    const struct iommu_parameters *p = &unit->parameters;
    struct translation_work *work = &unit->works[ticket];
    uint64_t now_ps = unit->events->now_ps,
             start_ps = now_ps > unit->looking_up.until_ps ? now_ps : unit->looking_up.until_ps;
    busy_time_add(&unit->looking_up, now_ps, p->lookup_interval_ps);
    work->iotlb_ps += start_ps - now_ps;
    work->mark_ps = start_ps;
    if (context_lookup(unit, work)) {
        if (work->fault != IOMMU_NO_FAULT || lookup_page(unit, work)) {
            unit->counters.faults += work->fault != IOMMU_NO_FAULT;
            work->ready_ps = work->mark_ps;
            return true;
        }
    } else {
        work->phase = PHASE_CONTEXT;
    }
    enqueue(unit, ticket);
    return false;
}

bool remapping_unit_translate(struct remapping_unit *unit, uint32_t ticket)
{
    struct translation_work *work = &unit->works[ticket];
    work->fault = IOMMU_NO_FAULT;
    work->overtaken = false;
    work->found = 0;
    work->merged = IOMMU_NO_WORK;
    work->reserved = 0;
    work->posted_walk = work->held = work->looked_up = false;
    work->context_ps = work->iotlb_ps = work->walker_queueing_ps = work->walk_caches_ps =
        work->walk_memory_ps = 0;
    work->mark_ps = unit->events->now_ps;
    unit->counters.requests++;
    unit->counters.translated_requests += work->kind == WORK_TRANSLATED;
    unit->counters.translation_requests += work->kind == WORK_TRANSLATION_REQUEST;
    if (unit->stalled_first != IOMMU_NO_WORK) { /* requests do not overtake one that is held back */
        work->phase = PHASE_STALLED;
        list_append(unit, &unit->stalled_first, &unit->stalled_last, ticket);
        return false;
    }
    if (work->write && unit->held_first != IOMMU_NO_WORK) { /* nor do posted ones each other */
        work->phase = PHASE_STALLED;
        hold(unit, ticket);
        return false;
    }
    bool answered = lookup(unit, ticket);
    if (unit->prefetcher.wanted_count)
        prefetcher_start(unit);
    return answered;
}

/* ---- events ---- */

/* A work that was held back goes on: looked up once more, as its page may be there now. */
static void resume(struct remapping_unit *unit, uint32_t ticket)
{
    struct translation_work *work = &unit->works[ticket];
    uint64_t now_ps = unit->events->now_ps;
    if (now_ps > work->mark_ps) {
        work->walker_queueing_ps += now_ps - work->mark_ps;
    } else { /* let go before its first lookup was over: that one does not count */
        uint64_t over_ps = work->mark_ps - now_ps;
        uint64_t of_iotlb_ps = over_ps < work->iotlb_ps ? over_ps : work->iotlb_ps;
        work->iotlb_ps -= of_iotlb_ps;
        work->context_ps -= over_ps - of_iotlb_ps;
    }
    if (lookup(unit, ticket))
        finish(unit, ticket, work->ready_ps);
}

/* Posted works that waited for the walks of earlier ones. One that misses again holds the rest. */
static void resume_held(struct remapping_unit *unit)
{
    uint32_t first = unit->held_first;
    unit->held_first = unit->held_last = IOMMU_NO_WORK;
    while (first != IOMMU_NO_WORK) {
        uint32_t next = unit->works[first].next;
        if (unit->held_first == IOMMU_NO_WORK)
            resume(unit, first);
        else
            list_append(unit, &unit->held_first, &unit->held_last, first);
        first = next;
    }
}

/* Give free walkers to waiting works, then let held-back requests go on. */
static void serve_waiting(struct remapping_unit *unit)
{
    const struct iommu_parameters *p = &unit->parameters;
    while (unit->walkers_busy < p->walkers && unit->waiting_first != IOMMU_NO_WORK) {
        uint32_t ticket = list_take(unit, &unit->waiting_first, &unit->waiting_last);
        unit->waiting_count--;
        queue_meter_depart(&unit->waiting_queue, unit->works[ticket].queued_ps, unit->events->now_ps);
        start_walker(unit, ticket);
    }
    while (unit->stalled_first != IOMMU_NO_WORK &&
           (unit->walkers_busy < p->walkers || !p->walk_queue || unit->waiting_count < p->walk_queue)) {
        uint32_t ticket = list_take(unit, &unit->stalled_first, &unit->stalled_last);
        resume(unit, ticket);
    }
}

static void walker_free(struct remapping_unit *unit)
{
    unit->walkers_busy--;
    queue_meter_depart(&unit->walking, unit->events->now_ps, unit->events->now_ps);
    serve_waiting(unit);
}

static void release_walker(struct remapping_unit *unit, uint32_t ticket)
{
    uint32_t slot = 0;
    while (unit->running[slot] != ticket)
        slot++;
    /* During recovery the slot is taken by nobody's walk; walkers_busy still counts it. */
    unit->running[slot] = IOMMU_NO_WORK;
    if (unit->parameters.walker_recovery_ps) {
        event_queue_push(unit->events, unit->events->now_ps + unit->parameters.walker_recovery_ps,
                         PRIORITY_RELEASE, unit->event_kind, unit->id, IOMMU_NO_WORK);
        return;
    }
    walker_free(unit);
}

static void context_read_done(struct remapping_unit *unit, uint32_t ticket)
{
    struct translation_work *work = &unit->works[ticket];
    work->mark_ps = unit->events->now_ps;
    work->fault = context_learn(unit, work);
    if (work->fault != IOMMU_NO_FAULT) {
        finish(unit, ticket, work->mark_ps);
        release_walker(unit, ticket);
        return;
    }
    if (lookup_page(unit, work)) {
        finish(unit, ticket, work->ready_ps);
        release_walker(unit, ticket);
        return;
    }
    if (merge(unit, ticket)) {
        release_walker(unit, ticket);
        return;
    }
    unit->counters.iotlb_misses++;
    note_walk(unit, ticket);
    reserve_entry(unit, work);
    begin_page_walk(unit, ticket, work->mark_ps); /* in the same walker */
}

static void page_walk_done(struct remapping_unit *unit, uint32_t ticket)
{
    struct translation_work *work = &unit->works[ticket];
    uint64_t now_ps = unit->events->now_ps;
    if (unit->parameters.merge_inflight)
        walks_in_flight_remove(&unit->in_flight, unit->works, ticket);
    if (unit->parameters.merge_consecutive)
        walks_in_flight_forget(&unit->in_flight, unit->works, ticket);
    if (work->overtaken)
        page_walk_again(unit, work);
    if (work->leaf_shift && (!work->overtaken || unit->parameters.overtaken_fill)) {
        page_walk_caches_fill(unit, work);
        page_walk_iotlb_fill(unit, work);
    } else {
        page_walk_iotlb_give_up(unit, work);
    }
    prefetcher_want(unit, work);
    uint32_t merged = work->merged;
    finish(unit, ticket, now_ps);
    while (merged != IOMMU_NO_WORK) {
        struct translation_work *waiter = &unit->works[merged];
        uint32_t next = waiter->next;
        uint64_t ready_ps = now_ps > waiter->mark_ps ? now_ps : waiter->mark_ps;
        waiter->walker_queueing_ps += ready_ps - waiter->mark_ps;
        if (work->leaf_shift) {
            page_walk_answer(waiter, work->leaf, work->leaf_shift);
            if (waiter->write || waiter->kind == WORK_TRANSLATION_REQUEST)
                page_walk_note_write(unit, waiter, work->leaf, work->leaf_shift);
        } else {
            page_walk_refuse(unit, waiter);
        }
        finish(unit, merged, ready_ps);
        merged = next;
    }
    release_walker(unit, ticket);
}

void remapping_unit_event(struct remapping_unit *unit, uint32_t argument)
{
    if (prefetcher_owns(argument)) {
        prefetcher_done(unit, argument);
        walker_free(unit);
    } else if (argument == IOMMU_NO_WORK) {
        walker_free(unit);
    } else if (unit->works[argument].phase == PHASE_CONTEXT) {
        context_read_done(unit, argument);
    } else {
        page_walk_done(unit, argument);
    }
    if (unit->prefetcher.wanted_count)
        prefetcher_start(unit);
    if (unit->held_first != IOMMU_NO_WORK && (unit->posted_walking < unit->parameters.posted_walks))
        resume_held(unit);
}

const char *iommu_fault_text(enum iommu_fault fault)
{
    switch (fault) {
    case IOMMU_NO_FAULT:
        return "no fault";
    case IOMMU_FAULT_CONTEXT_NOT_PRESENT:
        return "02h: the present bit of the context entry is clear";
    case IOMMU_FAULT_ADDRESS_BEYOND_WIDTH:
        return "04h: the address is beyond the width of the page table";
    case IOMMU_FAULT_WRITE_NOT_PERMITTED:
        return "05h: write to a page without write permission";
    case IOMMU_FAULT_READ_NOT_PERMITTED:
        return "06h: read of a page without read permission";
    case IOMMU_FAULT_INTERRUPT_NOT_PRESENT:
        return "22h: the present bit of the interrupt remapping entry is clear";
    case IOMMU_FAULT_INTERRUPT_SOURCE:
        return "26h: the interrupt remapping entry is for another source id";
    case IOMMU_FAULT_PASID_IN_LEGACY_MODE:
        return "31h: a request with PASID, which the unit has no tables for (legacy mode)";
    case IOMMU_FAULT_PASID_NOT_PRESENT:
        return "59h: the present bit of the PASID table entry is clear";
    case IOMMU_FAULT_TRANSLATION_BLOCKED:
        return "0dh: the context entry allows neither translation requests nor translated requests";
    }
    return "unknown fault";
}

bool remapping_unit_check(const struct remapping_unit *unit)
{
    uint32_t waiting = 0, running = 0;
    for (uint32_t t = unit->waiting_first; t != IOMMU_NO_WORK; t = unit->works[t].next)
        waiting++;
    for (uint32_t i = 0; i < unit->parameters.walkers; i++)
        running += unit->running[i] != IOMMU_NO_WORK;
    return waiting == unit->waiting_count && running <= unit->walkers_busy &&
           unit->walkers_busy <= unit->parameters.walkers &&
           (waiting == 0 || unit->walkers_busy == unit->parameters.walkers);
}

void remapping_unit_restart_counters(struct remapping_unit *unit)
{
    unit->counters = (struct iommu_counters){.walk_queue_high = unit->waiting_count};
    queue_meter_restart(&unit->waiting_queue, unit->events->now_ps);
    queue_meter_restart(&unit->walking, unit->events->now_ps);
    busy_time_restart(&unit->looking_up, unit->events->now_ps);
    saturation_restart(&unit->posted_full, unit->events->now_ps);
    if (unit->latency.count)
        unit->latency = (struct histogram){0};
}
