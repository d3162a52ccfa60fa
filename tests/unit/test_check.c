/* SPDX-License-Identifier: MIT */
/* `iommusim check` from outside: what stays, what is found when something changes, blessing, a new project.
 */
#include "tests/unit/junit_check.h"
#include "tests/unit/program.h"

#include <cJSON.h>
#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

Suite *check_suite(void);

/* Two endpoints behind a switch whose ports are as ACS says. */
static const char topology[] =
    "{\"format\": \"iommusim-topology/1\", \"iommus\": [{\"kind\": \"vt-d\"}], \"host_bridges\": "
    "[{\"functions\":\n"
    " [{\"acs\": [\"SV\", \"RR\", \"CR\", \"UF\"], \"functions\": [{\"functions\": [\n"
    "   {\"acs\": [\"SV\", \"RR\", \"CR\", \"UF\"], \"functions\": [{}]},\n"
    "   {\"acs\": [\"SV\", \"RR\", \"CR\", \"UF\"], \"functions\": [{}]}]}]}]}]}\n";

static const char workload[] =
    "{\"format\": \"iommusim-workload/1\", \"domains\": [{\"name\": \"host\", \"devices\": \"all\", "
    "\"mappings\": "
    "[{\"iova\": \"0x10000000\", \"length\": \"1MiB\"}]}], \"streams\": [{\"name\": \"reads\", \"device\": "
    "\"any\",\n"
    " \"operation\": \"read\", \"size\": \"64B\", \"operations\": 200, \"queue_depth\": 4}]}\n";

static const char suite_text[] =
    "{\"format\": \"iommusim-check/1\", \"cases\": [{\"name\": \"switch\", \"topology\": \"machine.json\",\n"
    " \"runs\": [{\"name\": \"reads\", \"workload\": \"workload.json\"}],\n"
    " \"policies\": [{\"policy\": \"no-leak\"},\n"
    "  {\"policy\": \"alone\", \"devices\": [\"03:00.0\"]},\n"
    "  {\"policy\": \"separate\", \"devices\": [\"03:00.0\", \"04:00.0\"]},\n"
    "  {\"policy\": \"figure\", \"run\": \"reads\", \"figure\": \"/streams/*/latency/p99_ps\", \"at_most\": "
    "\"2us\"}]},\n"
    " {\"name\": \"one\", \"topology\": \"synthetic:rp(ep)\", \"iommu\": \"amd-vi\"}]}\n";

static void setup(void)
{
    program_setup();
    program_write_file("machine.json", topology);
    program_write_file("workload.json", workload);
    program_write_file("check.json", suite_text);
}

START_TEST(what_is_blessed_stays)
{
    program_expect("iommusim check .", 1, "unblessed: there are no blessed answers");
    program_expect("iommusim check . --bless", 0, "2 cases");
    program_expect("iommusim check .", 0, "2 cases, 0 failed, 0 findings");
    program_expect(
        "cp -r golden before && iommusim check check.json --bless && diff -r before golden && echo same", 0,
        "same");
}
END_TEST

/* The ports below lose their ACS: the kernel puts each endpoint with its own port, and looks away from what
 * the ports do with each other (which is the leak). */
#define WITHOUT_ACS                                                                                          \
    "cp machine.json whole.json; sed -i 's/{\"acs\": \\[[^]]*\\], \"functions\": \\[{}\\]}/{\"functions\": " \
    "[{}]}/g' "                                                                                              \
    "machine.json; "

START_TEST(what_changes_is_told)
{
    program_expect("iommusim check . --bless -o /dev/null", 0, "");
    program_expect(
        WITHOUT_ACS "iommusim check .", 1,
        "0000:03:00.0 was alone and is now with 0000:02:00.0: the path up is not isolated, 0000:02:00.0");
    program_expect(
        "iommusim check .", 1,
        "0000:02:00.0 was alone and is now with 0000:03:00.0: 0000:03:00.0 joins it, the path up is not");
    program_expect("iommusim check .", 1,
                   "leak-new: new leak: 0000:03:00.0 -> 0000:04:00.0, by switch-peer at 0000:02:00.0");
    program_expect("iommusim check .", 1, "policy: no-leak: 2 pairs leak");
    /* Blessing makes groups and leaks right, policies never. */
    program_expect("iommusim check . --bless", 1, "policy: no-leak");
    program_expect(
        "iommusim check . > told; test $? = 1 && ! grep 'group-moved\\|leak-new' told && echo none", 0,
        "none");
    program_expect("cp whole.json machine.json; iommusim check .", 1,
                   "leak-gone: leak closed: 0000:03:00.0 -> 0000:04:00.0, by switch-peer at 0000:02:00.0");
}
END_TEST

