/* SPDX-License-Identifier: MIT */
/* Every file of tests/cases/bad-input is refused with exactly the text beside it (scripts/update-bad-input.sh
 * writes those texts). */
#include "sim/base/status.h"
#include "sim/input/source_file.h"
#include "sim/input/validate_input.h"

#include <check.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Suite *bad_input_suite(void);

enum { FEWEST = 40 };

/* What `iommusim validate` prints about a file. */
static char *findings(const char *path)
{
    struct diagnostics *diagnostics = diagnostics_new(20);
    struct text_buffer summary = {0};
    const char *kind;
    char *text;
    size_t size;
    int status = validate_input(path, &kind, &summary, diagnostics);
    ck_assert_msg(status < 0, "%s: taken without complaint", path);
    ck_assert_msg(diagnostics_errors(diagnostics) > 0, "%s: refused without a word", path);
    FILE *out = open_memstream(&text, &size);
    diagnostics_print(diagnostics, out);
    fclose(out);
    text_buffer_fini(&summary);
    diagnostics_free(diagnostics);
    return text;
}

static void check_case(const char *path)
{
    struct diagnostics *diagnostics = diagnostics_new(1);
    struct source_text expected;
    char name[256];
    snprintf(name, sizeof(name), "%.*s.expected", (int)(strrchr(path, '.') - path), path);
    ck_assert_msg(source_file_read(name, &expected, diagnostics) == STATUS_OK, "%s is missing", name);
    char *text = findings(path);
    ck_assert_msg(strcmp(text, expected.text) == 0, "%s: expected\n%sfound\n%s", path, expected.text, text);
    free(text);
    source_file_fini(&expected);
    diagnostics_free(diagnostics);
}

START_TEST(each_case_says_exactly_this)
{
    glob_t files;
    ck_assert_int_eq(chdir("tests/cases/bad-input"), 0);
    ck_assert_int_eq(glob("*.json", 0, NULL, &files), 0);
    ck_assert_int_eq(glob("*.txt", GLOB_APPEND, NULL, &files), 0);
    ck_assert_uint_ge(files.gl_pathc, FEWEST);
    for (size_t i = 0; i < files.gl_pathc; i++)
        check_case(files.gl_pathv[i]);
    printf("bad_input: %zu cases\n", files.gl_pathc);
    globfree(&files);
}
END_TEST

/* No prefix of a good file is taken, none crashes a reader. */
START_TEST(truncated_files_are_refused)
{
    static const char text[] =
        "{\"format\": \"iommusim-topology/1\", \"iommus\": [{\"kind\": \"vt-d\", \"scopes\": "
        "[\"00:01.0\"]}],\n"
        " \"host_bridges\": [{\"bus\": \"00\", \"functions\": [{\"address\": \"01.0\", \"acs\": [\"SV\"],\n"
        "  \"functions\": [{\"link\": {\"width\": 4}, \"bars\": [\"64KiB\"], \"sriov\": {\"num_vfs\": "
        "2}}]}]}]}";
    char path[] = "/tmp/iommusim-test-XXXXXX";
    close(mkstemp(path));
    for (size_t length = 0; length < sizeof(text) - 1; length++) {
        FILE *file = fopen(path, "w");
        ck_assert_uint_eq(fwrite(text, 1, length, file), length);
        fclose(file);
        free(findings(path));
    }
    unlink(path);
}
END_TEST

Suite *bad_input_suite(void)
{
    Suite *suite = suite_create("bad_input");
    TCase *tests = tcase_create("bad_input");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, each_case_says_exactly_this);
    tcase_add_test(tests, truncated_files_are_refused);
    suite_add_tcase(suite, tests);
    return suite;
}
