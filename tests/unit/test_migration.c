/* SPDX-License-Identifier: MIT */
/* Live migration: rounds by hand, dirty bits against a plain set, and on whole machines (which check
 * themselves that nothing a device wrote stays behind): what is sent, how long the guest is stopped, and that
 * no interrupt is lost. */
#include "sim/kernel/random.h"
#include "sim/machine/machine_state.h"
#include "tests/unit/machine_fixture.h"
#include "tests/unit/program.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *migration_suite(void);

#define MIB (UINT64_C(1) << 20)

static const uint64_t us_ps = 1000000, ms_ps = 1000000000;

/* ---- models ---- */

/* 1 GB/s is a page in 4.096 us. CPUs write 250 MB/s, a quarter of what is sent. */
START_TEST(rounds_shrink_until_the_rest_is_sent_in_time)
{
    const struct migration_request request = {.bandwidth_bytes_per_s = 1000000000,
                                              .downtime_ps = 3 * ms_ps,
                                              .rounds = 30,
                                              .cpu_bytes_per_s = 250000000,
                                              .working_set_bytes = UINT64_MAX,
                                              .device_state_bytes = 1000000};
    struct live_migration live;
    uint64_t now_ps = 0;
    live_migration_begin(&live, &request, 10000 * 4096, now_ps);
    const uint64_t expected[] = {10000, 2500, 625};
    for (int i = 0; i < 3; i++) {
        ck_assert_uint_eq(live.send_pages, expected[i]);
        ck_assert_uint_eq(live_migration_send_ps(&live, false), expected[i] * 4096000);
        now_ps += live_migration_send_ps(&live, false);
        /* 625 / 4 pages take 0.6 ms, and the devices' state 1 ms: under the 3 ms allowed. */
        ck_assert_int_eq(live_migration_end_round(&live, 0, now_ps), i == 2);
    }
    ck_assert_uint_eq(live.round_count, 3);
    ck_assert_uint_eq(live.send_pages, 156);
    live_migration_rest(&live, 44, now_ps);
    ck_assert_uint_eq(live_migration_send_ps(&live, true), 200 * UINT64_C(4096000) + ms_ps);
}
END_TEST

START_TEST(a_guest_that_writes_too_much_is_stopped_all_the_same)
{
    const struct migration_request request = {.bandwidth_bytes_per_s = 1000000000,
                                              .downtime_ps = us_ps,
                                              .rounds = 4,
                                              .cpu_bytes_per_s = 2000000000,
                                              .working_set_bytes = 100 * 4096};
    struct live_migration live;
    uint64_t now_ps = 0;
    live_migration_begin(&live, &request, 1000 * 4096, now_ps);
    for (int i = 0; i < 4; i++) {
        now_ps += live_migration_send_ps(&live, false);
        ck_assert_int_eq(live_migration_end_round(&live, 7, now_ps), i == 3);
        ck_assert_uint_eq(live.send_pages, 107);
    }
}
END_TEST

START_TEST(dirty_pages_are_a_set)
{
    enum { PAGES = 3000, STEPS = 60000 };
    static bool plain[3][PAGES]; /* [size] */
    static const unsigned shifts[] = {12, 21, 30};
    struct dirty_log log, reported;
    struct random_stream random;
    random_init(&random, 1, "dirty");
    dirty_log_init(&log);
    memset(plain, 0, sizeof(plain));
    uint64_t count = 0;
    for (int i = 0; i < STEPS; i++) {
        unsigned size = (unsigned)random_below(&random, 3);
        uint64_t page = random_below(&random, PAGES), units = UINT64_C(1) << (shifts[size] - 12);
        uint64_t address = (page << shifts[size]) + random_below(&random, 4096);
        ck_assert_int_eq(dirty_log_is_set(&log, address, shifts[size]), plain[size][page]);
        bool clear = random_below(&random, 3) == 0, changes = plain[size][page] == clear;
        ck_assert_int_eq(clear ? dirty_log_clear(&log, address, shifts[size])
                               : dirty_log_set(&log, address, shifts[size]),
                         changes);
        count = !changes ? count : clear ? count - units : count + units;
        plain[size][page] = !clear;
        ck_assert_uint_eq(log.pages, count);
    }
    dirty_log_init(&reported);
    dirty_log_report(&log, &reported);
    ck_assert_uint_eq(log.pages, 0);
    uint64_t address, seen = 0;
    unsigned shift;
    for (size_t place = 0; dirty_log_next(&reported, &place, &address, &shift);) {
        ck_assert(plain[(shift - 12) / 9][address >> shift]);
        seen += UINT64_C(1) << (shift - 12);
    }
    ck_assert_uint_eq(seen, count);
    dirty_log_fini(&log);
    dirty_log_fini(&reported);
}
END_TEST

