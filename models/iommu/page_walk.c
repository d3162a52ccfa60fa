/* SPDX-License-Identifier: MIT */
#include "models/iommu/page_walk.h"

#include "models/iommu/prefetcher.h"

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
    work->found = leaf;
    work->found_shift = (uint8_t)(PAGE_SHIFT_4K + 9 * size);
    if (work->kind == WORK_UNTRANSLATED && !(leaf & (work->write ? PAGE_WRITE : PAGE_READ)))
        work->fault = work->write ? IOMMU_FAULT_WRITE_NOT_PERMITTED : IOMMU_FAULT_READ_NOT_PERMITTED;
}

static bool beyond_width(const struct remapping_unit *unit, const struct translation_work *work)
{
    return work->iova >> (PAGE_SHIFT_4K + 9 * unit->domains[work->domain].table.levels);
}

void page_walk_refuse(const struct remapping_unit *unit, struct translation_work *work)
{
    if (work->kind == WORK_TRANSLATION_REQUEST)
        return;
    work->fault = beyond_width(unit, work) ? IOMMU_FAULT_ADDRESS_BEYOND_WIDTH
                  : work->write            ? IOMMU_FAULT_WRITE_NOT_PERMITTED
                                           : IOMMU_FAULT_READ_NOT_PERMITTED;
}

/* The IOTLB that holds pages of a size: the shared one, or one of their own. */
static inline struct translation_cache *iotlb_of(struct remapping_unit *unit, unsigned size)
{
    return size && unit->iotlb_large[size - 1].sets ? &unit->iotlb_large[size - 1] : &unit->iotlb;
}

static inline uint64_t iotlb_index(const struct remapping_unit *unit, const struct translation_cache *cache,
                                   uint32_t domain, uint64_t iova, unsigned size)
{
    unsigned shift = unit->parameters.iotlb_index_shift;
    uint64_t index = iova >> (shift ? shift : PAGE_SHIFT_4K + 9 * size);
    return cache == &unit->iotlb ? translation_cache_index(cache, index, domain) : index;
}

/* Page sizes that may be in the IOTLB for a domain; of a nested one what both stages have in common. */
static inline uint32_t sizes_of(const struct iommu_domain *domain)
{
    uint32_t sizes = 0;
    if (!domain->nested)
        return domain->table.page_sizes;
    for (unsigned guest = 0; guest < 3; guest++) {
        for (unsigned host = 0; host < 3; host++) {
            if ((domain->table.page_sizes >> guest & 1U) && (domain->stage2.page_sizes >> host & 1U))
                sizes |= 1U << (guest < host ? guest : host);
        }
    }
    return sizes;
}

/* What was walked ahead. */
static bool buffer_lookup(struct remapping_unit *unit, struct translation_work *work, uint32_t sizes)
{
    for (unsigned size = 0; sizes >> size; size++) {
        uint64_t leaf;
        if ((sizes >> size & 1U) &&
            translation_cache_find(&unit->prefetcher.buffer, 0, iotlb_key(work->domain, work->iova, size),
                                   &leaf)) {
            page_walk_answer(work, leaf, size);
            unit->counters.prefetch_hits++;
            return true;
        }
    }
    return false;
}

bool page_walk_iotlb_lookup(struct remapping_unit *unit, struct translation_work *work)
{
    uint32_t sizes = sizes_of(&unit->domains[work->domain]);
    if (work->iova >> 57)
        return false; /* beyond any table: the walk says so; keys have no room for it */
    for (unsigned size = 0; sizes >> size; size++) {
        struct translation_cache *cache = iotlb_of(unit, size);
        uint64_t leaf;
        if ((sizes >> size & 1U) &&
            translation_cache_find(cache, iotlb_index(unit, cache, work->domain, work->iova, size),
                                   iotlb_key(work->domain, work->iova, size), &leaf)) {
            page_walk_answer(work, leaf, size);
            return true;
        }
    }
    return unit->prefetcher.buffer.sets && buffer_lookup(unit, work, sizes);
}

bool page_walk_iotlb_present(struct remapping_unit *unit, uint32_t domain, uint64_t iova)
{
    uint32_t sizes = sizes_of(&unit->domains[domain]);
    for (unsigned size = 0; sizes >> size; size++) {
        const struct translation_cache *cache = iotlb_of(unit, size);
        uint64_t key = iotlb_key(domain, iova, size);
        if ((sizes >> size & 1U) &&
            (translation_cache_present(cache, iotlb_index(unit, cache, domain, iova, size), key) ||
             translation_cache_present(&unit->prefetcher.buffer, 0, key)))
            return true;
    }
    return false;
}

