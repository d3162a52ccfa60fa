/* SPDX-License-Identifier: MIT */
/* What pcie-bench measures with: a write with a read of the same place behind it, by hand; windows the CPU
 * has written before or not; and devices whose large reads have few contexts. */
#include "models/pcie/link.h"
#include "tests/unit/machine_fixture.h"
#include "tests/unit/program.h"

#include <check.h>

Suite *write_read_suite(void);

/* The fixture's parameters (machine_fixture.c). */
enum {
    LINK_PS = 50000,
    ISSUE_PS = 30000,
    DONE_PS = 20000,
    REQUEST_PS = 70000,
    COMPLETION_PS = 40000,
    COMMIT_PS = 150000,
    LLC_PS = 60000,
    DRAM_PS = 110000,
    HEADER = 8 + 12,
};

static uint64_t wire_ps(uint32_t bytes)
{
    const struct link_parameters link = {0};
    struct link_timing timing = link_timing_make(&link, 3, 8, 256);
    return link_serialisation_ps(&timing, bytes);
}

/* The read comes to the root complex right behind the write, and waits until that is visible. */
START_TEST(the_read_waits_for_the_write_before_it)
{
    static const uint32_t sizes[] = {4, 64, 256, 512};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct machine_fixture fixture;
        fixture_init(&fixture, "rp(ep)");
        fixture_stream(&fixture, "01:00.0", STREAM_WRITE_READ, 0x10000000, sizes[i], 20, 1);
        fixture_run(&fixture);
        uint64_t write_ps = 0, read_ps = 0;
        for (uint32_t left = sizes[i], part; left; left -= part) {
            part = left > 256 ? 256 : left;
            write_ps += wire_ps(HEADER + part);
            read_ps += wire_ps(HEADER + part);
        }
        uint64_t expected = ISSUE_PS + write_ps + LINK_PS + REQUEST_PS + COMMIT_PS + LLC_PS + COMPLETION_PS +
                            read_ps + LINK_PS + DONE_PS;
        const struct stream_result *result = fixture_result(&fixture, 0);
        ck_assert_uint_eq(result->recorded, 20);
        ck_assert_uint_eq(result->bytes, 20 * sizes[i]);
        ck_assert_uint_eq(result->latency.minimum, expected);
        ck_assert_uint_eq(result->latency.minimum, result->latency.maximum);
        fixture_fini(&fixture);
    }
}
END_TEST

/* With many under way, translated or not: all end, and each read is at least as late as alone. */
START_TEST(many_pairs_end)
{
    for (uint32_t depth = 1; depth <= 64; depth *= 4) {
        struct machine_fixture fixture;
        fixture_init(&fixture, "rp(up(dp(ep)))");
        fixture_translate(&fixture, "03:00.0", 0x10000000, 1 << 20, 4096);
        struct stream *stream =
            fixture_stream(&fixture, "03:00.0", STREAM_WRITE_READ, 0x10000000, 300, 2000, depth);
        stream->pattern = PATTERN_RANDOM;
        stream->window_bytes = 1 << 20;
        stream->warmup_operations = 100;
        fixture_run(&fixture);
        ck_assert_uint_eq(fixture_result(&fixture, 0)->recorded, 2000);
        ck_assert_uint_eq(fixture_result(&fixture, 0)->failed, 0);
        ck_assert_uint_gt(fixture_result(&fixture, 0)->latency.minimum, COMMIT_PS + LLC_PS);
        fixture_fini(&fixture);
    }
}
END_TEST

