/* SPDX-License-Identifier: MIT */
#include "models/host/page_allocator.h"

#include "sim/base/arena.h"
#include "sim/kernel/random.h"

#include <assert.h>
#include <stdlib.h>

enum {
    PAGE_SHIFT = 12,
    TABLE_INITIAL = 1024,
    LARGEST = PAGE_ORDERS - 1,
    LARGEST_PAGES = 1 << LARGEST,
    NOT_FREE = -1,
};

#define NOTHING UINT32_MAX

static const uint64_t zone_ends[MEMORY_ZONES] = {
    [ZONE_DMA] = UINT64_C(1) << 24, [ZONE_DMA32] = UINT64_C(1) << 32, [ZONE_NORMAL] = UINT64_MAX};

enum memory_zone memory_zone_of(uint64_t address)
{
    enum memory_zone zone = ZONE_DMA;
    while (address >= zone_ends[zone] && zone < ZONE_NORMAL)
        zone++;
    return zone;
}

/* ---- free blocks by address: a hash table with linear probing ---- */

static uint32_t slot_of(const struct page_allocator *allocator, uint64_t page)
{
    uint64_t hash = page * UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)(hash >> 32) & (allocator->table_size - 1);
}

/* The place of the block at @p page, or the empty place where it belongs. */
static uint32_t probe(const struct page_allocator *allocator, uint64_t page)
{
    uint32_t slot = slot_of(allocator, page);
    while (allocator->table[slot] && allocator->blocks[allocator->table[slot] - 1].page != page)
        slot = (slot + 1) & (allocator->table_size - 1);
    return slot;
}

static void grow_table(struct page_allocator *allocator)
{
    uint32_t *old = allocator->table, old_size = allocator->table_size;
    allocator->table_size = old_size ? old_size * 2 : TABLE_INITIAL;
    allocator->table = memory_array(allocator->table_size, sizeof(*allocator->table));
    for (uint32_t i = 0; i < old_size; i++) {
        if (old[i])
            allocator->table[probe(allocator, allocator->blocks[old[i] - 1].page)] = old[i];
    }
    free(old);
}

static void table_remove(struct page_allocator *allocator, uint64_t page)
{
    uint32_t mask = allocator->table_size - 1, hole = probe(allocator, page);
    for (uint32_t slot = (hole + 1) & mask; allocator->table[slot]; slot = (slot + 1) & mask) {
        uint32_t home = slot_of(allocator, allocator->blocks[allocator->table[slot] - 1].page);
        if (((slot - home) & mask) < ((slot - hole) & mask))
            continue; /* it would no longer be found from its home */
        allocator->table[hole] = allocator->table[slot];
        hole = slot;
    }
    allocator->table[hole] = 0;
    allocator->table_used--;
}

/* ---- lists ---- */

static void put(struct page_allocator *allocator, struct page_zone *zone, uint64_t page, unsigned order)
{
    if (allocator->table_used * 2 >= allocator->table_size)
        grow_table(allocator);
    uint32_t index = allocator->block_unused, first = zone->free[order];
    if (index == NOTHING) {
        allocator->blocks = memory_grow(allocator->blocks, allocator->block_count, &allocator->block_capacity,
                                        sizeof(*allocator->blocks));
        index = allocator->block_count++;
    } else {
        allocator->block_unused = allocator->blocks[index].next;
    }
    allocator->blocks[index] = (struct page_block){.page = page,
                                                   .previous = NOTHING,
                                                   .next = first,
                                                   .zone = (uint32_t)(zone - allocator->zones),
                                                   .order = (uint8_t)order};
    if (first != NOTHING)
        allocator->blocks[first].previous = index;
    zone->free[order] = index;
    zone->free_pages += UINT64_C(1) << order;
    allocator->table[probe(allocator, page)] = index + 1;
    allocator->table_used++;
}