void page_walk_iotlb_fill(struct remapping_unit *unit, const struct translation_work *work)
{
    unsigned size = work->leaf_level - 1U;
    struct translation_cache *cache = iotlb_of(unit, size);
    uint64_t index = iotlb_index(unit, cache, work->domain, work->iova, size),
             key = iotlb_key(work->domain, work->iova, size);
    if (translation_cache_present(cache, index, key)) {
        if (!unit->parameters.duplicate_fill)
            return;
        unit->counters.duplicate_fills++;
    }
    translation_cache_insert(cache, index, key, work->leaf);
}

void page_walk_prefetched_fill(struct remapping_unit *unit, const struct translation_work *work)
{
    if (unit->prefetcher.buffer.sets)
        translation_cache_insert(&unit->prefetcher.buffer, 0,
                                 iotlb_key(work->domain, work->iova, work->leaf_level - 1U), work->leaf);
    else
        page_walk_iotlb_fill(unit, work);
}

/* ---- walking ---- */

/* A walk while it is computed: where it is in time, and how many entries it has read. */
struct walk {
    struct remapping_unit *unit;
    struct translation_work *work;
    const struct iommu_domain *domain;
    uint64_t now_ps;
    unsigned reads;
};

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
    work->start_table = 0;
    work->start_level = (uint8_t)table->levels;
    unit->counters.walk_cache_hits[0]++;
}

uint64_t page_walk_read_ps(struct remapping_unit *unit, uint64_t now_ps, uint64_t address)
{
    uint64_t beyond_ps = unit->host_memory ? memory_table_read(unit->host_memory, now_ps, address) : 0;
    return unit->parameters.walk_read_ps + beyond_ps;
}

static void observe(const struct walk *walk, enum walk_step_kind kind, unsigned level, uint64_t address,
                    uint64_t entry, uint64_t ps)
{
    const struct walk_step step = {kind, (uint8_t)level, address, entry, ps};
    if (walk->unit->on_walk_step)
        walk->unit->on_walk_step(walk->unit->on_walk_context, walk->work, &step);
}

static struct page_table_entry read_entry(struct walk *walk, enum walk_step_kind kind,
                                          const struct page_table *table, uint64_t at, unsigned level,
                                          uint64_t input)
{
    uint64_t address = page_table_entry_address(at, level, input);
    uint64_t entry = page_table_read(&walk->unit->memory, address);
    uint64_t ps = page_walk_read_ps(walk->unit, walk->now_ps, address);
    walk->reads++;
    walk->now_ps += ps;
    observe(walk, kind, level, address, entry, ps);
    return page_table_decode(table->format, level, entry);
}

/* AMD: an entry that skips levels maps the addresses only whose bits of those levels are zero (2.2.3). */
static inline bool skipped_bits_set(uint64_t input, unsigned level, unsigned next)
{
    unsigned low = PAGE_SHIFT_4K + 9 * next, high = PAGE_SHIFT_4K + 9 * (level - 1);
    return next && next + 1 < level && input >> low & ((UINT64_C(1) << (high - low)) - 1);
}

/* ---- second stage of a nested walk ---- */

/* Where a stage-2 walk begins: the deepest table the caches know. Returns its level. */
static unsigned stage2_start(struct walk *walk, uint64_t guest, uint64_t *at, unsigned *access)
{
    const struct page_table *table = &walk->domain->stage2;
    for (unsigned level = 1; level < table->levels; level++) {
        uint64_t value, index = guest >> (PAGE_SHIFT_4K + 9 * level);
        if (translation_cache_find(&walk->unit->stage2_caches[level], index,
                                   walk_cache_key(walk->work->domain, guest, level), &value)) {
            *at = page_table_entry_target(value);
            *access = value & (PAGE_READ | PAGE_WRITE);
            return level;
        }
    }
    *at = table->root;
    *access = PAGE_READ | PAGE_WRITE;
    return table->levels;
}

static void stage2_remember(struct walk *walk, uint64_t guest, unsigned level, uint64_t value)
{
    uint64_t index = guest >> (PAGE_SHIFT_4K + 9 * level),
             key = walk_cache_key(walk->work->domain, guest, level);
    if (!translation_cache_present(&walk->unit->stage2_caches[level], index, key))
        translation_cache_insert(&walk->unit->stage2_caches[level], index, key, value);
}

/* Read stage-2 entries for a guest physical address. @return leaf with its access, 0 where nothing is mapped;
 * *size of the page */
