/* SPDX-License-Identifier: MIT */
#include "sim/base/json_scan.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Suite *json_scan_suite(void);

/* Scan; the printed findings are the caller's to free. */
static bool scan(const char *text, size_t length, char **printed)
{
    const struct source_text source = {"t", text, length};
    struct diagnostics *diagnostics = diagnostics_new(20);
    size_t size;
    bool good = json_scan(&source, diagnostics);
    FILE *out = open_memstream(printed, &size);
    diagnostics_print(diagnostics, out);
    fclose(out);
    ck_assert_uint_eq(diagnostics_errors(diagnostics), good ? 0 : 1);
    diagnostics_free(diagnostics);
    return good;
}

START_TEST(what_rfc_8259_allows_passes)
{
    static const char *const texts[] = {
        "{}",
        " [ ] ",
        "0",
        "-0",
        "\"\"",
        "true",
        "null\n",
        "[1,-2.5,3e2,4E-3,5e+1,0.1]",
        "9007199254740992",
        "-9007199254740992",
        "{\"a\":{\"a\":1},\"b\":[{\"a\":1},{\"a\":2}],\"A\":0}",
        "\"\\u0041\\ud83d\\ude00 \\\\ \\\" \\/ \\b\\f\\n\\r\\t\"",
        "\"\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80 \xed\x9f\xbf \xee\x80\x80 \xf4\x8f\xbf\xbf\"",
        "\"\x7f\"",
        "0.30000000000000004",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        char *printed;
        ck_assert_msg(scan(texts[i], strlen(texts[i]), &printed), "%s: %s", texts[i], printed);
        free(printed);
    }
}
END_TEST

