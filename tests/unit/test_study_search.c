/* SPDX-License-Identifier: MIT */
/* Searches on figures made by hand, against looking at everything. */
#include "sim/base/diagnostic.h"
#include "sim/base/status.h"
#include "sim/base/text_buffer.h"
#include "sim/batch/study_search.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

Suite *study_search_suite(void);

enum { LONG = 200, SHORT = 9 };

/* Two axes: "long" of 200 values, "short" of 9. */
static struct study *load(const char *more)
{
    struct text_buffer text = {0};
    struct diagnostics *diagnostics = diagnostics_new(10);
    struct study *study;
    text_buffer_format(&text,
                       "{\"format\": \"iommusim-study/1\", \"scenario\": {}, \"axes\": [{\"name\": \"long\", "
                       "\"pointer\": \"/x-a\", \"range\": {\"from\": 1, \"to\": %d}}, {\"name\": \"short\", "
                       "\"pointer\": \"/x-b\", \"range\": {\"from\": 1, \"to\": %d}}]%s}",
                       LONG, SHORT, more);
    const struct source_text source = {"study.json", text.text, text.length};
    ck_assert_int_eq(study_load_source(&source, "/study.json", &study, diagnostics), STATUS_OK);
    diagnostics_free(diagnostics);
    text_buffer_fini(&text);
    return study;
}

struct figures {
    const struct study *study;
    int least_long, least_short; /* halving: both are needed */
    double lowest_long, lowest_short;
    int status;
    unsigned calls;
};

static int meets(void *context, uint32_t combination, double *value)
{
    struct figures *figures = context;
    int a = 1 + (int)study_value_of(figures->study, combination, 0),
        b = 1 + (int)study_value_of(figures->study, combination, 1);
    figures->calls++;
    *value = a >= figures->least_long && b >= figures->least_short ? 1 : -1;
    return figures->status;
}

static int bowl(void *context, uint32_t combination, double *value)
{
    struct figures *figures = context;
    double a = 1 + study_value_of(figures->study, combination, 0),
           b = 1 + study_value_of(figures->study, combination, 1);
    figures->calls++;
    *value = fabs(a - figures->lowest_long) + 3 * fabs(b - figures->lowest_short);
    return STATUS_OK;
}

START_TEST(halving_finds_the_smallest)
{
    struct study *study = load("");
    for (int a = 1; a <= LONG; a += 7) {
        for (int b = 1; b <= SHORT; b++) {
            struct figures figures = {.study = study, .least_long = a, .least_short = b};
            struct study_search search = {study, &figures, meets, {0, 1}, 2, 0};
            uint32_t found;
            ck_assert_int_eq(study_search_halving(&search, &found), STATUS_OK);
            ck_assert_uint_eq(study_value_of(study, found, 0), (unsigned)a - 1);
            ck_assert_uint_eq(study_value_of(study, found, 1), (unsigned)b - 1);
            ck_assert_uint_eq(figures.calls, search.evaluated);
            ck_assert_uint_le(figures.calls, 2 * (8 + 4) + 1); /* two rounds of log2 of both axes */
        }
    }
    study_free(study);
}
END_TEST

START_TEST(halving_says_where_nothing_fits)
{
    struct study *study = load(", \"except\": [{\"short\": 9, \"long\": 200}]");
    struct figures figures = {.study = study, .least_long = 1, .least_short = 1};
    struct study_search search = {study, &figures, meets, {0, 1}, 2, 0};
    uint32_t found;
    /* The corner itself is left out by a condition: the search begins nowhere. */
    ck_assert_int_eq(study_search_halving(&search, &found), STATUS_OK);
    ck_assert_uint_eq(found, UINT32_MAX);
    study_free(study);
    study = load("");
    figures = (struct figures){.study = study, .least_long = LONG + 1};
    search = (struct study_search){study, &figures, meets, {0, 1}, 2, 0};
    ck_assert_int_eq(study_search_halving(&search, &found), STATUS_OK);
    ck_assert_uint_eq(found, UINT32_MAX);
    ck_assert_uint_eq(figures.calls, 1);
    figures.status = STATUS_FILE_WRITE;
    ck_assert_int_eq(study_search_halving(&search, &found), STATUS_FILE_WRITE);
    study_free(study);
}
END_TEST

START_TEST(golden_finds_the_lowest)
{
    struct study *study = load("");
    for (int a = 1; a <= LONG; a += 11) {
        for (int b = 1; b <= SHORT; b++) {
            struct figures figures = {.study = study, .lowest_long = a, .lowest_short = b};
            struct study_search search = {study, &figures, bowl, {0, 1}, 2, 0};
            uint32_t found;
            ck_assert_int_eq(study_search_golden(&search, &found), STATUS_OK);
            ck_assert_msg(study_value_of(study, found, 0) + 1 == (unsigned)a &&
                              study_value_of(study, found, 1) + 1 == (unsigned)b,
                          "lowest at %d, %d; found %u, %u", a, b, study_value_of(study, found, 0) + 1,
                          study_value_of(study, found, 1) + 1);
            ck_assert_uint_lt(figures.calls, 100); /* of 1800 */
        }
    }
    study_free(study);
}
END_TEST

Suite *study_search_suite(void)
{
    Suite *suite = suite_create("study_search");
    TCase *tests = tcase_create("study_search");
    tcase_add_test(tests, halving_finds_the_smallest);
    tcase_add_test(tests, halving_says_where_nothing_fits);
    tcase_add_test(tests, golden_finds_the_lowest);
    suite_add_tcase(suite, tests);
    return suite;
}
