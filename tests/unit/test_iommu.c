/* SPDX-License-Identifier: MIT */
/* The remapping unit against plain models: caches against a list, walks against a table of mappings, times by
 * hand. */
#include "tests/unit/unit_bed.h"

#include <check.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

Suite *iommu_suite(void);

/* ---- caches ---- */

/* A set as a list ordered by age; plain and slow. */
struct plain_cache {
    uint32_t sets, ways;
    bool lru;
    uint64_t keys[64][64]; /* [set][0 = next to go] */
    uint32_t used[64];
};

static bool plain_access(struct plain_cache *cache, uint64_t index, uint64_t key)
{
    uint32_t set = (uint32_t)(index % cache->sets), used = cache->used[set], at = 0;
    uint64_t *keys = cache->keys[set];
    while (at < used && keys[at] != key)
        at++;
    bool hit = at < used;
    if (hit && !cache->lru)
        return true;
    if (!hit && used == cache->ways)
        at = 0;
    else if (!hit)
        at = cache->used[set]++;
    memmove(keys + at, keys + at + 1, (cache->used[set] - at - 1) * sizeof(*keys));
    keys[cache->used[set] - 1] = key;
    return hit;
}

START_TEST(caches_replace_like_a_plain_list)
{
    static const struct {
        uint32_t entries, ways;
    } shapes[] = {{1, 1}, {8, 0}, {16, 4}, {24, 8}, {48, 0}, {64, 32}, {60, 20}};
    for (size_t s = 0; s < sizeof(shapes) / sizeof(shapes[0]); s++) {
        for (int lru = 0; lru < 2; lru++) {
            struct translation_cache cache;
            struct plain_cache plain = {.lru = lru};
            struct random_stream random;
            random_init(&random, s, "keys");
            plain.ways = shapes[s].ways ? shapes[s].ways : shapes[s].entries;
            plain.sets = shapes[s].entries / plain.ways;
            translation_cache_init(&cache, shapes[s].entries, shapes[s].ways,
                                   lru ? REPLACE_LRU : REPLACE_FIFO, 1, "cache");
            for (int i = 0; i < 20000; i++) {
                uint64_t key = random_below(&random, shapes[s].entries * 2 + 1), value = 0;
                bool hit = translation_cache_find(&cache, key, key, &value);
                ck_assert_msg(hit == plain_access(&plain, key, key), "shape %zu lru %d access %d", s, lru, i);
                ck_assert(!hit || value == key * 3);
                if (!hit)
                    translation_cache_insert(&cache, key, key, key * 3);
            }
            translation_cache_fini(&cache);
        }
    }
}
END_TEST

START_TEST(more_lru_ways_never_lower_the_hit_rate)
{
    uint64_t previous = 0;
    for (uint32_t entries = 1; entries <= 200; entries += entries < 20 ? 1 : 30) {
        struct translation_cache cache;
        struct random_stream random;
        uint64_t hits = 0, value;
        random_init(&random, 7, "reference string");
        translation_cache_init(&cache, entries, 0, REPLACE_LRU, 1, "cache");
        for (int i = 0; i < 30000; i++) {
            uint64_t key = random_below(&random, 1 + random_below(&random, 150));
            if (translation_cache_find(&cache, 0, key, &value))
                hits++;
            else
                translation_cache_insert(&cache, 0, key, key);
        }
        ck_assert_uint_ge(hits, previous);
        previous = hits;
        translation_cache_fini(&cache);
    }
    ck_assert_uint_gt(previous, 29000);
}
END_TEST

/* ---- the unit ---- */

