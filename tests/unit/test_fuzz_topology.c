/* SPDX-License-Identifier: MIT */
/* Replays the small corpus of the topology fuzzer, whole and damaged: bytes, and whole values. */
#define LLVMFuzzerTestOneInput fuzz_topology
#include "tests/fuzz/fuzz_topology.c"

#include "tests/unit/fuzz_replay.h"

#include <check.h>
#include <glob.h>

Suite *fuzz_topology_suite(void);

enum { SEED_MAX = 16384, ROUNDS = 400 };

static size_t damage_bytes(char *text, size_t size, uint64_t *state)
{
    static const char alphabet[] = "0123456789abcdef{}[]\":,.-+eE\\ \n\xff";
    for (unsigned i = fuzz_random(state) % 3 + 1; i > 0; i--)
        text[fuzz_random(state) % size] = alphabet[fuzz_random(state) % (sizeof(alphabet) - 1)];
    return size;
}

/* Put another value in the place of a string or number: what remains is JSON most of the time. */
static size_t damage_value(char *text, size_t size, uint64_t *state)
{
    static const char *const values[] = {
        "0",
        "1",
        "255",
        "-1",
        "1.5",
        "9007199254740992",
        "true",
        "null",
        "{}",
        "[]",
        "\"\"",
        "\"0x0\"",
        "\"00\"",
        "\"ff\"",
        "\"1KiB\"",
        "\"5ns\"",
        "\"00:00.0\"",
        "\"0000:01:00.0\"",
        "\"1f.7\"",
        "\".1\"",
        "\"root-port\"",
        "\"upstream-port\"",
        "\"conventional-bridge\"",
        "\"complete\"",
        "\"memory64\"",
        "\"16GT/s\"",
        "[\"01\", \"ff\"]",
        "[\"0x0\", \"0xffffffffffffffff\"]",
        "\"0xffffffffffffffff\"",
        "\"smmuv3\"",
        "\"default\"",
        "[{}]",
        "\"link\"",
    };
    size_t start = fuzz_random(state) % size;
    while (start < size && text[start] != '"' && (text[start] < '0' || text[start] > '9'))
        start++;
    if (start == size)
        return size;
    size_t end = start + 1;
    if (text[start] == '"') {
        while (end < size && text[end] != '"')
            end++;
        end += end < size;
    } else {
        while (end < size && text[end] >= '0' && text[end] <= '9')
            end++;
    }
    const char *value = values[fuzz_random(state) % (sizeof(values) / sizeof(values[0]))];
    size_t length = strlen(value);
    if (size - (end - start) + length > SEED_MAX)
        return size;
    memmove(text + start + length, text + end, size - end);
    memcpy(text + start, value, length);
    return size - (end - start) + length;
}

START_TEST(damaged_topologies_do_no_harm)
{
    glob_t files;
    ck_assert_int_eq(glob("tests/fuzz/topology/*.json", 0, NULL, &files), 0);
    uint64_t state = 1;
    for (size_t i = 0; i < files.gl_pathc; i++) {
        FILE *file = fopen(files.gl_pathv[i], "rb");
        char text[SEED_MAX], copy[SEED_MAX];
        size_t size = fread(text, 1, sizeof(text), file);
        fclose(file);
        ck_assert_uint_gt(size, 0);
        fuzz_topology((const uint8_t *)text, size);
        for (unsigned round = 0; round < ROUNDS; round++) {
            memcpy(copy, text, size);
            size_t length = size;
            for (unsigned times = fuzz_random(&state) % 3 + 1; times > 0; times--)
                length = round % 4 ? damage_value(copy, length, &state) : damage_bytes(copy, length, &state);
            fuzz_topology((const uint8_t *)copy, length);
        }
    }
    globfree(&files);
}
END_TEST

Suite *fuzz_topology_suite(void)
{
    Suite *suite = suite_create("fuzz_topology");
    TCase *tests = tcase_create("fuzz_topology");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, damaged_topologies_do_no_harm);
    suite_add_tcase(suite, tests);
    return suite;
}
