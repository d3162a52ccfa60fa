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

#include <check.h>
#include <glob.h>

Suite *fuzz_dumps_suite(void);

enum { SEED_MAX = 65536, ROUNDS = 100 };

static uint32_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005U + 1442695040888963407U;
    return (uint32_t)(*state >> 33);
}

/* Overwrite some bytes with ones that mean something to the readers. */
static void damage(uint8_t *data, size_t size, uint64_t *state)
{
    static const char alphabet[] = "0123456789abcdefx:.[]{}()<>+-=/ \n\t\",f\xff";
    for (unsigned i = next_random(state) % 8 + 1; i > 0; i--)
        data[next_random(state) % size] = (uint8_t)alphabet[next_random(state) % (sizeof(alphabet) - 1)];
}

static void replay(const char *pattern, int (*target)(const uint8_t *data, size_t size))
{
    glob_t files;
    ck_assert_int_eq(glob(pattern, 0, NULL, &files), 0);
    uint64_t state = 1;
    uint8_t *data = malloc(SEED_MAX), *copy = malloc(SEED_MAX);
    for (size_t i = 0; i < files.gl_pathc; i++) {
        FILE *file = fopen(files.gl_pathv[i], "rb");
        size_t size = fread(data, 1, SEED_MAX, file);
        fclose(file);
        ck_assert_uint_gt(size, 0);
        target(data, size);
        for (size_t length = 0; length < size; length += 1 + next_random(&state) % (size / 40 + 1))
            target(data, length);
        for (unsigned round = 0; round < ROUNDS; round++) {
            memcpy(copy, data, size);
            damage(copy, size, &state);
            target(copy, size);
        }
    }
    free(data);
    free(copy);
    globfree(&files);
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
