/* SPDX-License-Identifier: MIT */
/*
 * The allocator of IO virtual addresses against a slow one that was written from the description of the
 * kernel's alone: a sorted array searched from its end, magazines as plain arrays. 100,000 random steps, to
 * the address.
 */
#include "models/host/iova_allocator.h"
#include "sim/base/arena.h"
#include "sim/kernel/random.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *iova_allocator_suite(void);

static const uint64_t page = 4096, pages_32 = UINT64_C(1) << 20;

/* ---- the slow allocator ---- */

enum { SLOW_RANGES = 1 << 16, SLOW_MAGAZINES = 4096, SLOW_ENTRIES = 128, SLOW_CPUS = 8 };

struct slow_range {
    uint64_t low, high, id; /* id tells ranges apart that come and go at the same place */
};

struct slow_magazine {
    uint64_t entries[SLOW_ENTRIES];
    unsigned count;
};

struct slow {
    struct slow_range *ranges; /* ascending; the last is the end of all addresses */
    unsigned count;
    uint64_t next_id, cached, cached_32, too_large_32;
    struct slow_magazine *loaded, *previous; /* [order x cpus] */
    struct slow_magazine *depot[6];
    unsigned depot_count[6], magazine_entries, cpus;
};

static void slow_init(struct slow *slow, unsigned magazine_entries, unsigned cpus)
{
    *slow = (struct slow){.magazine_entries = magazine_entries, .cpus = cpus, .too_large_32 = pages_32};
    slow->ranges = memory_array(SLOW_RANGES, sizeof(*slow->ranges));
    slow->ranges[slow->count++] = (struct slow_range){UINT64_MAX, UINT64_MAX, slow->next_id++};
    slow->loaded = memory_array((size_t)6 * SLOW_CPUS, sizeof(*slow->loaded));
    slow->previous = memory_array((size_t)6 * SLOW_CPUS, sizeof(*slow->previous));
    for (int order = 0; order < 6; order++)
        slow->depot[order] = memory_array(SLOW_MAGAZINES, sizeof(*slow->depot[order]));
}

static void slow_fini(struct slow *slow)
{
    free(slow->ranges);
    free(slow->loaded);
    free(slow->previous);
    for (int order = 0; order < 6; order++)
        free(slow->depot[order]);
}

static unsigned slow_find(const struct slow *slow, uint64_t id)
{
    for (unsigned i = slow->count; i-- > 0;) {
        if (slow->ranges[i].id == id)
            return i;
    }
    abort();
}

static uint64_t slow_insert(struct slow *slow, uint64_t low, uint64_t high)
{
    unsigned i = slow->count;
    ck_assert_uint_lt(slow->count, SLOW_RANGES);
    while (i > 0 && slow->ranges[i - 1].low > low)
        i--;
    memmove(&slow->ranges[i + 1], &slow->ranges[i], (slow->count - i) * sizeof(*slow->ranges));
    slow->ranges[i] = (struct slow_range){low, high, slow->next_id++};
    slow->count++;
    return slow->ranges[i].id;
}

/* The highest place of @p pages between range @p i downwards and page @p floor; 0 where there is none. */
static uint64_t slow_search(const struct slow *slow, unsigned i, uint64_t pages, uint64_t limit,
                            uint64_t floor)
{
    uint64_t align = 1;
    while (align < pages)
        align *= 2;
    for (;; i--) {
        uint64_t top = slow->ranges[i].low < limit ? slow->ranges[i].low : limit;
        uint64_t bottom = i ? slow->ranges[i - 1].high + 1 : 1;
        if (top < pages)
            return 0;
        uint64_t place = (top - pages) / align * align;
        if (place < floor)
            return 0;
        if (place >= bottom)
            return place;
        if (!i)
            return 0;
    }
}

static uint64_t slow_tree_take(struct slow *slow, uint64_t pages, uint64_t limit)
{
    bool low_half = limit <= pages_32;
    if (low_half && pages >= slow->too_large_32)
        return 0;
    unsigned begin = slow_find(slow, low_half ? slow->cached_32 : slow->cached);
    uint64_t begin_high = slow->ranges[begin].high, place = slow_search(slow, begin, pages, limit, 1);
    if (!place && begin_high < limit)
        place = slow_search(slow, slow->count - 1, pages, limit, begin_high + 1);
    if (!place) {
        slow->too_large_32 = pages;
        return 0;
    }
    uint64_t id = slow_insert(slow, place, place + pages - 1);
    *(place + pages - 1 < pages_32 ? &slow->cached_32 : &slow->cached) = id;
    return place;
}

