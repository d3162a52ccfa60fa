/* SPDX-License-Identifier: MIT */
/* Groups against running kernels and real machines, straight from their dumps. The dumps are other people's
 * text and stand beside the tree, not in it: without them these tests pass and say nothing (the same facts
 * are carried in tests/cases/groups). */
#include "sim/base/text_buffer.h"
#include "sim/input/recognise.h"
#include "tests/unit/group_listing.h"

#include <cJSON.h>
#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Suite *groups_oracle_suite(void);

static const char oracle_folder[] = "../shared/oracle/dev";
static const char real_folder[] = "../shared/realworld";

/* A whole file of a case, or NULL. */
static char *read_file(const char *folder, const char *name, const char *file)
{
    char path[512];
    struct text_buffer text = {0};
    char block[65536];
    size_t length;
    snprintf(path, sizeof(path), "%s/%s/%s", folder, name, file);
    FILE *stream = fopen(path, "r");
    if (!stream)
        return NULL;
    while ((length = fread(block, 1, sizeof(block), stream)) > 0)
        text_buffer_append(&text, block, length);
    fclose(stream);
    return text.text ? text.text : memory_string("");
}

struct question {
    enum iommu_choice choice;
    const char *cmdline;
    const char *ignore;
};

/* What a dump says about its groups must not help to predict them. */
static void forget_groups(struct topology *topology)
{
    for (uint32_t i = 0; i < topology->function_count; i++)
        topology->functions[i].group_reported = false;
}

/* With its own statement at hand, the same dump must say that all agrees. */
static bool all_agree(const struct topology *topology, struct diagnostics *diagnostics)
{
    uint32_t agree, differ;
    struct iommu_groups *groups = iommu_groups_form(topology, IOMMU_CHOICE_AUTO, NULL, diagnostics);
    iommu_groups_agreement(groups, &agree, &differ);
    iommu_groups_free(groups);
    return differ == 0;
}

/* NULL where the groups are right. */
static char *ask(const char *folder, const char *name, const struct question *question)
{
    char *dump = read_file(folder, name, "lspci.txt");
    char *expected = read_file(folder, name, "groups.txt");
    ck_assert_msg(dump && expected, "%s: lspci.txt or groups.txt is missing", name);
    struct source_text source = {name, dump, strlen(dump)};
    struct diagnostics *diagnostics = diagnostics_new(20);
    struct topology *topology = NULL;
    char *difference;
    if (dump_import(&source, &topology, diagnostics) == 0) {
        bool agreed = all_agree(topology, diagnostics);
        forget_groups(topology);
        struct iommu_groups *groups =
            iommu_groups_form(topology, question->choice, question->cmdline, diagnostics);
        difference = group_difference(groups, expected, false, question->ignore);
        iommu_groups_free(groups);
        if (!difference && !agreed)
            difference = memory_string("the groups the dump states are not confirmed");
    } else {
        diagnostics_print(diagnostics, stderr);
        difference = memory_string("the dump is refused");
    }
    topology_free(topology);
    diagnostics_free(diagnostics);
    free(dump);
    free(expected);
    return difference;
}

static bool any_text(const cJSON *array, const char *part)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, array)
    {
        if (strstr(item->valuestring, part))
            return true;
    }
    return false;
}

/* The kinds told, and guessed: both must do, but for a machine that has none. Functions left out of the
 * firmware tables by an option of the emulator cannot be seen in a dump. */
static char *ask_oracle(const char *name)
{
    char *text = read_file(oracle_folder, name, "case.json");
    ck_assert_msg(text != NULL, "%s: case.json is missing", name);
    cJSON *facts = cJSON_Parse(text);
    ck_assert_ptr_nonnull(facts);
    const cJSON *arguments = cJSON_GetObjectItemCaseSensitive(facts, "qemu_args");
    const char *arch = cJSON_GetObjectItemCaseSensitive(facts, "arch")->valuestring;
    struct question question = {
        .choice = strcmp(arch, "arm") == 0             ? IOMMU_CHOICE_SMMUV3
                  : any_text(arguments, "amd-iommu")   ? IOMMU_CHOICE_AMD_VI
                  : any_text(arguments, "intel-iommu") ? IOMMU_CHOICE_VT_D
                                                       : IOMMU_CHOICE_NONE,
        .cmdline = cJSON_GetObjectItemCaseSensitive(facts, "cmdline")->valuestring,
    };
    struct text_buffer ignore = {0};
    if (any_text(arguments, "bypass")) {
        const cJSON *item;
        cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(facts, "ungrouped"))
        {
            text_buffer_format(&ignore, " %s", item->valuestring);
        }
        question.ignore = text_buffer_get(&ignore);
    }
    char *difference = ask(oracle_folder, name, &question);
    if (!difference && question.choice != IOMMU_CHOICE_NONE) {
        question.choice = IOMMU_CHOICE_AUTO;
        difference = ask(oracle_folder, name, &question);
    }
    text_buffer_fini(&ignore);
    cJSON_Delete(facts);
    free(text);
    return difference;
}

static char *ask_real(const char *name)
{
    static const struct question question = {.choice = IOMMU_CHOICE_AUTO};
    return ask(real_folder, name, &question);
}

/* All cases of a folder whose names begin with @p prefix; failures are listed together. */
static void walk(const char *folder, const char *prefix, char *(*ask_case)(const char *name))
{
    unsigned asked = 0, wrong = 0;
    DIR *directory = opendir(folder);
    struct dirent *entry;
    if (!directory)
        return;
    while ((entry = readdir(directory))) {
        if (entry->d_name[0] == '.' || entry->d_type == DT_REG ||
            strncmp(entry->d_name, prefix, strlen(prefix)) != 0)
            continue;
        char *difference = ask_case(entry->d_name);
        asked++;
        if (difference) {
            fprintf(stderr, "%s: %s\n", entry->d_name, difference);
            wrong++;
        }
        free(difference);
    }
    closedir(directory);
    printf("groups_oracle: %u of %u right in %s/%s*\n", asked - wrong, asked, folder, prefix);
    ck_assert_uint_eq(wrong, 0);
    ck_assert_uint_gt(asked, 0);
}

START_TEST(constructed_machines)
{
    walk(oracle_folder, "", ask_oracle);
}
END_TEST

START_TEST(real_machines)
{
    walk(real_folder, "a-", ask_real);
}
END_TEST

Suite *groups_oracle_suite(void)
{
    Suite *suite = suite_create("groups_oracle");
    TCase *tests = tcase_create("groups_oracle");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, constructed_machines);
    tcase_add_test(tests, real_machines);
    suite_add_tcase(suite, tests);
    return suite;
}
