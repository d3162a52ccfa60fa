/* SPDX-License-Identifier: MIT */
/* What sets a stream's rate: for each thing that may, a machine in which it does, and the rate it makes. */
#include "sim/machine/stream_limit.h"
#include "tests/unit/machine_fixture.h"

#include <check.h>
#include <inttypes.h>
#include <math.h>

Suite *stream_limit_suite(void);

enum { SIZE = 256, COUNT = 3000, DEEP = 256 };

static struct stream *begin(struct machine_fixture *fixture, enum stream_operation operation, uint32_t depth)
{
    fixture_init(fixture, "rp[link=3x8,mps=256](ep[link=3x8,mps=256,mrrs=512])");
    struct machine_parameters *p = &fixture->input.parameters;
    for (uint32_t f = 0; f < fixture->input.topology->function_count; f++) {
        p->links[f].posted_header_credits = p->links[f].posted_data_credits = 0;
        p->links[f].nonposted_header_credits = 0;
        p->engines[f].tags = 256;
    }
    struct stream *stream = fixture_stream(fixture, "01:00.0", operation, 0x10000000, SIZE, COUNT, depth);
    stream->warmup_operations = 300;
    return stream;
}

/* The limit is of that kind, at work or in use for most of the time; the rate is @p per_s, within 1 % for
 * start and end. */
static void check_limit(struct machine_fixture *fixture, enum stream_limit_kind kind, uint32_t id,
                        double per_s)
{
    fixture_run(fixture);
    struct stream_limit limit = machine_stream_limit(fixture->machine, 0);
    double rate = (double)stream_result_operations_per_s(fixture_result(fixture, 0));
    ck_assert_int_eq(limit.kind, kind);
    ck_assert_uint_eq(limit.id, id);
    ck_assert_uint_le(limit.part_ps, limit.whole_ps);
    if (kind < LIMIT_OFFERED)
        ck_assert_double_ge((double)limit.part_ps, 0.85 * (double)limit.whole_ps);
    ck_assert_msg(fabs(rate / per_s - 1) < 0.01, "limit %d: %.0f/s, by hand %.0f/s", (int)kind, rate, per_s);
    fixture_fini(fixture);
}

static double wire_per_s(uint32_t bytes)
{
    const struct link_parameters none = {0};
    const struct link_timing timing = link_timing_make(&none, 3, 8, 256);
    return 1e12 / (double)link_serialisation_ps(&timing, bytes);
}

START_TEST(a_link)
{
    struct machine_fixture fixture;
    begin(&fixture, STREAM_WRITE, DEEP);
    check_limit(&fixture, LIMIT_LINK, 1, wire_per_s(8 + 12 + SIZE)); /* channel 0 is the root complex's own */
    begin(&fixture, STREAM_READ, DEEP);
    check_limit(&fixture, LIMIT_LINK, 2, wire_per_s(8 + 12 + SIZE));
}
END_TEST

START_TEST(memory)
{
    struct machine_fixture fixture;
    begin(&fixture, STREAM_READ, DEEP);
    fixture.input.parameters.memory.bandwidth_bytes_per_s = 1000000000;
    check_limit(&fixture, LIMIT_MEMORY, NONE, 1e9 / SIZE);
}
END_TEST

START_TEST(the_pace_of_a_device)
{
    struct machine_fixture fixture;
    begin(&fixture, STREAM_WRITE, DEEP);
    uint32_t device = fixture_function(&fixture, "01:00.0");
    fixture.input.parameters.engines[device].write_issue_interval_ps = 100000;
    check_limit(&fixture, LIMIT_PACE, device, 1e7);
}
END_TEST

/* An isolated read: 30 + 20 in the device, 2 x 50 on the link, 70 + 40 in the root complex, 60 in the cache,
 * and the two TLPs. So many at a time make that rate, whatever it is that is so many. */
static double at_a_time(double number)
{
    double latency_ps = 320000 + 1e12 / wire_per_s(8 + 12) + 1e12 / wire_per_s(8 + 12 + SIZE);
    return number * 1e12 / latency_ps;
}

START_TEST(what_there_is_a_number_of)
{
    struct machine_fixture fixture;
    begin(&fixture, STREAM_READ, 3);
    check_limit(&fixture, LIMIT_DEPTH, NONE, at_a_time(3));
    begin(&fixture, STREAM_READ, DEEP);
    uint32_t device = fixture_function(&fixture, "01:00.0");
    fixture.input.parameters.engines[device].bulk_reads = 3;
    check_limit(&fixture, LIMIT_BULK_READS, device, at_a_time(3));
    begin(&fixture, STREAM_READ, DEEP);
    fixture.input.parameters.engines[device].read_window = 3;
    check_limit(&fixture, LIMIT_READ_WINDOW, device, at_a_time(3));
    begin(&fixture, STREAM_WRITE, DEEP);
    fixture.input.parameters.engines[device].shared_rate_bytes_per_s = 1000000000;
    check_limit(&fixture, LIMIT_SHARED_RATE, device, 1e9 / SIZE);
    begin(&fixture, STREAM_READ, DEEP); /* a tag is free again before issue_latency and completion_latency */
    fixture.input.parameters.engines[device].tags = 3;
    fixture.input.parameters.engines[device].issue_latency_ps = 0;
    fixture.input.parameters.engines[device].completion_latency_ps = 0;
    check_limit(&fixture, LIMIT_TAGS, device, at_a_time(3) * 1 / (1 - 50000 * at_a_time(1) / 1e12));
}
END_TEST