/* ---- machines ---- */

static const struct migration_parameters costs = {.split_entry_ps = 3000,
                                                  .read_entry_ps = 7000,
                                                  .enable_ps = UINT64_C(11000000),
                                                  .stop_device_ps = UINT64_C(130000000),
                                                  .resume_ps = UINT64_C(170000000)};

enum { LEAVES = 16 * 256, LARGE_LEAVES = 8 }; /* of 16 MiB */

static const uint64_t unit_ps = 11000 + 2 * 13000 + 17000; /* one descriptor and a wait, of the fixture */

struct guest_fixture {
    struct machine_fixture machine;
    struct virtual_machine guest;
    struct mapping memory;
    uint32_t function_id;
};

static const bool remaps[] = {true};

/* A guest of 16 MiB in 2 MiB pages, migrated at 1 ms by 10 GB/s. */
static void begin(struct guest_fixture *fixture, bool split)
{
    memset(fixture, 0, sizeof(*fixture));
    fixture_init(&fixture->machine, "rp(ep)");
    fixture_translate(&fixture->machine, "01:00.0", 0, 4096, 4096);
    fixture->machine.options.interrupt_remapping = remaps;
    fixture->machine.input.parameters.migration = costs;
    fixture->machine.input.parameters.units[0].stage2_levels = 4;
    fixture->memory = (struct mapping){.physical = UINT64_C(0x140000000),
                                       .length = 16 * MIB,
                                       .page_bytes = 2 * MIB,
                                       .read = true,
                                       .write = true};
    fixture->function_id = fixture_function(&fixture->machine, "01:00.0");
    fixture->guest = (struct virtual_machine){.name = "guest",
                                              .memory_bytes = fixture->memory.length,
                                              .page_bytes = fixture->memory.page_bytes,
                                              .numa_node = NONE,
                                              .running = true,
                                              .cpus = {.count = 1},
                                              .migration = {.wanted = true,
                                                            .time_ps = ms_ps,
                                                            .bandwidth_bytes_per_s = UINT64_C(10000000000),
                                                            .downtime_ps = 100 * us_ps,
                                                            .rounds = 5,
                                                            .working_set_bytes = UINT64_MAX,
                                                            .device_state_bytes = 10000,
                                                            .split = split},
                                              .function_ids = &fixture->function_id,
                                              .function_count = 1};
    struct domain *domain = &fixture->machine.domains[0];
    domain->virtual_machine = 1;
    domain->mappings = &fixture->memory;
    fixture->machine.workload.virtual_machines = &fixture->guest;
    fixture->machine.workload.virtual_machine_count = 1;
}

static const struct guest_migration *result_of(const struct guest_fixture *fixture)
{
    const struct guest_migration *migration = machine_migration(fixture->machine.machine, 0);
    ck_assert_int_eq(migration->phase, MIGRATION_OVER);
    ck_assert_uint_eq(migration->unsent.pages, 0);
    return migration;
}

/* Nobody writes: one round, and a downtime that is the sum of its parts. */
START_TEST(the_downtime_is_the_sum_of_its_parts)
{
    for (int split = 0; split < 2; split++) {
        struct guest_fixture fixture;
        uint64_t leaves = split ? LEAVES : LARGE_LEAVES, read_ps = leaves * costs.read_entry_ps + unit_ps,
                 split_ps = split ? LEAVES * costs.split_entry_ps : 0;
        begin(&fixture, split);
        fixture.guest.migration.cpu_bytes_per_s = 0;
        fixture_stream(&fixture.machine, "01:00.0", STREAM_READ, 0, 64, 1, 1);
        fixture_run(&fixture.machine);
        const struct guest_migration *got = result_of(&fixture);
        ck_assert_uint_eq(got->begin_ps, ms_ps);
        ck_assert_uint_eq(got->leaves, leaves);
        ck_assert_uint_eq(got->live.round_count, 1);
        ck_assert_uint_eq(got->live.rounds[0].sent_pages, 4096);
        ck_assert_uint_eq(got->live.rounds[0].device_pages, 0);
        ck_assert_uint_eq(got->live.rounds[0].duration_ps, 4096 * UINT64_C(409600) + read_ps);
        ck_assert_uint_eq(got->stopped_ps,
                          ms_ps + costs.enable_ps + split_ps + unit_ps + got->live.rounds[0].duration_ps);
        ck_assert_uint_eq(got->resumed_ps - got->stopped_ps,
                          costs.stop_device_ps + read_ps + 10000 * UINT64_C(100) + costs.resume_ps);
        fixture_fini(&fixture.machine);
    }
}
END_TEST