START_TEST(a_lone_translation_costs_the_sum_of_its_parts)
{
    struct unit_bed bed;
    uint64_t ps;
    unit_bed_init(&bed);
    unit_bed_start(&bed);
    unit_bed_map(&bed, 0x10000000, 0x7000000, PAGE_SHIFT_4K, PAGE_READ | PAGE_WRITE);
    unit_bed_map(&bed, 0x10001000, 0x9000000, PAGE_SHIFT_4K, PAGE_READ | PAGE_WRITE);
    unit_bed_map(&bed, 0x10200000, 0x40000000, PAGE_SHIFT_2M, PAGE_READ | PAGE_WRITE);
    const uint64_t lookup = 2000 + 5000;
    ck_assert_uint_eq(unit_bed_translate(&bed, 0x10000123, false, &ps)->physical, 0x7000123);
    ck_assert_uint_eq(ps, lookup + 2 * 90000 + 190000 +
                              4 * 90000); /* context missing: root and context, then four levels */
    unit_bed_translate(&bed, 0x10000fff, true, &ps);
    ck_assert_uint_eq(ps, lookup);
    ck_assert_uint_eq(unit_bed_translate(&bed, 0x10001000, false, &ps)->physical, 0x9000000);
    ck_assert_uint_eq(ps, lookup + 190000 + 90000); /* the leaf table is known */
    ck_assert_uint_eq(unit_bed_translate(&bed, 0x103fffff, false, &ps)->physical, 0x401fffff);
    ck_assert_uint_eq(ps, lookup + 190000 + 90000); /* a 2 MiB leaf: the level 2 table is known */
    unit_bed_translate(&bed, 0x10212345, false, &ps);
    ck_assert_uint_eq(ps, lookup);
    ck_assert_uint_eq(bed.unit.counters.page_table_reads, 4 + 1 + 1);
    ck_assert_uint_eq(bed.unit.counters.context_table_reads, 2);
    unit_bed_fini(&bed);
}
END_TEST

/* Random mappings of all sizes with random rights, against the list they were made from. */
START_TEST(walks_agree_with_the_list_of_mappings)
{
    static const unsigned shifts[] = {PAGE_SHIFT_4K, PAGE_SHIFT_2M, PAGE_SHIFT_1G};
    struct {
        uint64_t iova, physical;
        unsigned shift, access;
    } mappings[400];
    for (unsigned seed = 0; seed < 6; seed++) {
        struct unit_bed bed;
        struct random_stream random;
        size_t count = 0;
        unit_bed_init(&bed);
        bed.parameters.levels = 3 + seed % 3;
        bed.parameters.iotlb_entries = seed % 2 ? 4 : 64;
        bed.parameters.walk_cache_entries_l3 = seed % 3 ? 2 : 0;
        unit_bed_start(&bed);
        random_init(&random, seed, "mappings");
        uint64_t top = UINT64_C(1) << 39;
        for (int i = 0; i < 400; i++) {
            unsigned shift = shifts[random_below(&random, 3)],
                     access = 1 + (unsigned)random_below(&random, 3);
            uint64_t iova =
                random_below(&random, (random_below(&random, 2) ? top : UINT64_C(1) << 31) >> shift) << shift;
            uint64_t physical = random_below(&random, UINT64_C(1) << (46 - shift)) << shift;
            enum page_table_result result =
                page_table_map(&bed.unit.domains[0].table, &bed.unit.memory, iova, physical, shift, access);
            bool overlap = false;
            for (size_t m = 0; m < count; m++)
                overlap |= iova < mappings[m].iova + (UINT64_C(1) << mappings[m].shift) &&
                           mappings[m].iova < iova + (UINT64_C(1) << shift);
            ck_assert_int_eq(result, overlap ? PAGE_TABLE_OVERLAP : PAGE_TABLE_MAPPED);
            if (!overlap) {
                mappings[count].iova = iova;
                mappings[count].physical = physical;
                mappings[count].shift = shift;
                mappings[count++].access = access;
            }
        }
        for (int i = 0; i < 3000; i++) {
            size_t near = random_below(&random, count);
            uint64_t iova =
                         (mappings[near].iova + random_below(&random, UINT64_C(3) << mappings[near].shift)) &
                         (top - 1),
                     ps;
            bool write = random_below(&random, 2);
            enum iommu_fault expected =
                write ? IOMMU_FAULT_WRITE_NOT_PERMITTED : IOMMU_FAULT_READ_NOT_PERMITTED;
            uint64_t physical = 0;
            for (size_t m = 0; m < count; m++) {
                if (iova - mappings[m].iova < UINT64_C(1) << mappings[m].shift &&
                    (mappings[m].access & (write ? 2U : 1U))) {
                    expected = IOMMU_NO_FAULT;
                    physical = mappings[m].physical + (iova - mappings[m].iova);
                }
            }
            const struct translation_work *work = unit_bed_translate(&bed, iova, write, &ps);
            ck_assert_msg(work->fault == expected, "seed %u: 0x%" PRIx64 " fault %d, expected %d", seed, iova,
                          (int)work->fault, (int)expected);
            if (expected == IOMMU_NO_FAULT)
                ck_assert_msg(work->physical == physical,
                              "seed %u: 0x%" PRIx64 " to 0x%" PRIx64 ", expected 0x%" PRIx64, seed, iova,
                              work->physical, physical);
        }
        unit_bed_fini(&bed);
    }
}
END_TEST

