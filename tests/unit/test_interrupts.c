/* SPDX-License-Identifier: MIT */
/* Interrupt messages: by hand what they cost, that every one sent is accounted for, and that moving an
 * interrupt loses none. */
#include "sim/machine/machine_state.h"
#include "tests/unit/machine_fixture.h"
#include "tests/unit/program.h"

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Suite *interrupts_suite(void);

/* The fixture's parameters (machine_fixture.c). */
enum {
    LINK_PS = 50000,
    ISSUE_PS = 30000,
    REQUEST_PS = 70000,
    COMMIT_PS = 150000,
    DELIVERY_PS = 400000,
    HIT_PS = 4000,
    READ_PS = 80000,
    POSTED_PS = 90000,
};

static const bool remaps[] = {true};

/* A Gen3 x8 link with MPS 256: one TLP of `bytes` bytes, by the formula of the published link model. */
static uint64_t gen3_x8_ps(uint32_t bytes)
{
    double raw = 8e9 * 8 * 128 / 130, share = 1 - 2 * 8.0 / 203 - 4.0 / 1538;
    return (uint64_t)(bytes * 8 / (raw * share) * 1e12 + 0.5);
}

static struct stream *message_stream(struct machine_fixture *fixture, const char *device, uint64_t operations,
                                     uint64_t interval_ps)
{
    struct stream *stream = fixture_stream(fixture, device, STREAM_MSI, 0, 4, operations, 1);
    stream->interval_ps = interval_ps;
    stream->window_bytes = stream->stride_bytes = 4;
    return stream;
}

static void begin(struct machine_fixture *fixture, const char *text, bool remapping)
{
    fixture_init(fixture, text);
    fixture_translate(fixture, "01:00.0", 0x10000000, 4096, 4096);
    fixture->options.interrupt_remapping = remapping ? remaps : NULL;
}

/* Device to CPU, unloaded: not remapped, remapped (entry cached, or read from the table by the first),
 * posted. */
START_TEST(a_message_is_the_sum_of_its_parts)
{
    uint64_t way_ps = ISSUE_PS + gen3_x8_ps(8 + 12 + 4) + LINK_PS + REQUEST_PS + COMMIT_PS + DELIVERY_PS;
    for (int mode = 0; mode < 3; mode++) {
        struct machine_fixture fixture;
        begin(&fixture, "rp(ep)", mode > 0);
        message_stream(&fixture, "01:00.0", 50, 10000000)->posted_interrupts = mode == 2;
        fixture_run(&fixture);
        const struct interrupt_counters *counters = machine_interrupts(fixture.machine);
        enum interrupt_outcome outcome = mode == 0   ? INTERRUPT_DIRECT
                                         : mode == 1 ? INTERRUPT_REMAPPED
                                                     : INTERRUPT_POSTED;
        const struct histogram *latency = &counters->latency[outcome];
        uint64_t expected = way_ps + (mode > 0 ? HIT_PS : 0) + (mode == 2 ? POSTED_PS : 0);
        ck_assert_uint_eq(counters->sent, 50);
        ck_assert_uint_eq(counters->outcomes[outcome], 50);
        ck_assert_uint_eq(latency->minimum, expected);
        ck_assert_uint_eq(latency->maximum, expected + (mode > 0 ? READ_PS : 0));
        fixture_fini(&fixture);
    }
}
END_TEST

/* Posted faster than a CPU takes them: one notification takes several. sent = delivered + suppressed. */
START_TEST(notifications_that_are_under_way_are_enough)
{
    struct machine_fixture fixture;
    begin(&fixture, "rp(ep)", true);
    message_stream(&fixture, "01:00.0", 1000, 100000)->posted_interrupts = true;
    fixture_run(&fixture);
    const struct interrupt_counters *counters = machine_interrupts(fixture.machine);
    ck_assert_uint_eq(counters->sent, 1000);
    ck_assert_uint_eq(counters->outcomes[INTERRUPT_POSTED] + counters->outcomes[INTERRUPT_SUPPRESSED], 1000);
    ck_assert_uint_eq(counters->outcomes[INTERRUPT_POSTED], 250); /* one each 400 ns: four messages */
    ck_assert_uint_lt(counters->latency[INTERRUPT_SUPPRESSED].maximum,
                      counters->latency[INTERRUPT_POSTED].minimum);
    fixture_fini(&fixture);
}
END_TEST

