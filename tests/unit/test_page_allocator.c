/* SPDX-License-Identifier: MIT */
/* Physical memory: nothing is given out twice, holes and zones hold, buddies find each other again. */
#include "models/host/page_allocator.h"
#include "sim/kernel/random.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *page_allocator_suite(void);

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

/* Two nodes with a hole each; node 0 has all three zones. */
static const struct free_memory memory[] = {
    {1 * MIB, 20 * MIB - 1, 0},
    {1 * GIB, 1 * GIB + 9 * MIB - 4097, 0},
    {5 * GIB, 5 * GIB + 16 * MIB - 1, 0},
    {5 * GIB + 18 * MIB, 5 * GIB + 30 * MIB - 1, 1}, /* no multiple of 4 MiB: buddies end at the node */
};
enum { RANGES = 4 };

static uint64_t total_pages(void)
{
    uint64_t pages = 0;
    for (int i = 0; i < RANGES; i++)
        pages += (memory[i].limit + 1 - memory[i].base) / 4096;
    return pages;
}

static bool inside(uint64_t address, uint64_t length)
{
    for (int i = 0; i < RANGES; i++) {
        if (address >= memory[i].base && address + length - 1 <= memory[i].limit)
            return true;
    }
    return false;
}

/* Have it come to all of its memory, and give everything back. */
static void look_at_all(struct page_allocator *allocator)
{
    uint64_t *taken = calloc(total_pages(), sizeof(*taken));
    size_t count = 0;
    while (page_allocator_take(allocator, 0, 0, ZONE_NORMAL, &taken[count]))
        count++;
    while (count)
        page_allocator_give(allocator, taken[--count], 0);
    free(taken);
}

/* Blocks of each order in each zone. */
static void shape(const struct page_allocator *allocator, uint32_t counts[6][PAGE_ORDERS])
{
    memset(counts, 0, 6 * sizeof(counts[0]));
    for (uint32_t z = 0; z < allocator->zone_count; z++) {
        for (int order = 0; order < PAGE_ORDERS; order++) {
            for (uint32_t i = allocator->zones[z].free[order]; i != UINT32_MAX; i = allocator->blocks[i].next)
                counts[z][order]++;
        }
    }
}

START_TEST(random_takes_and_gives_leave_no_trace)
{
    for (uint64_t seed = 1; seed <= 8; seed++) {
        enum { LIVE = 300 };
        struct {
            uint64_t at, length;
        } live[LIVE];
        struct page_allocator allocator;
        struct random_stream random;
        uint32_t before[6][PAGE_ORDERS], after[6][PAGE_ORDERS], count = 0;
        random_init(&random, seed, "pages");
        page_allocator_init(&allocator, memory, RANGES, seed % 2 ? 0 : 500, seed);
        look_at_all(&allocator);
        shape(&allocator, before);
        uint64_t free_pages = page_allocator_free_pages(&allocator);
        ck_assert(seed % 2 == 0 || free_pages == total_pages());
        for (int step = 0; step < 3000; step++) {
            if (count == LIVE || (count && random_below(&random, 2))) {
                uint32_t i = (uint32_t)random_below(&random, count);
                page_allocator_give_exact(&allocator, live[i].at, live[i].length);
                live[i] = live[--count];
                continue;
            }
            uint64_t length = 1 + random_below(&random, UINT64_C(4096) << random_below(&random, 9)), at;
            enum memory_zone zone = (enum memory_zone)random_below(&random, MEMORY_ZONES);
            if (!page_allocator_take_exact(&allocator, length, (uint32_t)random_below(&random, 2), zone, &at))
                continue;
            ck_assert(inside(at, length) && at % 4096 == 0 && memory_zone_of(at) <= zone);
            for (uint32_t i = 0; i < count; i++)
                ck_assert(at >= live[i].at + live[i].length || at + length <= live[i].at);
            live[count].at = at;
            live[count++].length = (length + 4095) & ~UINT64_C(4095);
        }
        while (count--)
            page_allocator_give_exact(&allocator, live[count].at, live[count].length);
        shape(&allocator, after);
        ck_assert_uint_eq(page_allocator_free_pages(&allocator), free_pages);
        ck_assert_mem_eq(before, after, sizeof(before));
        page_allocator_fini(&allocator);
    }
}
END_TEST

