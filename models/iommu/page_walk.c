/* SPDX-License-Identifier: MIT */
#include "models/iommu/page_walk.h"

/* Keys hold the domain above a 57-bit address without its page offset (45 bits) and two bits of page size. */
enum { DOMAIN_SHIFT = 47 };

/* ---- IOTLB ---- */

/* Page number at the page's own size, size code (0, 1, 2) and domain in one word. */
static inline uint64_t iotlb_key(uint32_t domain, uint64_t iova, unsigned size)
{
    return (uint64_t)domain << DOMAIN_SHIFT | iova >> (PAGE_SHIFT_4K + 9 * size) << 2 | size;
}

void page_walk_answer(struct translation_work *work, uint64_t leaf, unsigned size)
{
    uint64_t offset_mask = (UINT64_C(1) << (PAGE_SHIFT_4K + 9 * size)) - 1;
    work->physical = page_table_entry_target(leaf) | (work->iova & offset_mask);
    if (!(leaf & (work->write ? PAGE_WRITE : PAGE_READ)))
        work->fault = work->write ? IOMMU_FAULT_WRITE_NOT_PERMITTED : IOMMU_FAULT_READ_NOT_PERMITTED;
}

static bool beyond_width(const struct remapping_unit *unit, const struct translation_work *work)
{
    return work->iova >> (PAGE_SHIFT_4K + 9 * unit->domains[work->domain].table.levels);
}

void page_walk_refuse(const struct remapping_unit *unit, struct translation_work *work)
{
    work->fault = beyond_width(unit, work) ? IOMMU_FAULT_ADDRESS_BEYOND_WIDTH
                  : work->write            ? IOMMU_FAULT_WRITE_NOT_PERMITTED
                                           : IOMMU_FAULT_READ_NOT_PERMITTED;
}

bool page_walk_iotlb_lookup(struct remapping_unit *unit, struct translation_work *work)
{
    uint32_t sizes = unit->domains[work->domain].table.page_sizes;
    if (work->iova >> 57)
        return false; /* beyond any table: the walk says so; keys have no room for it */
    for (unsigned size = 0; sizes >> size; size++) {
        uint64_t leaf, page = work->iova >> (PAGE_SHIFT_4K + 9 * size);
        if ((sizes >> size & 1U) &&
            translation_cache_find(&unit->iotlb, page, iotlb_key(work->domain, work->iova, size), &leaf)) {
            page_walk_answer(work, leaf, size);
            return true;
        }
    }
    return false;
}

void page_walk_iotlb_fill(struct remapping_unit *unit, const struct translation_work *work)
{
    unsigned size = work->leaf_level - 1U;
    uint64_t page = work->iova >> (PAGE_SHIFT_4K + 9 * size), key = iotlb_key(work->domain, work->iova, size);
    if (translation_cache_present(&unit->iotlb, page, key)) {
        if (!unit->parameters.duplicate_fill)
            return;
        unit->counters.duplicate_fills++;
    }
    translation_cache_insert(&unit->iotlb, page, key, work->leaf);
}

/* ---- walking ---- */

static inline uint64_t walk_cache_key(uint32_t domain, uint64_t iova, unsigned level)
{
    return (uint64_t)domain << DOMAIN_SHIFT | iova >> (PAGE_SHIFT_4K + 9 * level);
}

/* Deepest table a walk cache knows for the address, or the root. */
void page_walk_start(struct remapping_unit *unit, struct translation_work *work)
{
    const struct page_table *table = &unit->domains[work->domain].table;
    for (unsigned level = 1; level < table->levels; level++) {
        uint64_t index = work->iova >> (PAGE_SHIFT_4K + 9 * level),
                 key = walk_cache_key(work->domain, work->iova, level);
        if (translation_cache_find(&unit->walk_caches[level], index, key, &work->start_table)) {
            work->start_level = (uint8_t)level;
            unit->counters.walk_cache_hits[level]++;
            return;
        }
    }
    work->start_table = table->root;
    work->start_level = (uint8_t)table->levels;
    unit->counters.walk_cache_hits[0]++;
}

uint64_t page_walk_read_ps(struct remapping_unit *unit, uint64_t now_ps, uint64_t address)
{
    uint64_t beyond_ps = unit->host_memory ? memory_table_read(unit->host_memory, now_ps, address) : 0;
    return unit->parameters.walk_read_ps + beyond_ps;
}