static void slow_tree_give(struct slow *slow, uint64_t low)
{
    unsigned i = 0;
    while (slow->ranges[i].low != low)
        i++;
    struct slow_range gone = slow->ranges[i];
    uint64_t above = slow->ranges[i + 1].id;
    uint64_t cached_32 = slow->ranges[slow_find(slow, slow->cached_32)].low,
             cached = slow->ranges[slow_find(slow, slow->cached)].low;
    if (gone.id == slow->cached_32 || (gone.high < pages_32 && gone.low >= cached_32))
        slow->cached_32 = above;
    if (gone.low < pages_32)
        slow->too_large_32 = pages_32;
    if (gone.low >= cached)
        slow->cached = above;
    slow->count--;
    memmove(&slow->ranges[i], &slow->ranges[i + 1], (slow->count - i) * sizeof(*slow->ranges));
}

static void slow_drain(struct slow *slow, struct slow_magazine *magazine)
{
    for (unsigned i = 0; i < magazine->count; i++)
        slow_tree_give(slow, magazine->entries[i]);
    magazine->count = 0;
}

static unsigned slow_order(uint64_t pages)
{
    unsigned order = 0;
    while (UINT64_C(1) << order < pages)
        order++;
    return order;
}

static uint64_t slow_cache_take(struct slow *slow, unsigned order, unsigned cpu, uint64_t highest)
{
    struct slow_magazine *loaded = &slow->loaded[order * SLOW_CPUS + cpu],
                         *previous = &slow->previous[order * SLOW_CPUS + cpu];
    if (!loaded->count && previous->count) {
        struct slow_magazine kept = *loaded;
        *loaded = *previous;
        *previous = kept;
    } else if (!loaded->count && slow->depot_count[order]) {
        *loaded = slow->depot[order][--slow->depot_count[order]];
    }
    for (unsigned i = loaded->count; i-- > 0;) {
        uint64_t found = loaded->entries[i];
        if (found > highest)
            continue;
        loaded->entries[i] = loaded->entries[loaded->count - 1];
        loaded->count--;
        return found;
    }
    return 0;
}

static uint64_t slow_take(struct slow *slow, unsigned cpu, uint64_t pages, uint64_t last, bool drain)
{
    unsigned order = slow_order(pages);
    uint64_t size = pages < 32 ? UINT64_C(1) << order : pages, place = 0;
    if (order < 6 && size <= last + 1)
        place = slow_cache_take(slow, order, cpu, last + 1 - size);
    if (!place)
        place = slow_tree_take(slow, size, last + 1);
    if (place || !drain)
        return place;
    for (unsigned c = 0; c < slow->cpus; c++) {
        for (unsigned o = 0; o < 6; o++) {
            slow_drain(slow, &slow->loaded[o * SLOW_CPUS + c]);
            slow_drain(slow, &slow->previous[o * SLOW_CPUS + c]);
        }
    }
    for (unsigned o = 0; o < 6; o++) {
        while (slow->depot_count[o])
            slow_drain(slow, &slow->depot[o][--slow->depot_count[o]]);
    }
    return slow_tree_take(slow, size, last + 1);
}

static void slow_give(struct slow *slow, unsigned cpu, uint64_t low, uint64_t pages)
{
    unsigned order = slow_order(pages);
    if (order >= 6) {
        slow_tree_give(slow, low);
        return;
    }
    struct slow_magazine *loaded = &slow->loaded[order * SLOW_CPUS + cpu],
                         *previous = &slow->previous[order * SLOW_CPUS + cpu];
    if (loaded->count == slow->magazine_entries && previous->count < slow->magazine_entries) {
        struct slow_magazine kept = *loaded;
        *loaded = *previous;
        *previous = kept;
    } else if (loaded->count == slow->magazine_entries) {
        ck_assert_uint_lt(slow->depot_count[order], SLOW_MAGAZINES);
        slow->depot[order][slow->depot_count[order]++] = *loaded;
        loaded->count = 0;
    }
    loaded->entries[loaded->count++] = low;
}

