/* SPDX-License-Identifier: MIT */
/* Studies: which points there are, and what each one's scenario is. */
#include "sim/base/diagnostic.h"
#include "sim/base/status.h"
#include "sim/batch/point_key.h"
#include "sim/input/study.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *study_suite(void);

#define SCENARIO                                                                                             \
    "\"scenario\": {\"format\": \"iommusim-scenario/1\", \"topology\": \"synthetic:rp(ep)\", \"workload\": " \
    "{\"format\": \"iommusim-workload/1\", \"streams\": [{\"name\": \"reads\", \"device\": \"any\", "        \
    "\"operation\": \"read\", \"operations\": 10, \"queue_depth\": 4}]}}"

static struct study *load(const char *more)
{
    struct text_buffer text = {0};
    struct study *study = NULL;
    struct diagnostics *diagnostics = diagnostics_new(10);
    text_buffer_format(&text, "{\"format\": \"iommusim-study/1\", " SCENARIO ", %s}", more);
    const struct source_text source = {"study.json", text.text, text.length};
    int status = study_load_source(&source, "/studies/study.json", &study, diagnostics);
    if (status < 0)
        diagnostics_print(diagnostics, stderr);
    ck_assert_int_eq(status, STATUS_OK);
    diagnostics_free(diagnostics);
    text_buffer_fini(&text);
    return study;
}

/* "a=1 b=2" of a point. */
static const char *print_point(const struct study *study, uint64_t point)
{
    static char text[200];
    text[0] = '\0';
    for (uint32_t i = 0; i < study->axis_count; i++) {
        size_t length = strlen(text);
        snprintf(text + length, sizeof(text) - length, "%s%s=%s", i ? " " : "", study->axes[i].name,
                 study->axes[i].values[study_value_of(study, point, i)]);
    }
    return text;
}

#define AXIS(name, values) "{\"name\": \"" name "\", \"pointer\": \"/x-" name "\", \"values\": [" values "]}"

START_TEST(the_last_axis_runs_fastest)
{
    struct study *study =
        load("\"repeats\": 2, \"axes\": [" AXIS("a", "1, 2") ", " AXIS("b", "\"x\", null, 7") "]");
    static const char *const expected[] = {"a=1 b=\"x\"", "a=1 b=null", "a=1 b=7",
                                           "a=2 b=\"x\"", "a=2 b=null", "a=2 b=7"};
    ck_assert_uint_eq(study_points(study), 12);
    for (uint64_t i = 0; i < 12; i++) {
        ck_assert_str_eq(print_point(study, i), expected[i / 2]);
        ck_assert_uint_eq(study_repeat_of(study, i), i % 2);
    }
    study_free(study);
}
END_TEST

START_TEST(zipped_axes_move_together)
{
    struct study *study =
        load("\"axes\": [{\"zip\": [" AXIS("a", "1, 2") ", " AXIS("b", "3, 4") "]}, " AXIS("c", "5, 6") "]");
    static const char *const expected[] = {"a=1 b=3 c=5", "a=1 b=3 c=6", "a=2 b=4 c=5", "a=2 b=4 c=6"};
    ck_assert_uint_eq(study_points(study), 4);
    for (uint64_t i = 0; i < 4; i++)
        ck_assert_str_eq(print_point(study, i), expected[i]);
    study_free(study);
}
END_TEST

START_TEST(ranges_step_or_multiply)
{
    struct study *study = load(
        "\"axes\": [{\"name\": \"a\", \"pointer\": \"/x-a\", \"range\": {\"from\": 3, \"to\": 50, "
        "\"factor\": 4}}, "
        "{\"name\": \"b\", \"pointer\": \"/x-b\", \"range\": {\"from\": 0, \"to\": 7, \"step\": 5, \"unit\": "
        "\"ns\"}}]");
    static const char *const expected[] = {"a=3 b=\"0ns\"",  "a=3 b=\"5ns\"",  "a=12 b=\"0ns\"",
                                           "a=12 b=\"5ns\"", "a=48 b=\"0ns\"", "a=48 b=\"5ns\""};
    ck_assert_uint_eq(study_points(study), 6);
    for (uint64_t i = 0; i < 6; i++)
        ck_assert_str_eq(print_point(study, i), expected[i]);
    study_free(study);
}
END_TEST

START_TEST(conditions_leave_combinations_out)
{
    struct study *study = load("\"axes\": [" AXIS("a", "1, 2, 3") ", " AXIS(
        "b", "1, 2, 3") "], \"only\": [{\"a\": "
                        "[1, 2]}, {\"a\": 3, \"b\": 3}], \"except\": [{\"a\": 2, \"b\": [1, 3]}]");
    static const char *const expected[] = {"a=1 b=1", "a=1 b=2", "a=1 b=3", "a=2 b=2", "a=3 b=3"};
    ck_assert_uint_eq(study_points(study), 5);
    for (uint64_t i = 0; i < 5; i++)
        ck_assert_str_eq(print_point(study, i), expected[i]);
    study_free(study);
}
END_TEST