/* Software moves interrupts from CPU to CPU while devices send: whatever the pace, none is lost and none
 * counted twice.
 */
START_TEST(moving_an_interrupt_loses_none)
{
    for (unsigned seed = 1; seed <= 20; seed++) {
        struct machine_fixture fixture;
        srand(seed);
        begin(&fixture, "rp(ep) rp(ep)", true);
        fixture_translate(&fixture, "02:00.0", 0x10000000, 4096, 4096);
        fixture.input.parameters.units[0].interrupt_entries = (uint32_t)rand() % 3;
        for (int i = 0; i < 2; i++) {
            struct stream *stream =
                message_stream(&fixture, i ? "02:00.0" : "01:00.0", 300, 50000 + (uint64_t)rand() % 300000);
            stream->affinity_interval_ps = 100000 + (uint64_t)rand() % 2000000;
            stream->posted_interrupts = rand() % 2;
            stream->cpu = (uint32_t)i;
        }
        fixture_run(&fixture);
        const struct interrupt_counters *counters = machine_interrupts(fixture.machine);
        uint64_t sum = 0;
        for (int outcome = 0; outcome < INTERRUPT_OUTCOMES; outcome++)
            sum += counters->outcomes[outcome];
        ck_assert_uint_eq(counters->sent, 600);
        ck_assert_uint_eq(sum, 600);
        ck_assert_uint_eq(counters->outcomes[INTERRUPT_BLOCKED], 0);
        ck_assert_uint_gt(counters->moves, 5);
        ck_assert_uint_le(machine_invalidation_queue(fixture.machine, 0)->descriptors[INVALIDATION_INTERRUPT],
                          counters->moves);
        fixture_fini(&fixture);
    }
}
END_TEST

/* Asked to move an interrupt faster than it can be, software moves it as fast as it can, and piles up
 * nothing. */
START_TEST(a_move_waits_for_the_one_before)
{
    uint64_t moves[2];
    for (int i = 0; i < 2; i++) {
        struct machine_fixture fixture;
        begin(&fixture, "rp(ep)", true);
        message_stream(&fixture, "01:00.0", 100, 1000000)->affinity_interval_ps = i ? 10 : 1000;
        fixture_run(&fixture);
        moves[i] = machine_interrupts(fixture.machine)->moves;
        const struct invalidation_queue *queue = machine_invalidation_queue(fixture.machine, 0);
        ck_assert_uint_eq(queue->descriptors[INVALIDATION_INTERRUPT], moves[i]);
        ck_assert_uint_eq(fixture.machine->mapping.job_count, 1);
        ck_assert_uint_gt(moves[i], 100);
        fixture_fini(&fixture);
    }
    ck_assert_uint_eq(moves[0], moves[1]);
}
END_TEST

