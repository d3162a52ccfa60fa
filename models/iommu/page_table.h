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

/** The memory that holds the tables of all domains of a unit. */
struct page_table_memory {
    uint64_t base; /**< simulated physical address of the first table */
    uint64_t (*tables)[PAGE_TABLE_ENTRIES];
    size_t count, capacity; /**< tables */
};

void page_table_memory_init(struct page_table_memory *memory, uint64_t base);
void page_table_memory_fini(struct page_table_memory *memory);

/** The entry at simulated physical @p address, which must lie in a table. */
static inline uint64_t page_table_read(const struct page_table_memory *memory, uint64_t address)
{
    uint64_t offset = address - memory->base;
    return memory->tables[offset / 4096][offset % 4096 / 8];
}

/** One domain's tree. */
struct page_table {
    uint64_t root; /**< simulated physical address of the top table */
    enum page_table_format format;
    uint32_t levels;       /**< 3, 4 or 5 */
    uint32_t page_sizes;   /**< bit 0: some 4 KiB leaf exists, bit 1: 2 MiB, bit 2: 1 GiB */
    uint64_t guest_offset; /**< the tables of a guest point to each other by guest physical addresses, which
                              are the simulated ones plus this; 0 where there is no guest */
};

/** An empty tree. */
void page_table_init(struct page_table *table, struct page_table_memory *memory,
                     enum page_table_format format, uint32_t levels);

enum page_table_result { PAGE_TABLE_MAPPED, PAGE_TABLE_OVERLAP, PAGE_TABLE_TOO_HIGH };

/**
 * Map one page.
 * @param shift   PAGE_SHIFT_4K, _2M or _1G; both addresses must be aligned to it
 * @param access  enum page_access bits
 * @return PAGE_TABLE_OVERLAP where something is mapped there already (nothing changed), PAGE_TABLE_TOO_HIGH
 * where the address needs more levels
 */
enum page_table_result page_table_map(struct page_table *table, struct page_table_memory *memory,
                                      uint64_t iova, uint64_t physical, unsigned shift, unsigned access);

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

/** Address of the entry for @p iova in the table at @p table_address of @p level (1 = leaf level). */
static inline uint64_t page_table_entry_address(uint64_t table_address, unsigned level, uint64_t iova)
{
    return table_address + (iova >> (PAGE_SHIFT_4K + 9 * (level - 1)) & (PAGE_TABLE_ENTRIES - 1)) * 8;
}

#endif
