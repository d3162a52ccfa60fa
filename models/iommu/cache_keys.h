/* SPDX-License-Identifier: MIT */
/**
 * @file cache_keys.h
 * How a unit's IOTLB and walk caches name what they hold: what looks up and fills (page_walk.c) and what
 * invalidates (cache_invalidation.c) have to agree on.
 */
#ifndef IOMMUSIM_IOMMU_CACHE_KEYS_H
#define IOMMUSIM_IOMMU_CACHE_KEYS_H

#include "models/iommu/remapping_unit.h"

/* Keys hold the domain above a page of a 57-bit address. MODEL: what lies higher, in tables of six levels, is
 * not cached.
 */
enum { DOMAIN_SHIFT = 47, CACHED_BITS = 57 };

/* In keys of an IOTLB entry that waits for its walk, and of a walk cache's entry that maps a page: above all
 * that page numbers and numbers of tables reach. */
#define KEY_APART (UINT64_C(1) << (DOMAIN_SHIFT - 1))

/* The page's number among pages of its size and, where the numbers of smaller pages go on, a one. */
static inline uint64_t page_key(uint32_t domain, uint64_t address, unsigned shift)
{
    return (uint64_t)domain << DOMAIN_SHIFT | (address >> shift << 1 | 1) << (shift - PAGE_SHIFT_4K);
}

/* Bits of a key in which all pages of a size within an aligned range of 4 KiB << order agree. */
static inline uint64_t range_mask(unsigned shift, unsigned order)
{
    unsigned of_size = shift - PAGE_SHIFT_4K;
    if (order <= of_size)
        return UINT64_MAX;
    order = order < CACHED_BITS - PAGE_SHIFT_4K ? order : CACHED_BITS - PAGE_SHIFT_4K;
    return ~((UINT64_C(2) << order) - 1) | ((UINT64_C(2) << of_size) - 1);
}

/* The smallest size of a set of them, as log2; takes it out. */
static inline unsigned next_size(uint64_t *sizes)
{
    unsigned shift = PAGE_SHIFT_4K + (unsigned)__builtin_ctzll(*sizes);
    *sizes &= *sizes - 1;
    return shift;
}

/* The IOTLB that holds pages of a size: the shared one, or one of their own. Sizes in between go with the
 * next smaller one. */
static inline struct translation_cache *iotlb_of(struct remapping_unit *unit, unsigned shift)
{
    struct translation_cache *own = shift >= PAGE_SHIFT_1G   ? &unit->iotlb_large[1]
                                    : shift >= PAGE_SHIFT_2M ? &unit->iotlb_large[0]
                                                             : NULL;
    return own && own->sets ? own : &unit->iotlb;
}

static inline uint64_t iotlb_index(const struct remapping_unit *unit, const struct translation_cache *cache,
                                   uint32_t domain, uint64_t iova, unsigned shift)
{
    unsigned given = unit->parameters.iotlb_index_shift;
    uint64_t index = iova >> (given ? given : shift);
    return cache == &unit->iotlb ? translation_cache_index(cache, index, domain) : index;
}

/* Bits up to the highest one set. */
static inline uint64_t up_to_highest(uint64_t bits)
{
    return bits ? UINT64_MAX >> __builtin_clzll(bits) : 0;
}

/* Page sizes that may be in the IOTLB for a domain; of a nested one what both stages have in common, the
 * smaller of any two. */
static inline uint64_t sizes_of(const struct iommu_domain *domain)
{
    uint64_t guest = domain->table.page_sizes, host = domain->stage2.page_sizes;
    return domain->nested ? (guest & up_to_highest(host)) | (host & up_to_highest(guest)) : guest;
}

/* Of a table of @p level, or, with KEY_APART, of a page as large as what it maps. */
static inline uint64_t walk_cache_key(uint32_t domain, uint64_t iova, unsigned level)
{
    return (uint64_t)domain << DOMAIN_SHIFT | iova >> (PAGE_SHIFT_4K + 9 * level);
}

#endif