/* ---- both side by side ---- */

struct live {
    uint64_t low, pages;
};

struct trial {
    unsigned steps, live_most, magazine_entries;
    uint64_t largest;       /* pages */
    uint64_t last[2];       /* limits, one or the other */
    uint64_t reserved_from; /* to 4 GiB; 0: nothing is */
};

static uint64_t some_pages(struct random_stream *random, uint64_t largest)
{
    uint64_t pages = UINT64_C(1) << random_below(random, 10);
    pages += random_below(random, pages);
    return pages > largest ? 1 + pages % largest : pages;
}

static void run_trial(const struct trial *trial, uint64_t seed)
{
    const struct iova_parameters parameters = {.magazine_entries = trial->magazine_entries};
    struct iova_allocator allocator;
    struct slow slow;
    struct random_stream random;
    struct live *live = memory_array(trial->live_most, sizeof(*live));
    unsigned count = 0;
    random_init(&random, seed, "iova");
    iova_allocator_init(&allocator, &parameters, 12, SLOW_CPUS);
    slow_init(&slow, trial->magazine_entries, SLOW_CPUS);
    if (trial->reserved_from) {
        iova_allocator_reserve(&allocator, trial->reserved_from * page, UINT32_MAX);
        slow_insert(&slow, trial->reserved_from, pages_32 - 1);
    }
    for (unsigned step = 0; step < trial->steps; step++) {
        struct kernel_time time = {.cpu = (uint32_t)random_below(&random, SLOW_CPUS)};
        /* Now mostly taking, now mostly giving: nearly full and nearly empty come up. */
        bool filling = step / 2000 % 2 == 0;
        bool give = random_below(&random, 10) < (filling ? 4 : 6);
        if (count == trial->live_most || (count && give)) {
            unsigned i = (unsigned)random_below(&random, count);
            iova_allocator_give(&allocator, &time, live[i].low * page, live[i].pages * page);
            slow_give(&slow, time.cpu, live[i].low, live[i].pages);
            live[i] = live[--count];
            continue;
        }
        uint64_t pages = some_pages(&random, trial->largest), last = trial->last[random_below(&random, 2)],
                 got;
        bool drain = random_below(&random, 2);
        uint64_t expected = slow_take(&slow, time.cpu, pages, last, drain);
        bool found = iova_allocator_take(&allocator, &time, pages * page, last * page + 4095, drain, &got);
        ck_assert_msg(found == (expected != 0) && (!found || got == expected * page),
                      "seed %u step %u: %u pages up to page 0x%lx: 0x%lx, expected 0x%lx", (unsigned)seed,
                      step, (unsigned)pages, (unsigned long)last, found ? (unsigned long)(got / page) : 0,
                      (unsigned long)expected);
        if (found)
            live[count++] = (struct live){expected, pages};
    }
    ck_assert(iova_tree_check(&allocator.tree));
    while (count--) {
        struct kernel_time time = {0};
        iova_allocator_give(&allocator, &time, live[count].low * page, live[count].pages * page);
    }
    iova_allocator_empty(&allocator);
    ck_assert_uint_eq(allocator.tree.ranges, trial->reserved_from ? 1 : 0);
    ck_assert_uint_eq(allocator.live_bytes, 0);
    iova_allocator_fini(&allocator);
    slow_fini(&slow);
    free(live);
}

START_TEST(addresses_are_those_of_the_slow_allocator)
{
    static const struct trial trials[] = {
        /* roomy; 32 bits and 64 bits; small magazines, so that depots fill */
        {40000, 800, 127, 512, {0xfffff, 0xfffffffff}, 0},
        {20000, 500, 4, 40, {0xfffff, 0xfffff}, 0xfee00},
        /* 16 MiB and 4 GiB less most of it: full again and again */
        {20000, 400, 8, 600, {0xfff, 0xffff}, 0x6000},
        {20000, 300, 3, 64, {0x1fff, 0x7ffff}, 0x4000},
    };
    run_trial(&trials[_i], 1 + (uint64_t)_i);
}
END_TEST