/* A read holds its slot from its arrival on (70 ns of the root complex are before it) until its completion is
 * on its way: 60 + 40. */
START_TEST(read_slots)
{
    struct machine_fixture fixture;
    begin(&fixture, STREAM_READ, DEEP);
    fixture.input.parameters.root_complex.reads_in_flight = 2;
    check_limit(&fixture, LIMIT_READ_SLOTS, NONE, 2 * 1e7);
}
END_TEST

/* Credits of a write are out for its time on the wire, 2 x 50 + 10, and 70 + 150 in the root complex. */
START_TEST(credits)
{
    struct machine_fixture fixture;
    begin(&fixture, STREAM_WRITE, DEEP);
    uint32_t port = fixture_function(&fixture, "00:00.0");
    fixture.input.parameters.links[port].posted_header_credits = 3;
    check_limit(&fixture, LIMIT_CREDITS, 1, 3e12 / (330000 + 1e12 / wire_per_s(8 + 12 + SIZE)));
}
END_TEST

/* Pages at random, far more than the IOTLB has: each read a walk of one table entry, 100 + 80, the tables
 * above it being in the walk caches (a lookup: 3). */
START_TEST(walkers)
{
    struct machine_fixture fixture;
    struct stream *stream = begin(&fixture, STREAM_READ, DEEP);
    stream->pattern = PATTERN_RANDOM;
    stream->alignment_bytes = 4096;
    stream->window_bytes = 16 << 20;
    fixture_translate(&fixture, "01:00.0", 0x10000000, 16 << 20, 4096);
    fixture.input.parameters.units[0].iotlb_entries = 1;
    fixture.input.parameters.units[0].walkers = 2;
    check_limit(&fixture, LIMIT_WALKERS, 0, 2e12 / 183000);
    stream = begin(&fixture, STREAM_WRITE, DEEP);
    stream->pattern = PATTERN_RANDOM;
    stream->alignment_bytes = 4096;
    stream->window_bytes = 16 << 20;
    fixture_translate(&fixture, "01:00.0", 0x10000000, 16 << 20, 4096);
    fixture.input.parameters.units[0].iotlb_entries = 1;
    fixture.input.parameters.units[0].posted_walks = 1;
    check_limit(&fixture, LIMIT_POSTED_WALKS, 0, 1e12 / 190000); /* held back, then looked up again: 2 + 5 */
}
END_TEST

START_TEST(an_open_loop_that_gets_it)
{
    struct machine_fixture fixture;
    begin(&fixture, STREAM_READ, 1)->interval_ps = 1000000;
    check_limit(&fixture, LIMIT_OFFERED, NONE, 1e6);
}
END_TEST

/* Operations come faster than they begin, and begin faster than the link takes their data: they pile up in
 * front of it, where it is found while they come and when nothing comes any more. */
START_TEST(an_open_loop_that_gets_less)
{
    struct machine_fixture fixture;
    struct stream *stream = begin(&fixture, STREAM_READ, 1);
    stream->interval_ps = 10000;
    fixture.input.parameters.engines[fixture_function(&fixture, "01:00.0")].read_issue_interval_ps = 20000;
    check_limit(&fixture, LIMIT_LINK, 2, wire_per_s(8 + 12 + SIZE));
    stream = begin(&fixture, STREAM_READ, 1);
    stream->interval_ps = 10000;
    stream->operations = 0;
    fixture.workload.duration_ps = 30000000;
    fixture.input.parameters.engines[fixture_function(&fixture, "01:00.0")].read_issue_interval_ps = 20000;
    check_limit(&fixture, LIMIT_LINK, 2, wire_per_s(8 + 12 + SIZE));
    begin(&fixture, STREAM_READ, 1)->interval_ps = 1; /* all come before the first one is back */
    check_limit(&fixture, LIMIT_LINK, 2, wire_per_s(8 + 12 + SIZE));
}
END_TEST

/* One device goes all over its pages, and the unit's only walker is never free; the other stays in one page,
 * which the IOTLB has. */
