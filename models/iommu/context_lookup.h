/* SPDX-License-Identifier: MIT */
/**
 * @file context_lookup.h
 * Which domain a request belongs to: the context cache (device table, stream table), the PASID cache, and the
 * entries in memory behind them. Used by remapping_unit.c, which says when.
 *
 * Source: VT-d specification 3.4 (context entries), 3.6 and 9.4 (PASID tables, RID_PASID), 6.2.2 (context
 * cache), 6.2.3 (PASID cache); the tables of AMD-Vi and SMMUv3 have the same place.
 */
#ifndef IOMMUSIM_IOMMU_CONTEXT_LOOKUP_H
#define IOMMUSIM_IOMMU_CONTEXT_LOOKUP_H

#include "models/iommu/remapping_unit.h"

/**
 * Look a request up in the caches, from @c mark_ps on, which moves on by what that takes. Hits and misses are
 * counted the first time a request is looked up.
 * @return true where the caches know: then the work has its domain, or a fault. Else @c context_missing and
 * @c pasid_missing say what has to be read
 */
bool context_lookup(struct remapping_unit *unit, struct translation_work *work);

/**
 * Read the entries a lookup missed and nobody has brought since.
 * @return time it takes, begun at @p begin_ps
 */
uint64_t context_read(struct remapping_unit *unit, struct translation_work *work, uint64_t begin_ps);

/** The entries were read: what is present goes into the caches. @return why the request goes no further */
enum iommu_fault context_learn(struct remapping_unit *unit, struct translation_work *work);

#endif
