/* SPDX-License-Identifier: MIT */
#include "models/iommu/page_walk.h"

#include "models/iommu/cache_keys.h"
#include "models/iommu/prefetcher.h"

/* ---- IOTLB ---- */

void page_walk_answer(struct translation_work *work, uint64_t leaf, unsigned shift)
{
    uint64_t offset_mask = (UINT64_C(1) << shift) - 1;
    work->physical = page_table_entry_target(leaf) | (work->iova & offset_mask);
    work->found = leaf;
    work->found_shift = (uint8_t)shift;
    if (work->kind == WORK_UNTRANSLATED && !(leaf & (work->write ? PAGE_WRITE : PAGE_READ)))
        work->fault = work->write ? IOMMU_FAULT_WRITE_NOT_PERMITTED : IOMMU_FAULT_READ_NOT_PERMITTED;
}

static bool beyond_width(const struct remapping_unit *unit, const struct translation_work *work)
{
    return !page_table_covers(unit->domains[work->domain].table.levels, work->iova);
}

void page_walk_refuse(const struct remapping_unit *unit, struct translation_work *work)
{
    if (work->kind == WORK_TRANSLATION_REQUEST)
        return;
    work->fault = beyond_width(unit, work) ? IOMMU_FAULT_ADDRESS_BEYOND_WIDTH
                  : work->write            ? IOMMU_FAULT_WRITE_NOT_PERMITTED
                                           : IOMMU_FAULT_READ_NOT_PERMITTED;
}

/* It writes, or lets a device write that keeps the translation: its request cannot say that it never will. */
static inline bool may_write(const struct translation_work *work)
{
    return work->write || work->kind == WORK_TRANSLATION_REQUEST;
}

/* A write whose page does not count as written yet: the entry has to be gone to, and its bit set. */
static inline bool must_set_dirty(const struct remapping_unit *unit, const struct translation_work *work,
                                  uint64_t leaf)
{
    return may_write(work) && unit->domains[work->domain].dirty && !(leaf & LEAF_DIRTY);
}

/* What was walked ahead. */
static bool buffer_lookup(struct remapping_unit *unit, struct translation_work *work)
{
    for (uint64_t sizes = sizes_of(&unit->domains[work->domain]), leaf; sizes;) {
        unsigned shift = next_size(&sizes);
        if (translation_cache_find(&unit->prefetcher.buffer, 0, page_key(work->domain, work->iova, shift),
                                   &leaf) &&
            !must_set_dirty(unit, work, leaf)) {
            page_walk_answer(work, leaf, shift);
            unit->counters.prefetch_hits++;
            return true;
        }
    }
    return false;
}

bool page_walk_iotlb_lookup(struct remapping_unit *unit, struct translation_work *work)
{
    if (work->iova >> CACHED_BITS)
        return false;
    for (uint64_t sizes = sizes_of(&unit->domains[work->domain]), leaf; sizes;) {
        unsigned shift = next_size(&sizes);
        struct translation_cache *cache = iotlb_of(unit, shift);
        if (translation_cache_find(cache, iotlb_index(unit, cache, work->domain, work->iova, shift),
                                   page_key(work->domain, work->iova, shift), &leaf)) {
            if (must_set_dirty(unit, work, leaf)) {
                translation_cache_remove(cache, iotlb_index(unit, cache, work->domain, work->iova, shift),
                                         page_key(work->domain, work->iova, shift));
                return false;
            }
            page_walk_answer(work, leaf, shift);
            return true;
        }
    }
    return unit->prefetcher.buffer.sets && buffer_lookup(unit, work);
}

bool page_walk_iotlb_present(struct remapping_unit *unit, uint32_t domain, uint64_t iova)
{
    for (uint64_t sizes = sizes_of(&unit->domains[domain]); sizes;) {
        unsigned shift = next_size(&sizes);
        const struct translation_cache *cache = iotlb_of(unit, shift);
        uint64_t key = page_key(domain, iova, shift);
        if (translation_cache_present(cache, iotlb_index(unit, cache, domain, iova, shift), key) ||
            translation_cache_present(&unit->prefetcher.buffer, 0, key))
            return true;
    }
    return false;
}