/* A device writes 40 pages over and over: each round sends them, or the large page they are in. */
START_TEST(what_devices_write_is_sent_again)
{
    for (int split = 0; split < 2; split++) {
        struct guest_fixture fixture;
        begin(&fixture, split);
        fixture.guest.migration.downtime_ps = us_ps; /* 41 us for 100 pages: never reached */
        struct stream *stream =
            fixture_stream(&fixture.machine, "01:00.0", STREAM_WRITE, 2 * MIB, 4096, 12000, 4);
        stream->window_bytes = 40 * 4096;
        fixture_run(&fixture.machine);
        const struct guest_migration *got = result_of(&fixture);
        ck_assert_uint_eq(got->live.round_count, 5);
        for (uint32_t i = 0; i < 5; i++) {
            ck_assert_uint_eq(got->live.rounds[i].device_pages, split ? 40 : 512);
            ck_assert_uint_eq(got->live.rounds[i].sent_pages, i == 0 ? 4096 : split ? 40 : 512);
        }
        ck_assert_uint_eq(fixture_result(&fixture.machine, 0)->completed, 12000);
        ck_assert_uint_eq(fixture_result(&fixture.machine, 0)->failed, 0);
        /* One operation, at least, waited all of the downtime. */
        ck_assert_uint_gt(fixture_result(&fixture.machine, 0)->latency.maximum,
                          got->resumed_ps - got->stopped_ps - 50 * us_ps);
        fixture_fini(&fixture.machine);
    }
}
END_TEST

/* Reads leave pages clean; and while bits are kept, small pages and first writes cost walks. */
START_TEST(reads_are_clean_and_tracking_costs_walks)
{
    uint64_t walks[2];
    for (int split = 0; split < 2; split++) {
        struct guest_fixture fixture;
        begin(&fixture, split);
        struct stream *stream = fixture_stream(&fixture.machine, "01:00.0", STREAM_READ, 0, 4096, 20000, 8);
        stream->window_bytes = 8 * MIB;
        fixture_run(&fixture.machine);
        const struct guest_migration *got = result_of(&fixture);
        for (uint32_t i = 0; i < got->live.round_count; i++)
            ck_assert_uint_eq(got->live.rounds[i].device_pages, 0);
        walks[split] = machine_unit(fixture.machine.machine, 0)->counters.walks;
        fixture_fini(&fixture.machine);
    }
    ck_assert_uint_gt(walks[1], 10 * walks[0]);
}
END_TEST

/* The other host's tables: in large pages again, and each address where it was. */
static void check_tables(struct guest_fixture *fixture)
{
    const struct remapping_unit *unit = &fixture->machine.machine->units[0];
    const struct iommu_domain *domain = &unit->domains[0];
    const struct page_table *table = domain->nested ? &domain->stage2 : &domain->table;
    ck_assert_ptr_null(domain->dirty);
    for (uint64_t at = 0; at < 16 * MIB; at += 4096) {
        unsigned shift = 0;
        uint64_t leaf = page_table_find(table, &unit->memory, at, &shift);
        ck_assert_uint_eq(page_table_entry_target(leaf) + (at & ((UINT64_C(1) << shift) - 1)),
                          fixture->memory.physical + at);
        ck_assert_uint_eq(shift, PAGE_SHIFT_2M);
    }
}

/* Guests of every kind, migrated at random times under random load. The machine itself checks that all that
 * was written has been sent after it; no interrupt is lost or comes twice, and nothing fails. */
