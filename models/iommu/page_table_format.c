/* SPDX-License-Identifier: MIT */
#include "models/iommu/page_table_format.h"

#include <stddef.h>

#define BIT(n) (UINT64_C(1) << (n))

/* VT-d second stage: read, write; page size at levels 2 and 3. */
enum { SECOND_READ = 1, SECOND_WRITE = 2, PAGE_SIZE = 0x80 };

/* First stage: present, read/write, user. */
enum { FIRST_PRESENT = 1, FIRST_WRITE = 2, FIRST_USER = 4 };

/* AMD: present; next level in bits 9..11; read and write in bits 61 and 62. */
enum { AMD_PRESENT = 1, AMD_NEXT_SHIFT = 9, AMD_NEXT_MASK = 7, AMD_NEXT_SIZED = 7 };
#define AMD_READ  BIT(61)
#define AMD_WRITE BIT(62)

/* Arm: valid; table or page against block; AP[1] user, AP[2] read-only; S2AP read, write; access flag;
 * APTable[0] no user access below, APTable[1] no writes below. */
enum { ARM_VALID = 1, ARM_TABLE = 2, ARM_USER = 0x40, ARM_READ_ONLY = 0x80, ARM_ACCESSED = 0x400 };
enum { ARM_S2_READ = 0x40, ARM_S2_WRITE = 0x80 };
#define ARM_TABLE_NO_USER   BIT(61)
#define ARM_TABLE_READ_ONLY BIT(62)

const char *const page_table_format_names[] = {
    "vt-d-second-stage", "vt-d-first-stage", "amd-vi", "amd-vi-guest", "smmu-stage-1", "smmu-stage-2", NULL};

static bool may_be_leaf(unsigned level)
{
    return level <= 3;
}

/* AMD: pages of 512 GiB and 256 TiB, too. */
enum { AMD_LEAF_LEVELS = 5 };

bool page_table_format_has(enum page_table_format format, unsigned shift)
{
    if (shift < page_table_level_shift(1))
        return false;
    if (format == FORMAT_AMD_VI)
        return shift <= page_table_level_shift(AMD_LEAF_LEVELS);
    return (shift - page_table_level_shift(1)) % 9 == 0 && may_be_leaf(page_table_leaf_level(shift));
}

unsigned page_table_format_levels(enum page_table_format format)
{
    return format == FORMAT_AMD_VI ? 6 : 5;
}

static void decode_intel(bool first, unsigned level, uint64_t entry, struct page_table_entry *out)
{
    bool leaf = level == 1 || (entry & PAGE_SIZE);
    if (first) {
        out->present = entry & FIRST_PRESENT;
        out->access = entry & FIRST_USER ? PAGE_READ | (entry & FIRST_WRITE ? PAGE_WRITE : 0) : 0;
    } else {
        out->present = entry & (SECOND_READ | SECOND_WRITE);
        out->access = entry & (SECOND_READ | SECOND_WRITE);
    }
    out->present &= !leaf || may_be_leaf(level);
    out->next = (uint8_t)(leaf ? 0 : level - 1);
}

/* The page's size is in its address: of the lowest address bits all are ones but the last one of its offset.
 */
static void decode_amd_sized(unsigned level, uint64_t entry, struct page_table_entry *out)
{
    uint64_t low = page_table_entry_target(entry) | 0xfff;
    unsigned shift = (unsigned)__builtin_ctzll(~low) + 1;
    out->next = 0;
    out->shift = (uint8_t)shift;
    out->target &= ~(BIT(shift) - 1);
    /* Between the sizes of this level and the next. */
    out->present &= shift > page_table_level_shift(level) && shift < page_table_level_shift(level + 1) &&
                    level <= AMD_LEAF_LEVELS;
}

static void decode_amd(unsigned level, uint64_t entry, struct page_table_entry *out)
{
    unsigned next = (unsigned)(entry >> AMD_NEXT_SHIFT) & AMD_NEXT_MASK;
    out->access = (uint8_t)((entry & AMD_READ ? PAGE_READ : 0U) | (entry & AMD_WRITE ? PAGE_WRITE : 0U));
    out->next = (uint8_t)next;
    out->present = entry & AMD_PRESENT;
    if (next == AMD_NEXT_SIZED)
        decode_amd_sized(level, entry, out);
    else /* a table's next level lies below it */
        out->present &= next < level && (next != 0 || level <= AMD_LEAF_LEVELS);
}

