/* SPDX-License-Identifier: MIT */
/* Bounce buffers against a slow pool that is a plain array of used slots, and by hand. */
#include "models/host/swiotlb.h"
#include "sim/kernel/random.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *swiotlb_suite(void);

static const struct swiotlb_parameters parameters = {.pool_bytes = 1 << 20,
                                                     .areas = 2,
                                                     .search_ps = 100,
                                                     .slot_ps = 1,
                                                     .lock_handoff_ps = 1000,
                                                     .copy_ps = 50,
                                                     .copy_bytes_per_s = UINT64_C(1000000000),
                                                     .encrypt_bytes_per_s = UINT64_C(500000000)};

static const uint64_t base = 0x7c000000;

enum { SLOTS = 512, AREA = 256 };

/* ---- the slow pool: written from the rules alone ---- */

struct slow {
    bool used[SLOTS];
    uint32_t index[2];
};

static bool slow_fits(const struct slow *slow, uint32_t first, uint32_t count,
                      const struct swiotlb_request *request, uint64_t size, bool page_aligned)
{
    uint64_t address = base + first * UINT64_C(2048);
    if (first / 128 != (first + count - 1) / 128)
        return false;
    for (uint32_t i = first; i < first + count; i++) {
        if (slow->used[i])
            return false;
    }
    if (page_aligned && address % 4096)
        return false;
    if (address & request->alignment_mask)
        return false;
    /* Bits that the copy must share with the buffer; those below a slot are in the offset. */
    uint64_t shared = request->min_align_mask & ~(request->alignment_mask | 2047);
    if ((address & shared) != (request->physical & shared))
        return false;
    return (address | request->boundary_mask) == ((address + size - 1) | request->boundary_mask);
}

static uint32_t slow_take(struct slow *slow, uint32_t cpu, const struct swiotlb_request *request)
{
    uint64_t offset = request->physical & request->min_align_mask & (request->alignment_mask | 2047);
    uint64_t size = (request->length + offset + request->alignment_mask) & ~request->alignment_mask;
    bool page_aligned = !request->alignment_mask && !request->min_align_mask && size >= 4096;
    uint32_t count = (uint32_t)((size + 2047) / 2048);
    for (uint32_t a = 0; a < 2 && count <= 128; a++) {
        uint32_t area = (cpu + a) % 2;
        for (uint32_t i = 0; i < AREA; i++) {
            uint32_t index = (slow->index[area] + i) % AREA;
            if (index + count > AREA ||
                !slow_fits(slow, area * AREA + index, count, request, count * UINT64_C(2048), page_aligned))
                continue;
            memset(slow->used + area * AREA + index, 1, count);
            slow->index[area] = (index + count) % AREA;
            return area * AREA + index;
        }
    }
    return SWIOTLB_NOTHING;
}

START_TEST(slots_are_those_of_the_slow_pool)
{
    static const uint64_t min_align[] = {0, 0, 0, 4095, 2047, 511},
                          boundary[] = {UINT64_MAX, UINT32_MAX, 0xffff};
    struct swiotlb pool;
    struct slow slow = {0};
    struct random_stream random;
    struct {
        uint32_t slot, count;
    } live[SLOTS];
    uint32_t count = 0, full = 0;
    random_init(&random, 1, "slots");
    swiotlb_init(&pool, &parameters, base, 2);
    ck_assert_uint_eq(pool.slot_count, SLOTS);
    for (int step = 0; step < 20000; step++) {
        struct kernel_time time = {.cpu = (uint32_t)random_below(&random, 2)};
        bool filling = step / 500 % 2 == 0;
        if (count && random_below(&random, 10) < (filling ? 4 : 6)) {
            uint32_t i = (uint32_t)random_below(&random, count);
            memset(slow.used + live[i].slot, 0, live[i].count);
            swiotlb_give(&pool, &time, live[i].slot);
            live[i] = live[--count];
            continue;
        }
        struct swiotlb_request request = {
            .physical = random_below(&random, UINT64_C(1) << 33),
            .length = 1 + random_below(&random, UINT64_C(512) << random_below(&random, 9)),
            .min_align_mask = min_align[random_below(&random, 6)],
            .boundary_mask = boundary[random_below(&random, 3)]};
        if (random_below(&random, 4) == 0)
            request.alignment_mask = 4095;
        uint64_t physical;
        uint32_t expected = slow_take(&slow, time.cpu, &request),
                 got = swiotlb_take(&pool, &time, &request, &physical);
        ck_assert_msg(got == expected, "step %d: slot %u, expected %u", step, got, expected);
        full += got == SWIOTLB_NOTHING;
        if (got == SWIOTLB_NOTHING)
            continue;
        /* The copy's address has the bits of the buffer's that it must have. */
        ck_assert_uint_eq(physical & request.min_align_mask & (request.alignment_mask | 2047),
                          request.physical & request.min_align_mask & (request.alignment_mask | 2047));
        live[count].slot = got;
        live[count++].count = pool.run[got];
        ck_assert(swiotlb_check(&pool));
    }
    ck_assert_uint_gt(full, 100);
    ck_assert_uint_eq(pool.counters.failures, full);
    while (count--) {
        struct kernel_time time = {0};
        swiotlb_give(&pool, &time, live[count].slot);
    }
    ck_assert_uint_eq(pool.used, 0);
    for (uint32_t i = 0; i < SLOTS; i++)
        ck_assert_uint_eq(pool.free_run[i], 128 - i % 128);
    swiotlb_fini(&pool);
}
END_TEST

