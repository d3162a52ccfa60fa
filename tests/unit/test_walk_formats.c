/* SPDX-License-Identifier: MIT */
/*
 * Random page tables of every format, made of raw entries, walked by the unit with all its caches and by a
 * plain reference walker that reads one entry after the other: the same physical address or the same refusal.
 *
 * The reference is written from the specifications (VT-d 9.7, 9.8; AMD 2.2.3; Arm D8.3), not from the model:
 * it tests bits of raw entries.
 */
#include "models/iommu/remapping_unit.h"

#include <check.h>
#include <inttypes.h>
#include <stdlib.h>

Suite *walk_formats_suite(void);

enum { LEAVES = 4096, REQUESTER = 9 };

static const uint64_t address_bits = UINT64_C(0x000ffffffffff000);

struct bed {
    struct iommu_parameters parameters;
    struct event_queue events;
    struct remapping_unit unit;
    struct translation_work work;
    struct random_stream random;
    uint64_t leaves[LEAVES]; /* addresses with an entry on the way */
    unsigned leaf_count;
    uint64_t next_guest; /* nested: guest physical address of the next table */
};

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

static bool chance(struct bed *bed, unsigned percent)
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
        return target | bit(present, 0) | bit(write, 1) | bit(read, 2);
    case FORMAT_AMD_VI:
        return target | bit(present, 0) | (uint64_t)next << 9 | bit(read, 61) | bit(write, 62);
    case FORMAT_SMMU_STAGE_1:
        return target | bit(present, 0) | 2 | bit(!read, 61) | bit(!write, 62);
    default:
        return target | bit(present, 0) | 2;
    }
}