START_TEST(nothing_is_lost_whenever_it_happens)
{
    struct random_stream random;
    uint64_t written = 0, carried = 0;
    random_init(&random, 5, "migrations");
    for (int round = 0; round < 40; round++) {
        struct guest_fixture fixture;
        begin(&fixture, random_below(&random, 2));
        enum viommu_kind kind = (enum viommu_kind)random_below(&random, VIOMMU_KINDS);
        struct iommu_parameters *unit = &fixture.machine.input.parameters.units[0];
        unit->iotlb_entries = 1 + (uint32_t)random_below(&random, 40);
        unit->merge_inflight = random_below(&random, 2);
        unit->duplicate_fill = random_below(&random, 2);
        unit->table_format = kind == VIOMMU_NESTED ? FORMAT_VT_D_FIRST_STAGE : FORMAT_VT_D_SECOND_STAGE;
        fixture.guest.viommu = kind;
        fixture.machine.domains[0].mode = kind == VIOMMU_NONE        ? TRANSLATION_STATIC
                                          : random_below(&random, 2) ? TRANSLATION_STRICT
                                                                     : TRANSLATION_LAZY;
        fixture.guest.cpus.count = 2;
        fixture.guest.cpus.sleeps = random_below(&random, 2);
        fixture.guest.cpus.runs_ps = fixture.guest.cpus.away_ps =
            random_below(&random, 2) * (1 + random_below(&random, 50 * us_ps));
        struct migration_request *request = &fixture.guest.migration;
        request->time_ps = random_below(&random, 500 * us_ps);
        request->bandwidth_bytes_per_s = UINT64_C(1) << (35 + random_below(&random, 4));
        request->downtime_ps = 1 + random_below(&random, 20 * us_ps);
        request->cpu_bytes_per_s = random_below(&random, 2) * UINT64_C(500000000);
        for (uint32_t cpu = 0; cpu < 2; cpu++) {
            struct stream *stream =
                fixture_stream(&fixture.machine, "01:00.0", STREAM_ALTERNATE, 0, 64, 1500, 4);
            stream->size_bytes = UINT64_C(64) << random_below(&random, 8);
            stream->window_bytes = 64 * 1024;
            stream->interval_ps = us_ps + random_below(&random, us_ps);
            stream->pattern = PATTERN_RANDOM;
            stream->alignment_bytes = 64;
            stream->buffers = kind == VIOMMU_NONE ? BUFFERS_PERSISTENT : BUFFERS_PER_USE;
            stream->cpu = cpu;
        }
        struct stream *messages = fixture_stream(&fixture.machine, "01:00.0", STREAM_MSI, 0, 4, 500, 1);
        messages->interval_ps = 1 + random_below(&random, 10 * us_ps);
        messages->window_bytes = messages->stride_bytes = 4;
        messages->posted_interrupts = true;
        messages->affinity_interval_ps = random_below(&random, 2) * (1 + random_below(&random, 100 * us_ps));
        fixture_run(&fixture.machine);
        written += result_of(&fixture)->live.rounds[0].device_pages;
        carried += result_of(&fixture)->interrupts_carried;
        if (kind == VIOMMU_NONE || kind == VIOMMU_NESTED)
            check_tables(&fixture);
        uint64_t taken = 0;
        for (uint32_t cpu = 0; cpu < 2; cpu++) {
            const struct virtual_cpu *of = machine_virtual_cpu(fixture.machine.machine, 0, cpu);
            ck_assert_uint_eq(of->pending, 0);
            taken += of->counters.taken;
            ck_assert_uint_eq(fixture_result(&fixture.machine, cpu)->failed, 0);
        }
        ck_assert_uint_eq(taken, 500);
        fixture_fini(&fixture.machine);
    }
    ck_assert_uint_gt(written, 500);
    ck_assert_uint_gt(carried, 3);
}
END_TEST

static const char scenario[] =
    "{\"format\": \"iommusim-scenario/1\", \"topology\": {\"format\": \"iommusim-topology/1\", \"iommus\": "
    "[{\"kind\": \"vt-d\", \"interrupt_remapping\": true}], \"host_bridges\": [{\"functions\": "
    "[{\"functions\": "
    "[{}]}]}]}, \"workload\": {\"format\": \"iommusim-workload/1\", \"virtual_machines\": [{\"name\": "
    "\"guest\", \"memory\": \"16MiB\", \"page_size\": \"2MiB\", \"devices\": [\"01:00.0\"], \"cpus\": "
    "{\"count\": 2}, \"migration\": {\"time\": \"100us\", \"downtime\": \"1ms\"}}], \"streams\": [{\"name\": "
    "\"disk\", \"device\": \"01:00.0\", \"operations\": 500, \"nvme\": {\"queues\": 2}}]}}";

START_TEST(the_program_tells_of_it)
{
    program_write_file("m.json", scenario);
    program_expect("iommusim run m.json", 0, "Migration  of \"guest\", begun at 100.0 us: ");
    program_expect("iommusim run m.json", 0, "interrupts carried over");
    program_expect("iommusim run m.json --format json", 0, "\"downtime_ps\": ");
    program_expect("iommusim run m.json --set /workload/virtual_machines/0/migration/rounds=65", 2, "64");
}
END_TEST

Suite *migration_suite(void)
{
    Suite *suite = suite_create("migration");
    TCase *tests = tcase_create("migration");
    tcase_add_unchecked_fixture(tests, program_setup, program_teardown);
    tcase_add_test(tests, rounds_shrink_until_the_rest_is_sent_in_time);
    tcase_add_test(tests, a_guest_that_writes_too_much_is_stopped_all_the_same);
    tcase_add_test(tests, dirty_pages_are_a_set);
    tcase_add_test(tests, the_downtime_is_the_sum_of_its_parts);
    tcase_add_test(tests, what_devices_write_is_sent_again);
    tcase_add_test(tests, reads_are_clean_and_tracking_costs_walks);
    tcase_add_test(tests, nothing_is_lost_whenever_it_happens);
    tcase_add_test(tests, the_program_tells_of_it);
    suite_add_tcase(suite, tests);
    return suite;
}
