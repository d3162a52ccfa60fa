/* SPDX-License-Identifier: MIT */
/* `iommusim trace generate`: what the recipe says is in the trace, and a run takes it. */
#include "tests/unit/program.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Suite *trace_generate_suite(void);

START_TEST(a_recipe_says_all_of_it)
{
    int status;
    char *text =
        program_run("trace generate --device 01:00.0 --device 02:00.0 --count 6 --operation alternate "
                    "--pattern strided --stride 4KiB --window 12KiB --base 0x5000 --size 32B --pasids "
                    "2 --interval 1.5ns",
                    &status);
    ck_assert_int_eq(status, 0);
    ck_assert_str_eq(text, "time,device,op,iova,length,pasid\n"
                           "0.000ns,01:00.0,write,0x5000,32,0\n"
                           "1.500ns,02:00.0,write,0x6000,32,0\n"
                           "3.000ns,01:00.0,read,0x7000,32,1\n"
                           "4.500ns,02:00.0,read,0x5000,32,1\n"
                           "6.000ns,01:00.0,write,0x6000,32,0\n"
                           "7.500ns,02:00.0,write,0x7000,32,0\n");
    free(text);
}
END_TEST

/* Random addresses follow from the seed, stay in the window and are multiples of the size. */
START_TEST(a_trace_is_read_back_and_run)
{
    static const char recipe[] =
        "iommusim trace generate --device 01:00.0 --count 3000 --window 1MiB --interval 20ns";
    char line[400];
    snprintf(line, sizeof(line),
             "%s -o a.trace && %s -o b.trace && cmp a.trace b.trace && %s --seed 2 -o c.trace "
             "&& ! cmp -s a.trace c.trace",
             recipe, recipe, recipe);
    program_expect(line, 0, "");
    program_expect("iommusim trace info a.trace", 0, "Pages       256 of 4 KiB");
    program_expect("iommusim trace convert a.trace -o d.trace && iommusim trace info d.trace", 0,
                   "read        3000");
    program_write_file(
        "s.json", "{\"format\": \"iommusim-scenario/1\", \"iommu\": \"none\", \"topology\": {\"format\": "
                  "\"iommusim-topology/1\", \"host_bridges\": [{\"bus\": \"00\", \"functions\": "
                  "[{\"address\": \"01.0\", \"kind\": \"root-port\", \"functions\": [{\"address\": "
                  "\"00.0\", \"kind\": \"endpoint\"}]}]}]}, \"workload\": {\"format\": "
                  "\"iommusim-workload/1\", \"streams\": [{\"name\": \"t\", \"trace\": \"a.trace\"}]}}");
    program_expect("iommusim run s.json", 0, "3000 operations");
}
END_TEST

/* A PASID survives a conversion. */
START_TEST(conversion_keeps_pasids)
{
    program_expect(
        "iommusim trace generate --device 01:00.0 --count 4 --pasids 3 -o p.trace && iommusim trace "
        "convert p.trace | tail -1 | grep -q ',64,0$' && iommusim trace convert p.trace | grep -q "
        "',64,2$'",
        0, "");
}
END_TEST

START_TEST(what_is_wrong_is_said)
{
    program_expect("iommusim trace generate --count 3", 2, "needs --device and --count");
    program_expect("iommusim trace generate --device x --count 3", 2, "is no address such as");
    program_expect("iommusim trace generate --device 1:0.0 --count 3 --size 128B --window 64B", 2,
                   "does not fit");
    program_expect("iommusim trace generate --device 01:00.0 --count 0", 2, "no number from 1");
    program_expect("iommusim trace generate --device 01:00.0 --count 3 --stride 4KiB", 2, "go together");
    program_expect("iommusim trace generate --device 01:00.0 --count 20000000 --interval 900000s", 2,
                   "106 days");
    program_expect("iommusim trace generate a.trace --device 01:00.0 --count 3", 2, "reads no FILE");
    program_expect("iommusim trace info a.trace --count 3", 2, "are for generate");
}
END_TEST

Suite *trace_generate_suite(void)
{
    Suite *suite = suite_create("trace_generate");
    TCase *tests = tcase_create("trace_generate");
    tcase_add_checked_fixture(tests, program_setup, program_teardown);
    tcase_add_test(tests, a_recipe_says_all_of_it);
    tcase_add_test(tests, a_trace_is_read_back_and_run);
    tcase_add_test(tests, conversion_keeps_pasids);
    tcase_add_test(tests, what_is_wrong_is_said);
    suite_add_tcase(suite, tests);
    return suite;
}