static uint64_t stage2_walk(struct walk *walk, uint64_t guest, unsigned *size)
{
    const struct page_table *table = &walk->domain->stage2;
    uint64_t at;
    unsigned access;
    if (guest >> (PAGE_SHIFT_4K + 9 * table->levels))
        return 0;
    for (unsigned level = stage2_start(walk, guest, &at, &access); level >= 1;) {
        struct page_table_entry entry = read_entry(walk, WALK_STAGE_2, table, at, level, guest);
        access &= entry.access;
        if (!entry.present || skipped_bits_set(guest, level, entry.next))
            return 0;
        if (entry.next == 0) {
            *size = level - 1;
            return entry.target | access;
        }
        at = entry.target;
        level = entry.next;
        stage2_remember(walk, guest, level, at | access);
    }
    return 0;
}

/* Guest physical to physical, through the cache of such pages. @return the leaf, 0 where there is none */
static uint64_t stage2_translate(struct walk *walk, uint64_t guest, unsigned *size)
{
    struct remapping_unit *unit = walk->unit;
    uint64_t leaf;
    walk->now_ps += unit->parameters.nested_hit_ps;
    for (*size = 0; walk->domain->stage2.page_sizes >> *size && !(guest >> 57); ++*size) {
        if (translation_cache_find(&unit->nested_cache, guest >> (PAGE_SHIFT_4K + 9 * *size),
                                   iotlb_key(walk->work->domain, guest, *size), &leaf)) {
            unit->counters.nested_hits++;
            observe(walk, WALK_NESTED_HIT, *size + 1, guest, leaf, unit->parameters.nested_hit_ps);
            return leaf;
        }
    }
    unit->counters.nested_misses++;
    observe(walk, WALK_NESTED_MISS, 0, guest, 0, unit->parameters.nested_hit_ps);
    leaf = stage2_walk(walk, guest, size);
    if (leaf)
        translation_cache_insert(&unit->nested_cache, guest >> (PAGE_SHIFT_4K + 9 * *size),
                                 iotlb_key(walk->work->domain, guest, *size), leaf);
    return leaf;
}

/* Physical address of a guest's table. @return false where the second stage lets nobody read it */
static bool table_address(struct walk *walk, uint64_t guest, uint64_t *at)
{
    unsigned size;
    *at = guest;
    if (!walk->domain->nested)
        return true;
    uint64_t leaf = stage2_translate(walk, guest, &size);
    uint64_t offset_mask = (UINT64_C(1) << (PAGE_SHIFT_4K + 9 * size)) - 1;
    *at = page_table_entry_target(leaf) | (guest & offset_mask);
    return leaf & PAGE_READ;
}

/* ---- the whole walk ---- */

/* The leaf of the (first) stage is found: what the IOTLB gets to hold. */
static bool take_leaf(struct walk *walk, uint64_t target, unsigned access, unsigned level)
{
    struct translation_work *work = walk->work;
    unsigned size = level - 1;
    if (walk->domain->nested) {
        unsigned host_size;
        uint64_t mask = (UINT64_C(1) << (PAGE_SHIFT_4K + 9 * size)) - 1, guest = target | (work->iova & mask),
                 leaf = stage2_translate(walk, guest, &host_size);
        if (!leaf)
            return false;
        uint64_t host_mask = (UINT64_C(1) << (PAGE_SHIFT_4K + 9 * host_size)) - 1;
        size = size < host_size ? size : host_size;
        mask = (UINT64_C(1) << (PAGE_SHIFT_4K + 9 * size)) - 1;
        target = (page_table_entry_target(leaf) | (guest & host_mask)) & ~mask;
        access &= (unsigned)leaf & (PAGE_READ | PAGE_WRITE);
    }
    work->leaf = target | access;
    work->leaf_level = (uint8_t)(size + 1);
    page_walk_answer(work, work->leaf, size);
    return true;
}

/* Where the walk begins: a table a walk cache knew, or the root. */
static bool first_table(struct walk *walk, uint64_t *at, unsigned *access)
{
    const struct translation_work *work = walk->work;
    if (work->start_table) {
        *at = page_table_entry_target(work->start_table);
        *access = work->start_table & (PAGE_READ | PAGE_WRITE);
        observe(walk, WALK_CACHE_HIT, work->start_level, *at, 0, 0);
        return true;
    }
    *access = PAGE_READ | PAGE_WRITE;
    return table_address(walk, walk->domain->table.root + walk->domain->table.guest_offset, at);
}

