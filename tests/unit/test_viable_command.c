/* SPDX-License-Identifier: MIT */
/* The viable command from outside: every file of tests/cases/viable word for word, exit status, JSON. */
#include "sim/base/text_buffer.h"

#include <cJSON.h>
#include <check.h>
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

Suite *viable_command_suite(void);

static const char folder[] = "tests/cases/viable";
enum { CASES_AT_LEAST = 38 };

static void read_all(FILE *stream, struct text_buffer *text)
{
    char block[4096];
    size_t length;
    while ((length = fread(block, 1, sizeof(block), stream)) > 0)
        text_buffer_append(text, block, length);
}

/* Run the program with @p arguments; both outputs, or standard output alone. */
static int run(const char *arguments, bool both, struct text_buffer *out)
{
    const char *program = getenv("IOMMUSIM");
    struct text_buffer command = {0};
    text_buffer_format(&command, "%s %s %s", program ? program : "build/iommusim", arguments,
                       both ? "2>&1" : "2>/dev/null");
    FILE *stream = popen(text_buffer_get(&command), "r");
    ck_assert_ptr_nonnull(stream);
    read_all(stream, out);
    text_buffer_fini(&command);
    return WEXITSTATUS(pclose(stream));
}

static bool case_right(const char *name)
{
    static const char prompt[] = "$ iommusim ";
    char path[512];
    struct text_buffer expected = {0}, actual = {0}, out = {0};
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "r");
    ck_assert_msg(file != NULL, "%s is missing", path);
    read_all(file, &expected);
    fclose(file);
    const char *end = strchr(text_buffer_get(&expected), '\n');
    ck_assert_msg(end && strncmp(expected.text, prompt, strlen(prompt)) == 0, "%s has no command", path);
    text_buffer_append(&actual, expected.text, (size_t)(end - expected.text) + 1);
    char *arguments = strndup(expected.text + strlen(prompt), (size_t)(end - expected.text) - strlen(prompt));
    int status = run(arguments, true, &out);
    text_buffer_format(&actual, "%sexit %d\n", text_buffer_get(&out), status);
    bool right = strcmp(actual.text, expected.text) == 0;
    if (!right)
        fprintf(stderr, "%s: not what it was, but\n%s\n", path, actual.text);
    free(arguments);
    text_buffer_fini(&out);
    text_buffer_fini(&actual);
    text_buffer_fini(&expected);
    return right;
}

START_TEST(word_for_word)
{
    unsigned asked = 0, wrong = 0;
    DIR *directory = opendir(folder);
    struct dirent *entry;
    ck_assert_msg(directory != NULL, "%s is missing", folder);
    while ((entry = readdir(directory))) {
        size_t length = strlen(entry->d_name);
        if (length < 5 || strcmp(entry->d_name + length - 4, ".txt") != 0)
            continue;
        asked++;
        wrong += !case_right(entry->d_name);
    }
    closedir(directory);
    ck_assert_uint_eq(wrong, 0);
    ck_assert_uint_ge(asked, CASES_AT_LEAST);
}
END_TEST

START_TEST(exit_status)
{
    static const struct {
        const char *arguments;
        int status;
    } cases[] = {
        {"'synthetic:rp@1[acs](ep)' 01:00.0", 0},
        {"'synthetic:rp@1[acs](ep)' 0000:01:00.0 -i smmuv3", 0},
        {"'synthetic:rp@1[acs](ep)' 01:00.0 -i none", 1},
        {"'synthetic:pci@1 pci@1.1' 00:01.0", 1},
        {"'synthetic:pci@1 pci@1.1' 00:01.0 --driver 00:01.1=none", 0},
        {"'synthetic:pci@1 pci@1.1' 00:01.0 --driver 00:01.1=vfio-pci", 0},
        {"'synthetic:pci@1 pci@1.1' 00:01.0 00:01.0 00:01", 0},
        {"'synthetic:pci@1' 00:01.0 -o /nonexistent/file", 3},
        {"/nonexistent/machine.json 00:01.0", 3},
        {"'synthetic:pci@1'", 2},
        {"", 2},
        {"'synthetic:pci@1' 00:01.1", 2},
        {"'synthetic:pci@1' 00:01.8", 2},
        {"'synthetic:pci@1' 00:01.0.0", 2},
        {"'synthetic:pci@1' 100000000:00:01", 2},
        {"'synthetic:pci@1' 00:01.0 --rule newest", 2},
        {"'synthetic:pci@1' 00:01.0 --driver 00:01.0", 2},
        {"'synthetic:pci@1' 00:01.0 --driver 01.0=x", 2},
        {"'synthetic:pci@1' 00:01.0 --format tsv", 2},
        {"'synthetic:pci@1' 00:01.0 --iommu best", 2},
        {"'synthetic:pci@' 00:01.0", 2},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct text_buffer out = {0}, arguments = {0};
        text_buffer_format(&arguments, "viable %s", cases[i].arguments);
        int status = run(text_buffer_get(&arguments), false, &out);
        ck_assert_msg(status == cases[i].status, "%s: exit status %d", cases[i].arguments, status);
        ck_assert_msg((out.length == 0) == (status > 1), "%s: output", cases[i].arguments);
        text_buffer_fini(&arguments);
        text_buffer_fini(&out);
    }
}
END_TEST

/* A name of the input cannot break out of the plan's comment, nor out of JSON. */
START_TEST(hostile_names)
{
    static const char machine[] =
        "{\"format\": \"iommusim-topology/1\", \"preset\": [\"default\", \"vt-d\"], \"iommus\": [{\"kind\": "
        "\"vt-d\"}], \"host_bridges\": [{\"bus\": \"00\", \"functions\": [{\"address\": \"01.0\", \"kind\": "
        "\"conventional\", \"id\": \"1:1\", \"class\": \"0200\", \"bars\": []}, {\"address\": \"01.1\", "
        "\"kind\": \"conventional\", \"id\": \"1:1\", \"class\": \"0200\", \"bars\": [], \"driver\": \"e1\", "
        "\"name\": \"x\\nreboot \\\"\"}]}]}";
    struct text_buffer arguments = {0}, out = {0};
    char path[] = "/tmp/iommusim-viable-XXXXXX";
    int file = mkstemp(path);
    ck_assert_int_ge(file, 0);
    FILE *stream = fdopen(file, "w");
    fputs(machine, stream);
    fclose(stream);
    text_buffer_format(&arguments, "viable -f json %s 00:01.0", path);
    ck_assert_int_eq(run(text_buffer_get(&arguments), false, &out), 1);
    remove(path);
    cJSON *document = cJSON_Parse(text_buffer_get(&out));
    ck_assert_ptr_nonnull(document);
    ck_assert_str_eq(cJSON_GetObjectItem(document, "format")->valuestring, "iommusim-viable/1");
    const cJSON *plan = cJSON_GetObjectItem(cJSON_GetObjectItem(document, "plan"), "driverctl");
    ck_assert_int_eq(cJSON_GetArraySize(plan), 3);
    ck_assert(strstr(cJSON_GetArrayItem(plan, 2)->valuestring, "# the host loses x?reboot \"") != NULL);
    cJSON_Delete(document);
    text_buffer_fini(&arguments);
    text_buffer_fini(&out);
}
END_TEST

Suite *viable_command_suite(void)
{
    Suite *suite = suite_create("viable_command");
    TCase *tests = tcase_create("viable_command");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, word_for_word);
    tcase_add_test(tests, exit_status);
    tcase_add_test(tests, hostile_names);
    suite_add_tcase(suite, tests);
    return suite;
}
