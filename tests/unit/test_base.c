/* SPDX-License-Identifier: MIT */
#include "sim/base/diagnostic.h"
#include "sim/base/nearest.h"
#include "sim/base/status.h"
#include "sim/base/units.h"

#include <check.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

Suite *base_suite(void);

START_TEST(units_parse_exactly_or_not_at_all)
{
    static const struct {
        const char *text;
        enum unit unit;
        int valid;
        uint64_t value;
    } cases[] = {
        {"330ns", UNIT_PICOSECONDS, 1, 330000},
        {"0.5ns", UNIT_PICOSECONDS, 1, 500},
        {"15.8 ns", UNIT_PICOSECONDS, 1, 15800},
        {"0.0001ps", UNIT_PICOSECONDS, 0, 0},
        {"1", UNIT_PICOSECONDS, 0, 0},
        {"-1ns", UNIT_PICOSECONDS, 0, 0},
        {".5ns", UNIT_PICOSECONDS, 0, 0},
        {"64KiB", UNIT_BYTES, 1, 65536},
        {"64kib", UNIT_BYTES, 0, 0},
        {"16777216TiB", UNIT_BYTES, 0, 0},
        {"8GT/s", UNIT_TRANSFERS_PER_S, 1, 8000},
        {"2.5GT/s", UNIT_TRANSFERS_PER_S, 1, 2500},
        {"100Gb/s", UNIT_BYTES_PER_S, 1, 12500000000},
        {"18446744073709551615", UNIT_NONE, 1, UINT64_MAX},
        {"18446744073709551616", UNIT_NONE, 0, 0},
        {"", UNIT_NONE, 0, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t value = 42;
        int valid = unit_parse(cases[i].text, cases[i].unit, &value);
        ck_assert_msg(valid == cases[i].valid, "%s", cases[i].text);
        ck_assert_msg(value == (valid ? cases[i].value : 42), "%s gave %" PRIu64, cases[i].text, value);
    }
}
END_TEST

START_TEST(units_print_what_they_parse)
{
    static const uint64_t values[] = {0, 1, 500, 1000, 2500, 15800, 65536, 1048576, 12345678901, UINT64_MAX};
    for (enum unit unit = UNIT_NONE; unit <= UNIT_TRANSFERS_PER_S; unit++) {
        for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
            char text[40];
            uint64_t back = 7;
            unit_print(text, sizeof(text), values[i], unit);
            ck_assert_msg(unit_parse(text, unit, &back), "%s", text);
            ck_assert_msg(back == values[i], "%s", text);
        }
    }
}
END_TEST

START_TEST(nearest_names_are_near)
{
    static const char *const names[] = {"latency", "bandwidth", "width"};
    ck_assert_str_eq(nearest_name("latancy", names, 3, sizeof(names[0])), "latency");
    ck_assert_str_eq(nearest_name("widht", names, 3, sizeof(names[0])), "width");
    ck_assert_ptr_null(nearest_name("zebra", names, 3, sizeof(names[0])));
}
END_TEST

START_TEST(diagnostics_show_the_place)
{
    const struct source_text source = {"a.json", "{\n  \"\xc3\xa4\": 1\n}\n", 14};
    struct diagnostics *diagnostics = diagnostics_new(1);
    diagnostics_report(diagnostics, DIAGNOSTIC_ERROR, &source, 10, "/\xc3\xa4", "test-code", "bad value %d",
                       1);
    diagnostics_report(diagnostics, DIAGNOSTIC_ERROR, NULL, DIAGNOSTIC_NO_OFFSET, NULL, "test-code",
                       "second");
    ck_assert_uint_eq(diagnostics_errors(diagnostics), 2);
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    diagnostics_print(diagnostics, out);
    fclose(out);
    ck_assert_str_eq(text, "a.json:2:8: error: bad value 1 (at /\xc3\xa4) [test-code]\n"
                           "    2 |   \"\xc3\xa4\": 1\n"
                           "      |        ^\n"
                           "... and 1 more errors\n");
    free(text);
    diagnostics_free(diagnostics);
}
END_TEST

START_TEST(diagnostics_beyond_the_limit_are_counted)
{
    struct diagnostics *diagnostics = diagnostics_new(2);
    for (unsigned i = 0; i < 5; i++) {
        ck_assert_int_eq(diagnostics_wants(diagnostics, DIAGNOSTIC_WARNING), i < 2);
        diagnostics_report(diagnostics, DIAGNOSTIC_WARNING, NULL, DIAGNOSTIC_NO_OFFSET, NULL, "test-code",
                           "number %u", i);
    }
    ck_assert(diagnostics_wants(diagnostics, DIAGNOSTIC_ERROR) && !diagnostics_full(diagnostics));
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    diagnostics_print(diagnostics, out);
    fclose(out);
    ck_assert_str_eq(text, "warning: number 0 [test-code]\nwarning: number 1 [test-code]\n"
                           "... and 3 more warnings\n");
    free(text);
    diagnostics_free(diagnostics);
}
END_TEST

START_TEST(status_groups_give_the_exit_code)
{
    ck_assert_int_eq(status_exit_code(STATUS_OK), 0);
    ck_assert_int_eq(status_exit_code(STATUS_BAD_USAGE), 2);
    ck_assert_int_eq(status_exit_code(STATUS_FILE_WRITE), 3);
    ck_assert_int_eq(status_exit_code(STATUS_LIMIT), 3);
    ck_assert_int_eq(status_exit_code(STATUS_INTERRUPTED), 130);
    ck_assert_int_eq(status_exit_code(STATUS_INTERNAL), 70);
}
END_TEST

Suite *base_suite(void)
{
    Suite *suite = suite_create("base");
    TCase *tests = tcase_create("base");
    tcase_add_test(tests, units_parse_exactly_or_not_at_all);
    tcase_add_test(tests, units_print_what_they_parse);
    tcase_add_test(tests, nearest_names_are_near);
    tcase_add_test(tests, diagnostics_show_the_place);
    tcase_add_test(tests, diagnostics_beyond_the_limit_are_counted);
    tcase_add_test(tests, status_groups_give_the_exit_code);
    suite_add_tcase(suite, tests);
    return suite;
}
