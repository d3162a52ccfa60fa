/* SPDX-License-Identifier: MIT */
/* Parts of a unit and of the memory behind it, by hand: replacement, partitions, PASID cache, prefetch, walks
 * of posted requests, last-level cache, DRAM refresh. */
#include "models/host/memory.h"
#include "models/iommu/remapping_unit.h"

#include <check.h>
#include <stdlib.h>

Suite *iommu_parts_suite(void);

/* ---- replacement ---- */

static bool use(struct translation_cache *cache, uint64_t key)
{
    uint64_t value;
    if (translation_cache_find(cache, 0, key, &value))
        return true;
    translation_cache_insert(cache, 0, key, key);
    return false;
}

START_TEST(pseudo_lru_of_two_ways_is_lru)
{
    struct translation_cache tree, lru;
    struct random_stream random;
    random_init(&random, 1, "keys");
    translation_cache_init(&tree, 2, 2, REPLACE_PSEUDO_LRU, 1, "tree");
    translation_cache_init(&lru, 2, 2, REPLACE_LRU, 1, "lru");
    for (int i = 0; i < 5000; i++) {
        uint64_t key = random_below(&random, 4);
        ck_assert_int_eq(use(&tree, key), use(&lru, key));
    }
    translation_cache_fini(&tree);
    translation_cache_fini(&lru);
}
END_TEST

/* Four ways hold 0..3; after 0, 2 the root points left and its left node to way 1. */
START_TEST(pseudo_lru_replaces_by_its_tree)
{
    struct translation_cache cache;
    translation_cache_init(&cache, 4, 4, REPLACE_PSEUDO_LRU, 1, "tree");
    for (uint64_t key = 0; key < 4; key++)
        use(&cache, key);
    ck_assert(use(&cache, 0) && use(&cache, 2));
    use(&cache, 10);
    ck_assert(!translation_cache_present(&cache, 0, 1));
    ck_assert(translation_cache_present(&cache, 0, 0) && translation_cache_present(&cache, 0, 3));
    use(&cache, 11); /* 10 was used last: right half, away from 2 */
    ck_assert(!translation_cache_present(&cache, 0, 3));
    translation_cache_fini(&cache);
}
END_TEST

START_TEST(lfu_keeps_what_is_found_often)
{
    for (uint32_t ways = 3; ways <= 24; ways += 21) { /* narrow and wide sets are searched differently */
        struct translation_cache cache;
        translation_cache_init(&cache, ways, 0, REPLACE_LFU, 1, "lfu");
        for (uint64_t key = 0; key < ways; key++)
            use(&cache, key);
        for (uint64_t key = 1; key < ways; key++)
            ck_assert(use(&cache, key));
        use(&cache, 100);
        ck_assert(!translation_cache_present(&cache, 0, 0));
        use(&cache, 101); /* found least often: the newcomer */
        ck_assert(!translation_cache_present(&cache, 0, 100) && translation_cache_present(&cache, 0, 1));
        translation_cache_fini(&cache);
    }
}
END_TEST

START_TEST(partitions_keep_owners_apart)
{
    struct translation_cache cache;
    uint64_t value;
    translation_cache_init(&cache, 64, 8, REPLACE_LRU, 1, "cache");
    translation_cache_partition(&cache, 4);
    for (uint64_t key = 0; key < 16; key++) /* two of the eight sets are owner 1's */
        translation_cache_insert(&cache, translation_cache_index(&cache, key, 1), key, key);
    for (uint64_t key = 100; key < 1000; key++)
        translation_cache_insert(&cache, translation_cache_index(&cache, key, key % 2 ? 2 : 3), key, key);
    for (uint64_t key = 0; key < 16; key++)
        ck_assert(translation_cache_find(&cache, translation_cache_index(&cache, key, 1), key, &value));
    translation_cache_fini(&cache);
}
END_TEST

/* ---- the unit ---- */

enum { WORKS = 64, PAGES = 256 };

struct bed {
    struct iommu_parameters parameters;
    struct event_queue events;
    struct remapping_unit unit;
    struct translation_work works[WORKS];
};

static struct bed *bed_new(struct iommu_parameters parameters)
{
    struct bed *bed = calloc(1, sizeof(*bed));
    bed->parameters = parameters;
    bed->parameters.levels = 4;
    event_queue_init(&bed->events, 1024);
    remapping_unit_init(&bed->unit, &bed->parameters, &bed->events, 1, 0, UINT64_C(1) << 48, 1);
    bed->unit.works = bed->works;
    remapping_unit_attach(&bed->unit, 7, remapping_unit_add_domain(&bed->unit, false));
    for (uint64_t page = 0; page < PAGES; page++)
        page_table_map(&bed->unit.domains[0].table, &bed->unit.memory, page << 12, page << 12, PAGE_SHIFT_4K,
                       PAGE_READ | PAGE_WRITE);
    return bed;
}