static void take_out(struct page_allocator *allocator, struct page_zone *zone, uint32_t index)
{
    struct page_block *block = &allocator->blocks[index];
    table_remove(allocator, block->page);
    if (block->previous == NOTHING)
        zone->free[block->order] = block->next;
    else
        allocator->blocks[block->previous].next = block->next;
    if (block->next != NOTHING)
        allocator->blocks[block->next].previous = block->previous;
    zone->free_pages -= UINT64_C(1) << block->order;
    block->next = allocator->block_unused;
    allocator->block_unused = index;
}

/* A block is free: with its buddy, and that one's, as far as they are. */
static void put_joined(struct page_allocator *allocator, struct page_zone *zone, uint64_t page,
                       unsigned order)
{
    for (; order < LARGEST && allocator->table_size; order++) {
        uint64_t buddy = page ^ UINT64_C(1) << order;
        uint32_t entry = allocator->table[probe(allocator, buddy)];
        if (!entry || allocator->blocks[entry - 1].order != order ||
            &allocator->zones[allocator->blocks[entry - 1].zone] != zone)
            break;
        take_out(allocator, zone, entry - 1);
        page &= ~(UINT64_C(1) << order);
    }
    put(allocator, zone, page, order);
}

/* ---- set-up ---- */

static struct page_zone *zone_at(struct page_allocator *allocator, uint32_t node, enum memory_zone kind)
{
    for (uint32_t i = 0; i < allocator->zone_count; i++) {
        if (allocator->zones[i].node == node && allocator->zones[i].zone == kind)
            return &allocator->zones[i];
    }
    return NULL;
}

static uint32_t node_at(const struct page_allocator *allocator, uint64_t address)
{
    for (uint32_t i = 0; i < allocator->memory_count; i++) {
        if (address >= allocator->memory[i].base && address <= allocator->memory[i].limit)
            return allocator->memory[i].node;
    }
    return 0;
}

static void add_zones(struct page_allocator *allocator)
{
    uint32_t nodes = 0;
    for (uint32_t i = 0; i < allocator->memory_count; i++)
        nodes = allocator->memory[i].node >= nodes ? allocator->memory[i].node + 1 : nodes;
    allocator->zones = memory_array((size_t)nodes * MEMORY_ZONES, sizeof(*allocator->zones));
    for (uint32_t node = 0; node < nodes; node++) {
        for (int zone = 0; zone < MEMORY_ZONES; zone++) {
            struct page_zone *added = &allocator->zones[allocator->zone_count++];
            added->node = node;
            added->zone = (enum memory_zone)zone;
            for (int order = 0; order < PAGE_ORDERS; order++)
                added->free[order] = NOTHING;
        }
    }
}

/* Blocks as large and as aligned as they come, from above: the lowest is the first of its list. */
static void add_free(struct page_allocator *allocator, struct page_zone *zone, uint64_t first, uint64_t end)
{
    while (first < end) {
        unsigned order = 0;
        while (order < LARGEST && (end & ((UINT64_C(2) << order) - 1)) == 0 &&
               end - first >= UINT64_C(2) << order)
            order++;
        end -= UINT64_C(1) << order;
        put(allocator, zone, end, order);
    }
}

/* ---- memory that others hold some of ---- */

/* What is free of one block of the largest size. */
struct aged_block {
    struct random_stream random; /* its own: the same pages are others' whenever it comes */
    uint64_t page;
    uint32_t count;
    struct {
        uint16_t offset;
        uint8_t order;
    } free[LARGEST_PAGES];
};

static void aged_block_init(const struct page_allocator *allocator, struct aged_block *block, uint64_t page)
{
    block->page = page;
    block->count = 0;
    random_init(&block->random, allocator->seed ^ page * UINT64_C(0x9e3779b97f4a7c15), "fragmented memory");
}

static void note_free(struct aged_block *block, unsigned offset, int order)
{
    block->free[block->count].offset = (uint16_t)offset;
    block->free[block->count++].order = (uint8_t)order;
}