static void decode_arm(bool stage_1, unsigned level, uint64_t entry, struct page_table_entry *out)
{
    bool table_bit = entry & ARM_TABLE, leaf = level == 1 || !table_bit;
    out->present = (entry & ARM_VALID) && (level == 1 ? table_bit : true) && (!leaf || may_be_leaf(level));
    out->next = (uint8_t)(leaf ? 0 : level - 1);
    out->access = PAGE_READ | PAGE_WRITE;
    if (!leaf) {
        if (stage_1 && (entry & ARM_TABLE_READ_ONLY))
            out->access = PAGE_READ;
        if (stage_1 && (entry & ARM_TABLE_NO_USER))
            out->access = 0;
        return;
    }
    if (!(entry & ARM_ACCESSED)) { /* access flag fault */
        out->present = false;
        return;
    }
    if (stage_1)
        out->access = !(entry & ARM_USER) ? 0 : (entry & ARM_READ_ONLY) ? PAGE_READ : PAGE_READ | PAGE_WRITE;
    else
        out->access =
            (uint8_t)((entry & ARM_S2_READ ? PAGE_READ : 0U) | (entry & ARM_S2_WRITE ? PAGE_WRITE : 0U));
}

struct page_table_entry page_table_decode_any(enum page_table_format format, unsigned level, uint64_t entry)
{
    struct page_table_entry out = {.target = page_table_entry_target(entry),
                                   .shift = (uint8_t)page_table_level_shift(level)};
    switch (format) {
    case FORMAT_VT_D_SECOND_STAGE:
    case FORMAT_VT_D_FIRST_STAGE:
    case FORMAT_AMD_VI_GUEST:
        decode_intel(format != FORMAT_VT_D_SECOND_STAGE, level, entry, &out);
        break;
    case FORMAT_AMD_VI:
        decode_amd(level, entry, &out);
        break;
    case FORMAT_SMMU_STAGE_1:
    case FORMAT_SMMU_STAGE_2:
        decode_arm(format == FORMAT_SMMU_STAGE_1, level, entry, &out);
        break;
    case PAGE_TABLE_FORMATS:
        break;
    }
    return out;
}

uint64_t page_table_encode_table(enum page_table_format format, uint64_t target, unsigned next)
{
    switch (format) {
    case FORMAT_VT_D_FIRST_STAGE:
    case FORMAT_AMD_VI_GUEST:
        return target | FIRST_PRESENT | FIRST_WRITE | FIRST_USER;
    case FORMAT_AMD_VI:
        return target | AMD_PRESENT | (uint64_t)next << AMD_NEXT_SHIFT | AMD_READ | AMD_WRITE;
    case FORMAT_SMMU_STAGE_1:
    case FORMAT_SMMU_STAGE_2:
        return target | ARM_VALID | ARM_TABLE;
    case FORMAT_VT_D_SECOND_STAGE:
    case PAGE_TABLE_FORMATS:
        break;
    }
    return target | SECOND_READ | SECOND_WRITE;
}

static uint64_t encode_amd_leaf(unsigned shift, uint64_t target, unsigned access)
{
    uint64_t entry =
        target | AMD_PRESENT | (access & PAGE_READ ? AMD_READ : 0) | (access & PAGE_WRITE ? AMD_WRITE : 0);
    if (shift == page_table_level_shift(page_table_leaf_level(shift)))
        return entry;
    return entry | page_table_entry_target(BIT(shift - 1) - 1) | (uint64_t)AMD_NEXT_SIZED << AMD_NEXT_SHIFT;
}

uint64_t page_table_encode_leaf(enum page_table_format format, unsigned shift, uint64_t target,
                                unsigned access)
{
    unsigned level = page_table_leaf_level(shift);
    uint64_t page_size = level > 1 ? PAGE_SIZE : 0, page = level == 1 ? ARM_TABLE : 0;
    bool write = access & PAGE_WRITE;
    switch (format) {
    case FORMAT_VT_D_FIRST_STAGE:
    case FORMAT_AMD_VI_GUEST:
        return target | page_size | FIRST_PRESENT | FIRST_USER | (write ? FIRST_WRITE : 0U);
    case FORMAT_AMD_VI:
        return encode_amd_leaf(shift, target, access);
    case FORMAT_SMMU_STAGE_1:
        return target | page | ARM_VALID | ARM_ACCESSED | ARM_USER | (write ? 0U : ARM_READ_ONLY);
    case FORMAT_SMMU_STAGE_2:
        return target | page | ARM_VALID | ARM_ACCESSED | (access & PAGE_READ ? ARM_S2_READ : 0U) |
               (write ? ARM_S2_WRITE : 0U);
    case FORMAT_VT_D_SECOND_STAGE:
    case PAGE_TABLE_FORMATS:
        break;
    }
    return target | page_size | access;
}