static void bed_free(struct bed *bed)
{
    remapping_unit_fini(&bed->unit);
    event_queue_fini(&bed->events);
    free(bed);
}

static void drain(struct bed *bed)
{
    struct event event;
    while (event_queue_pop(&bed->events, &event)) {
        remapping_unit_event(&bed->unit, event.argument);
        while (remapping_unit_finished(&bed->unit) != IOMMU_NO_WORK)
            ;
        ck_assert(remapping_unit_check(&bed->unit));
    }
}

static const struct translation_work *translate(struct bed *bed, uint64_t iova)
{
    bed->works[0] = (struct translation_work){.iova = iova, .requester_id = 7};
    remapping_unit_translate(&bed->unit, 0);
    drain(bed);
    ck_assert_int_eq(bed->works[0].fault, IOMMU_NO_FAULT);
    return &bed->works[0];
}

START_TEST(an_infinite_iotlb_misses_once_a_page)
{
    struct bed *bed = bed_new((struct iommu_parameters){.iotlb_entries = 65536, .walkers = 1});
    struct random_stream random;
    bool seen[PAGES] = {false};
    unsigned pages = 0;
    random_init(&random, 1, "pages");
    for (int i = 0; i < 3000; i++) {
        uint64_t page = random_below(&random, PAGES);
        pages += !seen[page];
        seen[page] = true;
        translate(bed, page << 12);
        ck_assert_uint_eq(bed->unit.counters.iotlb_misses, pages);
    }
    bed_free(bed);
}
END_TEST

START_TEST(pasid_tables_are_read_behind_the_context)
{
    struct bed *bed = bed_new((struct iommu_parameters){.context_entries = 4,
                                                        .pasid_entries = 1,
                                                        .iotlb_entries = 8,
                                                        .walkers = 1,
                                                        .context_reads = 2,
                                                        .pasid_reads = 2,
                                                        .rid_pasid = true,
                                                        .context_hit_ps = 10,
                                                        .pasid_hit_ps = 20,
                                                        .walk_read_ps = 1000});
    remapping_unit_attach(&bed->unit, 8, 0);
    ck_assert_uint_eq(translate(bed, 0)->context_ps, 10 + 20 + 4 * 1000);
    ck_assert_uint_eq(translate(bed, 0)->context_ps, 10 + 20);
    bed->works[0] = (struct translation_work){.requester_id = 8};
    remapping_unit_translate(&bed->unit, 0);
    drain(bed);
    ck_assert_uint_eq(translate(bed, 0)->context_ps, 10 + 20 + 2 * 1000); /* only the PASID entry is gone */
    ck_assert_uint_eq(bed->unit.counters.pasid_misses, 3);
    bed_free(bed);
}
END_TEST

START_TEST(prefetching_walks_ahead_of_a_sequence)
{
    for (int policy = PREFETCH_NONE; policy <= PREFETCH_STRIDE; policy++) {
        struct bed *bed = bed_new((struct iommu_parameters){.context_entries = 4,
                                                            .iotlb_entries = 512,
                                                            .walkers = 2,
                                                            .walk_read_ps = 1000,
                                                            .prefetch = policy,
                                                            .prefetch_walks = 1,
                                                            .prefetch_degree = 3});
        for (uint64_t page = 0; page < PAGES; page++)
            translate(bed, page << 12);
        uint64_t misses = bed->unit.counters.iotlb_misses;
        if (policy == PREFETCH_NONE)
            ck_assert_uint_eq(misses, PAGES);
        else if (policy == PREFETCH_NEXT_PAGE)
            ck_assert_uint_eq(misses, PAGES / 4);
        else
            ck_assert_uint_lt(misses, PAGES);
        bed_free(bed);
    }
}
END_TEST

/* Tenants that use the same addresses in turn, more of them than the IOTLB has entries for: without
 * prefetching all miss; once it is known who comes when, with which pages, nobody does, whatever the order of
 * the turns. */
