/* SPDX-License-Identifier: MIT */
/* What a miss puts into the IOTLB and the walk caches, and when. */
#include "tests/unit/unit_bed.h"

#include <check.h>

Suite *cache_fill_suite(void);

/* An IOTLB of two entries, one of them for a page in use. With reserve_entry a miss displaces at once, by
 * age, and a second one the entry of the first, whose answer is then kept nowhere. */
START_TEST(a_miss_takes_its_entry_when_it_asks)
{
    for (int reserve = 0; reserve < 2; reserve++) {
        struct unit_bed bed;
        struct event event;
        uint64_t ps;
        unit_bed_init(&bed);
        bed.parameters.iotlb_entries = 2;
        bed.parameters.iotlb_replacement = REPLACE_FIFO;
        bed.parameters.reserve_entry = reserve;
        unit_bed_start(&bed);
        for (uint64_t page = 0; page < 5; page++)
            unit_bed_map(&bed, 0x10000000 + page * 4096, 0x70000000 + page * 4096, PAGE_SHIFT_4K, PAGE_READ);
        unit_bed_translate(&bed, 0x10000000, false, &ps);
        unit_bed_translate(&bed, 0x10001000, false, &ps);
        for (uint32_t i = 0; i < 3; i++) { /* three misses at once, two walkers; then a page that was there */
            bed.works[i] = (struct translation_work){.iova = 0x10002000 + i * 4096, .requester_id = 7};
            ck_assert(!remapping_unit_translate(&bed.unit, i));
        }
        bed.works[3] = (struct translation_work){.iova = 0x10001000, .requester_id = 7};
        ck_assert(remapping_unit_translate(&bed.unit, 3) == !reserve);
        while (event_queue_pop(&bed.events, &event)) {
            remapping_unit_event(&bed.unit, event.argument);
            while (remapping_unit_finished(&bed.unit) != IOMMU_NO_WORK)
                ;
        }
        for (uint32_t i = 0; i < 3; i++)
            ck_assert_uint_eq(bed.works[i].physical, 0x70002000 + i * 4096);
        uint64_t walks = bed.unit.counters.walks;
        unit_bed_translate(&bed, 0x10004000, false, &ps); /* the last of the three */
        ck_assert_uint_eq(bed.unit.counters.walks, walks);
        unit_bed_translate(&bed, 0x10002000, false, &ps); /* the first: displaced in either case */
        ck_assert_uint_eq(bed.unit.counters.walks, walks + 1);
        unit_bed_fini(&bed);
    }
}
END_TEST

/* What finds nothing gives its entry back. */
START_TEST(a_walk_that_finds_nothing_keeps_no_entry)
{
    struct unit_bed bed;
    uint64_t ps;
    unit_bed_init(&bed);
    bed.parameters.iotlb_entries = 2;
    bed.parameters.reserve_entry = true;
    unit_bed_start(&bed);
    unit_bed_map(&bed, 0x10000000, 0x70000000, PAGE_SHIFT_4K, PAGE_READ);
    unit_bed_translate(&bed, 0x10000000, false, &ps);
    for (uint64_t page = 1; page < 6; page++)
        unit_bed_translate(&bed, 0x10000000 + page * 4096, false, &ps);
    ck_assert_uint_eq(bed.unit.counters.faults, 5);
    uint64_t walks = bed.unit.counters.walks;
    unit_bed_translate(&bed, 0x10000000, false, &ps);
    ck_assert_uint_eq(bed.unit.counters.walks, walks);
    unit_bed_fini(&bed);
}
END_TEST

/* A cache of page directory entries that holds those which map pages: a walk without a read, until the page
 * is taken back, with or without the hint that no table was. */
START_TEST(walk_caches_may_hold_large_pages)
{
    for (int leaves = 0; leaves < 2; leaves++) {
        for (int hint = 0; hint < 2; hint++) {
            struct unit_bed bed;
            uint64_t ps, miss_ps;
            unit_bed_init(&bed);
            bed.parameters.iotlb_entries = 1;
            bed.parameters.walk_cache_leaves = leaves;
            unit_bed_start(&bed);
            unit_bed_map(&bed, 0x40000000, 0x80000000, PAGE_SHIFT_2M, PAGE_READ);
            unit_bed_map(&bed, 0x40200000, 0x90000000, PAGE_SHIFT_2M, PAGE_READ);
            unit_bed_translate(&bed, 0x40000000, false, &ps);
            unit_bed_translate(&bed, 0x40200000, false, &ps);
            uint64_t reads = bed.unit.counters.page_table_reads;
            ck_assert_uint_eq(unit_bed_translate(&bed, 0x40001234, false, &miss_ps)->physical, 0x80001234);
            ck_assert_uint_eq(bed.unit.counters.page_table_reads, reads + !leaves);
            remapping_unit_invalidate(&bed.unit, INVALIDATE_PAGES, 0, 0x40000000, 9, hint);
            reads = bed.unit.counters.page_table_reads;
            ck_assert_uint_eq(unit_bed_translate(&bed, 0x40001234, false, &ps)->physical, 0x80001234);
            ck_assert_uint_eq(bed.unit.counters.page_table_reads, reads + (hint ? 1 : 3));
            remapping_unit_invalidate(&bed.unit, INVALIDATE_DOMAIN, 0, 0, 0, hint);
            reads = bed.unit.counters.page_table_reads;
            ck_assert_uint_eq(unit_bed_translate(&bed, 0x40001234, false, &ps)->physical, 0x80001234);
            ck_assert_uint_eq(bed.unit.counters.page_table_reads, reads + (hint ? 1 : 3));
            unit_bed_fini(&bed);
        }
    }
}
END_TEST

Suite *cache_fill_suite(void)
{
    Suite *suite = suite_create("cache_fill");
    TCase *tests = tcase_create("cache_fill");
    tcase_add_test(tests, a_miss_takes_its_entry_when_it_asks);
    tcase_add_test(tests, a_walk_that_finds_nothing_keeps_no_entry);
    tcase_add_test(tests, walk_caches_may_hold_large_pages);
    suite_add_tcase(suite, tests);
    return suite;
}
