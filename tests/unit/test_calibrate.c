/* SPDX-License-Identifier: MIT */
/* Invented hosts: three measurements become a preset, and the host so described is measured to have them. */
#include "sim/base/status.h"
#include "sim/machine/host_calibration.h"
#include "tests/unit/program.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

Suite *calibrate_suite(void);

static const struct {
    struct host_measurements measurements;
    const char *preset; /* laid over the default, NULL: none */
    unsigned generation, width;
} hosts[] = {
    {{557000, 283000, 19200000, true}, "netronome-nfp6000", 3, 8},
    {{420000, 180000, 30000000, false}, NULL, 4, 16},
    {{1200000, 700000, 4200000, false}, NULL, 5, 8},
    {{640000, 400000, 25000000, true}, "broadwell-e5-2630v4", 3, 16},
    {{950000, 330000, 8300000, true}, "ice-lake-6346", 4, 16},
};

START_TEST(an_invented_host_has_what_was_measured)
{
    struct diagnostics *diagnostics = diagnostics_new(20);
    struct machine_input *input;
    struct host_measurements given = hosts[_i].measurements, simulated;
    struct host_calibration calibration;
    ck_assert_int_eq(host_calibration_machine(&hosts[_i].preset, hosts[_i].preset != NULL,
                                              hosts[_i].generation, hosts[_i].width, &input, diagnostics),
                     STATUS_OK);
    ck_assert_int_eq(host_calibrate(input, &given, &calibration, diagnostics), STATUS_OK);
    host_calibration_apply(&given, &calibration, input);
    ck_assert_int_eq(host_calibration_measure(input, &simulated, diagnostics), STATUS_OK);
    /* Single reads come at any time of the refresh cycle: their mean wait is met within a nanosecond or two.
     * The plateau is what the tags leave of it. */
    ck_assert_msg(fabs((double)simulated.base_latency_ps - (double)given.base_latency_ps) < 1000, "base %lu",
                  simulated.base_latency_ps);
    ck_assert_msg(fabs((double)simulated.miss_penalty_ps - (double)given.miss_penalty_ps) < 3000,
                  "penalty %lu", simulated.miss_penalty_ps);
    ck_assert_msg(fabs((double)simulated.plateau_per_s / (double)given.plateau_per_s - 1) < 0.01,
                  "plateau %lu", simulated.plateau_per_s);
    machine_input_free(input);
    diagnostics_free(diagnostics);
}
END_TEST

static void refuse(struct host_measurements given, const char *code)
{
    struct diagnostics *diagnostics = diagnostics_new(20);
    struct machine_input *input;
    struct host_calibration calibration;
    ck_assert_int_eq(host_calibration_machine(NULL, 0, 3, 8, &input, diagnostics), STATUS_OK);
    ck_assert_int_eq(host_calibrate(input, &given, &calibration, diagnostics), STATUS_BAD_INPUT);
    ck_assert_str_eq(diagnostics_get(diagnostics, 0).code, code);
    machine_input_free(input);
    diagnostics_free(diagnostics);
}

START_TEST(less_than_the_known_parts_is_refused)
{
    refuse((struct host_measurements){200000, 283000, 19200000, false}, "calibration-base");
    refuse((struct host_measurements){557000, 30000, 19200000, true}, "calibration-penalty");
    refuse((struct host_measurements){557000, 283000, 1100000, false}, "calibration-rate");
    refuse((struct host_measurements){557000, 283000, 70000000, false}, "calibration-rate");
    refuse((struct host_measurements){1000000000, 1000000000, 1000000, false}, "calibration-rate");
}
END_TEST

/* The file is a preset like any other: a machine that names it reads as fast as was measured. */
START_TEST(the_preset_is_one_to_name)
{
    program_expect("iommusim calibrate -b 700ns -m 300ns -r 12M --link 4x8 --name mine -o mine.json", 0,
                   "700.00 ns simulated");
    program_expect("iommusim validate mine.json", 0, "");
    program_write_file(
        "machine.json",
        "{\"format\": \"iommusim-topology/1\", \"preset\": [\"default\", \"vt-d\", \"./mine.json\"],"
        " \"iommus\": [{\"kind\": \"vt-d\", \"include_all\": true}],"
        " \"host_bridges\": [{\"bus\": \"00\", \"functions\": [{\"address\": \"01.0\", \"kind\": "
        "\"root-port\","
        " \"link\": {\"speed\": \"16GT/s\", \"width\": 8}, \"max_payload\": 256, \"functions\":"
        " [{\"address\": \"00.0\", \"kind\": \"endpoint\", \"max_payload\": 256}]}]}]}");
    program_write_file("workload.json",
                       "{\"format\": \"iommusim-workload/1\", \"domains\": [{\"name\": \"d\", \"devices\": "
                       "\"all\", \"mappings\": [{\"iova\": \"0x100000000\", \"length\": \"4KiB\"}]}],"
                       " \"streams\": [{\"name\": \"s\", \"device\": \"01:00.0\", \"operation\": \"read\","
                       " \"size\": \"64B\", \"queue_depth\": 1, \"warmup\": 10, \"operations\": 1000}]}");
    program_write_file("scenario.json", "{\"format\": \"iommusim-scenario/1\", \"topology\": "
                                        "\"machine.json\", \"workload\": \"workload.json\"}");
    program_expect("iommusim run scenario.json", 0, "700");
}
END_TEST