START_TEST(the_next_tenant_is_prefetched)
{
    enum { TENANTS = 40, TENANT_PAGES = 3, ROUNDS = 6, FIRST_ID = 100 };
    for (unsigned seed = 0; seed < 4; seed++) {
        for (int policy = PREFETCH_NONE; policy <= PREFETCH_TENANT; policy += PREFETCH_TENANT) {
            struct bed *bed = bed_new((struct iommu_parameters){.context_entries = 64,
                                                                .iotlb_entries = 8,
                                                                .walkers = 8,
                                                                .walk_read_ps = 1000,
                                                                .prefetch = policy,
                                                                .prefetch_walks = 8,
                                                                .prefetch_buffer = 32,
                                                                .prefetch_distance = 4 * TENANT_PAGES,
                                                                .prefetch_history = TENANT_PAGES});
            uint16_t order[TENANTS];
            struct random_stream random;
            random_init(&random, seed, "turns");
            for (uint16_t t = 0; t < TENANTS; t++) {
                uint32_t domain = remapping_unit_add_domain(&bed->unit, false);
                for (uint64_t page = 0; page < TENANT_PAGES; page++)
                    page_table_map(&bed->unit.domains[domain].table, &bed->unit.memory, page << 12,
                                   (page + domain * 8) << 12, PAGE_SHIFT_4K, PAGE_READ);
                remapping_unit_attach(&bed->unit, (uint16_t)(FIRST_ID + t), domain);
                uint32_t other = (uint32_t)random_below(&random, t + 1U);
                order[t] = order[other];
                order[other] = t;
            }
            for (int round = 0; round < ROUNDS; round++) {
                uint64_t before = bed->unit.counters.iotlb_misses;
                for (int turn = 0; turn < TENANTS; turn++) {
                    for (uint64_t page = 0; page < TENANT_PAGES; page++) {
                        bed->works[0] = (struct translation_work){
                            .iova = page << 12, .requester_id = (uint16_t)(FIRST_ID + order[turn])};
                        remapping_unit_translate(&bed->unit, 0);
                        drain(bed);
                        ck_assert_uint_eq(bed->works[0].physical >> 12, page + (order[turn] + 1U) * 8);
                    }
                }
                uint64_t misses = bed->unit.counters.iotlb_misses - before;
                if (policy == PREFETCH_NONE || round == 0)
                    ck_assert_uint_eq(misses, TENANTS * TENANT_PAGES);
                else if (round >= 2)
                    ck_assert_uint_eq(misses, 0);
            }
            bed_free(bed);
        }
    }
}
END_TEST

/* What was walked ahead is forgotten with the rest. */
START_TEST(prefetched_pages_are_invalidated)
{
    struct bed *bed = bed_new((struct iommu_parameters){.context_entries = 4,
                                                        .iotlb_entries = 8,
                                                        .walkers = 2,
                                                        .walk_read_ps = 1000,
                                                        .prefetch = PREFETCH_NEXT_PAGE,
                                                        .prefetch_walks = 1,
                                                        .prefetch_degree = 1,
                                                        .prefetch_buffer = 8});
    unsigned shift;
    translate(bed, 0);
    ck_assert_uint_eq(bed->unit.counters.prefetches, 1);
    page_table_unmap(&bed->unit.domains[0].table, &bed->unit.memory, 0x1000, &shift);
    page_table_map(&bed->unit.domains[0].table, &bed->unit.memory, 0x1000, 0x77000, PAGE_SHIFT_4K, PAGE_READ);
    ck_assert_uint_eq(translate(bed, 0x1000)->physical, 0x1000); /* stale, as hardware is */
    ck_assert_uint_eq(bed->unit.counters.prefetch_hits, 1);
    remapping_unit_invalidate(&bed->unit, INVALIDATE_PAGES, 0, 0x1000, 0, true);
    ck_assert_uint_eq(translate(bed, 0x1000)->physical, 0x77000);
    bed_free(bed);
}
END_TEST

/* Sixteen writes to a page at once, as of one packet: where posted requests walk one at a time the first
 * brings the page for all, else each free walker is taken. */
START_TEST(posted_requests_wait_for_the_walk_of_the_first)
{
    for (uint32_t limit = 0; limit <= 1; limit++) {
        struct bed *bed = bed_new((struct iommu_parameters){.context_entries = 4,
                                                            .iotlb_entries = 512,
                                                            .walkers = 4,
                                                            .walk_read_ps = 1000,
                                                            .posted_walks = limit});
        translate(bed, 0x5000); /* the context is known */
        for (uint32_t i = 0; i < 16; i++) {
            bed->works[i] = (struct translation_work){.iova = i * 256, .requester_id = 7, .write = true};
            ck_assert(!remapping_unit_translate(&bed->unit, i));
        }
        drain(bed);
        ck_assert_uint_eq(bed->unit.counters.walks, limit ? 2 : 17);
        for (uint32_t i = 0; i < 16; i++)
            ck_assert_uint_eq(bed->works[i].walker_queueing_ps + bed->works[i].walk_memory_ps,
                              limit ? 4000 : (i / 4 + 1) * 4000);
        bed_free(bed);
    }
}
END_TEST

