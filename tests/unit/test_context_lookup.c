/* SPDX-License-Identifier: MIT */
/* Context entries: read once by who waited for them, and each request counted once, however often the unit
 * looks at it. */
#include "tests/unit/machine_fixture.h"

#include <check.h>

Suite *context_lookup_suite(void);

static void run_reads(struct machine_fixture *fixture, enum stream_operation operation, uint32_t walkers,
                      uint32_t posted_walks, uint64_t operations, uint32_t depth)
{
    fixture_init(fixture, "rp(ep)");
    fixture_translate(fixture, "01:00.0", 0x10000000, 1 << 20, 4096);
    struct iommu_parameters *unit = &fixture->input.parameters.units[0];
    unit->walkers = walkers;
    unit->posted_walks = posted_walks;
    unit->context_reads = 2;
    struct stream *stream = fixture_stream(fixture, "01:00.0", operation, 0x10000000, 64, operations, depth);
    stream->window_bytes = 1 << 20;
    stream->pattern = PATTERN_RANDOM;
    fixture_run(fixture);
}

/* Behind one walker, requests of one device that all missed find its entry once the first has read it. With a
 * walker for each they all read. */
START_TEST(entries_are_read_by_the_first_who_waits)
{
    struct machine_fixture fixture;
    run_reads(&fixture, STREAM_READ, 1, 0, 40, 4);
    ck_assert_uint_eq(machine_unit(fixture.machine, 0)->counters.context_table_reads, 2);
    fixture_fini(&fixture);
    run_reads(&fixture, STREAM_READ, 4, 0, 40, 4);
    ck_assert_uint_eq(machine_unit(fixture.machine, 0)->counters.context_table_reads, 4 * 2);
    fixture_fini(&fixture);
}
END_TEST

START_TEST(each_request_hits_or_misses_once)
{
    for (uint32_t posted_walks = 0; posted_walks < 3; posted_walks++) {
        struct machine_fixture fixture;
        run_reads(&fixture, STREAM_WRITE, 2, posted_walks, 3000, 16);
        const struct iommu_counters *counters = &machine_unit(fixture.machine, 0)->counters;
        ck_assert_uint_eq(counters->context_hits + counters->context_misses, 3000);
        ck_assert_uint_le(counters->held, 3000);
        ck_assert((counters->held != 0) == (posted_walks != 0));
        fixture_fini(&fixture);
    }
}
END_TEST

Suite *context_lookup_suite(void)
{
    Suite *suite = suite_create("context_lookup");
    TCase *tests = tcase_create("context_lookup");
    tcase_add_test(tests, entries_are_read_by_the_first_who_waits);
    tcase_add_test(tests, each_request_hits_or_misses_once);
    suite_add_tcase(suite, tests);
    return suite;
}
