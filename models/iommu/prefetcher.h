/* SPDX-License-Identifier: MIT */
/**
 * @file prefetcher.h
 * Page walks ahead of demand: the next pages behind one that missed, pages at the stride of a domain's last
 * misses (the same distance twice), or the pages of the tenant that comes next (tenant_predictor.h). A walk
 * ahead starts only where a walker is free and nothing waits for one. What it finds goes into the IOTLB, or
 * into a buffer of its own that is looked up beside the IOTLB.
 */
#ifndef IOMMUSIM_IOMMU_PREFETCHER_H
#define IOMMUSIM_IOMMU_PREFETCHER_H

#include "models/iommu/remapping_unit.h"

/** Is the argument of a unit's event that of a walk ahead? They lie below IOMMU_NO_WORK. */
static inline bool prefetcher_owns(uint32_t argument)
{
    return argument != IOMMU_NO_WORK && argument >= IOMMU_NO_WORK - PREFETCH_WALKS_MAX;
}

void prefetcher_init(struct remapping_unit *unit, uint64_t seed);
void prefetcher_fini(struct remapping_unit *unit);

/** A demand walk ended: note what is likely to be asked for next. It replaces what is not walked yet. */
void prefetcher_want(struct remapping_unit *unit, const struct translation_work *work);

/** A page is looked up, policy PREFETCH_TENANT: note what is likely to be asked for next. */
void prefetcher_observe(struct remapping_unit *unit, const struct translation_work *work);

/** Walk wanted pages, as far as walkers have nothing else to do. */
void prefetcher_start(struct remapping_unit *unit);

/** Its event: the page goes into the caches. The caller frees the walker. */
void prefetcher_done(struct remapping_unit *unit, uint32_t argument);

/** What is under way for a domain (@p all: for any) answers from the tables as they are when it ends. */
void prefetcher_overtake(struct remapping_unit *unit, bool all, uint32_t domain);

#endif