/* Keep `depth` translations of random pages in flight; returns the mean time between answers in picoseconds.
 */
static double saturate(struct unit_bed *bed, uint64_t pages, unsigned depth, unsigned count)
{
    struct random_stream random;
    struct event event;
    unsigned done = 0;
    uint64_t start_ps = 0;
    random_init(&random, 3, "pages");
    for (unsigned i = 0; i < depth; i++)
        event_queue_push(&bed->events, 0, PRIORITY_NORMAL, 0, 0, i);
    while (done < count && event_queue_pop(&bed->events, &event)) {
        if (event_kind(&event) == 0) { /* slot free: ask again */
            if (done == count / 4)
                start_ps = bed->events.now_ps;
            done++;
            bed->works[event.argument] = (struct translation_work){
                .iova = 0x10000000 + random_below(&random, pages) * 4096, .requester_id = 7};
            if (remapping_unit_translate(&bed->unit, event.argument))
                event_queue_push(&bed->events, bed->works[event.argument].ready_ps, PRIORITY_NORMAL, 0, 0,
                                 event.argument);
            continue;
        }
        remapping_unit_event(&bed->unit, event.argument);
        for (uint32_t t; (t = remapping_unit_finished(&bed->unit)) != IOMMU_NO_WORK;)
            event_queue_push(&bed->events, bed->works[t].ready_ps, PRIORITY_NORMAL, 0, 0, t);
        ck_assert(remapping_unit_check(&bed->unit));
    }
    return (double)(bed->events.now_ps - start_ps) / (count - count / 4.0);
}

START_TEST(walkers_set_the_plateau)
{
    for (uint32_t walkers = 1; walkers <= 6; walkers += 5) {
        for (uint32_t queue = 0; queue <= 3; queue += 3) {
            struct unit_bed bed;
            unit_bed_init(&bed);
            bed.parameters.walkers = walkers;
            bed.parameters.walk_queue = queue;
            bed.parameters.walker_recovery_ps = 32000;
            bed.parameters.iotlb_entries = 1;
            unit_bed_start(&bed);
            for (uint64_t page = 0; page < 512; page++)
                unit_bed_map(&bed, 0x10000000 + page * 4096, 0x70000000 + page * 4096, PAGE_SHIFT_4K,
                             PAGE_READ);
            double ps = saturate(&bed, 512, 64, 20000), law = (190000.0 + 90000 + 32000) / walkers;
            ck_assert_msg(ps > law * 0.99 && ps < law * 1.01,
                          "%u walkers, queue %u: %.0f ps a walk, by Little's law %.0f", walkers, queue, ps,
                          law);
            unit_bed_fini(&bed);
        }
    }
}
END_TEST

START_TEST(merging_and_duplicates_do_what_they_say)
{
    for (int merge = 0; merge < 2; merge++) {
        struct unit_bed bed;
        struct event event;
        unit_bed_init(&bed);
        bed.parameters.merge_inflight = merge;
        bed.parameters.duplicate_fill = true;
        unit_bed_start(&bed);
        unit_bed_map(&bed, 0x10000000, 0x7000000, PAGE_SHIFT_4K, PAGE_READ);
        uint64_t ps;
        unit_bed_map(&bed, 0x20000000, 0x8000000, PAGE_SHIFT_4K, PAGE_READ);
        unit_bed_translate(&bed, 0x20000000, false, &ps); /* the context entry is cached now */
        unsigned answers = 0;
        for (uint32_t i = 0; i < 10; i++) {
            bed.works[i] = (struct translation_work){.iova = 0x10000000 + 64 * i, .requester_id = 7};
            ck_assert(!remapping_unit_translate(&bed.unit, i));
        }
        while (event_queue_pop(&bed.events, &event)) {
            remapping_unit_event(&bed.unit, event.argument);
            for (uint32_t t; (t = remapping_unit_finished(&bed.unit)) != IOMMU_NO_WORK; answers++)
                ck_assert_uint_eq(bed.works[t].physical, 0x7000000 + 64 * t);
        }
        ck_assert_uint_eq(answers, 10);
        ck_assert_uint_eq(bed.unit.counters.walks, merge ? 2 : 11);
        ck_assert_uint_eq(bed.unit.counters.merged, merge ? 9 : 0);
        ck_assert_uint_eq(bed.unit.counters.duplicate_fills, merge ? 0 : 9);
        unit_bed_fini(&bed);
    }
}
END_TEST