START_TEST(everything_else_is_refused_at_its_place)
{
    static const struct {
        const char *text, *place, *code;
    } cases[] = {
        {"", "t:", "json-empty"},
        {" \n\t", "t:", "json-empty"},
        {"\xef\xbb\xbf{}", "t:1:1:", "json-byte-order-mark"},
        {"{} x", "t:1:4:", "json-trailing-text"},
        {"{}{}", "t:1:3:", "json-trailing-text"},
        {"[1,]", "t:1:4:", "json-syntax"},
        {"[1 2]", "t:1:4:", "json-syntax"},
        {"{\"a\":1,}", "t:1:8:", "json-syntax"},
        {"{\"a\" 1}", "t:1:6:", "json-syntax"},
        {"{a:1}", "t:1:2:", "json-syntax"},
        {"{'a':1}", "t:1:2:", "json-syntax"},
        {"[1, /* */ 2]", "t:1:5:", "json-syntax"},
        {"{\n\"a\": [1, 2\n}", "t:3:1:", "json-syntax"},
        {"[", "t:1:2:", "json-syntax"},
        {"\"abc", "t:1:1:", "json-syntax"},
        {"[\"abc\n\"]", "t:1:2:", "json-syntax"},
        {"nul", "t:1:1:", "json-syntax"},
        {"True", "t:1:1:", "json-syntax"},
        {"NaN", "t:1:1:", "json-syntax"},
        {"truefalse", "t:1:1:", "json-syntax"},
        {"[01]", "t:1:2:", "json-number"},
        {"[-01]", "t:1:3:", "json-number"},
        {"[0x1f]", "t:1:2:", "json-number"},
        {"[1.]", "t:1:4:", "json-syntax"},
        {"[.5]", "t:1:2:", "json-syntax"},
        {"[+1]", "t:1:2:", "json-syntax"},
        {"[-]", "t:1:3:", "json-syntax"},
        {"[1e]", "t:1:4:", "json-syntax"},
        {"[1e999]", "t:1:2:", "json-number"},
        {"[1e-999]", "t:1:2:", "json-number"},
        {"[9007199254740993]", "t:1:2:", "json-number"},
        {"[-9007199254740993]", "t:1:2:", "json-number"},
        {"[9007199254740992.5]", "t:1:2:", "json-number"},
        {"[1e16]", "t:1:2:", "json-number"},
        {"[0.123456789012345678]", "t:1:2:", "json-number"},
        {"[0.0000000000000000000000000000000000000000000000000000000000000000001]", "t:1:2:", "json-number"},
        {"\"a\tb\"", "t:1:3:", "json-control-character"},
        {"\"\xff\"", "t:1:2:", "json-encoding"},
        {"\"\xc3\"", "t:1:2:", "json-encoding"},
        {"\"\xc0\xaf\"", "t:1:2:", "json-encoding"},
        {"\"\xe0\x80\xaf\"", "t:1:2:", "json-encoding"},
        {"\"\xed\xa0\x80\"", "t:1:2:", "json-encoding"},
        {"\"\xf4\x90\x80\x80\"", "t:1:2:", "json-encoding"},
        {"\"\xc3\xa4\xf0\x9f\x98\"", "t:1:3:", "json-encoding"},
        {"\"\\x\"", "t:1:2:", "json-escape"},
        {"\"\\u12g4\"", "t:1:2:", "json-escape"},
        {"\"\\u12", "t:1:2:", "json-escape"},
        {"\"\\u0000\"", "t:1:2:", "json-nul"},
        {"\"\\ud800\"", "t:1:2:", "json-surrogate"},
        {"\"\\udc00\"", "t:1:2:", "json-surrogate"},
        {"\"\\ud800\\u0041\"", "t:1:2:", "json-surrogate"},
        {"{\"a\":1,\"b\":2,\"a\":3}", "t:1:14:", "json-duplicate-key"},
        {"{\"a\":1,\"\\u0061\":3}", "t:1:8:", "json-duplicate-key"},
        {"{\"x\":{\"a\":1,\n\"a\":3}}", "t:2:1:", "json-duplicate-key"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *printed, code[64];
        snprintf(code, sizeof(code), "[%s]", cases[i].code);
        ck_assert_msg(!scan(cases[i].text, strlen(cases[i].text), &printed), "taken: %s", cases[i].text);
        ck_assert_msg(strncmp(printed, cases[i].place, strlen(cases[i].place)) == 0, "%s gave %s",
                      cases[i].text, printed);
        ck_assert_msg(strstr(printed, code) != NULL, "%s gave %s", cases[i].text, printed);
        free(printed);
    }
    char *printed;
    ck_assert(!scan("[\"a\\\0\"]", 8, &printed)); /* a NUL byte is no escape */
    free(printed);
    ck_assert(!scan("[1]\0", 4, &printed));
    ck_assert_ptr_nonnull(strstr(printed, "json-trailing-text"));
    free(printed);
}
END_TEST

START_TEST(depth_is_limited)
{
    char text[2 * JSON_DEPTH_MAX + 3], *printed;
    for (int extra = 0; extra < 2; extra++) {
        int depth = JSON_DEPTH_MAX + extra;
        memset(text, '[', (size_t)depth);
        memset(text + depth, ']', (size_t)depth);
        ck_assert_int_eq(scan(text, 2 * (size_t)depth, &printed), !extra);
        free(printed);
    }
}
END_TEST

START_TEST(every_truncation_is_refused)
{
    static const char text[] = "{\"a\": [1, true, {\"b\": \"\\u00e4\"}], \"c\": -1.5e3}";
    for (size_t length = 0; length < sizeof(text) - 1; length++) {
        char *copy = malloc(length + 1), *printed; /* exactly sized: sanitizers see overruns */
        memcpy(copy, text, length);
        copy[length] = '\0';
        ck_assert_msg(!scan(copy, length, &printed), "%zu bytes", length);
        free(printed);
        free(copy);
    }
}
END_TEST

START_TEST(many_keys_are_compared)
{
    char *text = malloc(200000), *at = text, *printed;
    at += sprintf(at, "{");
    for (int i = 0; i < 5000; i++)
        at += sprintf(at, "\"k%d\":%d,", i, i);
    char *last = at;
    sprintf(last, "\"k5000\":1}");
    ck_assert(scan(text, strlen(text), &printed));
    free(printed);
    sprintf(last, "\"k1234\":1}");
    ck_assert(!scan(text, strlen(text), &printed));
    ck_assert_ptr_nonnull(strstr(printed, "key \"k1234\" is used twice"));
    free(printed);
    free(text);
}
END_TEST

START_TEST(pointers_are_located)
{
    static const char text[] =
        " {\"a\": [10, {\"x/y\": 1, \"m~n\": 2}],\n  \"\\u00e4\\n\": {\"\": 3, \"s\": \"]}\"}, \"z\":4}";
    const struct source_text source = {"t", text, sizeof(text) - 1};
    static const struct {
        const char *pointer, *value, *key;
    } cases[] = {
        {"", "{\"a\"", "{\"a\""},
        {"/a", "[10", "\"a\""},
        {"/a/0", "10,", "10,"},
        {"/a/1/x~1y", "1, ", "\"x/y\""},
        {"/a/1/m~0n", "2}]", "\"m~n\""},
        {"/\xc3\xa4\n", "{\"\"", "\"\\u00e4"},
        {"/\xc3\xa4\n/", "3, ", "\"\": 3"},
        {"/z", "4}", "\"z\""},
        {"/a/1/none", "{\"x/y", "{\"x/y"},
        {"/a/7", "[10", "[10"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *value = text + json_locate(&source, cases[i].pointer, JSON_VALUE);
        const char *key = text + json_locate(&source, cases[i].pointer, JSON_KEY);
        ck_assert_msg(strncmp(value, cases[i].value, strlen(cases[i].value)) == 0, "%s: %s", cases[i].pointer,
                      value);
        ck_assert_msg(strncmp(key, cases[i].key, strlen(cases[i].key)) == 0, "%s: %s", cases[i].pointer, key);
    }
}
END_TEST

Suite *json_scan_suite(void)
{
    Suite *suite = suite_create("json_scan");
    TCase *tests = tcase_create("json_scan");
    tcase_add_test(tests, what_rfc_8259_allows_passes);
    tcase_add_test(tests, everything_else_is_refused_at_its_place);
    tcase_add_test(tests, depth_is_limited);
    tcase_add_test(tests, every_truncation_is_refused);
    tcase_add_test(tests, many_keys_are_compared);
    tcase_add_test(tests, pointers_are_located);
    suite_add_tcase(suite, tests);
    return suite;
}
