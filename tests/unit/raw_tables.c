/* SPDX-License-Identifier: MIT */
#include "tests/unit/raw_tables.h"

#include <check.h>

static const uint64_t address_bits = UINT64_C(0x000ffffffffff000);

/* ---- raw entries ---- */

static uint64_t *raw(struct bed *bed, uint64_t table, uint64_t index)
{
    return page_table_entry(&bed->unit.memory, table + index * 8);
}

static uint64_t fresh_table(struct bed *bed)
{
    struct page_table table;
    page_table_init(&table, &bed->unit.memory, FORMAT_VT_D_SECOND_STAGE, 3);
    return table.root;
}

bool chance(struct bed *bed, unsigned percent)
{
    return random_below(&bed->random, 100) < percent;
}

static uint64_t bit(bool set, unsigned number)
{
    return set ? UINT64_C(1) << number : 0;
}

/* A table pointer with random limits. */
static uint64_t raw_table(struct bed *bed, enum page_table_format format, uint64_t target, unsigned next)
{
    bool read = chance(bed, 95), write = chance(bed, 90), present = chance(bed, 97);
    switch (format) {
    case FORMAT_VT_D_SECOND_STAGE:
        return target | bit(read, 0) | bit(write, 1);
    case FORMAT_VT_D_FIRST_STAGE:
    case FORMAT_AMD_VI_GUEST:
        return target | bit(present, 0) | bit(write, 1) | bit(read, 2);
    case FORMAT_AMD_VI:
        return target | bit(present, 0) | (uint64_t)next << 9 | bit(read, 61) | bit(write, 62);
    case FORMAT_SMMU_STAGE_1:
        return target | bit(present, 0) | 2 | bit(!read, 61) | bit(!write, 62);
    default:
        return target | bit(present, 0) | 2;
    }
}

/* A leaf of `shift` bits in a table of `level`. */
static uint64_t raw_leaf(struct bed *bed, enum page_table_format format, uint64_t target, unsigned level,
                         unsigned shift)
{
    bool read = chance(bed, 90), write = chance(bed, 80), present = chance(bed, 97);
    switch (format) {
    case FORMAT_VT_D_SECOND_STAGE:
        return target | bit(read, 0) | bit(write, 1) | bit(level > 1, 7);
    case FORMAT_VT_D_FIRST_STAGE:
    case FORMAT_AMD_VI_GUEST:
        return target | bit(present, 0) | bit(write, 1) | bit(read, 2) | bit(level > 1, 7);
    case FORMAT_AMD_VI: {
        uint64_t entry = target | bit(present, 0) | bit(read, 61) | bit(write, 62);
        if (shift == 12 + 9 * (level - 1))
            return entry;
        for (unsigned ones = 12; ones < shift - 1;
             ones++) /* 2.2.3, table 15: the lowest zero says the size */
            entry |= bit(true, ones);
        return entry | UINT64_C(7) << 9;
    }
    case FORMAT_SMMU_STAGE_1: /* AP[1], AP[2], access flag */
        return target | bit(present, 0) | bit(level == 1, 1) | bit(read, 6) | bit(!write, 7) |
               bit(chance(bed, 97), 10);
    default: /* S2AP */
        return target | bit(present, 0) | bit(level == 1, 1) | bit(read, 6) | bit(write, 7) |
               bit(chance(bed, 97), 10);
    }
}

/* ---- random trees ---- */

/* Guest tables point to each other by guest physical addresses that the second stage maps. */
uint64_t pointer_to(struct bed *bed, uint64_t table)
{
    struct iommu_domain *domain = &bed->unit.domains[0];
    if (!domain->nested)
        return table;
    uint64_t guest = bed->next_guest;
    bed->next_guest += 4096 * (1 + random_below(&bed->random, 3));
    ck_assert_int_eq(page_table_map(&domain->stage2, &bed->unit.memory, guest, table, PAGE_SHIFT_4K,
                                    chance(bed, 97) ? PAGE_READ | PAGE_WRITE : PAGE_WRITE),
                     PAGE_TABLE_MAPPED);
    return guest;
}

/* Where a leaf leads: anywhere, or for a guest into what the second stage may map. */
static uint64_t leaf_target(struct bed *bed, unsigned shift)
{
    if (!bed->unit.domains[0].nested)
        return random_below(&bed->random, UINT64_C(1) << (50 - shift)) << shift;
    return shift >= 32 ? 0 : random_below(&bed->random, (UINT64_C(4) << 30) >> shift) << shift;
}

