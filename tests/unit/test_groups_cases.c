/* SPDX-License-Identifier: MIT */
/* Every machine of tests/cases/groups must come to the groups its kernel formed, numbers included. */
#include "sim/base/text_buffer.h"
#include "sim/input/machine_input.h"
#include "tests/unit/group_listing.h"

#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Suite *groups_cases_suite(void);

static const char folder[] = "tests/cases/groups";
enum { CASES_AT_LEAST = 109 };

static char *read_expected(const char *name)
{
    char path[512];
    char block[65536];
    struct text_buffer text = {0};
    size_t length;
    snprintf(path, sizeof(path), "%s/%s.groups", folder, name);
    FILE *file = fopen(path, "r");
    ck_assert_msg(file != NULL, "%s is missing", path);
    while ((length = fread(block, 1, sizeof(block), file)) > 0)
        text_buffer_append(&text, block, length);
    fclose(file);
    return text.text ? text.text : memory_string("");
}

/* NULL where the groups are right. */
static char *ask(const char *name)
{
    char path[512];
    struct diagnostics *diagnostics = diagnostics_new(20);
    struct machine_input *input = NULL;
    char *difference;
    snprintf(path, sizeof(path), "%s/%s.json", folder, name);
    if (machine_input_load(path, &input, diagnostics) == 0) {
        char *expected = read_expected(name);
        struct iommu_groups *groups =
            iommu_groups_form(input->topology, IOMMU_CHOICE_AUTO, NULL, diagnostics);
        difference = group_difference(groups, expected, true, NULL);
        iommu_groups_free(groups);
        free(expected);
    } else {
        diagnostics_print(diagnostics, stderr);
        difference = memory_string("the file is refused");
    }
    machine_input_free(input);
    diagnostics_free(diagnostics);
    return difference;
}

START_TEST(carried_machines)
{
    unsigned asked = 0, wrong = 0;
    DIR *directory = opendir(folder);
    struct dirent *entry;
    ck_assert_msg(directory != NULL, "%s is missing", folder);
    while ((entry = readdir(directory))) {
        char name[256];
        size_t length = strlen(entry->d_name);
        if (length < 6 || length >= sizeof(name) || strcmp(entry->d_name + length - 5, ".json") != 0)
            continue;
        snprintf(name, sizeof(name), "%.*s", (int)(length - 5), entry->d_name);
        char *difference = ask(name);
        asked++;
        if (difference) {
            fprintf(stderr, "%s: %s\n", name, difference);
            wrong++;
        }
        free(difference);
    }
    closedir(directory);
    ck_assert_uint_eq(wrong, 0);
    ck_assert_uint_ge(asked, CASES_AT_LEAST);
}
END_TEST

Suite *groups_cases_suite(void)
{
    Suite *suite = suite_create("groups_cases");
    TCase *tests = tcase_create("groups_cases");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, carried_machines);
    suite_add_tcase(suite, tests);
    return suite;
}