START_TEST(policies_are_explained)
{
    program_expect(
        "sed -i 's/\\[{}\\]}\\]}\\]/[{}, {\"address\": \".1\"}]}]}]/; s/04:00.0/04:00.1/' machine.json "
        "check.json && "
        "sed -i 's/\\[\"03:00.0\"\\]/[\"04:00.0\"]/' check.json && iommusim check . --bless",
        1, "policy: alone 04:00.0: 04:00.0 shares group 5 with 0000:04:00.1: ");
    program_expect("sed -i 's/\"03:00.0\", \"04/\"04:00.0\", \"04/' check.json && iommusim check .", 1,
                   "policy: separate 04:00.0, 04:00.1: 04:00.0 and 04:00.1 share group 5");
    program_expect("sed -i 's/separate/together/' check.json && iommusim check . > told; "
                   "test $? -le 1 && ! grep together told && echo none",
                   0, "none");
    program_expect("sed -i 's/04:00.1/03:00.0/' check.json && iommusim check .", 1,
                   "04:00.0 and 03:00.0 share no group");
}
END_TEST

/* Translation by itself: a cold page takes a walk, hundreds of nanoseconds; none takes ten microseconds. */
START_TEST(translation_has_policies)
{
    program_expect(
        "iommusim check . --bless -o /dev/null; sed -i 's|/streams/\\*/latency/p99_ps|/units/0/translation/"
        "maximum_ps|; s/\"at_most\": \"2us\"/\"at_most\": \"10us\"/' check.json; iommusim check .",
        0, "0 failed");
    program_expect("sed -i 's/\"at_most\": \"10us\"/\"at_most\": \"20ns\"/' check.json; iommusim check .", 1,
                   "/units/0/translation/maximum_ps");
}
END_TEST

START_TEST(figures_have_tolerances)
{
    program_expect("iommusim check . --bless -o /dev/null", 0, "");
    program_expect("sed -i 's/\"queue_depth\": 4/\"queue_depth\": 5/' workload.json; iommusim check .", 1,
                   "figure: reads: reads.mean_ps is");
    program_expect(
        "sed -i 's/\"cases\"/\"tolerances\": {\"*\": 0.9}, \"cases\"/' check.json; iommusim check .", 0,
        "0 findings");
    program_expect("sed -i 's/\"\\*\": 0.9/\"*\": 0.9, \"mean_ps\": 0/' check.json; iommusim check .", 1,
                   "1 finding");
    program_expect("sed -i 's/2us/1ns/' check.json; iommusim check .", 1, "more than 1000");
    program_expect("sed -i 's/1ns/64KiB/' check.json; iommusim check .", 2,
                   "64KiB is no bound of /streams/*/latency/p99_ps: expected a time");
    program_expect(
        "sed -i 's/64KiB/1us/; s/\"no-leak\"/\"no-leak\", \"run\": \"reads\"/' check.json; iommusim check .",
        2, "the policy \"no-leak\" has no \"run\"");
}
END_TEST

/* Who may reach whom is asked of two groups; what others do is another policy's matter. */
START_TEST(leaks_between_groups)
{
    program_expect("sed -i 's/\"no-leak\"/\"no-leak-between\", \"devices\": [\"03:00.0\", \"00:00.0\"]/' "
                   "check.json && " WITHOUT_ACS "iommusim check . > told; test $? -le 1 && "
                   "! grep 'pairs leak' told && echo none",
                   0, "none");
    program_expect("sed -i 's/\"00:00.0\"\\]/\"04:00.0\"]/' check.json && iommusim check .", 1,
                   "policy: no-leak-between 03:00.0, 04:00.0: 2 pairs leak: 0000:03:00.0 -> 0000:04:00.0");
}
END_TEST