/* The highest zone of the own node first, then lower ones, then the other node. */
START_TEST(zones_and_nodes_come_in_order)
{
    struct page_allocator allocator;
    uint64_t at;
    page_allocator_init(&allocator, memory, RANGES, 0, 1);
    ck_assert(page_allocator_take(&allocator, 0, 0, ZONE_NORMAL, &at));
    ck_assert_uint_eq(at, 5 * GIB);
    ck_assert(page_allocator_take(&allocator, 0, 0, ZONE_NORMAL, &at));
    ck_assert_uint_eq(at, 5 * GIB + 4096); /* side by side, just after boot */
    ck_assert(page_allocator_take(&allocator, 0, 1, ZONE_NORMAL, &at));
    ck_assert_uint_ge(at, 5 * GIB + 18 * MIB);
    ck_assert(page_allocator_take(&allocator, 0, 1, ZONE_DMA32, &at)); /* node 1 has none */
    ck_assert(at >= 16 * MIB && at < 4 * GIB);
    ck_assert(page_allocator_take(&allocator, 0, 0, ZONE_DMA, &at));
    ck_assert_uint_lt(at, 16 * MIB);
    while (page_allocator_take(&allocator, 10, 0, ZONE_NORMAL, &at))
        ;
    ck_assert(!page_allocator_take(&allocator, 10, 1, ZONE_NORMAL, &at));
    ck_assert(!page_allocator_take(&allocator, PAGE_ORDERS, 0, ZONE_NORMAL, &at));
    page_allocator_fini(&allocator);
}
END_TEST

/* Half of the pages are somebody else's: about half are left. Of nine tenths, few in a row are
 * neighbours. */
START_TEST(fragmented_memory_is_scattered)
{
    static const struct free_memory one = {4 * GIB, 4 * GIB + 64 * MIB - 1, 0};
    struct page_allocator allocator;
    uint64_t at, before = 0;
    unsigned neighbours = 0;
    page_allocator_init(&allocator, &one, 1, 500, 3);
    while (page_allocator_take(&allocator, 0, 0, ZONE_NORMAL, &at))
        ;
    ck_assert_uint_gt(allocator.taken_pages, 16384 * 45 / 100);
    ck_assert_uint_lt(allocator.taken_pages, 16384 * 55 / 100);
    page_allocator_fini(&allocator);
    page_allocator_init(&allocator, &one, 1, 900, 3);
    for (int i = 0; i < 1000; i++) {
        ck_assert(page_allocator_take(&allocator, 0, 0, ZONE_NORMAL, &at));
        neighbours += at == before + 4096;
        before = at;
    }
    ck_assert_uint_lt(neighbours, 100);
    page_allocator_fini(&allocator);
}
END_TEST

/* Runs of neighbours, no longer than sixteen blocks, that @p count blocks taken one after the other make. */
static unsigned joined(uint32_t fragmentation, unsigned order, unsigned count)
{
    static const struct free_memory large = {4 * GIB, 68 * GIB - 1, 0};
    struct page_allocator allocator;
    uint64_t at, before = 0, block = UINT64_C(4096) << order;
    unsigned runs = 0, length = 0;
    page_allocator_init(&allocator, &large, 1, fragmentation, 7);
    for (unsigned i = 0; i < count; i++) {
        ck_assert(page_allocator_take(&allocator, order, 0, ZONE_NORMAL, &at));
        length = at == before + block && length < 16 ? length + 1 : 1;
        runs += length == 1;
        before = at;
    }
    page_allocator_fini(&allocator);
    return runs;
}

/* The more pages others hold, the less is joined, whatever is asked for and however much. One part in 64 is
 * what the draws may do. */
