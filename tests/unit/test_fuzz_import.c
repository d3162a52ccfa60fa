/* SPDX-License-Identifier: MIT */
/* Replays the small corpus of the dump fuzzer, whole, cut short and damaged. */
#include "tests/fuzz/fuzz_import.c"

#include "tests/unit/fuzz_replay.h"

#include <check.h>

Suite *fuzz_import_suite(void);

START_TEST(damaged_dumps_do_no_harm)
{
    const struct fuzz_replay replay = {.pattern = "tests/fuzz/import/*.txt",
                                       .target = LLVMFuzzerTestOneInput,
                                       .alphabet = "0123456789abcdef:.[]()<>+-= \n\t,f\xff",
                                       .bytes = 8,
                                       .rounds = 100,
                                       .cuts = 20};
    fuzz_replay(&replay);
}
END_TEST

Suite *fuzz_import_suite(void)
{
    Suite *suite = suite_create("fuzz_import");
    TCase *tests = tcase_create("fuzz_import");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, damaged_dumps_do_no_harm);
    suite_add_tcase(suite, tests);
    return suite;
}