/* Read entries from start_table down; sets leaf and leaf_level, or fault. Returns the number of reads. */
unsigned page_walk_read(struct remapping_unit *unit, struct translation_work *work, uint64_t begin_ps,
                        uint64_t *memory_ps)
{
    uint64_t at = work->start_table;
    work->leaf_level = 0;
    *memory_ps = 0;
    if (beyond_width(unit, work)) {
        page_walk_refuse(unit, work);
        return 0;
    }
    unsigned reads = 0;
    for (unsigned level = work->start_level; level >= 1; level--) {
        uint64_t address = page_table_entry_address(at, level, work->iova);
        uint64_t entry = page_table_read(&unit->memory, address);
        reads++;
        *memory_ps += page_walk_read_ps(unit, begin_ps + *memory_ps, address);
        if (entry == 0)
            break;
        if (level == 1 || (entry & PAGE_TABLE_LEAF)) {
            work->leaf = entry & ~(uint64_t)PAGE_TABLE_LEAF;
            work->leaf_level = (uint8_t)level;
            page_walk_answer(work, work->leaf, level - 1);
            return reads;
        }
        at = page_table_entry_target(entry);
    }
    page_walk_refuse(unit, work);
    return reads;
}

/* The walk is over: remember the tables it went through. */
void page_walk_caches_fill(struct remapping_unit *unit, const struct translation_work *work)
{
    uint64_t at = work->start_table;
    for (unsigned level = work->start_level; level > work->leaf_level; level--) {
        at = page_table_entry_target(
            page_table_read(&unit->memory, page_table_entry_address(at, level, work->iova)));
        uint64_t index = work->iova >> (PAGE_SHIFT_4K + 9 * (level - 1));
        uint64_t key = walk_cache_key(work->domain, work->iova, level - 1);
        if (!translation_cache_present(&unit->walk_caches[level - 1], index, key))
            translation_cache_insert(&unit->walk_caches[level - 1], index, key, at);
    }
}

/* MODEL: in no time; hardware would walk once more. */
void page_walk_again(struct remapping_unit *unit, struct translation_work *work)
{
    const struct page_table *table = &unit->domains[work->domain].table;
    unsigned shift;
    work->start_table = table->root;
    work->start_level = (uint8_t)table->levels;
    work->fault = IOMMU_NO_FAULT;
    work->leaf = page_table_find(table, &unit->memory, work->iova, &shift);
    work->leaf_level = (uint8_t)(work->leaf ? (shift - PAGE_SHIFT_4K) / 9 + 1 : 0);
    if (work->leaf)
        page_walk_answer(work, work->leaf, work->leaf_level - 1U);
    else
        page_walk_refuse(unit, work);
}

/* ---- invalidation ---- */

static const uint64_t domain_mask = ~((UINT64_C(1) << DOMAIN_SHIFT) - 1);

static void drop_pages(struct remapping_unit *unit, uint32_t domain, uint64_t iova, unsigned order)
{
    for (unsigned size = 0; size < 3; size++) {
        unsigned covered = order > 9 * size ? order - 9 * size : 0; /* log2 of pages of this size */
        uint64_t key = iotlb_key(domain, iova, size);
        if (covered)
            translation_cache_remove_matching(&unit->iotlb, ~((UINT64_C(4) << covered) - 1) | 3, key);
        else
            translation_cache_remove(&unit->iotlb, iova >> (PAGE_SHIFT_4K + 9 * size), key);
    }
}

static void drop_tables(struct remapping_unit *unit, uint32_t domain, uint64_t iova, unsigned order)
{
    for (unsigned level = 1; level <= WALK_LEVELS_MAX; level++) {
        unsigned covered = order > 9 * level ? order - 9 * level : 0;
        translation_cache_remove_matching(&unit->walk_caches[level], ~((UINT64_C(1) << covered) - 1),
                                          walk_cache_key(domain, iova, level));
    }
}

static void drop_domain(struct remapping_unit *unit, uint64_t mask, uint64_t value, bool leaf_only)
{
    translation_cache_remove_matching(&unit->iotlb, mask, value);
    for (unsigned level = 1; level <= WALK_LEVELS_MAX && !leaf_only; level++)
        translation_cache_remove_matching(&unit->walk_caches[level], mask, value);
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
        if (!leaf_only)
            drop_tables(unit, domain, iova, order);
    }
    for (uint32_t i = 0; i < unit->parameters.walkers; i++) {
        struct translation_work *work =
            unit->running[i] == IOMMU_NO_WORK ? NULL : &unit->works[unit->running[i]];
        if (work && (scope == INVALIDATE_GLOBAL || work->domain == domain))
            work->overtaken = true;
    }
}

void remapping_unit_invalidate_context(struct remapping_unit *unit, uint16_t requester_id)
{
    translation_cache_remove(&unit->context_cache, requester_id, requester_id);
}
