/* SPDX-License-Identifier: MIT */
/* What a stream's rate is taken from: by hand, and never more than the links on its way can carry. */
#include "models/pcie/tlp.h"
#include "sim/kernel/random.h"
#include "tests/unit/machine_fixture.h"

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

Suite *rates_suite(void);

static const uint64_t second_ps = UINT64_C(1000000000000);

/* One at a time: an operation a latency, whatever the warm-up. */
START_TEST(one_at_a_time_is_an_operation_a_latency)
{
    for (uint64_t warmup = 0; warmup < 30; warmup += 10) {
        struct machine_fixture fixture;
        fixture_init(&fixture, "rp(ep)");
        fixture_stream(&fixture, "01:00.0", STREAM_READ, 0x10000000, 64, 40, 1)->warmup_operations = warmup;
        fixture_run(&fixture);
        const struct stream_result *got = fixture_result(&fixture, 0);
        struct stream_rate rate = stream_result_rate(got);
        ck_assert_uint_eq(rate.bytes, 40 * 64);
        ck_assert_uint_eq(rate.elapsed_ps, 40 * got->latency.maximum);
        ck_assert_uint_eq(stream_result_operations_per_s(got),
                          (second_ps + got->latency.maximum / 2) / got->latency.maximum);
        fixture_fini(&fixture);
    }
}
END_TEST

/* An open loop that is not overloaded has the rate it asks for, to the byte. */
START_TEST(an_open_loop_has_its_own_rate)
{
    struct machine_fixture fixture;
    fixture_init(&fixture, "rp(ep)");
    struct stream *stream = fixture_stream(&fixture, "01:00.0", STREAM_WRITE, 0x10000000, 256, 300, 1);
    stream->interval_ps = 500000;
    stream->warmup_operations = 20;
    fixture_run(&fixture);
    ck_assert_uint_eq(stream_result_operations_per_s(fixture_result(&fixture, 0)), 2000000);
    fixture_fini(&fixture);
}
END_TEST

/* The queue holds all there is: no part of the run is steady, all of it is taken. */
START_TEST(a_queue_as_deep_as_the_run_is_measured_to_its_end)
{
    struct machine_fixture fixture;
    fixture_init(&fixture, "rp(ep)");
    fixture_stream(&fixture, "01:00.0", STREAM_READ, 0x10000000, 4096, 40, 64)->warmup_operations = 20;
    fixture_run(&fixture);
    struct stream_rate rate = stream_result_rate(fixture_result(&fixture, 0));
    ck_assert_uint_eq(rate.begin_ps, 0);
    ck_assert_uint_eq(rate.bytes, 60 * 4096);
    ck_assert_uint_eq(rate.elapsed_ps, fixture_result(&fixture, 0)->last_ps);
    fixture_fini(&fixture);
}
END_TEST

/* ---- random machines ---- */

struct path {
    char text[160];
    const char *device;         /* the first of those below the switch, or below the root port */
    unsigned generation, width; /* of its slowest link */
    unsigned payload;
};

/* Payload a second of a link whose TLPs carry @p payload behind the shortest header. */
static double link_rate(unsigned generation, unsigned width, unsigned max_payload, unsigned payload)
{
    const struct link_parameters none = {0};
    struct link_timing timing = link_timing_make(&none, generation, width, max_payload);
    return (double)payload * 1e12 * (double)timing.ps_denominator /
           (((double)payload + 12 + TLP_FRAMING_BYTES + timing.extra_bytes) * (double)timing.ps_numerator);
}

/* A device below a switch, with links of all kinds; two of them where they share the way up. */
static struct path random_path(struct random_stream *random)
{
    static const unsigned widths[] = {1, 2, 4, 8, 16};
    struct path path = {.device = "03:00.0", .payload = 128U << random_below(random, 3)};
    unsigned generations[2], lanes[2];
    for (int i = 0; i < 2; i++) {
        generations[i] = 1 + (unsigned)random_below(random, 6);
        lanes[i] = widths[random_below(random, 5)];
    }
    snprintf(path.text, sizeof(path.text),
             "rp[link=%ux%u,mps=%u](up[link=%ux%u,mps=%u](dp*2[link=%ux%u,mps=%u](ep[mps=%u,mrrs=%u])))",
             generations[0], lanes[0], path.payload, generations[0], lanes[0], path.payload, generations[1],
             lanes[1], path.payload, path.payload, 128U << random_below(random, 4));
    bool up = link_rate(generations[0], lanes[0], path.payload, path.payload) <
              link_rate(generations[1], lanes[1], path.payload, path.payload);
    path.generation = generations[up ? 0 : 1];
    path.width = lanes[up ? 0 : 1];
    return path;
}

static struct stream *random_stream(struct machine_fixture *fixture, struct random_stream *random,
                                    const char *device)
{
    static const uint64_t sizes[] = {64, 256, 1000, 4096, 65536};
    static const enum stream_operation operations[] = {STREAM_READ, STREAM_WRITE, STREAM_ALTERNATE};
    struct stream *stream =
        fixture_stream(fixture, device, operations[random_below(random, 3)], 0x10000000, 64, 1, 1);
    stream->size_bytes = sizes[random_below(random, 5)];
    stream->window_bytes = 1 << 20;
    stream->pattern = random_below(random, 2) ? PATTERN_RANDOM : PATTERN_SEQUENTIAL;
    stream->alignment_bytes = 64;
    stream->operations = 1 + random_below(random, stream->size_bytes > 4096 ? 40 : 600);
    stream->warmup_operations = random_below(random, 4) ? random_below(random, stream->operations + 1) : 0;
    stream->queue_depth = (uint32_t)(1 + random_below(random, 300));
    return stream;
}