/* No two ranges handed out overlap, whoever asks. */
START_TEST(nothing_is_handed_out_twice)
{
    const struct iova_parameters parameters = {.magazine_entries = 16};
    enum { PAGES = 4096 };
    static uint8_t taken[PAGES];
    struct iova_allocator allocator;
    struct random_stream random;
    struct live live[512];
    unsigned count = 0;
    memset(taken, 0, sizeof(taken));
    random_init(&random, 7, "twice");
    iova_allocator_init(&allocator, &parameters, 12, 4);
    for (int step = 0; step < 30000; step++) {
        struct kernel_time time = {.cpu = (uint32_t)random_below(&random, 4)};
        uint64_t address, pages = some_pages(&random, 33);
        if (count == 512 || (count && random_below(&random, 2))) {
            struct live gone = live[--count];
            memset(taken + gone.low, 0, gone.pages);
            iova_allocator_give(&allocator, &time, gone.low * page, gone.pages * page);
        } else if (iova_allocator_take(&allocator, &time, pages * page, PAGES * page - 1, true, &address)) {
            live[count] = (struct live){address / page, pages};
            for (uint64_t i = 0; i < pages; i++)
                ck_assert_uint_eq(taken[live[count].low + i]++, 0);
            ck_assert_uint_ne(address, 0);
            count++;
        }
    }
    iova_allocator_fini(&allocator);
}
END_TEST

/* ---- by hand ---- */

static uint64_t take(struct iova_allocator *allocator, uint64_t pages, uint64_t limit)
{
    struct kernel_time time = {0};
    uint64_t address = 0;
    iova_allocator_take(allocator, &time, pages * page, limit, true, &address);
    return address;
}

START_TEST(addresses_come_from_the_top_and_the_last_returned_first)
{
    const struct iova_parameters parameters = {.magazine_entries = 127};
    struct iova_allocator allocator;
    struct kernel_time time = {0};
    iova_allocator_init(&allocator, &parameters, 12, 1);
    ck_assert_uint_eq(take(&allocator, 1, UINT32_MAX), 0xfffff000);
    ck_assert_uint_eq(take(&allocator, 1, UINT32_MAX), 0xffffe000);
    ck_assert_uint_eq(take(&allocator, 3, UINT32_MAX), 0xffff8000);  /* four pages, aligned to four */
    ck_assert_uint_eq(take(&allocator, 33, UINT32_MAX), 0xfffc0000); /* 33 pages, aligned to 64 */
    iova_allocator_give(&allocator, &time, 0xfffff000, page);
    iova_allocator_give(&allocator, &time, 0xffffe000, page);
    ck_assert_uint_eq(take(&allocator, 1, UINT32_MAX), 0xffffe000);
    ck_assert_uint_eq(take(&allocator, 1, UINT32_MAX), 0xfffff000);
    ck_assert_uint_eq(take(&allocator, 1, (UINT64_C(1) << 24) - 1), 0xfff000);
    iova_allocator_fini(&allocator);
}
END_TEST

/* The interrupt window is passed over; a search that found no room remembers it until something is freed. */
START_TEST(reserved_addresses_and_full_space)
{
    const struct iova_parameters parameters = {.magazine_entries = 127};
    struct iova_allocator allocator;
    struct kernel_time time = {0};
    iova_allocator_init(&allocator, &parameters, 12, 1);
    iova_allocator_reserve(&allocator, 0xfee00000, 0xfeefffff);
    iova_allocator_reserve(&allocator, 0xfec00000, 0xffffffff); /* overlaps the first: the rest of it */
    ck_assert_uint_eq(take(&allocator, 64, UINT32_MAX), 0xfebc0000);
    uint64_t visited = allocator.counters.visited;
    ck_assert_uint_eq(take(&allocator, 1 << 19, UINT32_MAX), 0); /* 2 GiB, aligned: 0 is never given out */
    ck_assert_uint_gt(allocator.counters.visited, visited);
    ck_assert_uint_eq(take(&allocator, 1 << 18, UINT32_MAX), 0x80000000);
    visited = allocator.counters.visited;
    ck_assert_uint_eq(take(&allocator, 1 << 19, UINT32_MAX), 0);
    ck_assert_uint_eq(allocator.counters.visited, visited); /* fails at once */
    iova_allocator_give(&allocator, &time, 0x80000000, (UINT64_C(1) << 18) * page);
    ck_assert_uint_eq(take(&allocator, 1 << 19, UINT32_MAX), 0);
    ck_assert_uint_gt(allocator.counters.visited, visited);
    iova_allocator_fini(&allocator);
}
END_TEST

