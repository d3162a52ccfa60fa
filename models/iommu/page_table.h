/* SPDX-License-Identifier: MIT */
/**
 * @file page_table.h
 * Page tables in simulated memory: real 4 KiB tables of 512 entries at simulated physical addresses, walked
 * by reading entries. What an entry says depends on the format (page_table_format.h).
 */
#ifndef IOMMUSIM_IOMMU_PAGE_TABLE_H
#define IOMMUSIM_IOMMU_PAGE_TABLE_H

#include "models/iommu/page_table_format.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PAGE_SHIFT_4K = 12,
    PAGE_SHIFT_2M = 21,
    PAGE_SHIFT_1G = 30,
    PAGE_TABLE_ENTRIES = 512,
};

/** One table: its entries, or, where all of them follow from the first, only that (page_table_map_range()).
 */
struct page_table_page {
    uint64_t *entries; /**< PAGE_TABLE_ENTRIES, or NULL */
    uint64_t first;    /**< without entries: the first; each further one is 1 << shift more */
    unsigned shift;
};

/** The memory that holds the tables of all domains of a unit. */
struct page_table_memory {
    uint64_t base; /**< simulated physical address of the first table */
    struct page_table_page *pages;
    size_t count, capacity; /**< tables */
};

void page_table_memory_init(struct page_table_memory *memory, uint64_t base);
void page_table_memory_fini(struct page_table_memory *memory);

/** The entry at simulated physical @p address, which must lie in a table. */
static inline uint64_t page_table_read(const struct page_table_memory *memory, uint64_t address)
{
    uint64_t offset = address - memory->base, index = offset % 4096 / 8;
    const struct page_table_page *page = &memory->pages[offset / 4096];
    return page->entries ? page->entries[index] : page->first + (index << page->shift);
}

/** The entry at simulated physical @p address, to be written. Valid until the next table is made. */
uint64_t *page_table_entry(struct page_table_memory *memory, uint64_t address);

/** One domain's tree. */
struct page_table {
    uint64_t root; /**< simulated physical address of the top table */
    enum page_table_format format;
    uint32_t levels;       /**< 3, 4 or 5; AMD: 6, too */
    uint64_t page_sizes;   /**< bit n: some leaf of 4 KiB << n exists */
    uint64_t guest_offset; /**< the tables of a guest point to each other by guest physical addresses, which
                              are the simulated ones plus this; 0 where there is no guest */
};

/** Is an address within reach of so many levels? */
static inline bool page_table_covers(unsigned levels, uint64_t iova)
{
    return levels >= 6 || iova >> (PAGE_SHIFT_4K + 9 * levels) == 0;
}

/** An empty tree. */
void page_table_init(struct page_table *table, struct page_table_memory *memory,
                     enum page_table_format format, uint32_t levels);

enum page_table_result { PAGE_TABLE_MAPPED, PAGE_TABLE_OVERLAP, PAGE_TABLE_TOO_HIGH };

/**
 * Map one page.
 * @param shift   log2 of its size, one the format has; both addresses must be aligned to it
 * @param access  enum page_access bits
 * @return PAGE_TABLE_OVERLAP where something is mapped there already (nothing changed), PAGE_TABLE_TOO_HIGH
 * where the address needs more levels
 */
enum page_table_result page_table_map(struct page_table *table, struct page_table_memory *memory,
                                      uint64_t iova, uint64_t physical, unsigned shift, unsigned access);

/**
 * Map a range in pages of one size, contiguous in memory. Tables of which it fills every entry are not
 * stored but worked out when they are read, so that all of a large guest's memory can be mapped in small
 * pages; whoever reads them sees no difference.
 * @param length  bytes, a multiple of the page size
 * @param where   unless PAGE_TABLE_MAPPED: the first address that could not be mapped; those before it are
 */
enum page_table_result page_table_map_range(struct page_table *table, struct page_table_memory *memory,
                                            uint64_t iova, uint64_t physical, uint64_t length, unsigned shift,
                                            unsigned access, uint64_t *where);

/**
 * Take the page that maps @p iova out again. Tables that become empty stay, as the kernel leaves them.
 * @return its leaf as page_table_find() gives it, 0 where nothing was mapped; @p shift as page_table_find()
 */
uint64_t page_table_unmap(struct page_table *table, struct page_table_memory *memory, uint64_t iova,
                          unsigned *shift);

/** Leaf that maps @p iova (physical address of the page and enum page_access bits), 0 where nothing does;
 * without time or caches. @param shift  of the page; set where a leaf was found */
uint64_t page_table_find(const struct page_table *table, const struct page_table_memory *memory,
                         uint64_t iova, unsigned *shift);

/** AMD: an entry of level @p level that skips levels maps only addresses whose bits of those are zero
 * (2.2.3). @return whether it fails to map @p iova for that reason */
static inline bool page_table_skips(uint64_t iova, unsigned level, unsigned next)
{
    unsigned low = PAGE_SHIFT_4K + 9 * next, high = PAGE_SHIFT_4K + 9 * (level - 1);
    return next && next + 1 < level && iova >> low & ((UINT64_C(1) << (high - low)) - 1);
}

/** Address of the entry for @p iova in the table at @p table_address of @p level (1 = leaf level). */
static inline uint64_t page_table_entry_address(uint64_t table_address, unsigned level, uint64_t iova)
{
    return table_address + (iova >> (PAGE_SHIFT_4K + 9 * (level - 1)) & (PAGE_TABLE_ENTRIES - 1)) * 8;
}

#endif
