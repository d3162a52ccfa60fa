/* SPDX-License-Identifier: MIT */
/**
 * @file page_table.h
 * Second-stage style page tables in simulated memory: real 4 KiB tables of 512 entries at simulated physical
 * addresses, walked by reading entries. VT-d second-stage, AMD v2 and SMMUv3 4 KiB-granule tables share this
 * shape.
 *
 * Entry: bit 0 read, bit 1 write, bit 7 leaf above level 1, bits 12..51 physical address (VT-d spec 9.8).
 */
#ifndef IOMMUSIM_IOMMU_PAGE_TABLE_H
#define IOMMUSIM_IOMMU_PAGE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum page_access { PAGE_READ = 1, PAGE_WRITE = 2 };

enum {
    PAGE_SHIFT_4K = 12,
    PAGE_SHIFT_2M = 21,
    PAGE_SHIFT_1G = 30,
    PAGE_TABLE_ENTRIES = 512,
    PAGE_TABLE_LEAF = 0x80,
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
    uint64_t root;       /**< simulated physical address of the top table */
    uint32_t levels;     /**< 3, 4 or 5 */
    uint32_t page_sizes; /**< bit 0: some 4 KiB leaf exists, bit 1: 2 MiB, bit 2: 1 GiB */
};

/** An empty tree. */
void page_table_init(struct page_table *table, struct page_table_memory *memory, uint32_t levels);

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
 * @return its leaf entry as it was, 0 where nothing was mapped; @p shift as page_table_find()
 */
uint64_t page_table_unmap(struct page_table *table, struct page_table_memory *memory, uint64_t iova,
                          unsigned *shift);

/** Leaf entry that maps @p iova (physical address of the page and access bits), 0 where nothing does; without
 * time or caches. @param shift  of the page; set where a leaf was found */
uint64_t page_table_find(const struct page_table *table, const struct page_table_memory *memory,
                         uint64_t iova, unsigned *shift);

/** Address of the entry for @p iova in the table at @p table_address of @p level (1 = leaf level). */
static inline uint64_t page_table_entry_address(uint64_t table_address, unsigned level, uint64_t iova)
{
    return table_address + (iova >> (PAGE_SHIFT_4K + 9 * (level - 1)) & (PAGE_TABLE_ENTRIES - 1)) * 8;
}

/** Physical address in an entry. */
static inline uint64_t page_table_entry_target(uint64_t entry)
{
    return entry & UINT64_C(0x000ffffffffff000);
}

#endif