/* They come in no order. */
static void put_shuffled(struct page_allocator *allocator, struct page_zone *zone, struct aged_block *block)
{
    while (block->count) {
        uint32_t drawn = (uint32_t)random_below(&block->random, block->count);
        put_joined(allocator, zone, block->page + block->free[drawn].offset, block->free[drawn].order);
        block->free[drawn] = block->free[--block->count];
    }
}

/* Pages of others between free ones, in @p first to @p end - 1 of one block of the largest size. */
static void add_aged(struct page_allocator *allocator, struct page_zone *zone, uint64_t first, uint64_t end)
{
    struct aged_block block;
    signed char orders[LARGEST_PAGES];
    aged_block_init(allocator, &block, first & ~(uint64_t)(LARGEST_PAGES - 1));
    for (int i = 0; i < LARGEST_PAGES; i++) {
        bool others = random_below(&block.random, 1000) < allocator->fragmentation;
        bool inside = block.page + (uint64_t)i >= first && block.page + (uint64_t)i < end;
        orders[i] = inside && !others ? 0 : NOT_FREE;
    }
    for (int order = 0; order < LARGEST; order++) {
        for (int i = 0; i < LARGEST_PAGES; i += 2 << order) {
            if (orders[i] != order || orders[i + (1 << order)] != order)
                continue;
            orders[i]++;
            orders[i + (1 << order)] = NOT_FREE;
        }
    }
    for (int i = 0; i < LARGEST_PAGES; i++) {
        if (orders[i] != NOT_FREE)
            note_free(&block, (unsigned)i, orders[i]);
    }
    put_shuffled(allocator, zone, &block);
}

/* What is free, moved together to blocks of @p order that are no neighbours; the rest is others'. */
static void add_compacted(struct page_allocator *allocator, struct page_zone *zone, uint64_t page,
                          unsigned order)
{
    struct aged_block block;
    aged_block_init(allocator, &block, page);
    unsigned step = order == LARGEST ? 1 : 2,
             place = order == LARGEST ? 0 : (unsigned)random_below(&block.random, 2);
    for (; place < 1U << (LARGEST - order); place += step) {
        if (random_below(&block.random, 1000) < (uint64_t)step * (1000 - allocator->fragmentation))
            note_free(&block, place << order, (int)order);
    }
    put_shuffled(allocator, zone, &block);
}

/* The part of a range that lies in a zone, as pages. */
static bool part_of(const struct free_memory *memory, enum memory_zone kind, uint64_t *first, uint64_t *end)
{
    uint64_t begin = kind == ZONE_DMA ? 0 : zone_ends[kind - 1] >> PAGE_SHIFT;
    uint64_t last = kind == ZONE_NORMAL ? UINT64_MAX >> PAGE_SHIFT : (zone_ends[kind] >> PAGE_SHIFT) - 1;
    uint64_t from = (memory->base + ((UINT64_C(1) << PAGE_SHIFT) - 1)) >> PAGE_SHIFT;
    uint64_t to = ((memory->limit + 1) >> PAGE_SHIFT) - 1;
    *first = from > begin ? from : begin;
    *end = (to < last ? to : last) + 1;
    return from <= to && *first < *end;
}

/* What begins or ends within a block of the largest size becomes blocks now, the rest when it is needed. */
static void add_range(struct page_allocator *allocator, struct page_zone *zone, uint64_t first, uint64_t end)
{
    void (*add)(struct page_allocator *, struct page_zone *, uint64_t, uint64_t) =
        allocator->fragmentation ? add_aged : add_free;
    const uint64_t mask = LARGEST_PAGES - 1;
    uint64_t from = (first + mask) & ~mask, to = end & ~mask;
    if (from > to) {
        add(allocator, zone, first, end);
        return;
    }
    if (to < end)
        add(allocator, zone, to, end);
    if (first < from)
        add(allocator, zone, first, from);
    if (from < to) { /* the ranges before it are added later */
        *--zone->ranges = (struct page_range){from, to};
        zone->range_count++;
    }
}

