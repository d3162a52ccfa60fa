/* SPDX-License-Identifier: MIT */
/* Credits and tags that the link decides: by hand, at their limits, and enough for every link there is. */
#include "models/pcie/link_credits.h"
#include "models/pcie/tlp.h"
#include "tests/unit/machine_fixture.h"

#include <check.h>
#include <stdlib.h>

Suite *link_credits_suite(void);

enum {
    PROPAGATION_PS = 60000,
    RETURN_PS = 30000,
    HOLD_PS = 427000,
    SHORT_TLP = TLP_FRAMING_BYTES + 12, /* three double words */
};

static const struct link_parameters by_link = {.propagation_ps = PROPAGATION_PS,
                                               .credit_return_ps = RETURN_PS,
                                               .posted_header_credits = FIELD_WORD,
                                               .posted_data_credits = FIELD_WORD,
                                               .posted_headers_least = 1,
                                               .posted_data_least = 1};

static struct link_credits credits_of(const struct link_parameters *link, unsigned generation, unsigned width,
                                      uint32_t max_payload)
{
    struct link_timing timing = link_timing_make(link, generation, width, max_payload);
    return link_posted_credits(link, &timing, generation, max_payload, HOLD_PS);
}

/* Gen5 x16, MPS 256: TLPs of 276 bytes are 4.855 ns apart and their credits 577 + 2 x 4.855 ns out: 120.8 of
 * them, room for 121 and one. Of 84 bytes (a cache line) at 1.478 ns: 392.4. */
START_TEST(credits_cover_what_is_sent_while_one_is_out)
{
    struct link_timing timing = link_timing_make(&by_link, 5, 16, 256);
    uint64_t full_ps = link_serialisation_ps(&timing, SHORT_TLP + 256),
             line_ps = link_serialisation_ps(&timing, SHORT_TLP + 64);
    ck_assert_uint_eq(full_ps, 4855);
    ck_assert_uint_eq(line_ps, 1478);
    ck_assert_uint_eq(link_credit_loop_ps(&by_link, &timing, SHORT_TLP + 256, HOLD_PS),
                      full_ps + 2 * PROPAGATION_PS + HOLD_PS + RETURN_PS);
    struct link_credits credits = credits_of(&by_link, 5, 16, 256);
    ck_assert_uint_eq(credits.data, (121 + 1) * 256 / 16);
    ck_assert_uint_eq(credits.headers, 393 + 1);
}
END_TEST

/* A number in the input holds, infinite as well, whatever the least and the link are. */
START_TEST(what_is_stated_holds)
{
    struct link_parameters stated = by_link;
    stated.posted_header_credits = 8;
    stated.posted_data_credits = 0;
    stated.posted_headers_least = 100;
    struct link_credits credits = credits_of(&stated, 5, 16, 256);
    ck_assert_uint_eq(credits.headers, 8);
    ck_assert_uint_eq(credits.data, 0);
}
END_TEST

START_TEST(there_is_a_least_and_a_most)
{
    struct link_parameters link = by_link;
    ck_assert_uint_lt(credits_of(&link, 1, 1, 128).data, 400);
    link.posted_headers_least = 100;
    link.posted_data_least = 400;
    struct link_credits least = credits_of(&link, 1, 1, 128);
    ck_assert_uint_eq(least.headers, 100);
    ck_assert_uint_eq(least.data, 400);
    link.propagation_ps = 100000000; /* a cable of 20 km */
    struct link_credits plain = credits_of(&link, 3, 16, 256), scaled = credits_of(&link, 4, 16, 256);
    ck_assert_uint_eq(plain.headers, 127);
    ck_assert_uint_eq(plain.data, 2047);
    ck_assert_uint_eq(scaled.headers, 2032);
    ck_assert_uint_eq(scaled.data, 32752);
}
END_TEST

START_TEST(tags_are_ten_bits_wide_from_16_gt_on)
{
    ck_assert_uint_eq(link_tags(64, 5), 64);
    ck_assert_uint_eq(link_tags(FIELD_WORD, 0), 256);
    ck_assert_uint_eq(link_tags(FIELD_WORD, 3), 256);
    ck_assert_uint_eq(link_tags(FIELD_WORD, 4), 768);
    struct machine_fixture fixture;
    fixture_init(&fixture, "rp[link=4x4](ep[link=4x4]) rp[link=3x4](ep[link=3x4]) rciep@1f.0");
    for (uint32_t f = 0; f < fixture.input.topology->function_count; f++)
        fixture.input.parameters.engines[f].tags = FIELD_WORD;
    fixture_stream(&fixture, "01:00.0", STREAM_READ, 0x10000000, 64, 1, 1);
    fixture_run(&fixture);
    ck_assert_uint_eq(machine_engine(fixture.machine, fixture_function(&fixture, "01:00.0"))->parameters.tags,
                      768);
    ck_assert_uint_eq(machine_engine(fixture.machine, fixture_function(&fixture, "02:00.0"))->parameters.tags,
                      256);
    ck_assert_uint_eq(machine_engine(fixture.machine, fixture_function(&fixture, "00:1f.0"))->parameters.tags,
                      256);
    fixture_fini(&fixture);
}
END_TEST

