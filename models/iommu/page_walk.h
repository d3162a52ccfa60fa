/* SPDX-License-Identifier: MIT */
/**
 * @file page_walk.h
 * What a unit finds for an address, without time: in its IOTLB, in its walk caches, in the page tables. Used
 * by remapping_unit.c, which says when.
 *
 * Source: VT-d specification 3.7 (second-stage translation), 6.2.4 (paging-structure caches), 6.2.5 (IOTLB).
 */
#ifndef IOMMUSIM_IOMMU_PAGE_WALK_H
#define IOMMUSIM_IOMMU_PAGE_WALK_H

#include "models/iommu/remapping_unit.h"

/** Fill physical address and fault of @p work from a leaf entry of page size 4 KiB << 9 x @p size. */
void page_walk_answer(struct translation_work *work, uint64_t leaf, unsigned size);

/** Fill in the fault of a request for which no table has an entry. */
void page_walk_refuse(const struct remapping_unit *unit, struct translation_work *work);

/** Look the address up at every page size its domain uses. @return true on a hit, with the answer filled in.
 */
bool page_walk_iotlb_lookup(struct remapping_unit *unit, struct translation_work *work);

/** Put the leaf a walk found into the IOTLB, by the rule of parameter duplicate_fill. */
void page_walk_iotlb_fill(struct remapping_unit *unit, const struct translation_work *work);

/** Set start_table and start_level: the deepest table a walk cache knows for the address, or the root. */
void page_walk_start(struct remapping_unit *unit, struct translation_work *work);

/** Time of the read of a table entry at @p address, begun at @p now_ps. */
uint64_t page_walk_read_ps(struct remapping_unit *unit, uint64_t now_ps, uint64_t address);

/** Read entries from start_table down; fills leaf, leaf_level and the answer, or the fault. @return entries
 * read; they begin at @p begin_ps and take @p memory_ps */
unsigned page_walk_read(struct remapping_unit *unit, struct translation_work *work, uint64_t begin_ps,
                        uint64_t *memory_ps);

/** Answer anew from the root, as an invalidation came after the entries were read. */
void page_walk_again(struct remapping_unit *unit, struct translation_work *work);

/** Remember the tables a successful walk went through. */
void page_walk_caches_fill(struct remapping_unit *unit, const struct translation_work *work);

#endif