/* ---- memory ---- */

static struct memory_parameters cached(void)
{
    return (struct memory_parameters){.data_source = MEMORY_CACHED,
                                      .table_source = MEMORY_CACHED,
                                      .llc_latency_ps = 40000,
                                      .dram_latency_ps = 90000,
                                      .bandwidth_bytes_per_s = UINT64_C(1000000000000),
                                      .llc_bytes = 1 << 20,
                                      .llc_ways = 16,
                                      .ddio_ways = 2,
                                      .ranks = 1};
}

static unsigned hits(struct memory *memory, uint64_t bytes)
{
    uint64_t before = memory->reads_llc;
    for (uint64_t at = 0; at < bytes; at += 64)
        memory_read(memory, 0, at, 64, 0);
    return (unsigned)(memory->reads_llc - before);
}

START_TEST(the_cache_holds_what_fits_and_ddio_its_share)
{
    struct memory memory;
    struct memory_parameters parameters = cached();
    memory_init(&memory, &parameters, NULL, 0);
    memory_warm(&memory, 0, 1 << 20);
    ck_assert_uint_eq(hits(&memory, 1 << 20), (1 << 20) / 64);
    memory_fini(&memory);
    memory_init(&memory, &parameters, NULL, 0);
    memory_warm(&memory, 0, 2 << 20); /* the second half displaced the first */
    ck_assert_uint_eq(hits(&memory, 2 << 20), (1 << 20) / 64);
    memory_fini(&memory);
    memory_init(&memory, &parameters, NULL, 0);
    for (uint64_t at = 0; at < 1 << 20; at += 64) /* two of sixteen ways are open to device writes */
        memory_write(&memory, 0, at, 64);
    ck_assert_uint_eq(hits(&memory, 1 << 20), (1 << 20) / 64 / 8);
    ck_assert_uint_eq(memory_table_read(&memory, 0, 0), 50000); /* displaced, in DRAM */
    ck_assert_uint_eq(memory_table_read(&memory, 0, 8), 0);     /* the same line, read in now */
    memory_fini(&memory);
}
END_TEST

START_TEST(remote_memory_and_refreshing_ranks_answer_later)
{
    static const struct memory_range ranges[] = {{.base = 0, .limit = 0xffff, .numa_node = 0},
                                                 {.base = 0x10000, .limit = 0x1ffff, .numa_node = 1}};
    struct memory memory;
    struct memory_parameters parameters = cached();
    parameters.data_source = MEMORY_DRAM;
    parameters.table_source = MEMORY_LLC;
    parameters.remote_latency_ps = 60000;
    parameters.refresh_interval_ps = 7800000;
    parameters.refresh_duration_ps = 350000;
    memory_init(&memory, &parameters, ranges, 2);
    /* The one rank refreshes from 0 to 350 ns, then from 7.8 us on. */
    ck_assert_uint_eq(memory_read(&memory, 100000, 0, 64, 0), 100000 + 90000 + 250000);
    ck_assert_uint_eq(memory_read(&memory, 1000000, 0, 64, 0), 1000000 + 90000);
    ck_assert_uint_eq(memory_read(&memory, 2000000, 0x10000, 64, 0), 2000000 + 90000 + 60000);
    ck_assert_uint_eq(memory_read(&memory, 3000000, 0x10000, 64, 1), 3000000 + 90000);
    ck_assert_uint_eq(memory_table_read(&memory, 7800000, 0), 0);
    memory_fini(&memory);
}
END_TEST

Suite *iommu_parts_suite(void)
{
    Suite *suite = suite_create("iommu_parts");
    TCase *tests = tcase_create("iommu_parts");
    tcase_add_test(tests, pseudo_lru_of_two_ways_is_lru);
    tcase_add_test(tests, pseudo_lru_replaces_by_its_tree);
    tcase_add_test(tests, lfu_keeps_what_is_found_often);
    tcase_add_test(tests, partitions_keep_owners_apart);
    tcase_add_test(tests, an_infinite_iotlb_misses_once_a_page);
    tcase_add_test(tests, pasid_tables_are_read_behind_the_context);
    tcase_add_test(tests, prefetching_walks_ahead_of_a_sequence);
    tcase_add_test(tests, the_next_tenant_is_prefetched);
    tcase_add_test(tests, prefetched_pages_are_invalidated);
    tcase_add_test(tests, posted_requests_wait_for_the_walk_of_the_first);
    tcase_add_test(tests, the_cache_holds_what_fits_and_ddio_its_share);
    tcase_add_test(tests, remote_memory_and_refreshing_ranks_answer_later);
    suite_add_tcase(suite, tests);
    return suite;
}
