/* SPDX-License-Identifier: MIT */
/**
 * @file page_table_format.h
 * What the bits of a page-table entry mean. All formats have tables of 4 KiB with 512 entries of 8 bytes, and
 * levels counted from the leaves (1) up.
 *
 * AMD's pages may have any power of two of bytes: "next level 7" says that the size is in the address bits,
 * of which the lowest zero is bit log2(size) - 1; such an entry is repeated in all places of its table that
 * the page covers. AMD's guest tables (GCR3, "v2") are those of the CPU.
 *
 * Sources: VT-d specification rev 4.1 9.7 (first stage) and 9.8 (second stage); AMD I/O Virtualization
 * Technology specification rev 3.07 2.2.3; Arm Architecture Reference Manual D8.3 (VMSAv8-64 descriptors, 4
 * KiB granule), which the SMMUv3 uses for both stages.
 *
 * MODEL: requests count as those of a user (first stage: U/S must be set, SMMU stage 1: AP[1]); execute
 * permission, memory types, and accessed and dirty flags kept by hardware are not modelled; neither is Arm's
 * contiguous hint.
 */
#ifndef IOMMUSIM_IOMMU_PAGE_TABLE_FORMAT_H
#define IOMMUSIM_IOMMU_PAGE_TABLE_FORMAT_H

#include <stdbool.h>
#include <stdint.h>

enum page_access { PAGE_READ = 1, PAGE_WRITE = 2 };

enum page_table_format {
    FORMAT_VT_D_SECOND_STAGE, /**< legacy mode, and guest physical addresses in scalable mode */
    FORMAT_VT_D_FIRST_STAGE,  /**< scalable mode: the layout of the CPU's tables */
    FORMAT_AMD_VI,            /**< host tables, "v1" */
    FORMAT_AMD_VI_GUEST,      /**< guest tables, "v2": the layout of the CPU's */
    FORMAT_SMMU_STAGE_1,
    FORMAT_SMMU_STAGE_2,
    PAGE_TABLE_FORMATS,
};

/** An entry, taken apart. */
struct page_table_entry {
    uint64_t target; /**< physical address of the next table or of the page */
    uint8_t access;  /**< enum page_access bits it grants: of a leaf, or at most to what is below */
    uint8_t next;    /**< level of the table it points to; 0: a leaf */
    uint8_t shift;   /**< of a leaf: log2 of the page size */
    bool present;    /**< false: nothing is mapped, or the entry is not valid at its level */
};

/** Physical address bits 12..51 of an entry: the same in all formats. */
static inline uint64_t page_table_entry_target(uint64_t entry)
{
    return entry & UINT64_C(0x000ffffffffff000);
}

/** log2 of the pages that entries of a table of @p level are usually of. */
static inline unsigned page_table_level_shift(unsigned level)
{
    return 12 + 9 * (level - 1);
}

/** The level of the tables that hold leaves of a page size. */
static inline unsigned page_table_leaf_level(unsigned shift)
{
    return (shift - 12) / 9 + 1;
}

/** Entries that a page takes in its table: several where its size lies between those of two levels. */
static inline unsigned page_table_leaf_entries(unsigned shift)
{
    return 1U << (shift - page_table_level_shift(page_table_leaf_level(shift)));
}

/** Can the format say that a page has this size? */
bool page_table_format_has(enum page_table_format format, unsigned shift);

/** Most levels tables of a format have. */
unsigned page_table_format_levels(enum page_table_format format);

/** Take apart an entry of any format; page_table_decode() is for everybody. */
struct page_table_entry page_table_decode_any(enum page_table_format format, unsigned level, uint64_t entry);

/** Take apart an entry found in a table of @p level. The format most runs use comes first: it is asked for
 * each entry of each walk. */
static inline struct page_table_entry page_table_decode(enum page_table_format format, unsigned level,
                                                        uint64_t entry)
{
    if (format != FORMAT_VT_D_SECOND_STAGE)
        return page_table_decode_any(format, level, entry);
    bool leaf = level == 1 || (entry & 0x80);
    return (struct page_table_entry){.target = page_table_entry_target(entry),
                                     .access = entry & (PAGE_READ | PAGE_WRITE),
                                     .next = (uint8_t)(leaf ? 0 : level - 1),
                                     .shift = (uint8_t)page_table_level_shift(level),
                                     .present = (entry & (PAGE_READ | PAGE_WRITE)) && (!leaf || level <= 3)};
}

/** Entry of a table of @p level that points to a table of level @p next (level - 1, but AMD may skip levels)
 * and limits nothing. */
uint64_t page_table_encode_table(enum page_table_format format, uint64_t target, unsigned next);

/** Leaf entry of a page of 1 << @p shift bytes, a size the format has. */
uint64_t page_table_encode_leaf(enum page_table_format format, unsigned shift, uint64_t target,
                                unsigned access);

/** Names in input and output, in the order of the enum; ends with NULL. */
extern const char *const page_table_format_names[];

#endif