/* Sends @p count requests at once, none of which is answered at once. @return walks they take */
static uint64_t walks_of(const struct iommu_parameters *parameters, const uint64_t *iova, const bool *write,
                         const uint16_t *requester, uint32_t count)
{
    struct unit_bed bed;
    struct event event;
    uint32_t answers = 0;
    unit_bed_init(&bed);
    bed.parameters = *parameters;
    unit_bed_start(&bed);
    unit_bed_map(&bed, 0x10000000, 0x7000000, PAGE_SHIFT_4K, PAGE_READ | PAGE_WRITE);
    unit_bed_map(&bed, 0x10001000, 0x8000000, PAGE_SHIFT_4K, PAGE_READ | PAGE_WRITE);
    remapping_unit_attach(&bed.unit, 8, remapping_unit_domain_of(&bed.unit, 7));
    for (uint32_t i = 0; i < count; i++) {
        bed.works[i] = (struct translation_work){
            .iova = iova[i], .write = write && write[i], .requester_id = requester ? requester[i] : 7};
        ck_assert(!remapping_unit_translate(&bed.unit, i));
    }
    while (event_queue_pop(&bed.events, &event)) {
        remapping_unit_event(&bed.unit, event.argument);
        for (uint32_t t; (t = remapping_unit_finished(&bed.unit)) != IOMMU_NO_WORK; answers++)
            ck_assert_uint_eq(bed.works[t].physical, bed.works[t].iova < 0x10001000
                                                         ? bed.works[t].iova - 0x9000000
                                                         : bed.works[t].iova - 0x8001000);
    }
    uint64_t walks = bed.unit.counters.walks;
    ck_assert_uint_eq(answers, count);
    ck_assert_uint_eq(bed.unit.counters.iotlb_hits + bed.unit.counters.iotlb_misses, count);
    ck_assert_uint_eq(bed.unit.counters.iotlb_misses, walks);
    unit_bed_fini(&bed);
    return walks;
}

/* The TLPs of one operation walk once a page; requests in between to another page part them, requests of
 * another requester or of the other kind neither part nor join them. */
START_TEST(requests_one_after_the_other_share_a_walk)
{
    static const uint64_t one[] = {0x10000000, 0x10000200, 0x10000400, 0x10000600},
                          two[] = {0x10000c00, 0x10000e00, 0x10001000, 0x10001200},
                          turns[] = {0x10000000, 0x10001000, 0x10000200, 0x10001200};
    static const bool mixed[] = {false, true, false, true};
    static const uint16_t requesters[] = {7, 8, 7, 8};
    struct unit_bed bed;
    unit_bed_init(&bed);
    unit_bed_start(&bed);
    struct iommu_parameters parameters = bed.parameters;
    unit_bed_fini(&bed);
    parameters.walkers = 8;
    parameters.context_reads = 0; /* the context is known at once, or all would read it side by side */
    for (int merge = 0; merge < 2; merge++) {
        parameters.merge_consecutive = merge;
        ck_assert_uint_eq(walks_of(&parameters, one, NULL, NULL, 4), merge ? 1 : 4);
        ck_assert_uint_eq(walks_of(&parameters, two, NULL, NULL, 4), merge ? 2 : 4);
        ck_assert_uint_eq(walks_of(&parameters, turns, NULL, NULL, 4), 4);
        ck_assert_uint_eq(walks_of(&parameters, turns, mixed, NULL, 4), merge ? 2 : 4);
        ck_assert_uint_eq(walks_of(&parameters, turns, NULL, requesters, 4), merge ? 2 : 4);
    }
    event_queue_fini(&bed.events);
}
END_TEST

START_TEST(an_infinite_iotlb_misses_once_a_page)
{
    struct unit_bed bed;
    unit_bed_init(&bed);
    bed.parameters.iotlb_entries = 4096;
    bed.parameters.merge_inflight = true;
    unit_bed_start(&bed);
    for (uint64_t page = 0; page < 1000; page++)
        unit_bed_map(&bed, 0x10000000 + page * 4096, 0x70000000 + page * 4096, PAGE_SHIFT_4K, PAGE_READ);
    saturate(&bed, 1000, 32, 50000);
    ck_assert_uint_eq(bed.unit.counters.walks, 1000);
    unit_bed_fini(&bed);
}
END_TEST

