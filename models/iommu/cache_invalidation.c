/* SPDX-License-Identifier: MIT */
/* What invalidations take out of a unit's caches, and walks under way that they overtake (VT-d specification
 * 6.5.2; remapping_unit.h). */
#include "models/iommu/cache_keys.h"
#include "models/iommu/prefetcher.h"
#include "models/iommu/remapping_unit.h"

static const uint64_t domain_mask = ~((UINT64_C(1) << DOMAIN_SHIFT) - 1);

static void drop_pages(struct remapping_unit *unit, uint32_t domain, uint64_t iova, unsigned order)
{
    if (iova >> CACHED_BITS)
        return;
    for (uint64_t sizes = sizes_of(&unit->domains[domain]); sizes;) {
        unsigned shift = next_size(&sizes);
        uint64_t key = page_key(domain, iova, shift), mask = range_mask(shift, order);
        struct translation_cache *cache = iotlb_of(unit, shift);
        translation_cache_remove_matching(&unit->prefetcher.buffer, mask, key);
        if (mask == UINT64_MAX)
            translation_cache_remove(cache, iotlb_index(unit, cache, domain, iova, shift), key);
        else
            translation_cache_remove_matching(cache, mask, key);
    }
}

/* Of the walk caches what maps pages: also where the driver spares those that point to tables. */
static void drop_large_pages(struct remapping_unit *unit, uint32_t domain, uint64_t iova, unsigned order)
{
    for (unsigned level = 1; level <= 2 && unit->parameters.walk_cache_leaves; level++) {
        unsigned covered = order > 9 * level ? order - 9 * level : 0;
        translation_cache_remove_matching(&unit->walk_caches[level], ~((UINT64_C(1) << covered) - 1),
                                          walk_cache_key(domain, iova, level) | KEY_APART);
    }
}

static void drop_tables(struct remapping_unit *unit, uint32_t domain, uint64_t iova, unsigned order)
{
    for (unsigned level = 1; level < WALK_LEVELS_MAX; level++) {
        unsigned covered = order > 9 * level ? order - 9 * level : 0;
        translation_cache_remove_matching(&unit->walk_caches[level], ~((UINT64_C(1) << covered) - 1),
                                          walk_cache_key(domain, iova, level));
    }
}

static void drop_domain(struct remapping_unit *unit, uint64_t mask, uint64_t value, bool leaf_only)
{
    translation_cache_remove_matching(&unit->iotlb, mask, value);
    translation_cache_remove_matching(&unit->prefetcher.buffer, mask, value);
    for (unsigned size = 0; size < 2; size++)
        translation_cache_remove_matching(&unit->iotlb_large[size], mask, value);
    translation_cache_remove_matching(&unit->nested_cache, mask, value);
    for (unsigned level = 1; level <= WALK_LEVELS_MAX && !leaf_only; level++)
        translation_cache_remove_matching(&unit->stage2_caches[level], mask, value);
    const uint64_t leaf = leaf_only ? KEY_APART : 0;
    for (unsigned level = 1; level <= WALK_LEVELS_MAX && (!leaf_only || unit->parameters.walk_cache_leaves);
         level++)
        translation_cache_remove_matching(&unit->walk_caches[level], mask | leaf, value | leaf);
}

void remapping_unit_invalidate(struct remapping_unit *unit, enum invalidation_scope scope, uint32_t domain,
                               uint64_t iova, unsigned order, bool leaf_only)
{
    if (scope == INVALIDATE_GLOBAL) {
        drop_domain(unit, 0, 0, leaf_only);
    } else if (scope == INVALIDATE_DOMAIN) {
        drop_domain(unit, domain_mask, (uint64_t)domain << DOMAIN_SHIFT, leaf_only);
    } else {
        drop_pages(unit, domain, iova, order);
        drop_large_pages(unit, domain, iova, order);
        if (!leaf_only)
            drop_tables(unit, domain, iova, order);
    }
    prefetcher_overtake(unit, scope == INVALIDATE_GLOBAL, domain);
    for (uint32_t i = 0; i < unit->parameters.walkers; i++) {
        struct translation_work *work =
            unit->running[i] == IOMMU_NO_WORK ? NULL : &unit->works[unit->running[i]];
        if (work && (scope == INVALIDATE_GLOBAL || work->domain == domain))
            work->overtaken = true;
    }
}

void remapping_unit_invalidate_context(struct remapping_unit *unit, uint16_t requester_id)
{
    translation_cache_remove(&unit->context_cache, remapping_unit_context_index(requester_id), requester_id);
    translation_cache_remove_matching(&unit->pasid_cache, UINT16_MAX, requester_id);
}