/* A window that fits in the cache: the CPU has written it, or not. Reads of devices do not bring it in. */
START_TEST(cold_windows_are_read_from_dram)
{
    for (int cold = 0; cold < 2; cold++) {
        struct machine_fixture fixture;
        fixture_init(&fixture, "rp(ep)");
        struct memory_parameters *memory = &fixture.input.parameters.memory;
        memory->data_source = MEMORY_CACHED;
        memory->llc_bytes = 1 << 20;
        memory->llc_ways = 16;
        struct stream *stream = fixture_stream(&fixture, "01:00.0", STREAM_READ, 0x10000000, 64, 500, 1);
        stream->cold = cold;
        fixture_run(&fixture);
        uint64_t expected = ISSUE_PS + wire_ps(HEADER) + 2 * LINK_PS + REQUEST_PS +
                            (cold ? DRAM_PS : LLC_PS) + COMPLETION_PS + wire_ps(HEADER + 64) + DONE_PS;
        ck_assert_uint_eq(fixture_result(&fixture, 0)->latency.minimum, expected);
        ck_assert_uint_eq(fixture_result(&fixture, 0)->latency.maximum, expected);
        fixture_fini(&fixture);
    }
}
END_TEST

/* Little's law: so many contexts, each for the latency of a lone read; smaller reads are not held. */
START_TEST(bulk_reads_have_few_contexts)
{
    enum { CONTEXTS = 3, OPERATIONS = 3000 };
    double lone_ps = 0;
    for (int run = 0; run < 3; run++) {
        struct machine_fixture fixture;
        fixture_init(&fixture, "rp(ep)");
        struct dma_engine_parameters *engine =
            &fixture.input.parameters.engines[fixture_function(&fixture, "01:00.0")];
        engine->bulk_reads = CONTEXTS;
        engine->bulk_read_size = run == 2 ? 64 : 32;
        fixture_stream(&fixture, "01:00.0", STREAM_READ, 0x10000000, 64, OPERATIONS, run ? 64 : 1);
        fixture_run(&fixture);
        const struct stream_result *result = fixture_result(&fixture, 0);
        double each_ps = (double)(result->last_ps - result->first_ps) / OPERATIONS;
        ck_assert_uint_eq(result->recorded, OPERATIONS);
        if (run == 0)
            lone_ps = each_ps;
        else if (run == 1)
            ck_assert(each_ps > 0.99 * lone_ps / CONTEXTS && each_ps < 1.01 * lone_ps / CONTEXTS);
        else
            ck_assert(each_ps < 0.5 * lone_ps / CONTEXTS);
        fixture_fini(&fixture);
    }
}
END_TEST

START_TEST(workloads_name_them)
{
    program_write_file(
        "s.json", "{\"format\": \"iommusim-scenario/1\", \"iommu\": \"none\", \"topology\": {\"format\": "
                  "\"iommusim-topology/1\", "
                  "\"host_bridges\": [{\"bus\": \"00\", \"functions\": [{\"address\": \"01.0\", \"kind\": "
                  "\"root-port\", \"functions\": [{\"address\": \"00.0\", \"kind\": \"endpoint\"}]}]}]}, "
                  "\"workload\": {\"format\": \"iommusim-workload/1\", \"streams\": [{\"name\": \"s\", "
                  "\"device\": \"01:00.0\", \"operation\": \"write-read\", \"cache\": \"cold\", \"window\": "
                  "\"1MiB\", \"size\": \"64B\", \"queue_depth\": 1, \"operations\": 10}]}}");
    program_expect("iommusim run s.json", 0, "write-read");
    program_expect("iommusim run s.json", 0, "order, behind posted requests");
    program_expect("iommusim run s.json --explain slowest:1", 0, "write-read");
}
END_TEST

Suite *write_read_suite(void)
{
    Suite *suite = suite_create("write_read");
    TCase *tests = tcase_create("write_read"), *program = tcase_create("program");
    tcase_add_test(tests, the_read_waits_for_the_write_before_it);
    tcase_add_test(tests, many_pairs_end);
    tcase_add_test(tests, cold_windows_are_read_from_dram);
    tcase_add_test(tests, bulk_reads_have_few_contexts);
    suite_add_tcase(suite, tests);
    tcase_add_checked_fixture(program, program_setup, program_teardown);
    tcase_add_test(program, workloads_name_them);
    suite_add_tcase(suite, program);
    return suite;
}
