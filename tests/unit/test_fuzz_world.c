/* SPDX-License-Identifier: MIT */
/* Replays the small corpus of the world fuzzer, whole, cut short and damaged. */
#define LLVMFuzzerTestOneInput fuzz_world
#include "tests/fuzz/fuzz_world.c"

#include "tests/unit/fuzz_replay.h"

#include <check.h>

Suite *fuzz_world_suite(void);

START_TEST(damaged_files_do_no_harm)
{
    const struct fuzz_replay replay = {.pattern = "tests/fuzz/world/*",
                                       .target = fuzz_world,
                                       .alphabet = "0123456789abcdefx:.[]{}\",- \n#KMGus\xff",
                                       .bytes = 4,
                                       .rounds = 400};
    fuzz_replay(&replay);
}
END_TEST

Suite *fuzz_world_suite(void)
{
    Suite *suite = suite_create("fuzz_world");
    TCase *tests = tcase_create("fuzz_world");
    tcase_set_timeout(tests, 120);
    tcase_add_test(tests, damaged_files_do_no_harm);
    suite_add_tcase(suite, tests);
    return suite;
}