/* Pages of the other sizes are put elsewhere where they have an IOTLB of their own. */
void page_walk_iotlb_reserve(struct remapping_unit *unit, struct translation_work *work)
{
    uint64_t index = iotlb_index(unit, &unit->iotlb, work->domain, work->iova, PAGE_SHIFT_4K);
    work->reserved = (uint64_t)work->domain << DOMAIN_SHIFT | KEY_APART | ++unit->reservations;
    translation_cache_insert(&unit->iotlb, index, work->reserved, 0);
}

/* Give back the entry kept for the work. @return false where it was displaced meanwhile */
static bool take_reserved(struct remapping_unit *unit, struct translation_work *work)
{
    uint64_t index = iotlb_index(unit, &unit->iotlb, work->domain, work->iova, PAGE_SHIFT_4K),
             key = work->reserved;
    work->reserved = 0;
    if (!translation_cache_present(&unit->iotlb, index, key))
        return false;
    translation_cache_remove(&unit->iotlb, index, key);
    return true;
}

void page_walk_iotlb_give_up(struct remapping_unit *unit, struct translation_work *work)
{
    if (work->reserved)
        take_reserved(unit, work);
}

void page_walk_iotlb_fill(struct remapping_unit *unit, struct translation_work *work)
{
    unsigned shift = work->leaf_shift;
    struct translation_cache *cache = iotlb_of(unit, shift);
    uint64_t index = iotlb_index(unit, cache, work->domain, work->iova, shift),
             key = page_key(work->domain, work->iova, shift);
    if (work->reserved && !take_reserved(unit, work))
        return;
    if (work->iova >> CACHED_BITS)
        return;
    if (translation_cache_present(cache, index, key)) {
        if (!unit->parameters.duplicate_fill)
            return;
        unit->counters.duplicate_fills++;
    }
    translation_cache_insert(cache, index, key, work->leaf);
}

