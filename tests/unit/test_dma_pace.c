/* SPDX-License-Identifier: MIT */
/* When a device begins its operations: pieces, the rate both kinds share, and reads that end in order. */
#include "models/pcie/link.h"
#include "tests/unit/machine_fixture.h"

#include "sim/kernel/random.h"

#include <check.h>
#include <stdlib.h>

Suite *dma_pace_suite(void);

/* ---- the pace, by hand: so long from one operation to the next where nothing else is slower ---- */

static const struct {
    enum stream_operation operation;
    uint64_t bytes, expected_ps;
} paces[] = {
    {STREAM_READ, 64, 100000},   {STREAM_READ, 65, 130000},   {STREAM_READ, 256, 190000},
    {STREAM_READ, 257, 100000},                                                             /* streamed */
    {STREAM_WRITE, 128, 200000}, {STREAM_WRITE, 129, 217000}, {STREAM_WRITE, 1024, 319000}, /* eight pieces */
};

START_TEST(operations_of_several_pieces_hold_up_the_next)
{
    enum { OPERATIONS = 500 };
    struct machine_fixture fixture;
    fixture_init(&fixture, "rp(ep)");
    struct dma_engine_parameters *engine =
        &fixture.input.parameters.engines[fixture_function(&fixture, "01:00.0")];
    engine->read_issue_interval_ps = 100000;
    engine->read_chunk_bytes = 64;
    engine->read_chunk_interval_ps = 30000;
    engine->chunked_read_bytes = 256;
    engine->write_issue_interval_ps = 200000;
    engine->write_chunk_bytes = 128;
    engine->write_chunk_interval_ps = 17000;
    fixture_stream(&fixture, "01:00.0", paces[_i].operation, 0x10000000, paces[_i].bytes, OPERATIONS, 64);
    fixture_run(&fixture);
    const struct stream_result *result = fixture_result(&fixture, 0);
    /* Time runs from the first submission: the last of N begins N - 1 intervals later, and ends as late after
     * that as the first. */
    uint64_t span_ps = result->last_ps - result->first_ps - result->latency.minimum;
    ck_assert_uint_eq(result->recorded, OPERATIONS);
    ck_assert_uint_eq(span_ps, (OPERATIONS - 1) * paces[_i].expected_ps);
    fixture_fini(&fixture);
}
END_TEST

/* 512 bytes at 10 GB/s: 51.2 ns each, whatever it is; a kind alone is no faster. */
START_TEST(reads_and_writes_share_a_rate)
{
    enum { OPERATIONS = 2000 };
    static const enum stream_operation operations[] = {STREAM_READ, STREAM_WRITE, STREAM_ALTERNATE};
    for (int i = 0; i < 3; i++) {
        struct machine_fixture fixture;
        fixture_init(&fixture, "rp(ep)");
        fixture.input.parameters.engines[fixture_function(&fixture, "01:00.0")].shared_rate_bytes_per_s =
            UINT64_C(10000000000) / (i == 2 ? 1 : 2);
        fixture_stream(&fixture, "01:00.0", operations[i], 0x10000000, 512, OPERATIONS, 64);
        fixture_run(&fixture);
        const struct stream_result *result = fixture_result(&fixture, 0);
        double each_ps = (double)(result->last_ps - result->first_ps) / OPERATIONS,
               expected_ps = i == 2 ? 51200 : 102400;
        ck_assert_msg(each_ps > 0.99 * expected_ps && each_ps < 1.02 * expected_ps, "%d: %.0f ps", i,
                      each_ps);
        fixture_fini(&fixture);
    }
}
END_TEST

/* ---- the window: against the rule said plainly, operations ending in any order ---- */

enum { READS = 400 };

struct window_bed {
    struct event_queue events;
    struct transport transport;
    struct dma_operation_pool operations;
    struct dma_engine engine;
    bool begun[READS], over[READS];
};

/* Every read whose event was posted has begun. */
static void note_begun(struct window_bed *bed)
{
    struct event event;
    while (event_queue_pop(&bed->events, &event))
        bed->begun[event.argument] = true;
}

static void expect_rule(const struct window_bed *bed, uint32_t submitted, uint32_t window)
{
    uint32_t first_open = 0;
    while (first_open < submitted && bed->over[first_open])
        first_open++;
    for (uint32_t i = 0; i < submitted; i++)
        ck_assert_msg(bed->begun[i] == (i < first_open + window), "read %u of %u, first open %u, window %u",
                      i, submitted, first_open, window);
}

START_TEST(a_window_of_reads_moves_on_in_order)
{
    struct random_stream random;
    random_init(&random, (uint64_t)_i, "window");
    const uint32_t window = 1 + (uint32_t)random_below(&random, 70);
    struct window_bed *bed = calloc(1, sizeof(*bed));
    uint32_t submitted = 0;
    event_queue_init(&bed->events, 64);
    dma_operation_pool_init(&bed->operations);
    dma_operation_pool_reserve(&bed->operations, READS);
    bed->transport.events = &bed->events;
    bed->engine = (struct dma_engine){.parameters = {.read_window = window},
                                      .transport = &bed->transport,
                                      .operations = &bed->operations,
                                      .window = {.first = NONE, .last = NONE},
                                      .bulk_first = NONE,
                                      .bulk_last = NONE};
    for (uint32_t steps = 0; steps < 6 * READS; steps++) {
        uint32_t some = (uint32_t)random_below(&random, READS);
        if (submitted < READS && random_below(&random, 3) == 0) {
            uint32_t index = dma_operation_take(&bed->operations);
            ck_assert_uint_eq(index, submitted); /* none is given back: they come in order */
            bed->operations.items[index].length_bytes = 64;
            submitted++;
            dma_engine_submit(&bed->engine, index);
        } else if (bed->begun[some] && !bed->over[some]) {
            bed->over[some] = true;
            dma_engine_operation_over(&bed->engine, &bed->operations.items[some]);
        }
        note_begun(bed);
        expect_rule(bed, submitted, window);
    }
    dma_operation_pool_fini(&bed->operations);
    event_queue_fini(&bed->events);
    free(bed);
}
END_TEST

Suite *dma_pace_suite(void)
{
    Suite *suite = suite_create("dma_pace");
    TCase *tests = tcase_create("dma_pace");
    tcase_add_loop_test(tests, operations_of_several_pieces_hold_up_the_next, 0,
                        (int)(sizeof(paces) / sizeof(paces[0])));
    tcase_add_test(tests, reads_and_writes_share_a_rate);
    tcase_add_loop_test(tests, a_window_of_reads_moves_on_in_order, 0, 8);
    suite_add_tcase(suite, tests);
    return suite;
}
