/* SPDX-License-Identifier: MIT */
/* Invented hosts: three measurements become a preset, and the host so described is measured to have them. */
#include "sim/base/status.h"
#include "sim/machine/host_calibration.h"
#include "tests/unit/program.h"

#include <check.h>
#include <math.h>
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
    program_expect("iommusim calibrate -b 700ns -m 300ns", 2, "--plateau-rate are needed");
    program_expect("iommusim calibrate -b 700 -m 300ns -r 1M", 2, "is no time");
    program_expect("iommusim calibrate -b 700ns -m 300ns -r fast", 2, "no number of reads");
    program_expect("iommusim calibrate -b 700ns -m 300ns -r 1M --link 3x9", 2, "is no link");
    program_expect("iommusim calibrate -b 700ns -m 300ns -r 900M", 1, "something else limits it");
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
    suite_add_tcase(suite, program);
    return suite;
}
