/* SPDX-License-Identifier: MIT */
/* Refused requests: what the log keeps, what the device is told and when, and what it does then. */
#include "models/iommu/fault_code.h"
#include "sim/base/arena.h"
#include "tests/unit/machine_fixture.h"
#include "tests/unit/program.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *faults_suite(void);

/* The fixture's parameters (machine_fixture.c). */
enum {
    LINK_PS = 50000,
    SWITCH_PS = 100000,
    ISSUE_PS = 30000,
    DONE_PS = 20000,
    REQUEST_PS = 70000,
    COMPLETION_PS = 40000,
    PEER_PS = 120000,
    LOOKUP_PS = 2000 + 5000,
    WALK_PS = 3000 + 100000 + 80000, /* walk caches, fixed part, one entry of the empty top table */
};

/* A Gen3 x8 link with MPS 256: one TLP of `bytes` bytes, by the formula of the published link model. */
static uint64_t gen3_x8_ps(uint32_t bytes)
{
    double raw = 8e9 * 8 * 128 / 130, share = 1 - 2 * 8.0 / 203 - 4.0 / 1538;
    return (uint64_t)(bytes * 8 / (raw * share) * 1e12 + 0.5);
}

/* ---- the log ---- */

static struct fault_record fault_at(uint64_t time_ps, uint16_t source_id)
{
    return (struct fault_record){
        .time_ps = time_ps, .source_id = source_id, .reason = IOMMU_FAULT_READ_NOT_PERMITTED};
}

static void add(struct fault_log *log, uint64_t time_ps, uint16_t source_id)
{
    struct fault_record record = fault_at(time_ps, source_id);
    fault_log_add(log, &record);
}

START_TEST(a_full_log_loses_faults_until_it_was_read)
{
    struct iommu_parameters parameters = {.fault_records = 2, .fault_service_ps = 100};
    struct fault_log log;
    fault_log_init(&log, &parameters);
    add(&log, 10, 1); /* the interrupt; read at 110 */
    add(&log, 20, 1);
    add(&log, 30, 2); /* full: overflow */
    add(&log, 109, 3);
    ck_assert_uint_eq(log.recorded, 2);
    ck_assert_uint_eq(log.lost, 2);
    ck_assert_uint_eq(log.overflows, 1);
    add(&log, 110, 4);
    ck_assert_uint_eq(log.recorded, 3);
    ck_assert_uint_eq(log.kept[2].source_id, 4);
    ck_assert_uint_eq(fault_log_seen(&log), 5);
    fault_log_fini(&log);
}
END_TEST

/* Advanced logging has a page in memory where primary has a few registers: the same storm overflows the one
 * and not the other, and the flag that tells is named. */
START_TEST(advanced_logging_overflows_later)
{
    for (int logging = FAULT_LOGGING_PRIMARY; logging <= FAULT_LOGGING_ADVANCED; logging++) {
        struct iommu_parameters parameters = {.fault_records = 8,
                                              .fault_logging = logging,
                                              .fault_log_entries = 256,
                                              .fault_service_ps = 1000000};
        struct fault_log log;
        uint64_t room = logging == FAULT_LOGGING_PRIMARY ? 8 : 256;
        fault_log_init(&log, &parameters);
        for (uint16_t i = 0; i < 200; i++)
            add(&log, i, i);
        ck_assert_uint_eq(log.recorded, room < 200 ? room : 200);
        ck_assert_uint_eq(log.lost, room < 200 ? 200 - room : 0);
        for (uint16_t i = 200; i < 300; i++)
            add(&log, i, i);
        ck_assert_uint_eq(log.recorded, room);
        ck_assert_uint_eq(log.overflows, 1);
        ck_assert_uint_eq(fault_log_seen(&log), 300);
        add(&log, 2000000, 1); /* the handler has been there */
        ck_assert_uint_eq(log.recorded, room + 1);
        fault_log_fini(&log);
    }
    ck_assert_str_eq(fault_overflow_flag(IOMMU_VT_D, FAULT_LOGGING_PRIMARY), "PFO");
    ck_assert_str_eq(fault_overflow_flag(IOMMU_VT_D, FAULT_LOGGING_ADVANCED), "AFO");
}
END_TEST