/* An entry that was rewritten stays in the cache until it is invalidated. */
START_TEST(the_cache_keeps_an_entry_until_it_is_invalidated)
{
    struct iommu_parameters parameters = {.interrupt_entries = 4, .interrupt_hit_ps = 1, .walk_read_ps = 10};
    struct interrupt_remapping remapping;
    interrupt_remapping_init(&remapping, &parameters, 1);
    remapping.table[0x8123] = (struct interrupt_entry){.present = true, .source_id = 0x0100, .cpu = 3};
    struct interrupt_decision decision =
        interrupt_remapping_decide(&remapping, interrupt_address(0x8123), 0x0100);
    ck_assert_uint_eq(decision.entry, 0x8123);
    ck_assert_uint_eq(decision.cpu, 3);
    ck_assert_uint_eq(decision.ps, 11);
    remapping.table[0x8123].cpu = 4;
    decision = interrupt_remapping_decide(&remapping, interrupt_address(0x8123), 0x0100);
    ck_assert_uint_eq(decision.cpu, 3);
    ck_assert_uint_eq(decision.ps, 1);
    interrupt_remapping_invalidate(&remapping, 0x8123);
    ck_assert_uint_eq(interrupt_remapping_decide(&remapping, interrupt_address(0x8123), 0x0100).cpu, 4);
    decision = interrupt_remapping_decide(&remapping, interrupt_address(0x8123), 0x0200);
    ck_assert_uint_eq(decision.outcome, INTERRUPT_BLOCKED);
    ck_assert_uint_eq(decision.fault, IOMMU_FAULT_INTERRUPT_SOURCE);
    ck_assert_uint_eq(interrupt_remapping_decide(&remapping, interrupt_address(7), 0x0100).fault,
                      IOMMU_FAULT_INTERRUPT_NOT_PRESENT);
    interrupt_remapping_fini(&remapping);
}
END_TEST

/* A device that sends another's interrupt is stopped by source validation, and by nothing where interrupts
 * are not remapped, or the entries do not ask who sends. */
START_TEST(source_validation_stops_a_forged_message)
{
    static const struct {
        bool remapping, any_source;
        uint64_t blocked, remapped;
    } cases[] = {{false, false, 0, 0}, {true, false, 10, 10}, {true, true, 0, 20}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct machine_fixture fixture;
        begin(&fixture, "rp(ep) rp(ep)", cases[i].remapping);
        fixture.options.interrupts_any_source = cases[i].any_source;
        fixture_translate(&fixture, "02:00.0", 0x10000000, 4096, 4096);
        message_stream(&fixture, "01:00.0", 10, 1000000)->base = interrupt_address(0x0200);
        message_stream(&fixture, "02:00.0", 10, 1000000);
        fixture_run(&fixture);
        const struct interrupt_counters *counters = machine_interrupts(fixture.machine);
        ck_assert_uint_eq(counters->outcomes[INTERRUPT_BLOCKED], cases[i].blocked);
        ck_assert_uint_eq(counters->outcomes[INTERRUPT_REMAPPED], cases[i].remapped);
        ck_assert_uint_eq(fault_log_seen(machine_fault_log(fixture.machine, 0)), cases[i].blocked);
        ck_assert_uint_eq(counters->sent, 20);
        fixture_fini(&fixture);
    }
}
END_TEST

START_TEST(the_result_tells_of_interrupts)
{
    int status;
    program_write_file("i.json", "{\"format\": \"iommusim-scenario/1\", \"topology\": {\"format\": "
                                 "\"iommusim-topology/1\", \"iommus\": [{\"kind\": "
                                 "\"vt-d\", \"interrupt_remapping\": true}], \"host_bridges\": "
                                 "[{\"functions\": [{\"functions\": [{}]}]}]}, "
                                 "\"workload\": {\"format\": \"iommusim-workload/1\", \"domains\": "
                                 "[{\"name\": \"d\", \"mode\": \"passthrough\", "
                                 "\"devices\": \"all\"}], \"streams\": [{\"name\": \"s\", \"device\": "
                                 "\"01:00.0\", \"operation\": \"msi\", "
                                 "\"interrupts\": \"posted\", \"affinity_interval\": \"10us\", "
                                 "\"operations\": 100, \"interval\": \"1us\"}]}}");
    char *output = program_run("run i.json --format json", &status);
    ck_assert_int_eq(status, 0);
    ck_assert_ptr_nonnull(strstr(output, "\"sent\": 100, \"direct\": 0, \"remapped\": 0, \"posted\": 100"));
    free(output);
    output = program_run("run i.json", &status);
    ck_assert_ptr_nonnull(strstr(output, "Interrupts 100 messages, moved to another CPU"));
    free(output);
}
END_TEST