/* Levels that may hold leaves; a guest's memory has no room for pages larger than usual. */
static unsigned leaf_levels(const struct bed *bed, enum page_table_format format)
{
    return format == FORMAT_AMD_VI && !bed->unit.domains[0].nested ? 5 : 3;
}

/* Write a leaf into a table: AMD's sizes between those of levels into all the places they take, some of them
 * wrong (a page that this level cannot have is none). */
static void put_leaf(struct bed *bed, enum page_table_format format, uint64_t table, unsigned level,
                     uint64_t index)
{
    unsigned shift = 12 + 9 * (level - 1), places = 1;
    if (format == FORMAT_AMD_VI && level < leaf_levels(bed, format) && chance(bed, 50)) {
        unsigned more = 1 + (unsigned)random_below(&bed->random, 8);
        places = 1U << more;
        shift += more;
    }
    index &= ~(uint64_t)(places - 1);
    for (unsigned i = 0; i < places; i++) {
        if (*raw(bed, table, index + i))
            return;
    }
    bool wrong = places > 1 && chance(bed, 5);
    uint64_t entry = raw_leaf(bed, format, leaf_target(bed, shift), level, wrong ? shift + 9 : shift);
    for (unsigned i = 0; i < places; i++)
        *raw(bed, table, index + i) = entry;
}

void fill(struct bed *bed, enum page_table_format format, uint64_t table, unsigned level, uint64_t iova)
{
    unsigned entries = level == 1 ? 6 : 3;
    for (unsigned i = 0; i < entries; i++) {
        uint64_t index = random_below(&bed->random, 512), at = iova | index << (12 + 9 * (level - 1));
        if (*raw(bed, table, index))
            continue;
        if (level == 1 || (level <= leaf_levels(bed, format) && chance(bed, 25))) {
            put_leaf(bed, format, table, level, index);
        } else {
            unsigned next = level - 1;
            if (format == FORMAT_AMD_VI && next > 1 && chance(bed, 30))
                next -= 1 + (unsigned)random_below(&bed->random, next - 1);
            uint64_t below = fresh_table(bed), target = pointer_to(bed, below);
            *raw(bed, table, index) = raw_table(bed, format, target, next); /* the tables may have moved */
            fill(bed, format, below, next, at);
        }
        if (bed->leaf_count < LEAVES)
            bed->leaves[bed->leaf_count++] = at;
    }
}

/* ---- the reference ---- */

static const struct answer nothing = {false, false, 0};

static struct answer reference_stage2(struct bed *bed, uint64_t guest)
{
    const struct page_table *stage2 = &bed->unit.domains[0].stage2;
    return reference(bed, stage2->format, stage2->root, stage2->levels, guest, false);
}

/* AMD: log2 of the size of a page whose address bits tell it, from 12 on the number of ones; 0: not one of
 * this level.
 */
static unsigned reference_amd_size(uint64_t entry, unsigned level)
{
    unsigned shift = 13;
    for (unsigned place = 12; entry >> place & 1; place++)
        shift++;
    return shift > 12 + 9 * (level - 1) && shift < 12 + 9 * level ? shift : 0;
}

/* What an entry allows and whether it ends the walk (at a page of `shift` bits), by format. */
static bool reference_entry(enum page_table_format format, uint64_t entry, unsigned level, bool *leaf,
                            unsigned *next, unsigned *shift, bool *read, bool *write)
{
    *next = level - 1;
    *shift = 12 + 9 * (level - 1);
    switch (format) {
    case FORMAT_VT_D_SECOND_STAGE:
        *leaf = level == 1 || (entry >> 7 & 1);
        *read = entry & 1;
        *write = entry >> 1 & 1;
        return entry & 3;
    case FORMAT_VT_D_FIRST_STAGE:
    case FORMAT_AMD_VI_GUEST:
        *leaf = level == 1 || (entry >> 7 & 1);
        *read = entry >> 2 & 1;
        *write = (entry >> 1 & 1) && *read;
        return entry & 1;
    case FORMAT_AMD_VI:
        *next = entry >> 9 & 7;
        *leaf = *next == 0 || *next == 7;
        if (*next == 7)
            *shift = reference_amd_size(entry, level);
        *read = entry >> 61 & 1;
        *write = entry >> 62 & 1;
        return (entry & 1) && *shift;
    default:
        *leaf = level == 1 || !(entry & 2);
        if (!(entry & 1) || (level == 1 && !(entry & 2)) || (*leaf && !(entry >> 10 & 1)))
            return false;
        *read = *write = true;
        if (format == FORMAT_SMMU_STAGE_1) {
            *read = *leaf ? entry >> 6 & 1 : !(entry >> 61 & 1);
            *write = *read && (*leaf ? !(entry >> 7 & 1) : !(entry >> 62 & 1));
        } else if (*leaf) {
            *read = entry >> 6 & 1;
            *write = entry >> 7 & 1;
        }
        return true;
    }
}

