/* SPDX-License-Identifier: MIT */
/**
 * @file page_walk.h
 * What a unit finds for an address, without time: in its IOTLB, in its walk caches, in the page tables. Used
 * by remapping_unit.c, which says when.
 *
 * A nested walk translates the guest physical address of each table of the guest, and of the page it ends at,
 * by the second stage: up to (levels + 1) x (levels of the second stage + 1) - 1 reads, 24 for four and four.
 * Walk caches hold where a guest's table really lies, so that a walk that begins there needs none of it.
 *
 * Source: VT-d specification 3.6 to 3.8 (first, second stage, nested), 6.2.4 (paging-structure caches), 6.2.5
 * (IOTLB); AMD and Arm as in page_table_format.h.
 */
#ifndef IOMMUSIM_IOMMU_PAGE_WALK_H
#define IOMMUSIM_IOMMU_PAGE_WALK_H

#include "models/iommu/remapping_unit.h"

/** Fill physical address and fault of @p work from the leaf entry of a page of 1 << @p shift bytes. */
void page_walk_answer(struct translation_work *work, uint64_t leaf, unsigned shift);

/** Fill in the fault of a request for which no table has an entry. */
void page_walk_refuse(const struct remapping_unit *unit, struct translation_work *work);

/** Look the address up at every page size its domain uses. @return true on a hit, with the answer filled in.
 */
bool page_walk_iotlb_lookup(struct remapping_unit *unit, struct translation_work *work);

/** Is the page of an address in the IOTLB? No effect on replacement. */
bool page_walk_iotlb_present(struct remapping_unit *unit, uint32_t domain, uint64_t iova);

/** Take an entry of the IOTLB for a work that missed there (parameter reserve_entry): what it displaces is
 * gone from now on. */
void page_walk_iotlb_reserve(struct remapping_unit *unit, struct translation_work *work);

/** A work's walk found nothing to be cached: the entry kept for it, if one is, is free. */
void page_walk_iotlb_give_up(struct remapping_unit *unit, struct translation_work *work);

/**
 * Put the leaf a walk found into the IOTLB, by the rule of parameter duplicate_fill. A work with an entry
 * kept for it takes that one, or, where another one displaced it meanwhile, none.
 */
void page_walk_iotlb_fill(struct remapping_unit *unit, struct translation_work *work);

/** Put the leaf a walk ahead of demand found into the prefetch buffer, or, without one, into the IOTLB. */
void page_walk_prefetched_fill(struct remapping_unit *unit, struct translation_work *work);

/** What looking the walk caches up takes, whatever is found there; 0 where there are none. */
static inline uint64_t page_walk_caches_ps(const struct remapping_unit *unit)
{
    const struct iommu_parameters *p = &unit->parameters;
    bool any = p->walk_cache_entries_l2 || p->walk_cache_entries_l3 || p->walk_cache_entries_l4 ||
               p->walk_cache_entries_l5;
    return any ? p->walk_cache_hit_ps : 0;
}

/** Set start_table and start_level: the deepest table a walk cache knows for the address, or the root. */
void page_walk_start(struct remapping_unit *unit, struct translation_work *work);

/** Time of the read of a table entry at @p address, begun at @p now_ps. */
uint64_t page_walk_read_ps(struct remapping_unit *unit, uint64_t now_ps, uint64_t address);

/** Read entries from start_table down; fills leaf, leaf_shift and the answer, or the fault. @return entries
 * read; they begin at @p begin_ps and take @p memory_ps */
unsigned page_walk_read(struct remapping_unit *unit, struct translation_work *work, uint64_t begin_ps,
                        uint64_t *memory_ps);

/**
 * What the tables of a domain say, of both stages, without time or caches.
 * @param shift  log2 of the page size, set where something is mapped
 * @return page and access, 0 where nothing is mapped
 */
uint64_t page_walk_resolve(const struct remapping_unit *unit, uint32_t domain, uint64_t iova,
                           unsigned *shift);

/** Answer anew from the root, as an invalidation came after the entries were read. */
void page_walk_again(struct remapping_unit *unit, struct translation_work *work);

/** A request that joined the walk of another writes the page of its leaf: if the domain keeps dirty bits, set
 * that of the page. */
void page_walk_note_write(struct remapping_unit *unit, const struct translation_work *work, uint64_t leaf,
                          unsigned shift);

/** Remember the tables a successful walk went through. */
void page_walk_caches_fill(struct remapping_unit *unit, const struct translation_work *work);

#endif