void page_allocator_init(struct page_allocator *allocator, const struct free_memory *memory, uint32_t count,
                         uint32_t fragmentation, uint64_t seed)
{
    *allocator = (struct page_allocator){.memory = memory,
                                         .memory_count = count,
                                         .block_unused = NOTHING,
                                         .fragmentation = fragmentation,
                                         .seed = seed};
    add_zones(allocator);
    allocator->ranges = memory_array((size_t)allocator->zone_count * count + 1, sizeof(*allocator->ranges));
    for (uint32_t z = 0; z < allocator->zone_count; z++) {
        struct page_zone *zone = &allocator->zones[z];
        uint64_t first, end;
        zone->ranges = allocator->ranges + (size_t)(z + 1) * count;
        for (uint32_t i = count; i-- > 0;) {
            if (memory[i].node == zone->node && part_of(&memory[i], zone->zone, &first, &end))
                add_range(allocator, zone, first, end);
        }
    }
}

void page_allocator_fini(struct page_allocator *allocator)
{
    free(allocator->zones);
    free(allocator->blocks);
    free(allocator->table);
    free(allocator->ranges);
    *allocator = (struct page_allocator){0};
}

/* ---- taking and giving ---- */

/* What memory that is come to is made to be. */
enum page_reach {
    REACH_AGED,      /* as others left it */
    REACH_COMPACTED, /* for a block of this size */
    REACH_WHOLE,     /* set aside at boot */
};

/* Come to the next block of the largest size. @return false: the zone has no more */
static bool reach_more(struct page_allocator *allocator, struct page_zone *zone, unsigned order,
                       enum page_reach reach)
{
    if (!zone->range_count)
        return false;
    uint64_t page = zone->ranges->first;
    zone->ranges->first += LARGEST_PAGES;
    if (zone->ranges->first == zone->ranges->end) {
        zone->ranges++;
        zone->range_count--;
    }
    if (!allocator->fragmentation || reach == REACH_WHOLE)
        put(allocator, zone, page, LARGEST);
    else if (reach == REACH_COMPACTED)
        add_compacted(allocator, zone, page, order);
    else
        add_aged(allocator, zone, page, page + LARGEST_PAGES);
    return true;
}

/* The smallest order not below @p order of which there is a block, PAGE_ORDERS where there is none. */
static unsigned smallest_free(const struct page_zone *zone, unsigned order)
{
    while (order < PAGE_ORDERS && zone->free[order] == NOTHING)
        order++;
    return order;
}

static bool take_from(struct page_allocator *allocator, struct page_zone *zone, unsigned order,
                      enum page_reach reach, uint64_t *address)
{
    unsigned found;
    while ((found = smallest_free(zone, order)) == PAGE_ORDERS) {
        if (!reach_more(allocator, zone, order, reach))
            return false;
        if (reach == REACH_AGED && order)
            reach = REACH_COMPACTED; /* should that have been in vain */
    }
    uint64_t page = allocator->blocks[zone->free[found]].page;
    take_out(allocator, zone, zone->free[found]);
    while (found > order) { /* the lower half goes on, the upper is free */
        found--;
        put(allocator, zone, page + (UINT64_C(1) << found), found);
    }
    *address = page << PAGE_SHIFT;
    allocator->taken_pages += UINT64_C(1) << order;
    if (allocator->taken_pages > allocator->taken_pages_high)
        allocator->taken_pages_high = allocator->taken_pages;
    return true;
}

static bool take(struct page_allocator *allocator, unsigned order, uint32_t node, enum memory_zone highest,
                 enum page_reach reach, uint64_t *address)
{
    uint32_t nodes = allocator->zone_count / MEMORY_ZONES;
    for (uint32_t i = 0; i <= nodes; i++) {
        uint32_t at = i ? i - 1 : node; /* its own node first, then all in order */
        for (int zone = (int)highest; zone >= 0 && at < nodes; zone--) {
            if (take_from(allocator, zone_at(allocator, at, (enum memory_zone)zone), order, reach, address))
                return true;
        }
    }
    return false;
}

bool page_allocator_take(struct page_allocator *allocator, unsigned order, uint32_t node,
                         enum memory_zone highest, uint64_t *address)
{
    return order < PAGE_ORDERS && take(allocator, order, node, highest, REACH_AGED, address);
}

