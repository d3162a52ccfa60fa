/* SPDX-License-Identifier: MIT */
/* Replays the small corpora of the fuzzers of kernel logs, XML of hwloc, sysfs copies and workloads: whole,
 * cut short, damaged. */
#define LLVMFuzzerTestOneInput fuzz_kernel_log
#include "tests/fuzz/fuzz_kernel_log.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_hwloc
#include "tests/fuzz/fuzz_hwloc.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_sysfs
#include "tests/fuzz/fuzz_sysfs.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_workload
#include "tests/fuzz/fuzz_workload.c"

#include "tests/unit/fuzz_replay.h"

#include <check.h>

Suite *fuzz_dumps_suite(void);

static void replay(const char *pattern, int (*target)(const uint8_t *data, size_t size))
{
    const struct fuzz_replay how = {.pattern = pattern,
                                    .target = target,
                                    .alphabet = "0123456789abcdefx:.[]{}()<>+-=/ \n\t\",f\xff",
                                    .bytes = 8,
                                    .rounds = 100,
                                    .cuts = 40};
    fuzz_replay(&how);
}

START_TEST(kernel_logs)
{
    replay("tests/fuzz/kernel_log/*", fuzz_kernel_log);
}
END_TEST

START_TEST(xml_of_hwloc)
{
    replay("tests/fuzz/hwloc/*", fuzz_hwloc);
}
END_TEST

START_TEST(copies_of_sysfs)
{
    replay("tests/fuzz/sysfs/*", fuzz_sysfs);
}
END_TEST

START_TEST(workloads)
{
    replay("tests/fuzz/workload/*", fuzz_workload);
}
END_TEST

Suite *fuzz_dumps_suite(void)
{
    Suite *suite = suite_create("fuzz_dumps");
    TCase *tests = tcase_create("fuzz_dumps");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, kernel_logs);
    tcase_add_test(tests, xml_of_hwloc);
    tcase_add_test(tests, copies_of_sysfs);
    tcase_add_test(tests, workloads);
    suite_add_tcase(suite, tests);
    return suite;
}