/* Payload a second that the slowest link lets through. */
static double most(const struct path *path, const struct stream *stream)
{
    unsigned payload = stream->size_bytes < path->payload ? (unsigned)stream->size_bytes : path->payload;
    return link_rate(path->generation, path->width, path->payload, payload) *
           (stream->operation == STREAM_ALTERNATE ? 2 : 1);
}

/* However deep the queue and short the run. What there may be beyond: one TLP begun before the window, and
 * with an IOMMU the writes that waited behind a walk at the root port, as many as there are posted credits.
 */
START_TEST(no_rate_is_above_the_links)
{
    for (uint64_t seed = 1; seed <= 150; seed++) {
        struct random_stream random;
        struct machine_fixture fixture;
        random_init(&random, seed, "rates");
        struct path path = random_path(&random);
        fixture_init(&fixture, path.text);
        const struct stream *stream = random_stream(&fixture, &random, path.device);
        bool translated = random_below(&random, 2);
        if (translated)
            fixture_translate(&fixture, path.device, 0x10000000, 1 << 20, 4096);
        fixture_run(&fixture);
        struct stream_rate rate = stream_result_rate(fixture_result(&fixture, 0));
        uint64_t credits = fixture.input.parameters.links[0].posted_data_credits * UINT64_C(16);
        double spare = path.payload + (translated && stream->operation != STREAM_READ ? (double)credits : 0);
        ck_assert_uint_gt(rate.elapsed_ps, 0);
        double carried = most(&path, stream) * (double)rate.elapsed_ps / 1e12;
        ck_assert_msg((double)rate.bytes <= carried + spare,
                      "seed %" PRIu64 ", %s, %s of %" PRIu64 " B, %" PRIu64 " + %" PRIu64
                      ", %u deep: %" PRIu64 " bytes where %.0f go",
                      seed, path.text, stream_operation_names[stream->operation], stream->size_bytes,
                      stream->warmup_operations, stream->operations, stream->queue_depth, rate.bytes,
                      carried);
        fixture_fini(&fixture);
    }
}
END_TEST

/* Streams that begin and end at different times: each for itself has the link when the others have ended, all
 * together have it once. */
START_TEST(all_together_are_not_above_their_link)
{
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct random_stream random;
        struct machine_fixture fixture;
        random_init(&random, seed, "all");
        struct path path = random_path(&random);
        fixture_init(&fixture, path.text);
        for (int i = 0; i < 4; i++)
            random_stream(&fixture, &random, i % 2 ? "04:00.0" : "03:00.0");
        fixture_run(&fixture);
        const struct transport *transport = machine_transport(fixture.machine);
        const struct channel *up = transport->channels;
        while (up->to_node != transport->root_node || !up->generation)
            up++;
        struct stream_rate all = machine_rate_of_all(fixture.machine);
        double carried = 2 * link_rate(up->generation, up->width, path.payload, path.payload) *
                         (double)all.elapsed_ps / 1e12;
        ck_assert_msg((double)all.bytes <= carried + 2 * path.payload,
                      "seed %" PRIu64 ", %s: %" PRIu64 " bytes where %.0f go", seed, path.text, all.bytes,
                      carried);
        fixture_fini(&fixture);
    }
}
END_TEST

/* Streams measured over the same time: together no more than the link they share. */
START_TEST(streams_together_are_not_above_their_link)
{
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct random_stream random;
        struct machine_fixture fixture;
        double sum[2] = {0}, largest = 0;
        random_init(&random, seed, "together");
        struct path path = random_path(&random);
        fixture_init(&fixture, path.text);
        fixture.workload.duration_ps = 5000000 + random_below(&random, 20000000);
        for (int i = 0; i < 4; i++) {
            struct stream *stream = random_stream(&fixture, &random, i % 2 ? "04:00.0" : "03:00.0");
            stream->operation = i < 2 ? STREAM_WRITE : STREAM_READ;
            stream->operations = stream->warmup_operations = 0;
        }
        fixture_run(&fixture);
        for (uint32_t i = 0; i < 4; i++) {
            struct stream_rate rate = stream_result_rate(fixture_result(&fixture, i));
            sum[i / 2] += (double)rate.bytes;
            if (rate.elapsed_ps)
                ck_assert_uint_le(rate.elapsed_ps, fixture.workload.duration_ps);
        }
        const struct transport *transport = machine_transport(fixture.machine);
        for (uint32_t i = 0; i < transport->channel_count; i++) {
            const struct channel *channel = &transport->channels[i];
            if (channel->generation && channel->to_node == transport->root_node)
                largest = link_rate(channel->generation, channel->width, path.payload, path.payload) *
                          (double)fixture.workload.duration_ps / 1e12;
        }
        ck_assert_msg(sum[0] <= largest + 2 * path.payload && sum[1] <= largest + 2 * path.payload,
                      "seed %" PRIu64 ", %s: %.0f written, %.0f read where %.0f go", seed, path.text, sum[0],
                      sum[1], largest);
        fixture_fini(&fixture);
    }
}
END_TEST

Suite *rates_suite(void)
{
    Suite *suite = suite_create("rates");
    TCase *tests = tcase_create("rates");
    tcase_add_test(tests, one_at_a_time_is_an_operation_a_latency);
    tcase_add_test(tests, an_open_loop_has_its_own_rate);
    tcase_add_test(tests, a_queue_as_deep_as_the_run_is_measured_to_its_end);
    tcase_add_test(tests, no_rate_is_above_the_links);
    tcase_add_test(tests, all_together_are_not_above_their_link);
    tcase_add_test(tests, streams_together_are_not_above_their_link);
    suite_add_tcase(suite, tests);
    return suite;
}