START_TEST(more_fragmentation_never_joins_more)
{
    static const uint32_t shares[] = {0, 100, 300, 500, 800, 900, 950, 990};
    for (unsigned order = 0; order <= 6; order += 2) {
        unsigned count = 16384U >> order, before = 0;
        for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
            unsigned runs = joined(shares[i], order, count);
            ck_assert_msg(runs + count / 64 >= before, "order %u, %u thousandths: %u runs after %u", order,
                          shares[i], runs, before);
            before = runs;
        }
        ck_assert_uint_gt(before, count * 9 / 10);
        ck_assert_uint_le(joined(0, order, count), count / 16 + 1);
    }
}
END_TEST

/* A machine of many TiB has all of its memory, and costs no more before it is used. */
START_TEST(all_of_a_large_machine_is_there)
{
    static const struct free_memory large[] = {{1 * MIB, 2 * GIB - 1, 0}, {4 * GIB, 8192 * GIB - 1, 0}};
    struct page_allocator allocator;
    uint64_t at, last = 0;
    page_allocator_init(&allocator, large, 2, 0, 1);
    ck_assert_uint_eq(page_allocator_free_pages(&allocator), (8190 * GIB - 1 * MIB) / 4096);
    ck_assert_uint_lt(allocator.block_count, 64);
    for (int i = 0; i < 65536; i++) {
        ck_assert(page_allocator_take(&allocator, 10, 0, ZONE_NORMAL, &at));
        last = at > last ? at : last;
    }
    ck_assert_uint_eq(last, 4 * GIB + UINT64_C(65535) * 4 * MIB);
    page_allocator_fini(&allocator);
}
END_TEST

/* Runs that are given back can be had again, however often. */
START_TEST(runs_come_back)
{
    static const struct free_memory one = {4 * GIB, 4 * GIB + 64 * MIB - 1, 0};
    for (uint32_t fragmentation = 0; fragmentation <= 900; fragmentation += 450) {
        struct page_allocator allocator;
        uint64_t at;
        page_allocator_init(&allocator, &one, 1, fragmentation, 1);
        for (int i = 0; i < 100; i++) {
            ck_assert(page_allocator_take_run(&allocator, 24 * MIB, 0, ZONE_NORMAL, &at));
            page_allocator_give_exact(&allocator, at, 24 * MIB);
        }
        page_allocator_fini(&allocator);
    }
}
END_TEST

START_TEST(long_runs_are_neighbouring_blocks)
{
    static const struct free_memory ranges[] = {{4 * GIB, 4 * GIB + 12 * MIB - 1, 0},
                                                {8 * GIB, 8 * GIB + 64 * MIB - 1, 0}};
    struct page_allocator allocator;
    uint64_t at, all;
    page_allocator_init(&allocator, ranges, 2, 0, 1);
    all = page_allocator_free_pages(&allocator);
    ck_assert(page_allocator_take_run(&allocator, 33 * MIB, 0, ZONE_NORMAL, &at));
    ck_assert_uint_eq(at, 8 * GIB);
    ck_assert_uint_eq(page_allocator_free_pages(&allocator), all - 33 * MIB / 4096);
    ck_assert(!page_allocator_take_run(&allocator, 40 * MIB, 0, ZONE_NORMAL, &at));
    ck_assert_uint_eq(page_allocator_free_pages(&allocator), all - 33 * MIB / 4096);
    page_allocator_give_exact(&allocator, 8 * GIB, 33 * MIB);
    ck_assert_uint_eq(page_allocator_free_pages(&allocator), all);
    page_allocator_fini(&allocator);
}
END_TEST

Suite *page_allocator_suite(void)
{
    Suite *suite = suite_create("page_allocator");
    TCase *tcase = tcase_create("memory");
    tcase_add_test(tcase, random_takes_and_gives_leave_no_trace);
    tcase_add_test(tcase, zones_and_nodes_come_in_order);
    tcase_add_test(tcase, fragmented_memory_is_scattered);
    tcase_add_test(tcase, more_fragmentation_never_joins_more);
    tcase_add_test(tcase, all_of_a_large_machine_is_there);
    tcase_add_test(tcase, runs_come_back);
    tcase_add_test(tcase, long_runs_are_neighbouring_blocks);
    suite_add_tcase(suite, tcase);
    return suite;
}