START_TEST(a_search_and_a_copy_take_their_time)
{
    struct swiotlb pool;
    struct kernel_time time = {.cpu = 0}, other = {.cpu = 2}; /* both begin with area 0 */
    const struct swiotlb_request request = {
        .physical = 0x123456000, .length = 8192, .boundary_mask = UINT32_MAX};
    uint64_t physical;
    swiotlb_init(&pool, &parameters, base, 2);
    uint32_t slot = swiotlb_take(&pool, &time, &request, &physical);
    ck_assert_uint_eq(slot, 0);
    ck_assert_uint_eq(physical, base);
    ck_assert_uint_eq(time.now_ps, 100 + 4); /* four slots marked */
    ck_assert_uint_eq(swiotlb_take(&pool, &other, &request, &physical), 4);
    ck_assert_uint_eq(other.spent_ps[KERNEL_LOCK], 104 + 1000); /* until it was free, and its way */
    struct swiotlb_copy copy = {.buffer = request.physical, .slots = base, .length = 8192};
    swiotlb_copy(&pool, &time, &copy);
    ck_assert_uint_eq(time.spent_ps[KERNEL_COPY], 50 + 8192 * 1000);
    copy.out = copy.again = copy.encrypted = true;
    swiotlb_copy(&pool, &time, &copy);
    ck_assert_uint_eq(time.spent_ps[KERNEL_COPY], 2 * 50 + 8192 * 1000 + 8192 * 2000);
    ck_assert_uint_eq(pool.counters.bytes_in, 8192);
    ck_assert_uint_eq(pool.counters.bytes_out_again, 8192);
    swiotlb_fini(&pool);
}
END_TEST

/* The lock is held while the free slots before a run count anew how many are free behind them. */
START_TEST(free_slots_before_a_run_are_written_too)
{
    struct swiotlb pool;
    struct kernel_time time = {0};
    const struct swiotlb_request request = {
        .physical = 0x123456000, .length = 2048, .boundary_mask = UINT32_MAX};
    uint64_t physical;
    swiotlb_init(&pool, &parameters, base, 2);
    for (uint32_t i = 0; i < 10; i++)
        ck_assert_uint_eq(swiotlb_take(&pool, &time, &request, &physical), i);
    for (uint32_t i = 0; i < 10; i++) { /* slot i, and the i free ones before it */
        uint64_t before_ps = time.now_ps;
        swiotlb_give(&pool, &time, i);
        ck_assert_uint_eq(time.now_ps - before_ps, 100 + 1 + i);
    }
    uint64_t before_ps = time.now_ps;
    ck_assert_uint_eq(swiotlb_take(&pool, &time, &request, &physical), 10);
    ck_assert_uint_eq(time.now_ps - before_ps, 100 + 1 + 10);
    swiotlb_fini(&pool);
}
END_TEST