START_TEST(walkers_that_others_need)
{
    struct machine_fixture fixture;
    fixture_init(&fixture, "rp[link=3x8](ep[link=3x8]) rp[link=3x8](ep[link=3x8])");
    fixture.input.parameters.units[0].walkers = 1;
    fixture.input.parameters.units[0].iotlb_entries = 64;
    fixture.input.parameters.engines[fixture_function(&fixture, "02:00.0")].tags = 3;
    struct stream *stream = fixture_stream(&fixture, "01:00.0", STREAM_READ, 0x10000000, SIZE, 9000, DEEP);
    stream->pattern = PATTERN_RANDOM;
    stream->alignment_bytes = 4096;
    stream->window_bytes = 16 << 20;
    fixture_stream(&fixture, "02:00.0", STREAM_READ, 0x10000000, SIZE, COUNT, DEEP)->window_bytes = 4096;
    fixture_translate(&fixture, "01:00.0", 0x10000000, 16 << 20, 4096);
    fixture_translate(&fixture, "02:00.0", 0x10000000, 4096, 4096);
    fixture_run(&fixture);
    ck_assert_int_eq(machine_stream_limit(fixture.machine, 0).kind, LIMIT_WALKERS);
    ck_assert_int_eq(machine_stream_limit(fixture.machine, 1).kind, LIMIT_TAGS);
    fixture_fini(&fixture);
}
END_TEST

/* ---- the law: nothing is at work, or used up, for longer than the time it is measured in ---- */

static void draw_stream(struct machine_fixture *fixture, struct random_stream *random, const char *device)
{
    static const enum stream_operation operations[] = {STREAM_READ, STREAM_WRITE, STREAM_ALTERNATE};
    struct stream *stream = fixture_stream(fixture, device, operations[random_below(random, 3)], 0x10000000,
                                           64 << random_below(random, 7), 50 + random_below(random, 500), 1);
    stream->queue_depth = 1 + (uint32_t)random_below(random, 100);
    stream->warmup_operations = random_below(random, 2) * random_below(random, 300);
    stream->window_bytes = 1 << 20;
    if (random_below(random, 2))
        stream->interval_ps = 1 + random_below(random, 2) * random_below(random, 200000);
    struct dma_engine_parameters *p = &fixture->input.parameters.engines[fixture_function(fixture, device)];
    p->tags = 1 + (uint32_t)random_below(random, 64);
    p->read_issue_interval_ps = random_below(random, 200000);
    p->write_issue_interval_ps = random_below(random, 200000);
    p->shared_rate_bytes_per_s = random_below(random, 2) * (1 + random_below(random, 20)) * 1000000000;
    p->read_window = (uint32_t)(random_below(random, 2) * (1 + random_below(random, 30)));
}

START_TEST(never_more_than_all_of_the_time)
{
    for (uint64_t seed = 0; seed < 150; seed++) {
        struct machine_fixture fixture;
        struct random_stream random;
        random_init(&random, seed, "stream limit");
        fixture_init(&fixture, "rp[link=3x4](up[link=3x4](dp(ep) dp(ep)))");
        struct machine_parameters *p = &fixture.input.parameters;
        draw_stream(&fixture, &random, "03:00.0");
        draw_stream(&fixture, &random, "04:00.0");
        p->memory.bandwidth_bytes_per_s = (1 + random_below(&random, 30)) * 1000000000;
        p->units[0].lookup_interval_ps = random_below(&random, 2) * random_below(&random, 200000);
        p->units[0].walkers = 1 + (uint32_t)random_below(&random, 3);
        p->units[0].iotlb_entries = 1;
        fixture_translate(&fixture, "03:00.0", 0x10000000, 1 << 20, 4096);
        fixture_translate(&fixture, "04:00.0", 0x10000000, 1 << 20, 4096);
        fixture_run(&fixture);
        for (uint32_t i = 0; i < 2; i++) {
            struct stream_limit limit = machine_stream_limit(fixture.machine, i);
            ck_assert_msg(limit.part_ps <= limit.whole_ps,
                          "seed %" PRIu64 ", stream %" PRIu32 ": limit %d for %" PRIu64 " of %" PRIu64 " ps",
                          seed, i, (int)limit.kind, limit.part_ps, limit.whole_ps);
        }
        fixture_fini(&fixture);
    }
}
END_TEST

Suite *stream_limit_suite(void)
{
    Suite *suite = suite_create("stream_limit");
    TCase *tests = tcase_create("stream_limit");
    tcase_add_test(tests, a_link);
    tcase_add_test(tests, memory);
    tcase_add_test(tests, the_pace_of_a_device);
    tcase_add_test(tests, what_there_is_a_number_of);
    tcase_add_test(tests, read_slots);
    tcase_add_test(tests, credits);
    tcase_add_test(tests, walkers);
    tcase_add_test(tests, an_open_loop_that_gets_it);
    tcase_add_test(tests, an_open_loop_that_gets_less);
    tcase_add_test(tests, walkers_that_others_need);
    tcase_add_test(tests, never_more_than_all_of_the_time);
    suite_add_tcase(suite, tests);
    return suite;
}
