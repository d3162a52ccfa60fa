/* SPDX-License-Identifier: MIT */
/**
 * @file prefetcher.h
 * Page walks ahead of demand: the next pages behind one that missed, or pages at the stride of a domain's
 * last misses (the same distance twice). A walk ahead starts only where a walker is free and nothing waits
 * for one, one at a time; a later miss replaces what has not been walked yet.
 */
#ifndef IOMMUSIM_IOMMU_PREFETCHER_H
#define IOMMUSIM_IOMMU_PREFETCHER_H

#include "models/iommu/remapping_unit.h"

/** Argument of the event that ends a walk ahead: no ticket. */
#define PREFETCHER_TICKET (IOMMU_NO_WORK - 1)

/** A demand walk ended: note what is likely to be asked for next. */
void prefetcher_want(struct remapping_unit *unit, const struct translation_work *work);

/** Walk the next wanted page, if a walker has nothing else to do. */
void prefetcher_start(struct remapping_unit *unit);

/** Its event: the page goes into the caches. The caller frees the walker. */
void prefetcher_done(struct remapping_unit *unit);

#endif