START_TEST(faults_have_their_reasons)
{
    struct unit_bed bed;
    uint64_t ps;
    unit_bed_init(&bed);
    unit_bed_start(&bed);
    unit_bed_map(&bed, 0x10000000, 0x7000000, PAGE_SHIFT_4K, PAGE_READ);
    ck_assert_int_eq(unit_bed_translate(&bed, 0x10000000, true, &ps)->fault, IOMMU_FAULT_WRITE_NOT_PERMITTED);
    ck_assert_int_eq(unit_bed_translate(&bed, 0x10000000, true, &ps)->fault,
                     IOMMU_FAULT_WRITE_NOT_PERMITTED); /* from the IOTLB */
    ck_assert_int_eq(unit_bed_translate(&bed, 0x30000000, false, &ps)->fault, IOMMU_FAULT_READ_NOT_PERMITTED);
    ck_assert_int_eq(unit_bed_translate(&bed, UINT64_C(1) << 48, false, &ps)->fault,
                     IOMMU_FAULT_ADDRESS_BEYOND_WIDTH);
    bed.works[0] = (struct translation_work){.iova = 0x10000000, .requester_id = 8};
    struct event event;
    ck_assert(!remapping_unit_translate(&bed.unit, 0));
    while (event_queue_pop(&bed.events, &event))
        remapping_unit_event(&bed.unit, event.argument);
    ck_assert_uint_eq(remapping_unit_finished(&bed.unit), 0);
    ck_assert_int_eq(bed.works[0].fault, IOMMU_FAULT_CONTEXT_NOT_PRESENT);
    ck_assert_uint_eq(bed.unit.counters.faults, 5);
    unit_bed_fini(&bed);
}
END_TEST

/* Random replacement: every way is as good as the others, each unit draws its own numbers, a seed repeats
 * them. */
START_TEST(random_replacement_is_uniform_and_seeded)
{
    enum { WAYS = 8, INSERTIONS = 8000 };
    struct translation_cache caches[3];
    unsigned victims[WAYS] = {0}, same_as_first[2] = {0};
    translation_cache_init(&caches[0], WAYS, 0, REPLACE_RANDOM, 7, "unit0.iotlb");
    translation_cache_init(&caches[1], WAYS, 0, REPLACE_RANDOM, 7, "unit0.iotlb");
    translation_cache_init(&caches[2], WAYS, 0, REPLACE_RANDOM, 7, "unit1.iotlb");
    for (uint64_t key = 0; key < WAYS + INSERTIONS; key++) {
        unsigned way[3] = {0};
        for (int c = 0; c < 3; c++) {
            translation_cache_insert(&caches[c], 0, key, key);
            ck_assert(translation_cache_present(&caches[c], 0, key));
            while (caches[c].keys[way[c]] != key)
                way[c]++;
        }
        if (key < WAYS)
            continue;
        victims[way[0]]++;
        same_as_first[0] += way[1] == way[0];
        same_as_first[1] += way[2] == way[0];
    }
    /* Five standard deviations of a binomial distribution with n = 8000, p = 1/8: 148. */
    for (int w = 0; w < WAYS; w++)
        ck_assert_uint_le(victims[w] > 1000 ? victims[w] - 1000 : 1000 - victims[w], 148);
    ck_assert_uint_eq(same_as_first[0], INSERTIONS);
    ck_assert_uint_le(same_as_first[1], 1148);
    for (int c = 0; c < 3; c++)
        translation_cache_fini(&caches[c]);
}
END_TEST

Suite *iommu_suite(void)
{
    Suite *suite = suite_create("iommu");
    TCase *tests = tcase_create("iommu");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, caches_replace_like_a_plain_list);
    tcase_add_test(tests, more_lru_ways_never_lower_the_hit_rate);
    tcase_add_test(tests, a_lone_translation_costs_the_sum_of_its_parts);
    tcase_add_test(tests, walks_agree_with_the_list_of_mappings);
    tcase_add_test(tests, walkers_set_the_plateau);
    tcase_add_test(tests, merging_and_duplicates_do_what_they_say);
    tcase_add_test(tests, requests_one_after_the_other_share_a_walk);
    tcase_add_test(tests, an_infinite_iotlb_misses_once_a_page);
    tcase_add_test(tests, faults_have_their_reasons);
    tcase_add_test(tests, random_replacement_is_uniform_and_seeded);
    suite_add_tcase(suite, tests);
    return suite;
}
