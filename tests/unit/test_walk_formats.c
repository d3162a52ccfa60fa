/* SPDX-License-Identifier: MIT */
/*
 * Random page tables of every format, made of raw entries, walked by the unit with all its caches and by a
 * plain reference walker that reads one entry after the other: the same physical address or the same refusal.
 */
#include "tests/unit/raw_tables.h"

#include <check.h>
#include <inttypes.h>
#include <stdlib.h>

Suite *walk_formats_suite(void);

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
            enum iommu_fault fault = domain->table.levels < 6 && iova >> (12 + 9 * domain->table.levels)
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
        for (unsigned seed = 0; seed < 20; seed++) {
            struct bed *bed = malloc(sizeof(*bed));
            bed_init(bed, (enum page_table_format)format, FORMAT_VT_D_SECOND_STAGE, seed);
            struct page_table *table = &bed->unit.domains[0].table;
            table->page_sizes = UINT64_MAX >> 24; /* raw entries: any size may be there */
            fill(bed, table->format, table->root, table->levels, 0);
            translated += compare(bed, page_table_format_names[format], seed);
            bed_fini(bed);
            free(bed);
        }
        ck_assert_uint_gt(translated, 1000);
    }
}
END_TEST

/* 2 MiB of a guest's memory: in the host's small pages here and there, in one large one, or in one that goes
 * beyond (sizes that the format has; what is mapped already stays). */
static void map_guest_page(struct bed *bed, uint64_t page)
{
    struct page_table *stage2 = &bed->unit.domains[0].stage2;
    static const unsigned usual[] = {12, 21, 21, 21, 30};
    unsigned shift = usual[random_below(&bed->random, 5)];
    if (stage2->format == FORMAT_AMD_VI && chance(bed, 50))
        shift = 12 + (unsigned)random_below(&bed->random, 19);
    uint64_t bytes = UINT64_C(1) << shift, first = page << 21 & ~(bytes - 1);
    for (uint64_t at = first; at < first + bytes || at < first + (2 << 20); at += bytes) {
        uint64_t to = (UINT64_C(1) << 33) + random_below(&bed->random, (UINT64_C(8) << 30) / bytes) * bytes;
        page_table_map(stage2, &bed->unit.memory, at, to, shift,
                       chance(bed, 90) ? PAGE_READ | PAGE_WRITE : PAGE_READ);
    }
}