/* ---- a machine of the preset "default" as it is, but for the memory, which is another limit ---- */

static double busiest_link(unsigned generation, unsigned width, unsigned max_payload,
                           enum stream_operation operation)
{
    char text[128];
    struct machine_input *input = NULL;
    struct machine *machine = NULL;
    struct diagnostics *diagnostics = diagnostics_new(20);
    snprintf(text, sizeof(text), "synthetic:rp[link=%ux%u,mps=%u](ep[link=%ux%u,mps=%u,mrrs=512])",
             generation, width, max_payload, generation, width, max_payload);
    ck_assert_int_eq(machine_input_load(text, &input, diagnostics), 0);
    input->parameters.memory.bandwidth_bytes_per_s = UINT64_C(100000000000000);
    struct stream stream = {.name = "s",
                            .function_id = topology_find(input->topology, 0, 1, 0)->id,
                            .operation = operation,
                            .pattern = PATTERN_SEQUENTIAL,
                            .base = 0x10000000,
                            .window_bytes = 1 << 20,
                            .size_bytes = 4096,
                            .alignment_bytes = 4096,
                            .operations = 400,
                            .warmup_operations = 200,
                            .queue_depth = 128};
    struct workload workload = {.streams = &stream, .stream_count = 1};
    struct machine_options options = {.seed = 1};
    ck_assert_int_eq(machine_new(input, &workload, &options, &machine, diagnostics), 0);
    ck_assert_int_eq(machine_run(machine, diagnostics), 0);
    const struct transport *transport = machine_transport(machine);
    uint64_t busy_ps = 0;
    for (uint32_t i = 0; i < transport->channel_count; i++) {
        if (transport->channels[i].generation && transport->channels[i].busy_ps > busy_ps)
            busy_ps = transport->channels[i].busy_ps;
    }
    double share = (double)busy_ps / (double)(machine_end_ps(machine) - machine_measured_from_ps(machine));
    machine_free(machine);
    machine_input_free(input);
    diagnostics_free(diagnostics);
    return share;
}

/* Writes, reads and both fill every link. What is missing of 1 is the end of the run, when the last
 * operations are alone: a round trip of about 1 us in the time of 400 operations, 1.6 MB. */
START_TEST(nothing_but_the_link_limits_the_default_machine)
{
    static const enum stream_operation operations[] = {STREAM_WRITE, STREAM_READ, STREAM_ALTERNATE};
    static const unsigned widths[] = {1, 4, 8, 16}, payloads[] = {128, 256, 512};
    for (unsigned generation = 1; generation <= LINK_GENERATIONS; generation++) {
        for (size_t w = 0; w < sizeof(widths) / sizeof(widths[0]); w++) {
            unsigned payload = payloads[(generation + w) % 3]; /* each with each generation and width */
            double full_us = 1638.4 / ((double)link_raw_bits_per_s(generation, widths[w]) / 8e9);
            for (size_t o = 0; o < 3; o++) {
                double share = busiest_link(generation, widths[w], payload, operations[o]);
                ck_assert_msg(share > 0.99 - 2 / full_us && share <= 1, "Gen%u x%u, MPS %u, %s: %.4f busy",
                              generation, widths[w], payload, stream_operation_names[operations[o]], share);
            }
        }
    }
}
END_TEST

Suite *link_credits_suite(void)
{
    Suite *suite = suite_create("link_credits");
    TCase *tests = tcase_create("link_credits");
    tcase_add_test(tests, credits_cover_what_is_sent_while_one_is_out);
    tcase_add_test(tests, what_is_stated_holds);
    tcase_add_test(tests, there_is_a_least_and_a_most);
    tcase_add_test(tests, tags_are_ten_bits_wide_from_16_gt_on);
    tcase_add_test(tests, nothing_but_the_link_limits_the_default_machine);
    suite_add_tcase(suite, tests);
    return suite;
}
