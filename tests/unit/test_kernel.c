/* SPDX-License-Identifier: MIT */
#include "sim/kernel/event_queue.h"
#include "sim/kernel/histogram.h"
#include "sim/kernel/random.h"

#include <check.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

Suite *kernel_suite(void);

static int compare_events(const void *a, const void *b)
{
    const struct event *x = a, *y = b;
    if (x->time_ps != y->time_ps)
        return x->time_ps < y->time_ps ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

START_TEST(events_of_one_instant_come_by_priority_then_sequence)
{
    struct event_queue queue;
    struct event event;
    event_queue_init(&queue, 8);
    event_queue_push(&queue, 5, PRIORITY_LAST, 1, 0, 0);
    event_queue_push(&queue, 5, PRIORITY_NORMAL, 2, 0, 0);
    event_queue_push(&queue, 5, PRIORITY_RELEASE, 3, 0, 0);
    event_queue_push(&queue, 5, PRIORITY_NORMAL, 4, 0, 0);
    event_queue_push(&queue, 4, PRIORITY_LAST, 5, 0, 0);
    static const uint32_t expected[] = {5, 3, 2, 4, 1};
    for (size_t i = 0; i < 5; i++) {
        ck_assert(event_queue_pop(&queue, &event));
        ck_assert_uint_eq(event_kind(&event), expected[i]);
    }
    ck_assert(!event_queue_pop(&queue, &event));
    event_queue_fini(&queue);
}
END_TEST

/* Same order out as a sort of everything pushed, over sizes and time distributions that use heap, wheel and
 * far heap. */
START_TEST(events_come_out_sorted_whatever_the_tier)
{
    static const struct {
        size_t pending;
        uint64_t mean_ps;
        int outliers;
    } cases[] = {{10, 1000, 0},     {600, 1000, 0}, {5000, 3, 0},
                 {5000, 100000, 1}, {3000, 0, 0},   {20000, 50000, 1}};
    for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
        struct random_stream random;
        struct event_queue queue;
        random_init(&random, c, "events");
        event_queue_init(&queue, cases[c].pending);
        size_t total = cases[c].pending * 5, out_count = 0;
        struct event *pushed = calloc(total, sizeof(*pushed)), *out = calloc(total, sizeof(*out)), event;
        for (size_t i = 0; i < total; i++) {
            uint64_t delay = cases[c].mean_ps ? random_exponential(&random, cases[c].mean_ps) : 0;
            if (cases[c].outliers && random_below(&random, 50) == 0)
                delay *= 10000;
            pushed[i] = (struct event){queue.now_ps + delay, UINT64_C(128) << 56 | i, 0, (uint32_t)i};
            event_queue_push(&queue, pushed[i].time_ps, PRIORITY_NORMAL, 0, 0, pushed[i].argument);
            if (event_queue_count(&queue) == cases[c].pending && event_queue_pop(&queue, &event))
                out[out_count++] = event;
            if (i % 997 == 0)
                ck_assert(event_queue_check(&queue));
        }
        while (event_queue_pop(&queue, &event))
            out[out_count++] = event;
        ck_assert_uint_eq(out_count, total);
        qsort(pushed, total, sizeof(*pushed), compare_events);
        for (size_t i = 0; i < total; i++)
            ck_assert_msg(out[i].argument == pushed[i].argument, "case %zu: event %zu differs", c, i);
        free(pushed);
        free(out);
        event_queue_fini(&queue);
    }
}
END_TEST

START_TEST(random_streams_are_named_and_repeatable)
{
    struct random_stream a, b, c;
    random_init(&a, 1, "iotlb");
    random_init(&b, 1, "iotlb");
    random_init(&c, 1, "walker");
    int differs = 0;
    for (int i = 0; i < 100; i++) {
        uint64_t x = random_next(&a);
        ck_assert_uint_eq(x, random_next(&b));
        differs += x != random_next(&c);
    }
    ck_assert_int_gt(differs, 95);
    unsigned counts[10] = {0};
    for (int i = 0; i < 100000; i++)
        counts[random_below(&a, 10)]++;
    for (int i = 0; i < 10; i++) /* six standard deviations of a fair draw */
        ck_assert_msg(counts[i] > 9430 && counts[i] < 10570, "digit %d came %u times", i, counts[i]);
}
END_TEST

static int compare_values(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

START_TEST(histogram_percentiles_are_within_a_thousandth)
{
    enum { VALUES = 100000 };
    static struct histogram histogram, half[2];
    static uint64_t values[VALUES];
    static const uint64_t means[] = {3, 700, 560000, 90000000000};
    static const uint32_t shares[] = {0, 1, 10000, 500000, 900000, 990000, 999900, 1000000};
    for (size_t m = 0; m < 4; m++) {
        struct random_stream random;
        random_init(&random, m, "values");
        memset(&histogram, 0, sizeof(histogram));
        memset(half, 0, sizeof(half));
        __uint128_t total = 0;
        for (int i = 0; i < VALUES; i++) {
            values[i] = random_exponential(&random, means[m]);
            total += values[i];
            histogram_record(&histogram, values[i]);
            histogram_record(&half[i & 1], values[i]);
        }
        histogram_merge(&half[0], &half[1]);
        qsort(values, VALUES, sizeof(values[0]), compare_values);
        ck_assert(histogram.total == total && half[0].total == total);
        ck_assert_uint_eq(histogram.minimum, values[0]);
        ck_assert_uint_eq(histogram.maximum, values[VALUES - 1]);
        for (size_t s = 0; s < sizeof(shares) / sizeof(shares[0]); s++) {
            uint64_t rank = ((uint64_t)VALUES * shares[s] + 999999) / 1000000;
            double exact = (double)values[rank ? rank - 1 : 0];
            double got = (double)histogram_percentile(&histogram, shares[s]);
            ck_assert_uint_eq(histogram_percentile(&histogram, shares[s]),
                              histogram_percentile(&half[0], shares[s]));
            ck_assert_msg(got >= exact * 0.999 && got <= exact * 1.001,
                          "mean %" PRIu64 " share %u: %f for %f", means[m], shares[s], got, exact);
        }
    }
}
END_TEST

START_TEST(histogram_buckets_cover_every_value)
{
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        uint64_t high = histogram_bucket_high(i);
        ck_assert_uint_eq(histogram_bucket(high), i);
        if (i + 1 < HISTOGRAM_BUCKETS)
            ck_assert_uint_eq(histogram_bucket(high + 1), i + 1);
    }
    ck_assert_uint_eq(histogram_bucket_high(HISTOGRAM_BUCKETS - 1), UINT64_MAX);
}
END_TEST

Suite *kernel_suite(void)
{
    Suite *suite = suite_create("kernel");
    TCase *tests = tcase_create("kernel");
    tcase_add_test(tests, events_of_one_instant_come_by_priority_then_sequence);
    tcase_add_test(tests, events_come_out_sorted_whatever_the_tier);
    tcase_add_test(tests, random_streams_are_named_and_repeatable);
    tcase_add_test(tests, histogram_percentiles_are_within_a_thousandth);
    tcase_add_test(tests, histogram_buckets_cover_every_value);
    suite_add_tcase(suite, tests);
    return suite;
}