struct answer reference(struct bed *bed, enum page_table_format format, uint64_t table, unsigned levels,
                        uint64_t address, bool nested)
{
    struct answer answer = {true, true, 0};
    unsigned level = levels;
    if (levels < 6 && address >> (12 + 9 * levels))
        return nothing;
    for (;;) {
        if (nested) {
            struct answer where = reference_stage2(bed, table);
            if (!where.read)
                return nothing;
            table = where.physical;
        }
        uint64_t entry = *raw(bed, table, address >> (12 + 9 * (level - 1)) & 511);
        unsigned next, shift;
        bool leaf, read, write;
        if (!reference_entry(format, entry, level, &leaf, &next, &shift, &read, &write))
            return nothing;
        answer.read &= read;
        answer.write &= write;
        if (leaf) {
            uint64_t offset = (UINT64_C(1) << shift) - 1;
            answer.physical = (entry & address_bits & ~offset) | (address & offset);
            break;
        }
        for (unsigned skipped = next + 1; skipped < level; skipped++) {
            if (address >> (12 + 9 * (skipped - 1)) & 511)
                return nothing;
        }
        table = entry & address_bits;
        level = next;
    }
    if (nested) {
        struct answer last = reference_stage2(bed, answer.physical);
        answer = (struct answer){answer.read && last.read, answer.write && last.write, last.physical};
    }
    return answer;
}

/* ---- the unit ---- */

void bed_init(struct bed *bed, enum page_table_format format, enum page_table_format stage2_format,
              unsigned seed)
{
    static const uint32_t sizes[] = {0, 1, 4, 16};
    random_init(&bed->random, seed, "tables");
    bed->leaf_count = 0;
    bed->next_guest = UINT64_C(5) << 30;
    bed->parameters = (struct iommu_parameters){
        .context_entries = 4,
        .iotlb_entries = sizes[random_below(&bed->random, 4)],
        .iotlb_entries_2m = sizes[random_below(&bed->random, 4)],
        .walk_cache_entries_l2 = sizes[random_below(&bed->random, 4)],
        .walk_cache_entries_l3 = sizes[random_below(&bed->random, 4)],
        .walk_cache_entries_l4 = sizes[random_below(&bed->random, 4)],
        .walk_cache_entries_l5 = sizes[random_below(&bed->random, 4)],
        .stage2_walk_cache_entries_l2 = sizes[random_below(&bed->random, 4)],
        .stage2_walk_cache_entries_l3 = sizes[random_below(&bed->random, 4)],
        .nested_entries = sizes[random_below(&bed->random, 4)],
        .table_format = (int)format,
        .guest_format = (int)format,
        .stage2_format = (int)stage2_format,
        .stage2_levels = 3 + (uint32_t)random_below(&bed->random, stage2_format == FORMAT_AMD_VI ? 4 : 3),
        .levels = 3 + (uint32_t)random_below(&bed->random, format == FORMAT_AMD_VI ? 4 : 3),
        .walkers = 1,
        .walk_read_ps = 1000,
        .context_reads = 1,
    };
    event_queue_init(&bed->events, 64);
    remapping_unit_init(&bed->unit, &bed->parameters, &bed->events, 1, 0, UINT64_C(1) << 47, 1);
    bed->unit.works = &bed->work;
    remapping_unit_attach(&bed->unit, REQUESTER, remapping_unit_add_domain(&bed->unit, false));
}

void bed_fini(struct bed *bed)
{
    remapping_unit_fini(&bed->unit);
    event_queue_fini(&bed->events);
}

void translate(struct bed *bed, uint64_t iova, bool write)
{
    struct event event;
    bed->work = (struct translation_work){.iova = iova, .requester_id = REQUESTER, .write = write};
    bool done = remapping_unit_translate(&bed->unit, 0);
    while (event_queue_pop(&bed->events, &event)) {
        remapping_unit_event(&bed->unit, event.argument);
        while (remapping_unit_finished(&bed->unit) != IOMMU_NO_WORK)
            done = true;
    }
    ck_assert(done && remapping_unit_check(&bed->unit));
}