/* 24 GB/s of bandwidth: one CPU reads and writes 8 + 8 of them, a second has the other 8; that leaves nothing
 * for DMA, which has its share of a third all the same. */
START_TEST(copies_share_the_memory)
{
    struct swiotlb pool;
    struct memory memory;
    const struct memory_parameters of_memory = {.bandwidth_bytes_per_s = UINT64_C(24000000000)};
    struct swiotlb_parameters fast = parameters;
    fast.copy_bytes_per_s = UINT64_C(8000000000);
    fast.copy_ps = 0;
    memory_init(&memory, &of_memory, NULL, 0);
    swiotlb_init(&pool, &fast, base, 2);
    pool.memory = &memory;
    struct swiotlb_copy copy = {.buffer = 0x123456000, .slots = base, .length = 8000};
    struct kernel_time first = {0}, second = {.cpu = 1}, later = {.now_ps = 10000000};
    ck_assert_uint_eq(memory_write(&memory, 0, 0x1000, 2400), 0);
    ck_assert_uint_eq(memory.free_at_ps, 100000); /* 2400 bytes at 24 GB/s */
    swiotlb_copy(&pool, &first, &copy);
    ck_assert_uint_eq(first.now_ps, 1000000); /* its own rate */
    swiotlb_copy(&pool, &second, &copy);
    ck_assert_uint_eq(second.now_ps, 2000000); /* 16000 bytes at 8 GB/s */
    memory_write(&memory, 200000, 0x1000, 2400);
    ck_assert_uint_eq(memory.free_at_ps - 200000, 300000); /* a third is DMA's */
    memory_write(&memory, 1500000, 0x1000, 2400);
    ck_assert_uint_eq(memory.free_at_ps - 1500000, 150000); /* the first one is over: 16 GB/s */
    swiotlb_copy(&pool, &later, &copy);
    ck_assert_uint_eq(later.now_ps, 11000000);
    ck_assert_uint_eq(memory.bytes_copied, 3 * 8000);
    swiotlb_fini(&pool);
    memory_fini(&memory);
}
END_TEST

START_TEST(limits_are_the_kernels)
{
    struct swiotlb pool;
    struct kernel_time time = {0};
    uint64_t physical;
    ck_assert_uint_eq(swiotlb_longest(0), 256 << 10);
    ck_assert_uint_eq(swiotlb_longest(511), 254 << 10);
    ck_assert_uint_eq(swiotlb_longest(4095), 252 << 10);
    ck_assert_uint_eq(swiotlb_pool_bytes(&parameters, 64), 1 << 20);
    struct swiotlb_parameters by_cpus = parameters;
    by_cpus.areas = 0;
    ck_assert_uint_eq(swiotlb_pool_bytes(&by_cpus, 5), 8 * 256 << 10); /* a segment for each of eight areas */
    swiotlb_init(&pool, &parameters, base, 2);
    struct swiotlb_request request = {.length = 256 << 10, .boundary_mask = UINT32_MAX};
    for (uint32_t i = 0; i < 4; i++)
        ck_assert_uint_eq(swiotlb_take(&pool, &time, &request, &physical), i * 128);
    ck_assert_uint_eq(pool.counters.other_area, 2);
    ck_assert_uint_eq(swiotlb_take(&pool, &time, &request, &physical), SWIOTLB_NOTHING);
    swiotlb_give(&pool, &time, 128);
    request.length += 1;
    ck_assert_uint_eq(swiotlb_take(&pool, &time, &request, &physical), SWIOTLB_NOTHING);
    swiotlb_fini(&pool);
}
END_TEST

Suite *swiotlb_suite(void)
{
    Suite *suite = suite_create("swiotlb");
    TCase *tcase = tcase_create("slots");
    tcase_add_test(tcase, slots_are_those_of_the_slow_pool);
    tcase_add_test(tcase, a_search_and_a_copy_take_their_time);
    tcase_add_test(tcase, free_slots_before_a_run_are_written_too);
    tcase_add_test(tcase, copies_share_the_memory);
    tcase_add_test(tcase, limits_are_the_kernels);
    suite_add_tcase(suite, tcase);
    return suite;
}