/* 01:00.0 sends its own interrupts and as many with the entry of 02:00.0, which has its own, too. What the
 * kernel's command line makes of them. */
START_TEST(the_command_line_decides_about_remapping)
{
    static const struct {
        const char *kind, *cmdline, *expected;
    } cases[] = {
        {"vt-d", "intel_iommu=on",
         "\"direct\": 0, \"remapped\": 20, \"posted\": 0, \"suppressed\": 0, "
         "\"blocked\": 10"},
        {"vt-d", "intremap=nosid",
         "\"direct\": 0, \"remapped\": 30, \"posted\": 0, \"suppressed\": 0, "
         "\"blocked\": 0"},
        {"vt-d", "intremap=off", "\"direct\": 30, \"remapped\": 0"},
        {"vt-d", "nointremap", "\"direct\": 30, \"remapped\": 0"},
        {"amd-vi", "intremap=off", "\"direct\": 30, \"remapped\": 0"},
        {"amd-vi", "intremap=nosid", "\"blocked\": 10"}, /* a word of the VT-d driver */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int status;
        char arguments[256];
        snprintf(arguments, sizeof(arguments),
                 "run m.json --format json --cmdline '%s' --set '/iommus/0/kind=%s'", cases[i].cmdline,
                 cases[i].kind);
        program_write_file("m.json",
                           "{\"format\": \"iommusim-scenario/1\", \"topology\": {\"format\": "
                           "\"iommusim-topology/1\", \"iommus\": [{\"kind\": \"vt-d\", "
                           "\"interrupt_remapping\": true}], \"host_bridges\": [{\"functions\": "
                           "[{\"functions\": [{}]}, {\"functions\": [{}]}]}]}, \"workload\": {\"format\": "
                           "\"iommusim-workload/1\", \"domains\": [{\"name\": \"d\", \"mode\": "
                           "\"passthrough\", \"devices\": \"all\"}], \"streams\": ["
                           "{\"name\": \"own\", \"device\": \"01:00.0\", \"operation\": \"msi\", "
                           "\"operations\": 10, \"interval\": \"1us\"}, "
                           "{\"name\": \"other\", \"device\": \"02:00.0\", \"operation\": \"msi\", "
                           "\"operations\": 10, \"interval\": \"1us\"}, "
                           "{\"name\": \"forged\", \"device\": \"01:00.0\", \"operation\": \"msi\", "
                           "\"base\": \"0xfee04010\", \"operations\": 10, \"interval\": \"1us\"}]}}");
        char *output = program_run(arguments, &status);
        ck_assert_int_eq(status, 0);
        ck_assert_msg(strstr(output, cases[i].expected) != NULL, "%s: %s is not in\n%s", cases[i].cmdline,
                      cases[i].expected, output);
        free(output);
    }
}
END_TEST

Suite *interrupts_suite(void)
{
    Suite *suite = suite_create("interrupts");
    TCase *tests = tcase_create("interrupts");
    tcase_add_test(tests, a_message_is_the_sum_of_its_parts);
    tcase_add_test(tests, notifications_that_are_under_way_are_enough);
    tcase_add_test(tests, moving_an_interrupt_loses_none);
    tcase_add_test(tests, a_move_waits_for_the_one_before);
    tcase_add_test(tests, the_cache_keeps_an_entry_until_it_is_invalidated);
    tcase_add_test(tests, source_validation_stops_a_forged_message);
    suite_add_tcase(suite, tests);
    TCase *outside = tcase_create("outside");
    tcase_add_unchecked_fixture(outside, program_setup, program_teardown);
    tcase_add_test(outside, the_result_tells_of_interrupts);
    tcase_add_test(outside, the_command_line_decides_about_remapping);
    suite_add_tcase(suite, outside);
    return suite;
}