/* 300 addresses come back to two magazines of 100: one goes to the depot, and from there to another CPU. */
START_TEST(a_depot_shares_between_cpus)
{
    const struct iova_parameters parameters = {.magazine_entries = 100, .tree_ps = 50, .lock_handoff_ps = 7};
    struct iova_allocator allocator;
    struct kernel_time first = {.cpu = 0}, second = {.cpu = 1};
    uint64_t addresses[300], address;
    iova_allocator_init(&allocator, &parameters, 12, 2);
    for (int i = 0; i < 300; i++)
        ck_assert(iova_allocator_take(&allocator, &first, page, UINT32_MAX, true, &addresses[i]));
    for (int i = 0; i < 300; i++)
        iova_allocator_give(&allocator, &first, addresses[i], page);
    ck_assert_uint_eq(allocator.caches[0].depot_count, 1);
    ck_assert_uint_eq(first.spent_ps[KERNEL_IOVA], 300 * 50);
    ck_assert_uint_eq(first.spent_ps[KERNEL_LOCK], 0);
    second.now_ps = first.now_ps;
    ck_assert(iova_allocator_take(&allocator, &second, page, UINT32_MAX, true, &address));
    ck_assert_uint_eq(address, addresses[199]); /* the second hundred was loaded when both were full */
    ck_assert_uint_eq(allocator.counters.depot_hits, 1);
    ck_assert_uint_eq(second.spent_ps[KERNEL_LOCK], 7);
    iova_allocator_fini(&allocator);
}
END_TEST

/* More magazines in the depot than CPUs: one goes back to the tree each 100 ms. Older kernels keep 32. */
START_TEST(depots_are_trimmed_or_limited)
{
    static const uint64_t interval_ps = UINT64_C(100000000000);
    for (uint32_t limit = 0; limit <= 3; limit += 3) {
        const struct iova_parameters parameters = {.magazine_entries = 10, .depot_magazines = limit};
        struct iova_allocator allocator;
        struct kernel_time time = {0};
        uint64_t addresses[100];
        iova_allocator_init(&allocator, &parameters, 12, 1);
        for (int i = 0; i < 100; i++)
            addresses[i] = take(&allocator, 1, UINT32_MAX);
        for (int i = 0; i < 100; i++)
            iova_allocator_give(&allocator, &time, addresses[i], page);
        ck_assert_uint_eq(allocator.caches[0].depot_count, limit ? 3 : 8);
        ck_assert_uint_eq(allocator.tree.ranges, limit ? 50 : 100);
        time.now_ps = 3 * interval_ps;
        iova_allocator_give(&allocator, &time, take(&allocator, 64, UINT32_MAX), 64 * page);
        ck_assert_uint_eq(allocator.caches[0].depot_count, limit ? 3 : 5);
        time.now_ps = 100 * interval_ps;
        iova_allocator_give(&allocator, &time, take(&allocator, 64, UINT32_MAX), 64 * page);
        ck_assert_uint_eq(allocator.caches[0].depot_count, limit ? 3 : 1);
        iova_allocator_fini(&allocator);
    }
}
END_TEST

Suite *iova_allocator_suite(void)
{
    Suite *suite = suite_create("iova_allocator");
    TCase *tcase = tcase_create("kernel");
    tcase_add_loop_test(tcase, addresses_are_those_of_the_slow_allocator, 0, 4);
    tcase_add_test(tcase, nothing_is_handed_out_twice);
    tcase_add_test(tcase, addresses_come_from_the_top_and_the_last_returned_first);
    tcase_add_test(tcase, reserved_addresses_and_full_space);
    tcase_add_test(tcase, a_depot_shares_between_cpus);
    tcase_add_test(tcase, depots_are_trimmed_or_limited);
    suite_add_tcase(suite, tcase);
    return suite;
}
