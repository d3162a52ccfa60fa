/* SPDX-License-Identifier: MIT */
/* A machine that is driven from outside: in windows of any size it does what it does in one run; what is
 * submitted to it takes as long as what it submits itself. */
#include "sim/kernel/random.h"
#include "tests/unit/machine_fixture.h"

#include <check.h>
#include <string.h>

Suite *machine_windows_suite(void);

#define TREE "rp(up(dp*3(ep))) rp(ep)"

static void prepare(struct machine_fixture *fixture)
{
    static const char *const devices[] = {"03:00.0", "04:00.0", "05:00.0", "06:00.0"};
    fixture_init(fixture, TREE);
    fixture_translate(fixture, devices[0], 0x10000000, 1 << 20, 4096);
    for (int i = 0; i < 4; i++)
        fixture_stream(fixture, devices[i], i % 2 ? STREAM_READ : STREAM_WRITE,
                       i ? 0x140000000 + ((uint64_t)i << 20) : 0x10000000, 700 + 900 * (uint64_t)i, 40,
                       1 + (uint32_t)i);
}

static void build(struct machine_fixture *fixture)
{
    ck_assert_int_eq(machine_new(&fixture->input, &fixture->workload, &fixture->options, &fixture->machine,
                                 fixture->diagnostics),
                     0);
}

START_TEST(windows_of_any_size_are_one_run)
{
    struct machine_fixture whole, pieces;
    struct random_stream random;
    random_init(&random, (uint64_t)_i, "windows");
    prepare(&whole);
    fixture_run(&whole);
    prepare(&pieces);
    build(&pieces);
    machine_begin(pieces.machine, pieces.diagnostics);
    for (uint64_t limit = 0; machine_next_ps(pieces.machine) != UINT64_MAX;) {
        limit += random_exponential(&random, (uint64_t)1000 << (2 * _i));
        ck_assert_int_eq(machine_run_until(pieces.machine, limit), 0);
        ck_assert_uint_lt(machine_now_ps(pieces.machine), limit);
        ck_assert_uint_ge(machine_next_ps(pieces.machine), limit);
    }
    ck_assert_int_eq(machine_finish(pieces.machine), 0);
    ck_assert_uint_eq(machine_events(whole.machine), machine_events(pieces.machine));
    ck_assert_uint_eq(machine_end_ps(whole.machine), machine_end_ps(pieces.machine));
    for (uint32_t s = 0; s < 4; s++)
        ck_assert_int_eq(memcmp(machine_stream_result(whole.machine, s),
                                machine_stream_result(pieces.machine, s), sizeof(struct stream_result)),
                         0);
    fixture_fini(&whole);
    fixture_fini(&pieces);
}
END_TEST

/* ---- from outside ---- */

struct outside {
    struct machine *machine;
    uint32_t function_id, over, pauses;
    uint64_t called_ps, total_ps;
};

static void called(void *context, uint32_t token)
{
    struct outside *outside = context;
    ck_assert_uint_eq(token, 7);
    outside->called_ps = machine_now_ps(outside->machine);
    machine_submit(outside->machine, &(struct machine_operation){.function_id = outside->function_id,
                                                                 .stream = 0,
                                                                 .address = 0x140000000,
                                                                 .length_bytes = 4096,
                                                                 .token = 11});
}

static void operation_over(void *context, uint32_t token, const struct machine_operation_time *time,
                           bool failed)
{
    struct outside *outside = context;
    ck_assert_uint_eq(token, 11);
    ck_assert(!failed);
    outside->over++;
    outside->total_ps = time->mapping_ps + time->iommu_ps + time->fabric_ps;
    ck_assert_uint_eq(outside->total_ps, machine_now_ps(outside->machine) - outside->called_ps);
    machine_pause(outside->machine);
}

START_TEST(what_is_submitted_takes_its_time)
{
    struct machine_fixture own, driven;
    struct outside outside = {.machine = NULL};
    fixture_init(&own, TREE);
    fixture_stream(&own, "06:00.0", STREAM_READ, 0x140000000, 4096, 1, 1);
    fixture_run(&own);
    fixture_init(&driven, TREE);
    fixture_stream(&driven, "06:00.0", STREAM_READ, 0x140000000, 4096, 1, 1)->source = STREAM_SUBMITTED;
    driven.options.outside = (struct machine_outside){&outside, operation_over, called};
    build(&driven);
    outside.machine = driven.machine;
    outside.function_id = fixture_function(&driven, "06:00.0");
    machine_begin(driven.machine, driven.diagnostics);
    ck_assert_uint_eq(machine_streams_left(driven.machine), 0);
    machine_call_at(driven.machine, 123456789, 7);
    ck_assert_uint_eq(machine_next_ps(driven.machine), 123456789);
    ck_assert_int_eq(machine_run_until(driven.machine, 123456789), 0); /* not yet */
    ck_assert_uint_eq(outside.called_ps, 0);
    ck_assert_int_eq(machine_run_until(driven.machine, UINT64_MAX), 1);
    ck_assert_uint_eq(outside.called_ps, 123456789);
    ck_assert_uint_eq(outside.over, 1);
    ck_assert_uint_eq(outside.total_ps, fixture_result(&own, 0)->latency.maximum);
    ck_assert_int_eq(machine_finish(driven.machine), 0);
    ck_assert_uint_eq(fixture_result(&driven, 0)->bytes, 4096);
    fixture_fini(&own);
    fixture_fini(&driven);
}
END_TEST

Suite *machine_windows_suite(void)
{
    Suite *suite = suite_create("machine_windows");
    TCase *tests = tcase_create("windows");
    tcase_add_loop_test(tests, windows_of_any_size_are_one_run, 0, 8);
    tcase_add_test(tests, what_is_submitted_takes_its_time);
    suite_add_tcase(suite, tests);
    return suite;
}
