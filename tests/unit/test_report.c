/* SPDX-License-Identifier: MIT */
/* `iommusim report`: pages of runs, regressions and studies. */
#include "tests/unit/program.h"

#include <check.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

Suite *report_suite(void);

/* Two endpoints below a switch without ACS; a name that would be markup. */
static const char scenario[] =
    "{\"format\": \"iommusim-scenario/1\", \"name\": \"<b>a & b</b>\", \"topology\": "
    "\"synthetic:rp[acs](up(dp*2(ep)))\","
    "\n \"iommu\": \"vt-d\", \"workload\": {\"format\": \"iommusim-workload/1\", \"domains\": [{\"name\": "
    "\"host\",\n \"devices\": \"all\", \"mappings\": [{\"iova\": \"0x10000000\", \"length\": \"1MiB\"}]}], "
    "\"streams\":\n [{\"name\": \"<script>alert(1)</script>\", \"device\": \"any\", \"operation\": \"read\", "
    "\"size\": \"64B\", \"operations\": 50,\n  \"queue_depth\": 4}]}}\n";

static const char study[] =
    "{\"format\": \"iommusim-study/1\", \"scenario\": \"scenario.json\", \"axes\": [\n"
    " {\"name\": \"walkers\", \"pointer\": \"/parameters/iommu/walkers\", \"values\": [1, 0, 4]},\n"
    " {\"name\": \"depth\", \"pointer\": \"/workload/streams/0/queue_depth\", \"values\": [1, 2, 8]}]}\n";

static void setup(void)
{
    program_setup();
    program_write_file("scenario.json", scenario);
    program_write_file("study.json", study);
}

/* Every element that is opened is closed, in order; names in the input are text, not elements. */
static void expect_page(const char *line)
{
    static const char *const empty[] = {"meta", "br", "!DOCTYPE", "path", "rect"};
    const char *open[64];
    size_t depth = 0;
    int status;
    char *page = program_shell(line, &status);
    ck_assert_int_eq(status, 0);
    ck_assert_ptr_null(strstr(page, "<script"));
    ck_assert_ptr_null(strstr(page, "src="));
    ck_assert_ptr_null(strstr(page, "href="));
    for (const char *at = strchr(page, '<'); at; at = strchr(at + 1, '<')) {
        size_t length = strcspn(at + 1, " >/");
        bool closed = at[1] != '/' && strchr(at, '>')[-1] == '/';
        for (size_t i = 0; i < sizeof(empty) / sizeof(empty[0]); i++)
            closed |= strncmp(at + 1, empty[i], length) == 0 && empty[i][length] == '\0';
        if (at[1] == '/') {
            length = strcspn(at + 2, ">");
            ck_assert_uint_gt(depth, 0);
            ck_assert_msg(strncmp(open[--depth], at + 2, length) == 0, "%.80s", at);
        } else if (!closed) {
            ck_assert_uint_lt(depth, 64);
            open[depth++] = at + 1;
        }
    }
    ck_assert_uint_eq(depth, 0);
    free(page);
}

START_TEST(a_run_has_a_page)
{
    program_expect("iommusim run scenario.json -o out/ --series 1us", 0, "");
    expect_page("iommusim report out");
    program_expect("iommusim report out", 0, "&lt;script&gt;alert(1)&lt;/script&gt;");
    program_expect("iommusim report out", 0, "<h1>&lt;b&gt;a &amp; b&lt;/b&gt;</h1>");
    program_expect("iommusim report out", 0, "Where the time went");
    program_expect("iommusim report out/result.json -o page.html && iommusim report out | cmp - page.html", 0,
                   "");
    program_expect("iommusim report out | grep -c '<td>switch-peer'", 0, "2");
    program_expect("iommusim report out", 0, "<h2>Over time</h2>");
}
END_TEST

START_TEST(a_study_has_a_page)
{
    program_expect("iommusim sweep study.json -q", 1, "");
    expect_page("iommusim report study-results");
    program_expect("iommusim report study-results", 0,
                   "9 points: 9 combinations, 1 repeats; 6 done, 3 failed, 0");
    program_expect("iommusim report study-results", 0, "&quot;walkers&quot; must be from 1 to 4096");
    program_expect("iommusim report study-results", 0, "depth 8");
}
END_TEST

START_TEST(a_regression_has_a_page)
{
    program_write_file("check.json", "{\"format\": \"iommusim-check/1\", \"cases\": [{\"name\": \"<one>\", "
                                     "\"topology\": \"synthetic:rp(ep)\"}]}");
    program_expect("iommusim check . -f json -o report.json", 1, "");
    expect_page("iommusim report report.json");
    program_expect("iommusim report report.json", 0, "1 cases, 1 failed");
    program_expect("iommusim report report.json", 0, "&lt;one&gt;</td><td class=\"bad\">failed");
}
END_TEST

START_TEST(anything_else_has_none)
{
    program_expect("iommusim report scenario.json", 2, "a report is made of");
    program_expect("mkdir empty && iommusim report empty", 2, "neither result.json of a run nor study.json");
    program_expect("iommusim report nowhere", 3, "nowhere");
    program_expect("echo '{\"format\": \"iommusim-result/1\"}' > bare.json; iommusim report bare.json", 0,
                   "A run");
    program_expect(
        "echo '{\"format\": \"iommusim-result/1\", \"streams\": 7, \"series\": {\"interval_ps\": 1, "
        "\"rows\": [1, 2], \"columns\": {}}, \"links\": [3, null], \"groups\": []}' > odd.json; iommusim "
        "report odd.json",
        0, "A run");
}
END_TEST

Suite *report_suite(void)
{
    Suite *suite = suite_create("report");
    TCase *tests = tcase_create("report");
    tcase_add_checked_fixture(tests, setup, program_teardown);
    tcase_add_test(tests, a_run_has_a_page);
    tcase_add_test(tests, a_study_has_a_page);
    tcase_add_test(tests, a_regression_has_a_page);
    tcase_add_test(tests, anything_else_has_none);
    suite_add_tcase(suite, tests);
    return suite;
}