void page_walk_prefetched_fill(struct remapping_unit *unit, struct translation_work *work)
{
    if (unit->prefetcher.buffer.sets)
        translation_cache_insert(&unit->prefetcher.buffer, 0,
                                 page_key(work->domain, work->iova, work->leaf_shift), work->leaf);
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

static inline uint64_t walk_cache_index(const struct translation_cache *cache, uint32_t domain, uint64_t iova,
                                        unsigned level)
{
    return translation_cache_index(cache, iova >> (PAGE_SHIFT_4K + 9 * level), domain);
}

/* Deepest table a walk cache knows for the address, or the root. */
void page_walk_start(struct remapping_unit *unit, struct translation_work *work)
{
    const struct page_table *table = &unit->domains[work->domain].table;
    work->known_leaf = 0;
    for (unsigned level = 1; level < table->levels; level++) {
        struct translation_cache *cache = &unit->walk_caches[level];
        uint64_t index = walk_cache_index(cache, work->domain, work->iova, level),
                 key = walk_cache_key(work->domain, work->iova, level);
        if (unit->parameters.walk_cache_leaves &&
            translation_cache_find(cache, index, key | KEY_APART, &work->start_table)) {
            work->known_leaf = (uint8_t)(PAGE_SHIFT_4K + 9 * level);
            work->start_level = (uint8_t)level;
            unit->counters.walk_cache_hits[level]++;
            return;
        }
        if (translation_cache_find(cache, index, key, &work->start_table)) {
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
 * *shift of the page */
static uint64_t stage2_walk(struct walk *walk, uint64_t guest, unsigned *shift)
{
    const struct page_table *table = &walk->domain->stage2;
    uint64_t at;
    unsigned access;
    if (!page_table_covers(table->levels, guest))
        return 0;
    for (unsigned level = stage2_start(walk, guest, &at, &access); level >= 1;) {
        struct page_table_entry entry = read_entry(walk, WALK_STAGE_2, table, at, level, guest);
        access &= entry.access;
        if (!entry.present || page_table_skips(guest, level, entry.next))
            return 0;
        if (entry.next == 0) {
            *shift = entry.shift;
            return entry.target | access;
        }
        at = entry.target;
        level = entry.next;
        stage2_remember(walk, guest, level, at | access);
    }
    return 0;
}

/* Guest physical to physical, through the cache of such pages. @return the leaf, 0 where there is none */
static uint64_t stage2_translate(struct walk *walk, uint64_t guest, unsigned *shift)
{
    struct remapping_unit *unit = walk->unit;
    bool cached = !(guest >> CACHED_BITS);
    uint64_t leaf;
    walk->now_ps += unit->parameters.nested_hit_ps;
    for (uint64_t sizes = cached ? walk->domain->stage2.page_sizes : 0; sizes;) {
        *shift = next_size(&sizes);
        if (translation_cache_find(&unit->nested_cache, guest >> *shift,
                                   page_key(walk->work->domain, guest, *shift), &leaf)) {
            unit->counters.nested_hits++;
            observe(walk, WALK_NESTED_HIT, page_table_leaf_level(*shift), guest, leaf,
                    unit->parameters.nested_hit_ps);
            return leaf;
        }
    }
    unit->counters.nested_misses++;
    observe(walk, WALK_NESTED_MISS, 0, guest, 0, unit->parameters.nested_hit_ps);
    leaf = stage2_walk(walk, guest, shift);
    if (leaf && cached)
        translation_cache_insert(&unit->nested_cache, guest >> *shift,
                                 page_key(walk->work->domain, guest, *shift), leaf);
    return leaf;
}

/* Physical address of a guest's table. @return false where the second stage lets nobody read it */
static bool table_address(struct walk *walk, uint64_t guest, uint64_t *at)
{
    unsigned shift;
    *at = guest;
    if (!walk->domain->nested)
        return true;
    uint64_t leaf = stage2_translate(walk, guest, &shift);
    if (!(leaf & PAGE_READ))
        return false;
    *at = page_table_entry_target(leaf) | (guest & ((UINT64_C(1) << shift) - 1));
    return true;
}

/* ---- the whole walk ---- */

/* The dirty bit of the leaf that maps a page of the host's, where the domain keeps them: a write sets it.
 * @return LEAF_DIRTY where it is set */
static uint64_t note_dirty(struct remapping_unit *unit, const struct translation_work *work, uint64_t leaf,
                           unsigned shift, bool *updated)
{
    struct dirty_log *dirty = unit->domains[work->domain].dirty;
    uint64_t page = page_table_entry_target(leaf);
    if (!dirty)
        return 0;
    if (may_write(work) && (leaf & PAGE_WRITE))
        *updated = dirty_log_set(dirty, page, shift);
    return dirty_log_is_set(dirty, page, shift) ? LEAF_DIRTY : 0;
}

void page_walk_note_write(struct remapping_unit *unit, const struct translation_work *work, uint64_t leaf,
                          unsigned shift)
{
    bool updated;
    note_dirty(unit, work, leaf, shift, &updated);
}

/* The leaf of the (first) stage is found: what the IOTLB gets to hold. */
static bool take_leaf(struct walk *walk, uint64_t target, unsigned access, unsigned shift)
{
    struct translation_work *work = walk->work;
    uint64_t dirty = 0;
    bool updated = false;
    if (walk->domain->nested) {
        unsigned host_shift;
        uint64_t mask = (UINT64_C(1) << shift) - 1, guest = target | (work->iova & mask),
                 leaf = stage2_translate(walk, guest, &host_shift);
        if (!leaf)
            return false;
        uint64_t host_mask = (UINT64_C(1) << host_shift) - 1;
        shift = shift < host_shift ? shift : host_shift;
        mask = (UINT64_C(1) << shift) - 1;
        target = (page_table_entry_target(leaf) | (guest & host_mask)) & ~mask;
        access &= (unsigned)leaf & (PAGE_READ | PAGE_WRITE);
        dirty = note_dirty(walk->unit, work, page_table_entry_target(leaf) | access, host_shift, &updated);
    } else {
        dirty = note_dirty(walk->unit, work, target | access, shift, &updated);
    }
    if (updated)
        walk->now_ps += walk->unit->parameters.dirty_update_ps;
    work->leaf = target | access | dirty;
    work->leaf_shift = (uint8_t)shift;
    page_walk_answer(work, work->leaf, shift);
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

/* A walk cache had the entry that maps the page: nothing is read. */
static bool take_known_leaf(struct walk *walk)
{
    struct translation_work *work = walk->work;
    observe(walk, WALK_CACHE_HIT, work->start_level, page_table_entry_target(work->start_table), 0, 0);
    work->leaf = work->start_table;
    work->leaf_shift = work->known_leaf;
    page_walk_answer(work, work->leaf, work->leaf_shift);
    return true;
}

static bool walk_down(struct walk *walk)
{
    struct translation_work *work = walk->work;
    const struct page_table *table = &walk->domain->table;
    uint64_t at;
    unsigned access;
    if (work->known_leaf)
        return take_known_leaf(walk);
    if (!first_table(walk, &at, &access))
        return false;
    for (unsigned level = work->start_level; level >= 1;) {
        struct page_table_entry entry = read_entry(walk, WALK_STAGE_1, table, at, level, work->iova);
        access &= entry.access;
        if (!entry.present || page_table_skips(work->iova, level, entry.next))
            return false;
        if (entry.next == 0)
            return take_leaf(walk, entry.target, access, entry.shift);
        if (!table_address(walk, entry.target, &at))
            return false;
        level = entry.next;
        work->tables[level - 1] = at | access;
    }
    return false;
}

/* Read entries from start_table down; sets leaf and leaf_shift, or fault. Returns the number of reads. */
unsigned page_walk_read(struct remapping_unit *unit, struct translation_work *work, uint64_t begin_ps,
                        uint64_t *memory_ps)
{
    struct walk walk = {
        .unit = unit, .work = work, .domain = &unit->domains[work->domain], .now_ps = begin_ps};
    work->leaf_shift = 0;
    for (unsigned level = 0; level < WALK_LEVELS_MAX; level++)
        work->tables[level] = 0;
    if (beyond_width(unit, work) || !walk_down(&walk))
        page_walk_refuse(unit, work);
    *memory_ps = walk.now_ps - begin_ps;
    return walk.reads;
}

static void remember_leaf(struct remapping_unit *unit, const struct translation_work *work)
{
    unsigned level = (work->leaf_shift - PAGE_SHIFT_4K) / 9U;
    struct translation_cache *cache = &unit->walk_caches[level];
    uint64_t index = walk_cache_index(cache, work->domain, work->iova, level),
             key = walk_cache_key(work->domain, work->iova, level) | KEY_APART;
    if (!translation_cache_present(cache, index, key))
        translation_cache_insert(cache, index, key, work->leaf);
}

/* The walk is over: remember the tables it went through. */
void page_walk_caches_fill(struct remapping_unit *unit, const struct translation_work *work)
{
    for (unsigned level = WALK_LEVELS_MAX; level >= 1; level--) {
        struct translation_cache *cache = &unit->walk_caches[level];
        if (!work->tables[level - 1])
            continue; /* always at the sixth level, which nothing is above: no shift is that long */
        uint64_t index = walk_cache_index(cache, work->domain, work->iova, level),
                 key = walk_cache_key(work->domain, work->iova, level);
        if (!translation_cache_present(cache, index, key))
            translation_cache_insert(cache, index, key, work->tables[level - 1]);
    }
    bool large = work->leaf_shift == PAGE_SHIFT_2M || work->leaf_shift == PAGE_SHIFT_1G;
    if (unit->parameters.walk_cache_leaves && large && !unit->domains[work->domain].nested)
        remember_leaf(unit, work);
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
    work->known_leaf = 0;
    work->start_level = (uint8_t)unit->domains[work->domain].table.levels;
    work->fault = IOMMU_NO_FAULT;
    page_walk_read(unit, work, unit->events->now_ps, &reads_ps);
}