/* Whatever is asked of it, there is one clear answer and no file. */
static const struct {
    const char *arguments;
    int status;
    const char *answer;
} refused[] = {
    {"-b 700ns -m 300ns", 2, "--plateau-rate are needed"},
    {"-b 700 -m 300ns -r 1M", 2, "'700' is no time"},
    {"-b 0ns -m 300ns -r 1M", 2, "'0ns' is no time"},
    {"-b -5ns -m 300ns -r 1M", 2, "is no time"},
    {"-b 2ms -m 300ns -r 1M", 2, "is no time"},
    {"-b 700ns -m 300ns -r fast", 2, "no number of reads"},
    {"-b 700ns -m 300ns -r -3M", 2, "no number of reads"},
    {"-b 700ns -m 300ns -r 99999999999999999999999999999999999999999M", 2, "no number of reads"},
    {"-b 700ns -m 300ns -r 1M --link 3x9", 2, "is no link"},
    {"-b 700ns -m 300ns -r 12M --link ''", 2, "is no link"},
    {"-b 700ns -m 300ns -r 12M --link 0x8", 2, "is no link"},
    {"-b 700ns -m 300ns -r 12M --name=", 2, "is no name"},
    {"-b 700ns -m 300ns -r 12M --name ../x", 2, "'../x' is no name"},
    {"-b 700ns -m 300ns -r 12M --name 'my host'", 2, "is no name"},
    {"-b 700ns -m 300ns -r 12M --name vt-d", 2, "is a preset of the program"},
    {"-b 700ns -m 300ns -r 12M --source=", 2, "--source is empty"},
    {"-b 700ns -m 300ns -r 12M --with netronome-nfp600", 2,
     "unknown preset 'netronome-nfp600', did you mean"},
    {"-b 700ns -m 300ns -r 12M --with ./none.json", 3, "none.json"},
    {"-b 700ns -m 300ns -r 12M --tables cached", 2, "llc or dram"},
    {"-b 700ns -m 300ns -r 1 ", 2, "less than the 1 that reads one at a time make"},
    {"-b 700ns -m 300ns -r 900M", 2, "that the device issues"},
    {"-b 700ns -m 300ns -r 60M --link 1x8", 2, "completions the link carries"},
    {"-b 700ns -m 900us -r 60M", 2, "reads under way make (endpoint/tags)"},
    {"-b 900ns -m 900ns -r 50M --with netronome-nfp6000", 2, "(endpoint/read_window)"},
    {"-b 100ns -m 300ns -r 12M", 2, "calibration-base"},
};

START_TEST(what_cannot_be_is_refused)
{
    char command[256];
    snprintf(command, sizeof(command), "iommusim calibrate %s -o out.json", refused[_i].arguments);
    program_expect(command, refused[_i].status, refused[_i].answer);
    FILE *file = fopen("out.json", "r");
    ck_assert_msg(file == NULL, "%s wrote a file", command);
}
END_TEST

/* An IOTLB far larger than the window that others are measured in. */
START_TEST(large_iotlbs_miss_too)
{
    program_write_file(
        "large.json",
        "{\"format\": \"iommusim-preset/1\", \"name\": \"large\", \"summary\": \"x\", \"parameters\":"
        " {\"iommu\": {\"iotlb_entries\": {\"value\": 4096, \"label\": \"assumed\", \"source\": "
        "\"x\"}}}}");
    program_expect("iommusim calibrate -b 700ns -m 300ns -r 12M --with ./large.json", 0,
                   "700.00 ns simulated");
}
END_TEST

Suite *calibrate_suite(void)
{
    Suite *suite = suite_create("calibrate");
    TCase *tests = tcase_create("calibrate"), *program = tcase_create("program");
    tcase_add_loop_test(tests, an_invented_host_has_what_was_measured, 0,
                        (int)(sizeof(hosts) / sizeof(hosts[0])));
    tcase_add_test(tests, less_than_the_known_parts_is_refused);
    suite_add_tcase(suite, tests);
    tcase_add_checked_fixture(program, program_setup, program_teardown);
    tcase_add_test(program, the_preset_is_one_to_name);
    tcase_add_loop_test(program, what_cannot_be_is_refused, 0, (int)(sizeof(refused) / sizeof(refused[0])));
    tcase_add_test(program, large_iotlbs_miss_too);
    suite_add_tcase(suite, program);
    return suite;
}