START_TEST(a_waiting_record_takes_in_faults_of_its_source)
{
    struct iommu_parameters parameters = {
        .fault_records = 1, .fault_collapse = true, .fault_service_ps = 100};
    struct fault_log log;
    fault_log_init(&log, &parameters);
    add(&log, 0, 1);
    add(&log, 1, 1); /* collapsed */
    add(&log, 2, 2); /* lost, overflow set */
    add(&log, 3, 1); /* lost too: with the overflow flag set nothing is looked at */
    add(&log, 100, 1);
    ck_assert_uint_eq(log.recorded, 2);
    ck_assert_uint_eq(log.collapsed, 1);
    ck_assert_uint_eq(log.lost, 2);
    fault_log_fini(&log);
}
END_TEST

/* Against a plain account of the same rules: every fault is exactly one of recorded, collapsed, lost. */
START_TEST(the_log_agrees_with_a_plain_account)
{
    for (unsigned seed = 1; seed <= 50; seed++) {
        srand(seed);
        struct iommu_parameters parameters = {.fault_records = 1 + (uint32_t)rand() % 4,
                                              .fault_collapse = rand() % 2,
                                              .fault_service_ps = 1 + (uint64_t)rand() % 50};
        struct fault_log log;
        fault_log_init(&log, &parameters);
        uint64_t time_ps = 0, due_ps = 0, lost = 0, collapsed = 0;
        unsigned waiting[4], count = 0, overflow = 0;
        for (int i = 0; i < 300; i++) {
            time_ps += (uint64_t)rand() % 20;
            unsigned id = (unsigned)rand() % 5, found = 0;
            if (count && time_ps >= due_ps)
                count = overflow = 0;
            for (unsigned w = 0; w < count; w++)
                found |= waiting[w] == id;
            if (overflow || (!(found && parameters.fault_collapse) && count == parameters.fault_records)) {
                overflow = 1;
                lost++;
            } else if (found && parameters.fault_collapse) {
                collapsed++;
            } else {
                due_ps = count ? due_ps : time_ps + parameters.fault_service_ps;
                waiting[count++] = id;
            }
            add(&log, time_ps, (uint16_t)id);
        }
        ck_assert_uint_eq(log.lost, lost);
        ck_assert_uint_eq(log.collapsed, collapsed);
        ck_assert_uint_eq(fault_log_seen(&log), 300);
        fault_log_fini(&log);
    }
}
END_TEST

START_TEST(kinds_of_units_name_the_same_fault_differently)
{
    struct fault_record record = {.address = 0x10000040, .source_id = 0x0108, .write = true};
    char line[FAULT_LINE_SIZE];
    record.reason = IOMMU_FAULT_WRITE_NOT_PERMITTED;
    ck_assert_str_eq(
        fault_log_line(line, IOMMU_VT_D, &record),
        "DMAR: [DMA Write NO_PASID] Request device [01:01.0] fault addr 0x10000000 [fault reason 0x05] PTE "
        "Write access is not set");
    ck_assert_uint_eq(fault_code_of(IOMMU_AMD_VI, &record).number, 2);
    ck_assert_str_eq(fault_code_of(IOMMU_SMMUV3, &record).name, "F_TRANSLATION");
    record.mapped = true;
    ck_assert_str_eq(fault_code_of(IOMMU_SMMUV3, &record).name, "F_PERMISSION");
    ck_assert_ptr_nonnull(
        strstr(fault_log_line(line, IOMMU_AMD_VI, &record), "IO_PAGE_FAULT device=01:01.0"));
    ck_assert_ptr_nonnull(strstr(line, "flags=0x0030"));
}
END_TEST

/* ---- in a machine ---- */

static const char *const chains[] = {"rp(ep)", "rp(up(dp(ep)))", "rp(up(dp(up(dp(ep)))))"};
static const char *const deepest[] = {"01:00.0", "03:00.0", "05:00.0"};