/* What cannot be looked at passes no test. */
START_TEST(what_is_broken_is_skipped)
{
    program_expect(
        "iommusim check . --bless -o /dev/null && mv workload.json away && iommusim check . -f tap", 3,
        "not ok 1 - switch: answers\n# it cannot be worked out: ./workload.json: cannot open the file: No "
        "such "
        "file or directory\nok 2 - switch: no-leak # SKIP");
    program_expect("iommusim check . -f junit", 3, "failures=\"1\" errors=\"0\" skipped=\"4\"");
    program_expect("iommusim check . -f sarif", 3, "\"executionSuccessful\": false");
}
END_TEST

/* Half a file, a merge conflict: blessing writes it anew. */
START_TEST(damaged_answers_are_blessed_again)
{
    program_expect("iommusim check . --bless -o /dev/null && cp golden/switch.json whole && echo '<<<<' > "
                   "golden/switch.json && iommusim check .",
                   1, "unblessed: these are no blessed answers: ./golden/switch.json:1:1: ");
    program_expect("iommusim check . --bless", 0, "blessed switch");
    program_expect("cmp whole golden/switch.json && iommusim check .", 0, "2 cases, 0 failed, 0 findings");
}
END_TEST

START_TEST(machines_read_it)
{
    int status;
    program_expect("iommusim check . -f tap", 1,
                   "TAP version 13\n1..6\nnot ok 1 - switch: answers\n# there are no blessed answers");
    program_expect("iommusim check . -f junit", 1, "<testsuites tests=\"6\" failures=\"2\">");
    program_expect("iommusim check . -f junit", 1, "name=\"alone 03:00.0\" file=\"check.json\" line=\"4\"/>");
    program_expect("iommusim check . -f json", 1, "\"passed\": false");
    program_expect("sed 's/2us/1ns/' check.json > slow.json; iommusim check slow.json -f json", 1,
                   "\"file\": \"slow.json\", \"line\": 6, \"column\": 3}");
    program_expect("sed -i 's/03:00.0\", \"04/03:00.0\", \"07/' check.json; iommusim check . -f sarif", 1,
                   "the machine has no function 07:00.0");
    char *junit = program_shell("iommusim check . -f junit", &status);
    ck_assert_int_eq(junit_check(junit), 3);
    free(junit);
    char *text = program_shell("iommusim check . -f sarif", &status);
    cJSON *document = cJSON_Parse(text);
    ck_assert_ptr_nonnull(document);
    const cJSON *results =
        cJSON_GetObjectItem(cJSON_GetArrayItem(cJSON_GetObjectItem(document, "runs"), 0), "results");
    ck_assert_int_eq(cJSON_GetArraySize(results), 3);
    cJSON_Delete(document);
    free(text);
}
END_TEST

START_TEST(a_project_begins)
{
    program_expect("iommusim check --init project --topology machine.json", 0, "project: topology.json");
    program_expect("iommusim check project", 0, "1 case, 0 failed");
    program_expect(
        "test -f project/.gitlab-ci.yml && test -f project/.github/workflows/iommusim.yml && echo there", 0,
        "there");
    program_expect("iommusim check --init project --topology machine.json", 3,
                   "is there already; nothing was written");
    program_expect("iommusim check --init other", 2, "--init takes a folder, and --topology a machine");
    program_expect("iommusim check nowhere", 3, "cannot open the file");
    program_expect("iommusim check . -f xml", 2, "unknown format 'xml'");
}
END_TEST

Suite *check_suite(void)
{
    Suite *suite = suite_create("check");
    TCase *tests = tcase_create("check");
    tcase_add_checked_fixture(tests, setup, program_teardown);
    tcase_add_test(tests, what_is_blessed_stays);
    tcase_add_test(tests, what_changes_is_told);
    tcase_add_test(tests, policies_are_explained);
    tcase_add_test(tests, translation_has_policies);
    tcase_add_test(tests, figures_have_tolerances);
    tcase_add_test(tests, leaks_between_groups);
    tcase_add_test(tests, what_is_broken_is_skipped);
    tcase_add_test(tests, damaged_answers_are_blessed_again);
    tcase_add_test(tests, machines_read_it);
    tcase_add_test(tests, a_project_begins);
    suite_add_tcase(suite, tests);
    return suite;
}