static uint64_t raw_leaf(struct bed *bed, enum page_table_format format, uint64_t target, unsigned level)
{
    bool read = chance(bed, 90), write = chance(bed, 80), present = chance(bed, 97);
    switch (format) {
    case FORMAT_VT_D_SECOND_STAGE:
        return target | bit(read, 0) | bit(write, 1) | bit(level > 1, 7);
    case FORMAT_VT_D_FIRST_STAGE:
        return target | bit(present, 0) | bit(write, 1) | bit(read, 2) | bit(level > 1, 7);
    case FORMAT_AMD_VI:
        return target | bit(present, 0) | bit(read, 61) | bit(write, 62);
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
static uint64_t pointer_to(struct bed *bed, uint64_t table)
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
static uint64_t leaf_target(struct bed *bed, unsigned level)
{
    unsigned shift = 12 + 9 * (level - 1);
    if (!bed->unit.domains[0].nested)
        return random_below(&bed->random, UINT64_C(1) << (46 - shift)) << shift;
    return random_below(&bed->random, (UINT64_C(4) << 30) >> shift) << shift;
}

static void fill(struct bed *bed, enum page_table_format format, uint64_t table, unsigned level,
                 uint64_t iova)
{
    unsigned entries = level == 1 ? 6 : 3;
    for (unsigned i = 0; i < entries; i++) {
        uint64_t index = random_below(&bed->random, 512), at = iova | index << (12 + 9 * (level - 1));
        uint64_t *entry = raw(bed, table, index);
        if (*entry)
            continue;
        if (level == 1 || (level <= 3 && chance(bed, 25))) {
            *entry = raw_leaf(bed, format, leaf_target(bed, level), level);
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

struct answer {
    bool read, write;
    uint64_t physical;
};

static const struct answer nothing = {false, false, 0};

static struct answer reference(struct bed *bed, enum page_table_format format, uint64_t table,
                               unsigned levels, uint64_t address, bool nested);

static struct answer reference_stage2(struct bed *bed, uint64_t guest)
{
    const struct page_table *stage2 = &bed->unit.domains[0].stage2;
    return reference(bed, stage2->format, stage2->root, stage2->levels, guest, false);
}

/* What an entry allows and whether it ends the walk, by format. */
static bool reference_entry(enum page_table_format format, uint64_t entry, unsigned level, bool *leaf,
                            unsigned *next, bool *read, bool *write)
{
    *next = level - 1;
    switch (format) {
    case FORMAT_VT_D_SECOND_STAGE:
        *leaf = level == 1 || (entry >> 7 & 1);
        *read = entry & 1;
        *write = entry >> 1 & 1;
        return entry & 3;
    case FORMAT_VT_D_FIRST_STAGE:
        *leaf = level == 1 || (entry >> 7 & 1);
        *read = entry >> 2 & 1;
        *write = (entry >> 1 & 1) && *read;
        return entry & 1;
    case FORMAT_AMD_VI:
        *next = entry >> 9 & 7;
        *leaf = *next == 0;
        *read = entry >> 61 & 1;
        *write = entry >> 62 & 1;
        return entry & 1;
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

static struct answer reference(struct bed *bed, enum page_table_format format, uint64_t table,
                               unsigned levels, uint64_t address, bool nested)
{
    struct answer answer = {true, true, 0};
    unsigned level = levels;
    if (address >> (12 + 9 * levels))
        return nothing;
    for (;;) {
        if (nested) {
            struct answer where = reference_stage2(bed, table);
            if (!where.read)
                return nothing;
            table = where.physical;
        }
        uint64_t entry = *raw(bed, table, address >> (12 + 9 * (level - 1)) & 511);
        unsigned next;
        bool leaf, read, write;
        if (!reference_entry(format, entry, level, &leaf, &next, &read, &write))
            return nothing;
        answer.read &= read;
        answer.write &= write;
        uint64_t offset = (UINT64_C(1) << (12 + 9 * (level - 1))) - 1;
        if (leaf) {
            answer.physical = (entry & address_bits) | (address & offset);
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

static void bed_init(struct bed *bed, enum page_table_format format, enum page_table_format stage2_format,
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
        .stage2_format = (int)stage2_format,
        .stage2_levels = 3 + (uint32_t)random_below(&bed->random, 3),
        .levels = 3 + (uint32_t)random_below(&bed->random, 3),
        .walkers = 1,
        .walk_read_ps = 1000,
        .context_reads = 1,
    };
    event_queue_init(&bed->events, 64);
    remapping_unit_init(&bed->unit, &bed->parameters, &bed->events, 1, 0, UINT64_C(1) << 47, 1);
    bed->unit.works = &bed->work;
    remapping_unit_attach(&bed->unit, REQUESTER, remapping_unit_add_domain(&bed->unit, false));
}

static void bed_fini(struct bed *bed)
{
    remapping_unit_fini(&bed->unit);
    event_queue_fini(&bed->events);
}

static void translate(struct bed *bed, uint64_t iova, bool write)
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

/* Ask for many addresses, most of them near something mapped, and compare. @return how many were translated
 */
static unsigned compare(struct bed *bed, const char *what, unsigned seed)
{
    const struct iommu_domain *domain = &bed->unit.domains[0];
    unsigned translated = 0;
    for (int i = 0; i < 1500; i++) {
        uint64_t iova = bed->leaves[random_below(&bed->random, bed->leaf_count)] +
                        random_below(&bed->random, UINT64_C(1) << (12 + random_below(&bed->random, 20)));
        bool write = random_below(&bed->random, 2);
        if (chance(bed, 2))
            iova = random_below(&bed->random, UINT64_C(1) << 62);
        struct answer expected =
            reference(bed, domain->table.format, domain->table.root + domain->table.guest_offset,
                      domain->table.levels, iova, domain->nested);
        bool allowed = write ? expected.write : expected.read;
        translate(bed, iova, write);
        ck_assert_msg((bed->work.fault == IOMMU_NO_FAULT) == allowed,
                      "%s, seed %u: %s of 0x%" PRIx64 " gives fault %d, the reference %s", what, seed,
                      write ? "write" : "read", iova, (int)bed->work.fault,
                      allowed ? "translates" : "refuses");
        if (!allowed) {
            enum iommu_fault fault = iova >> (12 + 9 * domain->table.levels)
                                         ? IOMMU_FAULT_ADDRESS_BEYOND_WIDTH
                                     : write ? IOMMU_FAULT_WRITE_NOT_PERMITTED
                                             : IOMMU_FAULT_READ_NOT_PERMITTED;
            ck_assert_int_eq(bed->work.fault, fault);
            continue;
        }
        translated++;
        ck_assert_msg(bed->work.physical == expected.physical,
                      "%s, seed %u: 0x%" PRIx64 " leads to 0x%" PRIx64 ", by the reference to 0x%" PRIx64,
                      what, seed, iova, bed->work.physical, expected.physical);
    }
    return translated;
}

START_TEST(single_stage_tables_of_every_format)
{
    for (unsigned format = 0; format < PAGE_TABLE_FORMATS; format++) {
        unsigned translated = 0;
        for (unsigned seed = 0; seed < 12; seed++) {
            struct bed *bed = malloc(sizeof(*bed));
            bed_init(bed, (enum page_table_format)format, FORMAT_VT_D_SECOND_STAGE, seed);
            struct page_table *table = &bed->unit.domains[0].table;
            table->page_sizes = 7; /* raw entries: any size may be there */
            fill(bed, table->format, table->root, table->levels, 0);
            translated += compare(bed, page_table_format_names[format], seed);
            bed_fini(bed);
            free(bed);
        }
        ck_assert_uint_gt(translated, 1000); /* else the test says little */
    }
}
END_TEST

/* Guest tables of every format in a second stage of the kind that goes with it. */
START_TEST(nested_tables_of_every_format)
{
    static const struct {
        enum page_table_format guest, host;
    } pairs[] = {{FORMAT_VT_D_FIRST_STAGE, FORMAT_VT_D_SECOND_STAGE},
                 {FORMAT_AMD_VI, FORMAT_AMD_VI},
                 {FORMAT_SMMU_STAGE_1, FORMAT_SMMU_STAGE_2}};
    for (size_t p = 0; p < sizeof(pairs) / sizeof(pairs[0]); p++) {
        unsigned translated = 0;
        for (unsigned seed = 0; seed < 12; seed++) {
            struct bed *bed = malloc(sizeof(*bed));
            bed_init(bed, pairs[p].guest, pairs[p].host, seed + 100);
            struct iommu_domain *domain = &bed->unit.domains[0];
            remapping_unit_nest(&bed->unit, 0, 0);
            domain->stage2.page_sizes = 7;
            /* The guest's memory: 4 GiB of it in pages of all sizes, with holes and refusals. */
            for (uint64_t page = 0; page < 2048; page++) {
                uint64_t to = (UINT64_C(1) << 33) + random_below(&bed->random, 4096) * (2 << 20);
                if (chance(bed, 90))
                    page_table_map(&domain->stage2, &bed->unit.memory, page << 21, to, PAGE_SHIFT_2M,
                                   chance(bed, 90) ? PAGE_READ | PAGE_WRITE : PAGE_READ);
            }
            uint64_t root = domain->table.root;
            domain->table.page_sizes = 7;
            domain->table.guest_offset = pointer_to(bed, root) - root;
            fill(bed, domain->table.format, root, domain->table.levels, 0);
            translated += compare(bed, page_table_format_names[pairs[p].guest], seed);
            bed_fini(bed);
            free(bed);
        }
        ck_assert_uint_gt(translated, 1000);
    }
}
END_TEST

/* ---- laws of nested walks ---- */

static void nest_4_on_4(struct bed *bed, bool caches)
{
    bed_init(bed, FORMAT_VT_D_FIRST_STAGE, FORMAT_VT_D_SECOND_STAGE, 1);
    remapping_unit_fini(&bed->unit);
    bed->parameters = (struct iommu_parameters){.context_entries = 4,
                                                .iotlb_entries = 1,
                                                .levels = 4,
                                                .stage2_levels = 4,
                                                .table_format = FORMAT_VT_D_FIRST_STAGE,
                                                .stage2_format = FORMAT_VT_D_SECOND_STAGE,
                                                .walkers = 1,
                                                .walk_fixed_ps = 7000,
                                                .walk_read_ps = 1000,
                                                .nested_hit_ps = 30,
                                                .context_reads = 1};
    if (caches) {
        bed->parameters.nested_entries = 64;
        bed->parameters.walk_cache_entries_l2 = 8;
    }
    remapping_unit_init(&bed->unit, &bed->parameters, &bed->events, 1, 0, UINT64_C(1) << 46, 1);
    bed->unit.works = &bed->work;
    remapping_unit_attach(&bed->unit, REQUESTER, remapping_unit_add_domain(&bed->unit, false));
    struct iommu_domain *domain = &bed->unit.domains[0];
    remapping_unit_nest(&bed->unit, 0, 0);
    for (uint64_t page = 0; page < 4; page++) {
        page_table_map(&domain->table, &bed->unit.memory, page << 12, page << 12, PAGE_SHIFT_4K, PAGE_READ);
        page_table_map(&domain->stage2, &bed->unit.memory, page << 12, (page + 100) << 12, PAGE_SHIFT_4K,
                       PAGE_READ);
    }
    for (uint64_t at = 0; at < bed->unit.memory.count; at++) /* one to one; grows while it is mapped */
        page_table_map(&domain->stage2, &bed->unit.memory, bed->unit.memory.base + at * 4096,
                       bed->unit.memory.base + at * 4096, PAGE_SHIFT_4K, PAGE_READ);
}

START_TEST(a_cold_nested_walk_reads_24_entries)
{
    struct bed *bed = malloc(sizeof(*bed));
    nest_4_on_4(bed, false);
    translate(bed, 0x1234, false);
    ck_assert_uint_eq(bed->work.physical, 0x65234);
    ck_assert_uint_eq(bed->unit.counters.page_table_reads, 24);
    /* Four tables and the page are looked up in the second stage. */
    ck_assert_uint_eq(bed->work.walk_memory_ps, 7000 + 24 * 1000 + 5 * 30);
    bed_fini(bed);
    free(bed);
}
END_TEST

START_TEST(nested_with_everything_cached_costs_single_stage_and_its_lookups)
{
    struct bed *bed = malloc(sizeof(*bed));
    nest_4_on_4(bed, true);
    for (uint64_t page = 0; page < 4; page++)
        translate(bed, page << 12, false);
    translate(bed, 0, false); /* the IOTLB holds one page: a miss; leaf table and guest page are known */
    ck_assert_uint_eq(bed->work.walk_memory_ps, 7000 + 1000 + 30);
    translate(bed, 0x10, false); /* a hit costs what a hit costs */
    ck_assert_uint_eq(bed->work.ready_ps - bed->events.now_ps, 0);
    ck_assert_uint_eq(bed->work.walk_memory_ps, 0);
    bed_fini(bed);
    free(bed);
}
END_TEST

Suite *walk_formats_suite(void)
{
    Suite *suite = suite_create("walk_formats");
    TCase *tests = tcase_create("walk_formats");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, single_stage_tables_of_every_format);
    tcase_add_test(tests, nested_tables_of_every_format);
    tcase_add_test(tests, a_cold_nested_walk_reads_24_entries);
    tcase_add_test(tests, nested_with_everything_cached_costs_single_stage_and_its_lookups);
    suite_add_tcase(suite, tests);
    return suite;
}