/* Up, lookup, walk, and a completion without data down: all of it by hand, once the context is cached. */
START_TEST(a_refused_read_comes_back_after_the_sum_of_its_parts)
{
    for (unsigned switches = 0; switches < 3; switches++) {
        struct machine_fixture fixture;
        fixture_init(&fixture, chains[switches]);
        fixture_translate_nothing(&fixture);
        struct stream *stream =
            fixture_stream(&fixture, deepest[switches], STREAM_READ, UINT64_C(0x200000000), 64, 100, 1);
        stream->warmup_operations = 1; /* reads the context tables */
        fixture_run(&fixture);
        const struct stream_result *result = fixture_result(&fixture, 0);
        uint64_t way_ps = (switches + 1) * LINK_PS + switches * SWITCH_PS;
        uint64_t expected = ISSUE_PS + gen3_x8_ps(8 + 16) + way_ps + REQUEST_PS + LOOKUP_PS + WALK_PS +
                            COMPLETION_PS + gen3_x8_ps(8 + 12) + way_ps + DONE_PS;
        ck_assert_uint_eq(result->failed, 101);
        ck_assert_uint_eq(result->recorded, 0);
        ck_assert_uint_eq(result->failed_latency.count, 100);
        ck_assert_uint_eq(result->failed_latency.minimum, expected);
        ck_assert_uint_eq(result->failed_latency.maximum, expected);
        const struct fault_log *log = machine_fault_log(fixture.machine, 0);
        ck_assert_uint_eq(fault_log_seen(log), 101);
        ck_assert_uint_eq(log->kept[0].reason, IOMMU_FAULT_READ_NOT_PERMITTED);
        ck_assert_uint_eq(log->kept[0].address, UINT64_C(0x200000000));
        ck_assert_uint_eq(log->kept[0].function_id, stream->function_id);
        fixture_fini(&fixture);
    }
}
END_TEST

/* A read that a switch blocks (its address is that of the upstream bridge's window, but nobody has it) turns
 * round there: it never sees the root complex. */
START_TEST(a_switch_refuses_what_nobody_below_it_claims)
{
    struct machine_fixture fixture;
    fixture_init(&fixture, "rp(up(dp(ep) dp(ep)))");
    uint32_t port = fixture_function(&fixture, "02:01.0");
    const struct window *window = &fixture.input.topology->functions[port].memory_window;
    if (!window->open || window->limit - window->base < 0x80000)
        window = &fixture.input.topology->functions[port].prefetchable_window;
    ck_assert(window->open);
    fixture_stream(&fixture, "03:00.0", STREAM_READ, window->limit - 0xffff, 64, 10, 1);
    fixture_run(&fixture);
    const struct stream_result *result = fixture_result(&fixture, 0);
    uint64_t header = window->limit >> 32 ? 16 : 12;
    uint64_t expected = ISSUE_PS + gen3_x8_ps((uint32_t)(8 + header)) + LINK_PS + SWITCH_PS +
                        gen3_x8_ps(8 + 12) + LINK_PS + DONE_PS;
    ck_assert_uint_eq(result->failed, 10);
    ck_assert_uint_eq(result->failed_latency.minimum, expected);
    ck_assert_uint_eq(result->failed_latency.maximum, expected);
    fixture_fini(&fixture);
}
END_TEST

START_TEST(a_device_may_try_again)
{
    struct machine_fixture fixture;
    fixture_init(&fixture, "rp(ep)");
    fixture_translate_nothing(&fixture);
    uint32_t device = fixture_function(&fixture, "01:00.0");
    fixture.input.parameters.engines[device].on_error = ON_ERROR_RETRY;
    fixture.input.parameters.engines[device].retries = 3;
    fixture.input.parameters.engines[device].retry_delay_ps = 5000000;
    fixture_stream(&fixture, "01:00.0", STREAM_READ, 0x10000000, 4096, 10, 4);
    fixture_run(&fixture);
    const struct stream_result *result = fixture_result(&fixture, 0);
    ck_assert_uint_eq(result->completed, 10);
    ck_assert_uint_eq(result->failed, 10);
    ck_assert_uint_eq(result->retried, 30);
    ck_assert_uint_eq(fault_log_seen(machine_fault_log(fixture.machine, 0)), 40 * 4096 / 512);
    fixture_fini(&fixture);
}
END_TEST

