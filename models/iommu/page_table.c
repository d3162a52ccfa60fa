/* SPDX-License-Identifier: MIT */
#include "models/iommu/page_table.h"

#include "sim/base/arena.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void page_table_memory_init(struct page_table_memory *memory, uint64_t base)
{
    *memory = (struct page_table_memory){.base = base};
}

void page_table_memory_fini(struct page_table_memory *memory)
{
    free(memory->tables);
    *memory = (struct page_table_memory){0};
}

static uint64_t new_table(struct page_table_memory *memory)
{
    memory->tables = memory_grow(memory->tables, memory->count, &memory->capacity, sizeof(*memory->tables));
    memset(memory->tables[memory->count], 0, sizeof(*memory->tables));
    return memory->base + 4096 * memory->count++;
}

static uint64_t *entry_at(struct page_table_memory *memory, uint64_t address)
{
    uint64_t offset = address - memory->base;
    return &memory->tables[offset / 4096][offset % 4096 / 8];
}

void page_table_init(struct page_table *table, struct page_table_memory *memory,
                     enum page_table_format format, uint32_t levels)
{
    assert(levels >= 3 && levels <= 5);
    *table = (struct page_table){.root = new_table(memory), .format = format, .levels = levels};
}

enum page_table_result page_table_map(struct page_table *table, struct page_table_memory *memory,
                                      uint64_t iova, uint64_t physical, unsigned shift, unsigned access)
{
    unsigned leaf_level = (shift - PAGE_SHIFT_4K) / 9 + 1;
    assert(((iova | physical) & ((UINT64_C(1) << shift) - 1)) == 0 && access && leaf_level <= 3);
    if (iova >> (PAGE_SHIFT_4K + 9 * table->levels))
        return PAGE_TABLE_TOO_HIGH;
    uint64_t at = table->root;
    for (unsigned level = table->levels; level > leaf_level; level--) {
        uint64_t address = page_table_entry_address(at, level, iova);
        if (*entry_at(memory, address) == 0) {
            uint64_t below = new_table(memory);
            *entry_at(memory, address) =
                page_table_encode_table(table->format, below + table->guest_offset, level - 1);
        }
        struct page_table_entry entry = page_table_decode(table->format, level, *entry_at(memory, address));
        if (entry.next != level - 1)
            return PAGE_TABLE_OVERLAP;
        at = entry.target - table->guest_offset;
    }
    uint64_t *leaf = entry_at(memory, page_table_entry_address(at, leaf_level, iova));
    if (*leaf)
        return PAGE_TABLE_OVERLAP;
    *leaf = page_table_encode_leaf(table->format, leaf_level, physical, access);
    table->page_sizes |= 1U << (leaf_level - 1);
    return PAGE_TABLE_MAPPED;
}

/* Address of the leaf entry for an address, 0 where there is none. */
static uint64_t find_leaf(const struct page_table *table, const struct page_table_memory *memory,
                          uint64_t iova, unsigned *shift, uint64_t *leaf)
{
    uint64_t at = table->root;
    if (iova >> (PAGE_SHIFT_4K + 9 * table->levels))
        return 0;
    for (unsigned level = table->levels; level >= 1;) {
        uint64_t address = page_table_entry_address(at, level, iova);
        struct page_table_entry entry =
            page_table_decode(table->format, level, page_table_read(memory, address));
        if (!entry.present)
            return 0;
        if (entry.next == 0) {
            *shift = PAGE_SHIFT_4K + 9 * (level - 1);
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
    *entry_at(memory, address) = 0;
    return leaf;
}
