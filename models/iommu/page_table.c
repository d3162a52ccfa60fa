/* SPDX-License-Identifier: MIT */
#include "models/iommu/page_table.h"

#include "sim/base/arena.h"

#include <assert.h>
#include <stdlib.h>

void page_table_memory_init(struct page_table_memory *memory, uint64_t base)
{
    *memory = (struct page_table_memory){.base = base};
}

void page_table_memory_fini(struct page_table_memory *memory)
{
    for (size_t i = 0; i < memory->count; i++)
        free(memory->pages[i].entries);
    free(memory->pages);
    *memory = (struct page_table_memory){0};
}

static uint64_t add_page(struct page_table_memory *memory, struct page_table_page page)
{
    memory->pages = memory_grow(memory->pages, memory->count, &memory->capacity, sizeof(*memory->pages));
    memory->pages[memory->count] = page;
    return memory->base + 4096 * memory->count++;
}

static uint64_t new_table(struct page_table_memory *memory)
{
    return add_page(memory,
                    (struct page_table_page){.entries = memory_array(PAGE_TABLE_ENTRIES, sizeof(uint64_t))});
}

/* A table that was worked out so far, and of which an entry will differ. */
static void store(struct page_table_page *page)
{
    page->entries = memory_array(PAGE_TABLE_ENTRIES, sizeof(*page->entries));
    for (uint64_t i = 0; i < PAGE_TABLE_ENTRIES; i++)
        page->entries[i] = page->first + (i << page->shift);
}

uint64_t *page_table_entry(struct page_table_memory *memory, uint64_t address)
{
    uint64_t offset = address - memory->base;
    struct page_table_page *page = &memory->pages[offset / 4096];
    if (!page->entries)
        store(page);
    return &page->entries[offset % 4096 / 8];
}

void page_table_init(struct page_table *table, struct page_table_memory *memory,
                     enum page_table_format format, uint32_t levels)
{
    assert(levels >= 3 && levels <= page_table_format_levels(format));
    *table = (struct page_table){.root = new_table(memory), .format = format, .levels = levels};
}

/* The table of @p lowest that has the entry for @p iova; tables above it are made.
 * @return its address, 0 where a leaf is in the way */
static uint64_t reach_table(struct page_table *table, struct page_table_memory *memory, uint64_t iova,
                            unsigned lowest)
{
    uint64_t at = table->root;
    for (unsigned level = table->levels; level > lowest; level--) {
        uint64_t address = page_table_entry_address(at, level, iova),
                 value = page_table_read(memory, address);
        if (value == 0) {
            value =
                page_table_encode_table(table->format, new_table(memory) + table->guest_offset, level - 1);
            *page_table_entry(memory, address) = value;
        }
        struct page_table_entry entry = page_table_decode(table->format, level, value);
        if (entry.next != level - 1)
            return 0;
        at = entry.target - table->guest_offset;
    }
    return at;
}

enum page_table_result page_table_map(struct page_table *table, struct page_table_memory *memory,
                                      uint64_t iova, uint64_t physical, unsigned shift, unsigned access)
{
    unsigned leaf_level = page_table_leaf_level(shift), count = page_table_leaf_entries(shift);
    assert(((iova | physical) & ((UINT64_C(1) << shift) - 1)) == 0 && access &&
           page_table_format_has(table->format, shift));
    if (!page_table_covers(table->levels, iova) || leaf_level > table->levels)
        return PAGE_TABLE_TOO_HIGH;
    uint64_t at = reach_table(table, memory, iova, leaf_level);
    uint64_t address = at ? page_table_entry_address(at, leaf_level, iova) : 0;
    for (unsigned i = 0; i < count; i++) {
        if (!at || page_table_read(memory, address + UINT64_C(8) * i))
            return PAGE_TABLE_OVERLAP;
    }
    for (unsigned i = 0; i < count; i++)
        *page_table_entry(memory, address + UINT64_C(8) * i) =
            page_table_encode_leaf(table->format, shift, physical, access);
    table->page_sizes |= UINT64_C(1) << (shift - PAGE_SHIFT_4K);
    return PAGE_TABLE_MAPPED;
}

/* Map as many pages as a table has entries, where there is no table for them yet. */
static bool map_whole_table(struct page_table *table, struct page_table_memory *memory, uint64_t iova,
                            uint64_t physical, unsigned shift, unsigned access)
{
    unsigned leaf_level = page_table_leaf_level(shift);
    uint64_t at = reach_table(table, memory, iova, leaf_level + 1);
    uint64_t address = at ? page_table_entry_address(at, leaf_level + 1, iova) : 0;
    if (!at || page_table_read(memory, address))
        return false;
    uint64_t below = add_page(
        memory, (struct page_table_page){
                    .first = page_table_encode_leaf(table->format, shift, physical, access), .shift = shift});
    *page_table_entry(memory, address) =
        page_table_encode_table(table->format, below + table->guest_offset, leaf_level);
    table->page_sizes |= UINT64_C(1) << (shift - PAGE_SHIFT_4K);
    return true;
}

enum page_table_result page_table_map_range(struct page_table *table, struct page_table_memory *memory,
                                            uint64_t iova, uint64_t physical, uint64_t length, unsigned shift,
                                            unsigned access, uint64_t *where)
{
    uint64_t page = UINT64_C(1) << shift, whole = page * PAGE_TABLE_ENTRIES, done = 0;
    while (done < length) {
        *where = iova + done;
        if (page_table_leaf_entries(shift) == 1 && length - done >= whole && (*where & (whole - 1)) == 0 &&
            page_table_covers(table->levels, *where) && page_table_leaf_level(shift) < table->levels &&
            map_whole_table(table, memory, *where, physical + done, shift, access)) {
            done += whole;
            continue;
        }
        enum page_table_result result = page_table_map(table, memory, *where, physical + done, shift, access);
        if (result != PAGE_TABLE_MAPPED)
            return result;
        done += page;
    }
    return PAGE_TABLE_MAPPED;
}

/* Address of the leaf entry for an address, 0 where there is none. */
static uint64_t find_leaf(const struct page_table *table, const struct page_table_memory *memory,
                          uint64_t iova, unsigned *shift, uint64_t *leaf)
{
    uint64_t at = table->root;
    if (!page_table_covers(table->levels, iova))
        return 0;
    for (unsigned level = table->levels; level >= 1;) {
        uint64_t address = page_table_entry_address(at, level, iova);
        struct page_table_entry entry =
            page_table_decode(table->format, level, page_table_read(memory, address));
        if (!entry.present || page_table_skips(iova, level, entry.next))
            return 0;
        if (entry.next == 0) {
            *shift = entry.shift;
            *leaf = entry.target | entry.access;
            return address;
        }
        at = entry.target - table->guest_offset;
        level = entry.next;
    }
    return 0;
}

uint64_t page_table_find(const struct page_table *table, const struct page_table_memory *memory,
                         uint64_t iova, unsigned *shift)
{
    uint64_t leaf;
    return find_leaf(table, memory, iova, shift, &leaf) ? leaf : 0;
}

uint64_t page_table_unmap(struct page_table *table, struct page_table_memory *memory, uint64_t iova,
                          unsigned *shift)
{
    uint64_t leaf, address = find_leaf(table, memory, iova, shift, &leaf);
    if (!address)
        return 0;
    unsigned count = page_table_leaf_entries(*shift);
    address &= ~(UINT64_C(8) * count - 1);
    for (unsigned i = 0; i < count; i++)
        *page_table_entry(memory, address + UINT64_C(8) * i) = 0;
    return leaf;
}