START_TEST(a_device_may_stop)
{
    struct machine_fixture fixture;
    fixture_init(&fixture, "rp(ep) rp(ep)");
    fixture_translate_nothing(&fixture);
    fixture.input.parameters.engines[fixture_function(&fixture, "01:00.0")].on_error = ON_ERROR_STOP;
    fixture_stream(&fixture, "01:00.0", STREAM_READ, 0x10000000, 64, 1000, 4);
    struct stream *open_loop = fixture_stream(&fixture, "01:00.0", STREAM_WRITE, 0x10000000, 64, 1000, 1);
    open_loop->interval_ps = 100000000; /* one write goes out before the first read is refused */
    fixture_stream(&fixture, "02:00.0", STREAM_READ, 0x10000000, 64, 50, 4);
    fixture_run(&fixture);
    ck_assert_uint_eq(fixture_result(&fixture, 0)->submitted, 4); /* those under way */
    ck_assert_uint_eq(fixture_result(&fixture, 0)->failed, 4);
    ck_assert_uint_eq(fixture_result(&fixture, 1)->submitted, 1);
    ck_assert_uint_eq(fixture_result(&fixture, 2)->submitted, 50); /* the other device goes on */
    fixture_fini(&fixture);
}
END_TEST

/* ---- from outside ---- */

START_TEST(the_result_lists_what_was_refused)
{
    int status;
    program_write_file(
        "f.json",
        "{\"format\": \"iommusim-scenario/1\", \"topology\": {\"format\": \"iommusim-topology/1\", "
        "\"iommus\": [{\"kind\": \"amd-vi\"}], \"host_bridges\": [{\"functions\": [{\"functions\": "
        "[{}]}]}]}, \"workload\": {\"format\": \"iommusim-workload/1\", \"domains\": [{\"name\": \"d\", "
        "\"devices\": \"all\", \"mappings\": [{\"iova\": \"0x10000\", \"length\": \"4KiB\", \"access\": "
        "\"r\"}]}], \"streams\": [{\"name\": \"s\", \"device\": \"01:00.0\", \"operation\": \"write\", "
        "\"base\": \"0x10000\", \"window\": \"8KiB\", \"size\": \"4KiB\", \"operations\": 2, "
        "\"queue_depth\": 1}]}}");
    char *output = program_run("run f.json --format json --fail-on fault", &status);
    ck_assert_int_eq(status, 1);
    ck_assert_ptr_nonnull(strstr(output, "\"seen\": 32"));
    ck_assert_ptr_nonnull(strstr(output,
                                 "AMD-Vi: Event logged [IO_PAGE_FAULT device=01:00.0 address=0x10000 flags="
                                 "0x0030]"));
    ck_assert_ptr_nonnull(strstr(output, "address=0x11000 flags=0x0020]"));
    free(output);
    output = program_run("run f.json", &status);
    ck_assert_int_eq(status, 0);
    ck_assert_ptr_nonnull(strstr(output, "refused 32 requests"));
    free(output);
}
END_TEST

Suite *faults_suite(void)
{
    Suite *suite = suite_create("faults");
    TCase *tests = tcase_create("faults");
    tcase_add_test(tests, a_full_log_loses_faults_until_it_was_read);
    tcase_add_test(tests, advanced_logging_overflows_later);
    tcase_add_test(tests, a_waiting_record_takes_in_faults_of_its_source);
    tcase_add_test(tests, the_log_agrees_with_a_plain_account);
    tcase_add_test(tests, kinds_of_units_name_the_same_fault_differently);
    tcase_add_test(tests, a_refused_read_comes_back_after_the_sum_of_its_parts);
    tcase_add_test(tests, a_switch_refuses_what_nobody_below_it_claims);
    tcase_add_test(tests, a_device_may_try_again);
    tcase_add_test(tests, a_device_may_stop);
    suite_add_tcase(suite, tests);
    TCase *outside = tcase_create("outside");
    tcase_add_unchecked_fixture(outside, program_setup, program_teardown);
    tcase_add_test(outside, the_result_lists_what_was_refused);
    suite_add_tcase(suite, outside);
    return suite;
}