static struct scenario *scenario_of(const struct study *study, uint64_t point)
{
    struct scenario *scenario;
    struct diagnostics *diagnostics = diagnostics_new(10);
    ck_assert_int_eq(study_point_scenario(study, point, &scenario, diagnostics), STATUS_OK);
    diagnostics_free(diagnostics);
    return scenario;
}

START_TEST(a_point_has_a_scenario)
{
    struct study *study = load("\"seed\": 40, \"repeats\": 3, \"axes\": [" AXIS(
        "a", "1") ", {\"pointer\": \"/scenario/topology\", "
                  "\"values\": [\"m.json\", \"synthetic:rp(ep)\"]}, {\"pointer\": \"/scenario/cmdline\", "
                  "\"values\": "
                  "[\"iommu=pt\"]}, {\"pointer\": \"/scenario/iommu\", \"values\": [\"amd-vi\"]}]");
    struct scenario *scenario = scenario_of(study, 2);
    ck_assert_str_eq(scenario->topology_files.paths[0], "/studies/m.json");
    ck_assert_str_eq(scenario->cmdline, "iommu=pt");
    ck_assert_str_eq(scenario->iommu, "amd-vi");
    ck_assert_uint_eq(scenario->seed, 42);
    ck_assert_uint_eq(scenario->override_count, 1);
    ck_assert_str_eq(scenario->overrides[0].text, "/x-a=1");
    scenario_free(scenario);
    scenario = scenario_of(study, 3);
    ck_assert_str_eq(scenario->topology_files.paths[0], "synthetic:rp(ep)");
    ck_assert_uint_eq(scenario->seed, 40);
    scenario_free(scenario);
    study_free(study);
}
END_TEST

static void key_of(const char *more, char key[POINT_KEY_SIZE])
{
    struct study *study = load(more);
    struct scenario *scenario = scenario_of(study, 0);
    struct input_hashes *hashes = input_hashes_new();
    struct text_buffer inputs = {0};
    struct diagnostics *diagnostics = diagnostics_new(10);
    ck_assert_int_eq(point_inputs_print(hashes, scenario, &inputs, diagnostics), STATUS_OK);
    point_key_of(&inputs, key);
    diagnostics_free(diagnostics);
    text_buffer_fini(&inputs);
    input_hashes_free(hashes);
    scenario_free(scenario);
    study_free(study);
}

/* Whatever changes the result changes the key; the name of an axis or its other values do not. */
START_TEST(the_key_is_of_what_counts)
{
    char base[POINT_KEY_SIZE], key[POINT_KEY_SIZE];
    key_of("\"axes\": [" AXIS("a", "1, 2") "]", base);
    key_of("\"name\": \"other\", \"axes\": [{\"name\": \"z\", \"pointer\": \"/x-a\", \"values\": [1, 5, 6]}]",
           key);
    ck_assert_str_eq(key, base);
    static const char *const others[] = {
        "\"axes\": [" AXIS("a", "2, 1") "]",
        "\"axes\": [" AXIS("b", "1, 2") "]",
        "\"seed\": 2, \"axes\": [" AXIS("a", "1, 2") "]",
        "\"axes\": [" AXIS("a", "1") ", {\"pointer\": \"/scenario/iommu\", \"values\": [\"none\"]}]",
        "\"axes\": [" AXIS("a", "1") ", {\"pointer\": \"/scenario/cmdline\", \"values\": [\"iommu=pt\"]}]",
        "\"axes\": [" AXIS(
            "a", "1") ", {\"pointer\": \"/scenario/topology\", \"values\": [\"synthetic:rp(ep*2)\"]}]",
    };
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        key_of(others[i], key);
        ck_assert_msg(strcmp(key, base) != 0, "%s has the same key", others[i]);
    }
}
END_TEST

/* Sizes and ways of a cache: ways may come back. Asked for 4 ways a condition means both. */
START_TEST(zipped_values_come_back)
{
    struct study *study = load("\"except\": [{\"n\": 2, \"ways\": 4}], \"axes\": [" AXIS(
        "n", "1, 2") ", {\"zip\": [" AXIS("size", "32, 64, 128") ", " AXIS("ways", "4, 4, 8") "]}]");
    static const char *const expected[] = {"n=1 size=32 ways=4", "n=1 size=64 ways=4", "n=1 size=128 ways=8",
                                           "n=2 size=128 ways=8"};
    ck_assert_uint_eq(study_points(study), 4);
    for (uint64_t i = 0; i < 4; i++)
        ck_assert_str_eq(print_point(study, i), expected[i]);
    ck_assert_uint_eq(study->axes[2].value_count, 2);
    ck_assert_str_eq(study->axes[2].where, "/axes/1/zip/1");
    study_free(study);
}
END_TEST

Suite *study_suite(void)
{
    Suite *suite = suite_create("study");
    TCase *tests = tcase_create("study");
    tcase_add_test(tests, the_last_axis_runs_fastest);
    tcase_add_test(tests, zipped_values_come_back);
    tcase_add_test(tests, zipped_axes_move_together);
    tcase_add_test(tests, ranges_step_or_multiply);
    tcase_add_test(tests, conditions_leave_combinations_out);
    tcase_add_test(tests, a_point_has_a_scenario);
    tcase_add_test(tests, the_key_is_of_what_counts);
    suite_add_tcase(suite, tests);
    return suite;
}
