/* SPDX-License-Identifier: MIT */
/* Replays the small corpus of the dump fuzzer, whole, cut short and damaged. */
#include "tests/fuzz/fuzz_import.c"

#include <check.h>
#include <glob.h>
#include <stdio.h>

Suite *fuzz_import_suite(void);

static uint32_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005U + 1442695040888963407U;
    return (uint32_t)(*state >> 33);
}

/* Overwrite some bytes with ones that mean something to the readers. */
static void damage(uint8_t *data, size_t size, uint64_t *state)
{
    static const char alphabet[] = "0123456789abcdef:.[]()<>+-= \n\t,f\xff";
    for (unsigned i = next_random(state) % 8 + 1; i > 0; i--)
        data[next_random(state) % size] = (uint8_t)alphabet[next_random(state) % (sizeof(alphabet) - 1)];
}

START_TEST(damaged_dumps_do_no_harm)
{
    glob_t files;
    ck_assert_int_eq(glob("tests/fuzz/import/*.txt", 0, NULL, &files), 0);
    uint64_t state = 1;
    for (size_t i = 0; i < files.gl_pathc; i++) {
        FILE *file = fopen(files.gl_pathv[i], "rb");
        uint8_t data[16384], copy[16384];
        size_t size = fread(data, 1, sizeof(data), file);
        fclose(file);
        ck_assert_uint_gt(size, 0);
        LLVMFuzzerTestOneInput(data, size);
        for (size_t length = 0; length < size; length += 1 + next_random(&state) % (size / 20 + 1))
            LLVMFuzzerTestOneInput(data, length);
        for (unsigned round = 0; round < 100; round++) {
            memcpy(copy, data, size);
            damage(copy, size, &state);
            LLVMFuzzerTestOneInput(copy, size);
        }
    }
    globfree(&files);
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