static bool walk_down(struct walk *walk)
{
    struct translation_work *work = walk->work;
    const struct page_table *table = &walk->domain->table;
    uint64_t at;
    unsigned access;
    if (!first_table(walk, &at, &access))
        return false;
    for (unsigned level = work->start_level; level >= 1;) {
        struct page_table_entry entry = read_entry(walk, WALK_STAGE_1, table, at, level, work->iova);
        access &= entry.access;
        if (!entry.present || skipped_bits_set(work->iova, level, entry.next))
            return false;
        if (entry.next == 0)
            return take_leaf(walk, entry.target, access, level);
        if (!table_address(walk, entry.target, &at))
            return false;
        level = entry.next;
        work->tables[level - 1] = at | access;
    }
    return false;
}

/* Read entries from start_table down; sets leaf and leaf_level, or fault. Returns the number of reads. */
unsigned page_walk_read(struct remapping_unit *unit, struct translation_work *work, uint64_t begin_ps,
                        uint64_t *memory_ps)
{
    struct walk walk = {
        .unit = unit, .work = work, .domain = &unit->domains[work->domain], .now_ps = begin_ps};
    work->leaf_level = 0;
    for (unsigned level = 0; level < WALK_LEVELS_MAX; level++)
        work->tables[level] = 0;
    if (beyond_width(unit, work) || !walk_down(&walk))
        page_walk_refuse(unit, work);
    *memory_ps = walk.now_ps - begin_ps;
    return walk.reads;
}

/* The walk is over: remember the tables it went through. */
void page_walk_caches_fill(struct remapping_unit *unit, const struct translation_work *work)
{
    for (unsigned level = WALK_LEVELS_MAX; level >= 1; level--) {
        uint64_t index = work->iova >> (PAGE_SHIFT_4K + 9 * level);
        uint64_t key = walk_cache_key(work->domain, work->iova, level);
        if (work->tables[level - 1] && !translation_cache_present(&unit->walk_caches[level], index, key))
            translation_cache_insert(&unit->walk_caches[level], index, key, work->tables[level - 1]);
    }
}

uint64_t page_walk_resolve(const struct remapping_unit *unit, uint32_t domain_id, uint64_t iova,
                           unsigned *shift)
{
    const struct iommu_domain *domain = &unit->domains[domain_id];
    uint64_t leaf = page_table_find(&domain->table, &unit->memory, iova, shift);
    if (!leaf || !domain->nested)
        return leaf;
    unsigned host_shift;
    uint64_t guest = page_table_entry_target(leaf) | (iova & ((UINT64_C(1) << *shift) - 1));
    uint64_t host = page_table_find(&domain->stage2, &unit->memory, guest, &host_shift);
    if (!host)
        return 0;
    uint64_t physical = page_table_entry_target(host) | (guest & ((UINT64_C(1) << host_shift) - 1));
    *shift = *shift < host_shift ? *shift : host_shift;
    return (physical & ~((UINT64_C(1) << *shift) - 1)) | (leaf & host & (PAGE_READ | PAGE_WRITE));
}

/* MODEL: in no time; hardware would walk once more. */
void page_walk_again(struct remapping_unit *unit, struct translation_work *work)
{
    uint64_t reads_ps;
    work->start_table = 0;
    work->start_level = (uint8_t)unit->domains[work->domain].table.levels;
    work->fault = IOMMU_NO_FAULT;
    page_walk_read(unit, work, unit->events->now_ps, &reads_ps);
}

/* ---- invalidation ---- */

static const uint64_t domain_mask = ~((UINT64_C(1) << DOMAIN_SHIFT) - 1);

static void drop_pages(struct remapping_unit *unit, uint32_t domain, uint64_t iova, unsigned order)
{
    for (unsigned size = 0; size < 3; size++) {
        unsigned covered = order > 9 * size ? order - 9 * size : 0; /* log2 of pages of this size */
        uint64_t key = iotlb_key(domain, iova, size);
        struct translation_cache *cache = iotlb_of(unit, size);
        translation_cache_remove_matching(&unit->prefetcher.buffer, ~((UINT64_C(4) << covered) - 1) | 3, key);
        if (covered)
            translation_cache_remove_matching(cache, ~((UINT64_C(4) << covered) - 1) | 3, key);
        else
            translation_cache_remove(cache, iotlb_index(unit, cache, domain, iova, size), key);
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
    translation_cache_remove_matching(&unit->prefetcher.buffer, mask, value);
    for (unsigned size = 0; size < 2; size++)
        translation_cache_remove_matching(&unit->iotlb_large[size], mask, value);
    translation_cache_remove_matching(&unit->nested_cache, mask, value);
    for (unsigned level = 1; level <= WALK_LEVELS_MAX && !leaf_only; level++)
        translation_cache_remove_matching(&unit->stage2_caches[level], mask, value);
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
