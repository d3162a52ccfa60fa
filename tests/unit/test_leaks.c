/* SPDX-License-Identifier: MIT */
/* The ways round the IOMMU as runnable scenarios: each file of workloads/leaks says under "x-expected" what a
 * run of it must come to. */
#include "tests/unit/program.h"

#include <cJSON.h>
#include <check.h>
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Suite *leaks_suite(void);

static const cJSON *member(const cJSON *object, const char *key, const char *file)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, key);
    ck_assert_msg(value != NULL, "%s: %s is missing", file, key);
    return value;
}

static cJSON *read_json(const char *path)
{
    FILE *file = fopen(path, "r");
    ck_assert_msg(file != NULL, "%s", path);
    char *text = calloc(1, 65536);
    ck_assert_uint_gt(fread(text, 1, 65535, file), 0);
    fclose(file);
    cJSON *document = cJSON_Parse(text);
    ck_assert_msg(document != NULL, "%s", path);
    free(text);
    return document;
}

/* Every member of the expected entry is that of the one observed. */
static void compare_entry(const cJSON *expected, const cJSON *observed, const char *file)
{
    const cJSON *value;
    cJSON_ArrayForEach(value, expected)
    {
        const cJSON *other = member(observed, value->string, file);
        ck_assert_msg(cJSON_Compare(value, other, true), "%s: \"%s\" is not as expected", file,
                      value->string);
    }
    ck_assert_str_eq(member(observed, "leak", file)->valuestring, "leak");
    ck_assert_double_le(member(observed, "first_ps", file)->valuedouble,
                        member(observed, "last_ps", file)->valuedouble);
}

static void check_scenario(const char *folder, const char *name)
{
    char path[4200], arguments[4400];
    int status;
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    cJSON *scenario = read_json(path);
    const cJSON *expected = member(scenario, "x-expected", name), *given;
    snprintf(arguments, sizeof(arguments), "run %s --format json --fail-on leak", path);
    char *output = program_run(arguments, &status);
    ck_assert_msg(status == (int)member(expected, "exit", name)->valuedouble, "%s: exit status %d", name,
                  status);
    cJSON *result = cJSON_Parse(output);
    ck_assert_msg(result != NULL, "%s", name);
    const cJSON *observed = member(member(result, "reach", name), "observed", name),
                *entries = member(expected, "observed", name);
    ck_assert_msg(cJSON_GetArraySize(observed) == cJSON_GetArraySize(entries), "%s: %d ways observed", name,
                  cJSON_GetArraySize(observed));
    for (int i = 0; i < cJSON_GetArraySize(entries); i++)
        compare_entry(cJSON_GetArrayItem(entries, i), cJSON_GetArrayItem(observed, i), name);
    ck_assert_msg(cJSON_Compare(member(expected, "failed", name),
                                member(member(result, "run", name), "failed", name), true),
                  "%s: operations failed", name);
    if ((given = cJSON_GetObjectItemCaseSensitive(expected, "faults")) != NULL)
        ck_assert_msg(cJSON_Compare(given, member(member(result, "faults", name), "seen", name), true),
                      "%s: faults", name);
    cJSON_Delete(result);
    cJSON_Delete(scenario);
    free(output);
}

START_TEST(every_scenario_comes_to_what_it_says)
{
    char *folder = realpath("workloads/leaks", NULL);
    ck_assert_ptr_nonnull(folder);
    struct dirent **names;
    int count = scandir(folder, &names, NULL, alphasort), checked = 0;
    for (int i = 0; i < count; i++) {
        if (strstr(names[i]->d_name, ".json")) {
            check_scenario(folder, names[i]->d_name);
            checked++;
        }
        free(names[i]);
    }
    free(names);
    free(folder);
    ck_assert_int_ge(checked, 10);
}
END_TEST

/* In lazy mode the window is told in time and in bytes, and lasts no longer than the timer and a flush. */
START_TEST(the_lazy_window_is_measured)
{
    char *path = realpath("workloads/leaks/lazy-window.json", NULL), arguments[4400];
    int status;
    snprintf(arguments, sizeof(arguments), "run %s --format json", path);
    char *output = program_run(arguments, &status);
    cJSON *result = cJSON_Parse(output);
    ck_assert_int_eq(status, 0);
    const cJSON *domain = cJSON_GetArrayItem(member(result, "domains", path), 0),
                *window = member(domain, "window", path);
    ck_assert_double_eq(member(domain, "unmaps", path)->valuedouble, 2000);
    ck_assert_double_gt(member(window, "count", path)->valuedouble, 1900);
    ck_assert_double_gt(member(window, "maximum_ps", path)->valuedouble, 1e6);
    ck_assert_double_le(member(window, "maximum_ps", path)->valuedouble, 10e9 + 1e6);
    ck_assert_double_le(member(domain, "stale_bytes_high", path)->valuedouble, 255 * 4096.0);
    ck_assert_double_gt(member(domain, "stale_bytes_high", path)->valuedouble, 250 * 4096.0);
    cJSON_Delete(result);
    free(output);
    free(path);
}
END_TEST

Suite *leaks_suite(void)
{
    Suite *suite = suite_create("leaks");
    TCase *tests = tcase_create("leaks");
    tcase_add_unchecked_fixture(tests, program_setup, program_teardown);
    tcase_add_test(tests, every_scenario_comes_to_what_it_says);
    tcase_add_test(tests, the_lazy_window_is_measured);
    suite_add_tcase(suite, tests);
    return suite;
}
