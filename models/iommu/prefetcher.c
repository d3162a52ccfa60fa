/* SPDX-License-Identifier: MIT */
#include "models/iommu/prefetcher.h"

#include "models/iommu/page_walk.h"

/* Histories lie above the context tables; addresses only. */
#define HISTORY_TABLE_BASE UINT64_C(0x000a000000000000)

enum { HISTORY_BYTES = 64 };

void prefetcher_init(struct remapping_unit *unit, uint64_t seed)
{
    const struct iommu_parameters *p = &unit->parameters;
    bool tenants = p->prefetch == PREFETCH_TENANT;
    translation_cache_init(&unit->prefetcher.buffer, p->prefetch == PREFETCH_NONE ? 0 : p->prefetch_buffer, 0,
                           REPLACE_LRU, seed, "prefetch buffer");
    tenant_predictor_init(&unit->prefetcher.tenants, p->prefetch_distance, tenants ? p->prefetch_history : 0);
}

void prefetcher_fini(struct remapping_unit *unit)
{
    translation_cache_fini(&unit->prefetcher.buffer);
    tenant_predictor_fini(&unit->prefetcher.tenants);
}

/* ---- what is wanted ---- */

/* The oldest wish gives way. */
static void want(struct remapping_unit *unit, uint32_t domain, uint64_t iova)
{
    struct prefetcher *prefetcher = &unit->prefetcher;
    if (prefetcher->wanted_count == PREFETCH_WANTED_MAX) {
        prefetcher->wanted_first = (prefetcher->wanted_first + 1) % PREFETCH_WANTED_MAX;
        prefetcher->wanted_count--;
    }
    uint32_t at = (prefetcher->wanted_first + prefetcher->wanted_count++) % PREFETCH_WANTED_MAX;
    prefetcher->wanted[at] = (struct prefetch_wish){.iova = iova, .domain = domain};
}

void prefetcher_want(struct remapping_unit *unit, const struct translation_work *work)
{
    const struct iommu_parameters *p = &unit->parameters;
    struct prefetcher *prefetcher = &unit->prefetcher;
    uint64_t page = work->iova >> PAGE_SHIFT_4K;
    int64_t stride = (int64_t)1 << (work->leaf_shift ? work->leaf_shift - PAGE_SHIFT_4K : 0);
    if (p->prefetch == PREFETCH_NONE || p->prefetch == PREFETCH_TENANT || !work->leaf_shift)
        return;
    if (p->prefetch == PREFETCH_STRIDE) {
        struct prefetch_history *history = &prefetcher->histories[work->domain % PREFETCH_HISTORIES];
        stride = (int64_t)(page - history->page);
        bool steady = history->domain == work->domain + 1 && stride == history->stride && stride != 0;
        *history = (struct prefetch_history){work->domain + 1, page, stride};
        if (!steady)
            return;
    }
    prefetcher->wanted_count = 0;
    for (uint32_t i = 1; i <= p->prefetch_degree; i++)
        want(unit, work->domain, work->iova + (uint64_t)(stride * (int64_t)i) * (1 << PAGE_SHIFT_4K));
}

void prefetcher_observe(struct remapping_unit *unit, const struct translation_work *work)
{
    uint32_t domain;
    const struct tenant_history *next =
        tenant_predictor_observe(&unit->prefetcher.tenants, work->domain, work->iova, &domain);
    for (uint32_t i = 0; next && i < next->count; i++)
        want(unit, domain, next->pages[i]);
}

/* ---- walking ---- */

static bool is_under_way(const struct prefetcher *prefetcher, const struct prefetch_wish *wish)
{
    for (uint32_t i = 0; i < PREFETCH_WALKS_MAX; i++) {
        const struct translation_work *work = &prefetcher->walks[i];
        if (prefetcher->busy[i] && work->domain == wish->domain &&
            work->iova >> PAGE_SHIFT_4K == wish->iova >> PAGE_SHIFT_4K)
            return true;
    }
    return false;
}

/* What goes before the walk: HyperTRIO's histories are in memory, one read of them for a wish. */
static uint64_t history_ps(struct remapping_unit *unit, const struct prefetch_wish *wish)
{
    if (unit->parameters.prefetch != PREFETCH_TENANT)
        return 0;
    return page_walk_read_ps(unit, unit->events->now_ps,
                             HISTORY_TABLE_BASE + (uint64_t)wish->domain * HISTORY_BYTES);
}

static void begin(struct remapping_unit *unit, const struct prefetch_wish *wish)
{
    struct prefetcher *prefetcher = &unit->prefetcher;
    uint64_t now_ps = unit->events->now_ps, reads_ps;
    uint64_t begin_ps = now_ps + history_ps(unit, wish) + page_walk_caches_ps(unit);
    uint32_t slot = 0;
    while (prefetcher->busy[slot])
        slot++;
    struct translation_work *work = &prefetcher->walks[slot];
    *work = (struct translation_work){.iova = wish->iova, .domain = wish->domain};
    page_walk_start(unit, work);
    begin_ps += unit->parameters.walk_fixed_ps;
    unit->counters.page_table_reads += page_walk_read(unit, work, begin_ps, &reads_ps);
    unit->counters.prefetches++;
    unit->walkers_busy++;
    queue_meter_arrive(&unit->walking, now_ps);
    prefetcher->busy[slot] = true;
    prefetcher->busy_count++;
    event_queue_push(unit->events, begin_ps + reads_ps, PRIORITY_NORMAL, unit->event_kind, unit->id,
                     IOMMU_NO_WORK - 1 - slot);
}

void prefetcher_start(struct remapping_unit *unit)
{
    struct prefetcher *prefetcher = &unit->prefetcher;
    while (prefetcher->wanted_count && prefetcher->busy_count < unit->parameters.prefetch_walks &&
           unit->waiting_first == IOMMU_NO_WORK && unit->walkers_busy < unit->parameters.walkers) {
        const struct prefetch_wish wish = prefetcher->wanted[prefetcher->wanted_first];
        prefetcher->wanted_first = (prefetcher->wanted_first + 1) % PREFETCH_WANTED_MAX;
        prefetcher->wanted_count--;
        if (!(wish.iova >> 57) && !page_walk_iotlb_present(unit, wish.domain, wish.iova) &&
            !is_under_way(prefetcher, &wish))
            begin(unit, &wish);
    }
}

void prefetcher_done(struct remapping_unit *unit, uint32_t argument)
{
    struct prefetcher *prefetcher = &unit->prefetcher;
    uint32_t slot = IOMMU_NO_WORK - 1 - argument;
    struct translation_work *work = &prefetcher->walks[slot];
    prefetcher->busy[slot] = false;
    prefetcher->busy_count--;
    if (work->overtaken)
        page_walk_again(unit, work);
    if (!work->leaf_shift || page_walk_iotlb_present(unit, work->domain, work->iova))
        return;
    page_walk_caches_fill(unit, work);
    page_walk_prefetched_fill(unit, work);
}

void prefetcher_overtake(struct remapping_unit *unit, bool all, uint32_t domain)
{
    struct prefetcher *prefetcher = &unit->prefetcher;
    for (uint32_t i = 0; prefetcher->busy_count && i < PREFETCH_WALKS_MAX; i++)
        prefetcher->walks[i].overtaken |= all || prefetcher->walks[i].domain == domain;
}