/* Guest tables of every format in a second stage of the kind that goes with it. */
START_TEST(nested_tables_of_every_format)
{
    static const struct {
        enum page_table_format guest, host;
    } pairs[] = {{FORMAT_VT_D_FIRST_STAGE, FORMAT_VT_D_SECOND_STAGE},
                 {FORMAT_AMD_VI, FORMAT_AMD_VI},
                 {FORMAT_AMD_VI_GUEST, FORMAT_AMD_VI},
                 {FORMAT_SMMU_STAGE_1, FORMAT_SMMU_STAGE_2}};
    for (size_t p = 0; p < sizeof(pairs) / sizeof(pairs[0]); p++) {
        unsigned translated = 0;
        for (unsigned seed = 0; seed < 20; seed++) {
            struct bed *bed = malloc(sizeof(*bed));
            bed_init(bed, pairs[p].guest, pairs[p].host, seed + 100);
            struct iommu_domain *domain = &bed->unit.domains[0];
            remapping_unit_nest(&bed->unit, 0, 0);
            domain->stage2.page_sizes = UINT64_MAX >> 24;
            /* The guest's memory: 4 GiB of it in pages of all sizes, with holes and refusals. */
            for (uint64_t page = 0; page < 2048; page++) {
                if (chance(bed, 90))
                    map_guest_page(bed, page);
            }
            uint64_t root = domain->table.root;
            domain->table.page_sizes = UINT64_MAX >> 24;
            domain->table.guest_offset = pointer_to(bed, root) - root;
            fill(bed, domain->table.format, root, domain->table.levels, 0);
            translated += compare(bed, page_table_format_names[pairs[p].guest], seed);
            bed_fini(bed);
            free(bed);
        }
        ck_assert_uint_gt(translated, 1000); /* else the test says little */
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

/* ---- pages of any power of two ---- */

enum { SIZED_PAGES = 24, SIZED_SPAN = 34 }; /* each in a range of 16 GiB of its own */

static void sized_bed(struct bed *bed, unsigned seed)
{
    bed_init(bed, FORMAT_AMD_VI, FORMAT_AMD_VI, seed);
    remapping_unit_fini(&bed->unit);
    bed->parameters.levels = 6;
    bed->parameters.iotlb_entries = 256;
    bed->parameters.iotlb_entries_2m = seed % 2 ? 64 : 0;
    remapping_unit_init(&bed->unit, &bed->parameters, &bed->events, 1, 0, UINT64_C(1) << 47, 1);
    bed->unit.works = &bed->work;
    remapping_unit_attach(&bed->unit, REQUESTER, remapping_unit_add_domain(&bed->unit, false));
}

/* Is the page where it should be, in the IOTLB or not? */
static void touch(struct bed *bed, uint64_t iova, uint64_t physical, bool cached)
{
    uint64_t misses = bed->unit.counters.iotlb_misses;
    translate(bed, iova, true);
    ck_assert_int_eq(bed->work.fault, physical ? IOMMU_NO_FAULT : IOMMU_FAULT_WRITE_NOT_PERMITTED);
    if (physical)
        ck_assert_uint_eq(bed->work.physical, physical);
    ck_assert_uint_eq(bed->unit.counters.iotlb_misses - misses, !cached);
}

/* A page of any size is one entry, whatever address in it is asked for; an invalidation of exactly it, or of
 * an aligned range around it, drops it and nothing else. */
START_TEST(pages_of_any_power_of_two)
{
    for (unsigned seed = 0; seed < 10; seed++) {
        struct bed *bed = malloc(sizeof(*bed));
        uint64_t iovas[SIZED_PAGES], physicals[SIZED_PAGES];
        unsigned shifts[SIZED_PAGES];
        sized_bed(bed, seed);
        struct page_table *table = &bed->unit.domains[0].table;
        for (uint64_t i = 0; i < SIZED_PAGES; i++) {
            unsigned shift = shifts[i] = 12 + (unsigned)random_below(&bed->random, SIZED_SPAN - 12);
            iovas[i] = (i + 1) << SIZED_SPAN | random_below(&bed->random, UINT64_C(1) << (SIZED_SPAN - shift))
                                                   << shift;
            physicals[i] = random_below(&bed->random, UINT64_C(1) << (46 - shift)) << shift;
            ck_assert_int_eq(
                page_table_map(table, &bed->unit.memory, iovas[i], physicals[i], shift, PAGE_WRITE),
                PAGE_TABLE_MAPPED);
            for (int again = 0; again < 3; again++) {
                uint64_t offset = random_below(&bed->random, UINT64_C(1) << shift);
                touch(bed, iovas[i] + offset, physicals[i] + offset, again > 0);
            }
        }
        for (uint64_t i = 0; i < SIZED_PAGES; i++) {
            unsigned shift,
                order = shifts[i] - 12 + (unsigned)random_below(&bed->random, SIZED_SPAN + 1 - shifts[i]);
            ck_assert_uint_ne(page_table_unmap(table, &bed->unit.memory, iovas[i], &shift), 0);
            ck_assert_uint_eq(shift, shifts[i]);
            touch(bed, iovas[i], physicals[i], true); /* until it is invalidated */
            remapping_unit_invalidate(&bed->unit, INVALIDATE_PAGES, 0,
                                      iovas[i] >> (order + 12) << (order + 12), order, true);
            touch(bed, iovas[i], 0, false);
            for (uint64_t other = i + 1; other < SIZED_PAGES; other++)
                touch(bed, iovas[other], physicals[other], true);
        }
        bed_fini(bed);
        free(bed);
    }
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
    tcase_add_test(tests, pages_of_any_power_of_two);
    suite_add_tcase(suite, tests);
    return suite;
}
