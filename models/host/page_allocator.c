/* SPDX-License-Identifier: MIT */
#include "models/host/page_allocator.h"

#include "sim/base/arena.h"
#include "sim/kernel/random.h"

#include <assert.h>
#include <stdlib.h>

enum { PAGE_SHIFT = 12, TABLE_INITIAL = 1024 };

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

/* No run takes more than this of a range: a machine of many TiB costs no more to set up than one of 8 GiB. */
static const uint64_t looked_at_pages = UINT64_C(1) << (33 - PAGE_SHIFT);

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
    for (; order < PAGE_ORDERS - 1 && allocator->table_size; order++) {
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
    if (end - first > looked_at_pages)
        end = first + looked_at_pages;
    while (first < end) {
        unsigned order = 0;
        while (order < PAGE_ORDERS - 1 && (end & ((UINT64_C(2) << order) - 1)) == 0 &&
               end - first >= UINT64_C(2) << order)
            order++;
        end -= UINT64_C(1) << order;
        put(allocator, zone, end, order);
    }
}

/* Pages of others between free ones. */
static void add_aged(struct page_allocator *allocator, struct page_zone *zone, uint64_t first, uint64_t end,
                     uint32_t fragmentation, struct random_stream *random)
{
    for (uint64_t page = first; page < end; page++) {
        if (random_below(random, 1000) >= fragmentation)
            put_joined(allocator, zone, page, 0);
    }
}

/* Free blocks come in no order: each list is linked anew, but for that of the largest. */
static void shuffle(struct page_allocator *allocator, struct page_zone *zone, struct random_stream *random)
{
    for (int order = 0; order < PAGE_ORDERS - 1; order++) {
        uint32_t count = 0, *list = NULL;
        size_t capacity = 0;
        for (uint32_t i = zone->free[order]; i != NOTHING; i = allocator->blocks[i].next) {
            list = memory_grow(list, count, &capacity, sizeof(*list));
            list[count++] = i;
        }
        for (uint32_t i = count; i > 1; i--) {
            uint32_t other = (uint32_t)random_below(random, i), kept = list[i - 1];
            list[i - 1] = list[other];
            list[other] = kept;
        }
        for (uint32_t i = 0; i < count; i++) {
            allocator->blocks[list[i]].previous = i ? list[i - 1] : NOTHING;
            allocator->blocks[list[i]].next = i + 1 < count ? list[i + 1] : NOTHING;
        }
        if (count)
            zone->free[order] = list[0];
        free(list);
    }
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

void page_allocator_init(struct page_allocator *allocator, const struct free_memory *memory, uint32_t count,
                         uint32_t fragmentation, uint64_t aged_bytes, uint64_t seed)
{
    struct random_stream random;
    *allocator = (struct page_allocator){.memory = memory, .memory_count = count, .block_unused = NOTHING};
    random_init(&random, seed, "fragmented memory");
    add_zones(allocator);
    for (uint32_t z = 0; z < allocator->zone_count; z++) {
        struct page_zone *zone = &allocator->zones[z];
        uint64_t aged = fragmentation ? aged_bytes >> PAGE_SHIFT : 0;
        uint64_t first, end;
        for (uint32_t i = count; i-- > 0;) {
            if (memory[i].node == zone->node && part_of(&memory[i], zone->zone, &first, &end) &&
                !fragmentation)
                add_free(allocator, zone, first, end);
        }
        for (uint32_t i = 0; i < count && fragmentation; i++) {
            if (memory[i].node != zone->node || !part_of(&memory[i], zone->zone, &first, &end))
                continue;
            uint64_t middle = end - first > aged ? first + aged : end;
            aged -= middle - first;
            add_aged(allocator, zone, first, middle, fragmentation, &random);
            add_free(allocator, zone, middle, end);
        }
        if (fragmentation)
            shuffle(allocator, zone, &random);
    }
}

void page_allocator_fini(struct page_allocator *allocator)
{
    free(allocator->zones);
    free(allocator->blocks);
    free(allocator->table);
    *allocator = (struct page_allocator){0};
}

/* ---- taking and giving ---- */

static bool take_from(struct page_allocator *allocator, struct page_zone *zone, unsigned order,
                      uint64_t *address)
{
    unsigned found = order;
    while (found < PAGE_ORDERS && zone->free[found] == NOTHING)
        found++;
    if (found == PAGE_ORDERS)
        return false;
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

bool page_allocator_take(struct page_allocator *allocator, unsigned order, uint32_t node,
                         enum memory_zone highest, uint64_t *address)
{
    uint32_t nodes = allocator->zone_count / MEMORY_ZONES;
    if (order >= PAGE_ORDERS)
        return false;
    for (uint32_t i = 0; i <= nodes; i++) {
        uint32_t at = i ? i - 1 : node; /* its own node first, then all in order */
        for (int zone = (int)highest; zone >= 0 && at < nodes; zone--) {
            if (take_from(allocator, zone_at(allocator, at, (enum memory_zone)zone), order, address))
                return true;
        }
    }
    return false;
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
        while (order < PAGE_ORDERS - 1 && (first & ((UINT64_C(2) << order) - 1)) == 0 &&
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
    uint64_t first = address >> PAGE_SHIFT;
    give_pages(allocator, first, first + pages_of(length));
}

/* The largest blocks come in order of their addresses, with gaps: a run begins anew behind each. What was
 * before it is given back, the highest first, so that the order stays. */
bool page_allocator_take_run(struct page_allocator *allocator, uint64_t length, uint32_t node,
                             enum memory_zone highest, uint64_t *address)
{
    enum { LARGEST = PAGE_ORDERS - 1, TRIES = 1 << 14 };
    const uint64_t block = UINT64_C(1) << (LARGEST + PAGE_SHIFT), needed = (length + block - 1) / block;
    if (length <= block)
        return page_allocator_take_exact(allocator, length, node, highest, address);
    uint64_t *taken = memory_array(TRIES, sizeof(*taken));
    uint32_t count = 0, first = 0;
    while (count - first < needed && count < TRIES &&
           page_allocator_take(allocator, LARGEST, node, highest, &taken[count])) {
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
    for (uint32_t i = 0; i < allocator->zone_count; i++)
        pages += allocator->zones[i].free_pages;
    return pages;
}
