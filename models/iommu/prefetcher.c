/* SPDX-License-Identifier: MIT */
#include "models/iommu/prefetcher.h"

#include "models/iommu/page_walk.h"

/* A demand walk ended: note what is likely to be asked for next. A later miss replaces what is not walked
 * yet.
 */
void prefetcher_want(struct remapping_unit *unit, const struct translation_work *work)
{
    const struct iommu_parameters *p = &unit->parameters;
    uint64_t page = work->iova >> PAGE_SHIFT_4K;
    int64_t stride = 1;
    if (p->prefetch == PREFETCH_NONE || !work->leaf_level)
        return;
    if (p->prefetch == PREFETCH_STRIDE) {
        struct prefetch_history *history = &unit->prefetch_histories[work->domain % PREFETCH_HISTORIES];
        stride = (int64_t)(page - history->page);
        bool steady = history->domain == work->domain + 1 && stride == history->stride && stride != 0;
        *history = (struct prefetch_history){work->domain + 1, page, stride};
        if (!steady)
            return;
    } else {
        stride = (int64_t)1 << (9 * (work->leaf_level - 1));
    }
    unit->prefetch = (struct translation_work){.iova = work->iova, .domain = work->domain};
    unit->prefetch_stride = stride;
    unit->prefetch_wanted = p->prefetch_degree;
}

/* Walk the next wanted page if a walker has nothing else to do. One at a time. */
void prefetcher_start(struct remapping_unit *unit)
{
    struct translation_work *work = &unit->prefetch;
    while (!unit->prefetching && unit->prefetch_wanted && unit->waiting_first == IOMMU_NO_WORK &&
           unit->walkers_busy < unit->parameters.walkers) {
        unit->prefetch_wanted--;
        work->iova += (uint64_t)(unit->prefetch_stride * (1 << PAGE_SHIFT_4K));
        work->fault = IOMMU_NO_FAULT;
        if (work->iova >> 57 || page_walk_iotlb_present(unit, work->domain, work->iova))
            continue;
        uint64_t reads_ps, fixed_ps = unit->parameters.walk_fixed_ps;
        page_walk_start(unit, work);
        unit->counters.page_table_reads +=
            page_walk_read(unit, work, unit->events->now_ps + fixed_ps, &reads_ps);
        unit->counters.prefetches++;
        unit->walkers_busy++;
        queue_meter_arrive(&unit->walking, unit->events->now_ps);
        unit->prefetching = true;
        unit->prefetch_walk = *work;
        event_queue_push(unit->events, unit->events->now_ps + fixed_ps + reads_ps, PRIORITY_NORMAL,
                         unit->event_kind, unit->id, PREFETCHER_TICKET);
    }
}

void prefetcher_done(struct remapping_unit *unit)
{
    struct translation_work *work = &unit->prefetch_walk;
    unit->prefetching = false;
    if (work->overtaken)
        page_walk_again(unit, work);
    if (work->leaf_level && !page_walk_iotlb_present(unit, work->domain, work->iova)) {
        page_walk_caches_fill(unit, work);
        page_walk_iotlb_fill(unit, work);
    }
}