void page_allocator_give(struct page_allocator *allocator, uint64_t address, unsigned order)
{
    struct page_zone *zone = zone_at(allocator, node_at(allocator, address), memory_zone_of(address));
    assert(zone && allocator->taken_pages >= UINT64_C(1) << order);
    allocator->taken_pages -= UINT64_C(1) << order;
    put_joined(allocator, zone, address >> PAGE_SHIFT, order);
}

static uint64_t pages_of(uint64_t length)
{
    return (length + (UINT64_C(1) << PAGE_SHIFT) - 1) >> PAGE_SHIFT;
}

/* Give back pages @p first to @p end - 1, block by block. */
static void give_pages(struct page_allocator *allocator, uint64_t first, uint64_t end)
{
    while (first < end) {
        unsigned order = 0;
        while (order < LARGEST && (first & ((UINT64_C(2) << order) - 1)) == 0 &&
               end - first >= UINT64_C(2) << order)
            order++;
        page_allocator_give(allocator, first << PAGE_SHIFT, order);
        first += UINT64_C(1) << order;
    }
}

bool page_allocator_take_exact(struct page_allocator *allocator, uint64_t length, uint32_t node,
                               enum memory_zone highest, uint64_t *address)
{
    uint64_t pages = pages_of(length);
    unsigned order = 0;
    while (UINT64_C(1) << order < pages)
        order++;
    if (!page_allocator_take(allocator, order, node, highest, address))
        return false;
    uint64_t first = *address >> PAGE_SHIFT;
    give_pages(allocator, first + pages, first + (UINT64_C(1) << order));
    return true;
}

void page_allocator_give_exact(struct page_allocator *allocator, uint64_t address, uint64_t length)
{
    uint64_t first = address >> PAGE_SHIFT, end = first + pages_of(length);
    while (end - first > LARGEST_PAGES) { /* a run: the highest first, so that the order stays */
        uint64_t last = first + (end - first - 1) / LARGEST_PAGES * LARGEST_PAGES;
        give_pages(allocator, last, end);
        end = last;
    }
    give_pages(allocator, first, end);
}

/* The largest blocks come in order of their addresses, with gaps: a run begins anew behind each. What was
 * before it is given back, the highest first, so that the order stays. */
bool page_allocator_take_run(struct page_allocator *allocator, uint64_t length, uint32_t node,
                             enum memory_zone highest, uint64_t *address)
{
    enum { TRIES = 1 << 14 };
    const uint64_t block = UINT64_C(1) << (LARGEST + PAGE_SHIFT), needed = (length + block - 1) / block;
    if (length <= block)
        return page_allocator_take_exact(allocator, length, node, highest, address);
    uint64_t *taken = memory_array(TRIES, sizeof(*taken));
    uint32_t count = 0, first = 0;
    while (count - first < needed && count < TRIES &&
           take(allocator, LARGEST, node, highest, REACH_WHOLE, &taken[count])) {
        if (count > first && taken[count] != taken[count - 1] + block)
            first = count;
        count++;
    }
    bool found = count - first == needed;
    for (uint32_t i = found ? first : count; i-- > 0;)
        page_allocator_give(allocator, taken[i], LARGEST);
    if (found) {
        *address = taken[first];
        give_pages(allocator, (*address >> PAGE_SHIFT) + pages_of(length),
                   (*address + needed * block) >> PAGE_SHIFT);
    }
    free(taken);
    return found;
}

uint64_t page_allocator_free_pages(const struct page_allocator *allocator)
{
    uint64_t pages = 0;
    for (uint32_t i = 0; i < allocator->zone_count; i++) {
        const struct page_zone *zone = &allocator->zones[i];
        pages += zone->free_pages;
        for (uint32_t r = 0; r < zone->range_count && !allocator->fragmentation; r++)
            pages += zone->ranges[r].end - zone->ranges[r].first;
    }
    return pages;
}
