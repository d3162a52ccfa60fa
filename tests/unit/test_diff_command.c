/* SPDX-License-Identifier: MIT */
/* The diff command from outside: exit status, exact output. */
#include "sim/base/text_buffer.h"

#include <cJSON.h>
#include <check.h>
#include <glob.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

Suite *diff_command_suite(void);

enum { FEWEST_CASES = 10 };

/* Run the command with @p arguments; both outputs together are the caller's to free. */
static char *run(const char *arguments, int *status)
{
    const char *program = getenv("IOMMUSIM");
    char command[2048];
    struct text_buffer out = {0};
    char block[4096];
    size_t length;
    snprintf(command, sizeof(command), "%s diff %s 2>&1", program ? program : "build/iommusim", arguments);
    FILE *stream = popen(command, "r");
    ck_assert_ptr_nonnull(stream);
    while ((length = fread(block, 1, sizeof(block), stream)) > 0)
        text_buffer_append(&out, block, length);
    *status = WEXITSTATUS(pclose(stream));
    return out.text ? out.text : strdup("");
}

/* R1a and R1b of the group specification, section 7. */
#define R1(rp)                                                                                               \
    "'synthetic:pci@1.0[mf] rp@1.1[" rp "](ep@0.0 ep@0.1) rp@1.2[" rp "](ep) pci@14.0[mf] pci@14.3'"
#define SWITCH(dp) "'synthetic:rp@1[acs](up(dp@0[" dp "](ep) dp@3[" dp "](ep)))'"

START_TEST(exit_status)
{
    static const struct {
        const char *arguments;
        int status;
        const char *part; /* of the output, NULL: there is none */
    } cases[] = {
        {SWITCH("acs") " " SWITCH("acs"), 0, "No difference."},
        {"-f tsv " SWITCH("acs") " " SWITCH("acs"), 0, NULL},
        {SWITCH("acs") " " SWITCH("acs=1f:0"), 1, "become one, group 2"},
        {"--fail-on nothing " SWITCH("acs") " " SWITCH("acs=1f:0"), 0, "become one, group 2"},
        {"--fail-on leaks " SWITCH("acs") " " SWITCH("acs=1f:0"), 1, "newly reach, 1 pair at 0000:02:00.0"},
        {"--fail-on leaks " SWITCH("acs=1f:0") " " SWITCH("acs"), 0, "reach no more"},
        {"--fail-on groups " SWITCH("acs=1f:0") " " SWITCH("acs"), 1, "splits into"},
        {"--fail-on groups --cmdline iommu=pt " SWITCH("acs"), 0, "identity instead of DMA-FQ"},
        {"--cmdline iommu=pt " SWITCH("acs"), 1, "identity instead of DMA-FQ"},
        {"--cmdline iommu=pt " SWITCH("acs") " " SWITCH("acs"), 0, "No difference."},
        {"--acs-override downstream " SWITCH("acs"), 0, "claims 6 groups, the hardware proves 6"},
        {"--acs-override downstrem " SWITCH("acs"), 2,
         "unknown word 'downstrem' in --acs-override, did you mean 'downstream'?"},
        {"--acs-override id:8086,multifunction " SWITCH("acs"), 2, "unknown word 'id:8086'"},
        {"--base-iommu none --iommu vt-d " SWITCH("acs"), 1, "Groups 0, 1, 2, 3, 4 and 5 are new"},
        {"--algorithm acs-rework-v3 " SWITCH("noacs"), 1, "Groups "},
        {"--algorithm acs-rework-v3 " SWITCH("noacs"), 1,
         "because  the rule set is acs-rework-v3 now, not linux\n"},
        {"--fail-on viability --base-iommu vt-d --cmdline intel_iommu=off " SWITCH("acs"), 1,
         "after    cannot be given: "},
        {"--fail-on viability --base-iommu none --iommu vt-d " SWITCH("acs"), 0, "0 before, 2 after"},
        {"--fail-on leaks --base-iommu vt-d --cmdline intel_iommu=off " SWITCH("acs"), 1,
         "Summary    6 groups become 0: nothing is behind an IOMMU any more\n"},
        {"--base-algorithm acs-rework-v3 --algorithm linux " SWITCH("noacs"), 1, "splits into"},
        /* One walker in place of six: the same groups, another cost. */
        {"--set /parameters/iommu/walkers=1 --workload workloads/random-reads.json "
         "topologies/pcie-bench-broadwell.json",
         1, "\nNo difference in groups, leaks and guests.\n\nCost "},
        {"--fail-on groups -f tsv --set /parameters/iommu/walkers=1 --workload workloads/random-reads.json "
         "topologies/pcie-bench-broadwell.json",
         0, "cost\trandom reads.p99_ps\t"},
        {"--base-algorithm acs-rework-v3 --base-assume table --assume optimistic " SWITCH("noacs"), 0,
         "No difference."},
        {"", 2, "FILE is missing"},
        {SWITCH("acs"), 2, "nothing to compare with: name a second FILE or a change"},
        {SWITCH("acs") " " SWITCH("acs") " " SWITCH("acs"), 2, "two FILEs at most"},
        {"--base-iommu vt-d " SWITCH("acs") " " SWITCH("acs"), 2, "is for one FILE and its change"},
        {"--fail-on leak " SWITCH("acs"), 2, "unknown value 'leak' for --fail-on, did you mean 'leaks'?"},
        {"--format cvs " SWITCH("acs"), 2, "unknown value 'cvs' for --format"},
        {"--algorithm new " SWITCH("acs"), 2, "unknown algorithm 'new'"},
        {"--assume best " SWITCH("acs"), 2, "unknown assumption 'best'"},
        {"--slots 01:00.0 " SWITCH("acs") " " SWITCH("acs"), 2, "--slots is for one FILE"},
        {"--set /a=1 " SWITCH("acs") " " SWITCH("acs"), 2, "--set and --move are for one FILE"},
        {"--iommu vtd " SWITCH("acs"), 2, "unknown IOMMU 'vtd'"},
        {SWITCH("acs") " 'synthetic:rp@1('", 2, "error: "},
        {SWITCH("acs") " /nonexistent/machine.json", 3, "/nonexistent/machine.json"},
        {"-o /nonexistent/diff.txt " SWITCH("acs") " " SWITCH("noacs"), 3, "/nonexistent/diff.txt"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int status;
        char *output = run(cases[i].arguments, &status);
        ck_assert_msg(status == cases[i].status, "%s: exit status %d\n%s", cases[i].arguments, status,
                      output);
        ck_assert_msg(cases[i].part ? strstr(output, cases[i].part) != NULL : *output == '\0',
                      "%s:\n%s\nexpected\n%s", cases[i].arguments, output,
                      cases[i].part ? cases[i].part : "nothing");
        free(output);
    }
}
END_TEST

/* What a reader of a forum is told when ACS was not switched on before the groups were formed. */
START_TEST(signature_of_acs_off)
{
    int status;
    char *output =
        run("--base-iommu vt-d " R1("acs") " --cmdline pci=config_acs=0000000@pci:1b36:000c", &status);
    ck_assert_int_eq(status, 1);
    static const char *const parts[] = {
        "Groups     6 before, 2 after; 1 with the same members (1 of them with another number)\n",
        "\n  Groups 0, 1, 2, 4 and 5 become one, group 0\n"
        "    before      0  0000:00:01.0\n"
        "                1  0000:00:01.1\n"
        "                2  0000:00:01.2\n"
        "                4  0000:01:00.0 0000:01:00.1\n"
        "                5  0000:02:00.0\n"
        "    after       0  0000:00:01.0 0000:00:01.1 0000:00:01.2 0000:01:00.0 0000:01:00.1 0000:02:00.0\n",
        "    0000:02:00.0\n"
        "      before   starts the group\n"
        "      after    joins 0000:00:01.2: the path up is not isolated, 0000:00:01.2 (root-port): its ACS "
        "control lacks SrcValid, ReqRedir, CmpltRedir, UpstreamFwd\n"
        "      because  0000:00:01.2 (root-port) counted as isolated before: its ACS control has all the "
        "bits "
        "it offers\n",
        "\n  relabelled 3 is 1 now\n",
    };
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        ck_assert_msg(strstr(output, parts[i]) != NULL, "%s\nis missing in\n%s", parts[i], output);
    free(output);
}
END_TEST

START_TEST(json_document)
{
    int status;
    char *output = run(
        "--format json --base-iommu vt-d --acs-override downstream 'synthetic:rp@1(ep) rp@2(ep)'", &status);
    ck_assert_int_eq(status, 1);
    cJSON *document = cJSON_Parse(output);
    ck_assert_msg(document != NULL, "no JSON:\n%s", output);
    ck_assert_str_eq(cJSON_GetObjectItem(document, "format")->valuestring, "iommusim-diff/1");
    ck_assert(cJSON_IsTrue(cJSON_GetObjectItem(document, "differ")));
    const cJSON *changes = cJSON_GetObjectItem(document, "group_changes");
    ck_assert_int_eq(cJSON_GetArraySize(changes), 2);
    const cJSON *change = cJSON_GetArrayItem(changes, 0);
    ck_assert_str_eq(cJSON_GetObjectItem(change, "change")->valuestring, "split");
    ck_assert_int_eq(cJSON_GetArraySize(cJSON_GetObjectItem(change, "after")), 2);
    const cJSON *endpoint = cJSON_GetArrayItem(cJSON_GetObjectItem(change, "functions"), 1);
    ck_assert_str_eq(cJSON_GetObjectItem(endpoint, "before")->valuestring, "0000:01:00.0");
    ck_assert_str_eq(cJSON_GetObjectItem(endpoint, "because")->valuestring,
                     "0000:00:01.0 (root-port) counts as isolated now: pcie_acs_override says isolated");
    const cJSON *override = cJSON_GetObjectItem(document, "override");
    ck_assert_int_eq(cJSON_GetObjectItem(override, "groups_claimed")->valueint, 4);
    ck_assert_int_eq(cJSON_GetObjectItem(override, "groups_proven")->valueint, 2);
    cJSON_Delete(document);
    free(output);
}
END_TEST

static double figure(const cJSON *document, const char *name, const char *side)
{
    const cJSON *list = cJSON_GetObjectItem(cJSON_GetObjectItem(document, "cost"), "figures"), *item;
    cJSON_ArrayForEach(item, list)
    {
        if (strcmp(cJSON_GetObjectItem(item, "name")->valuestring, name) == 0)
            return cJSON_GetNumberValue(cJSON_GetObjectItem(item, side));
    }
    ck_abort_msg("no figure %s", name);
}

static cJSON *cost_of(const char *arguments)
{
    int status;
    char *output = run(arguments, &status);
    cJSON *document = cJSON_Parse(output);
    ck_assert_msg(status == 0 && document, "%s: exit status %d\n%s", arguments, status, output);
    free(output);
    return document;
}

/* The same machine costs the same; one with half the lanes and one whose device was moved below them are
 * alike. */
START_TEST(cost_of_a_change)
{
#define LINK   "/host_bridges/0/functions/1"
#define NARROW LINK "/link/width=1 --set " LINK "/functions/0/link/width=1"
    cJSON *same = cost_of(
              "-f json --fail-on nothing --workload workloads/nic-receive.json topologies/sriov-nic.json "
              "topologies/sriov-nic.json"),
          *narrow = cost_of("-f json --fail-on nothing --workload workloads/random-reads.json topologies/"
                            "pcie-bench-broadwell.json --set " NARROW);
    const cJSON *list = cJSON_GetObjectItem(cJSON_GetObjectItem(same, "cost"), "figures"), *item;
    ck_assert_int_ge(cJSON_GetArraySize(list), 10);
    cJSON_ArrayForEach(item, list) ck_assert(
        cJSON_Compare(cJSON_GetObjectItem(item, "before"), cJSON_GetObjectItem(item, "after"), true));
    ck_assert_double_gt(figure(narrow, "random reads.bytes_per_s", "before"),
                        figure(narrow, "random reads.bytes_per_s", "after"));
    ck_assert_ptr_nonnull(
        strstr(cJSON_GetObjectItem(narrow, "summary")->valuestring, "random reads.bytes_per_s from "));
    cJSON_Delete(same);
    cJSON_Delete(narrow);
}
END_TEST

/* A device below another port of the same width is as fast as before, below a narrow one slower. */
START_TEST(cost_of_a_move)
{
    static const char topology[] = "{\"format\": \"iommusim-topology/1\", \"iommus\": [{\"kind\": "
                                   "\"vt-d\"}], \"host_bridges\": [{\"functions\": "
                                   "[{\"kind\": \"root-port\", \"functions\": [{}]}, {\"kind\": "
                                   "\"root-port\"}, {\"kind\": \"root-port\", "
                                   "\"link\": {\"width\": 1}}]}]}";
    char path[] = "/tmp/iommusim-diff-XXXXXX", arguments[300];
    int file = mkstemp(path);
    ck_assert_int_ge(file, 0);
    ck_assert_int_eq(write(file, topology, strlen(topology)), (ssize_t)strlen(topology));
    close(file);
    for (int port = 1; port <= 2; port++) {
        snprintf(
            arguments, sizeof(arguments),
            "-f json --fail-on nothing --workload workloads/random-reads.json %s --move 01:00.0=00:0%d.0",
            path, port);
        cJSON *moved = cost_of(arguments);
        double before = figure(moved, "random reads.bytes_per_s", "before"),
               after = figure(moved, "random reads.bytes_per_s", "after");
        if (port == 1)
            ck_assert_double_eq(before, after);
        else
            ck_assert_double_lt(after, before); /* one lane of eight; the device itself is the limit before */
        cJSON_Delete(moved);
    }
    unlink(path);
}
END_TEST

static char *content(const char *path)
{
    struct text_buffer text = {0};
    char block[4096];
    size_t length;
    FILE *file = fopen(path, "r");
    ck_assert_msg(file != NULL, "%s is missing", path);
    while ((length = fread(block, 1, sizeof(block), file)) > 0)
        text_buffer_append(&text, block, length);
    fclose(file);
    return text.text ? text.text : strdup("");
}

/* The files of tests/cases/diff, word for word (scripts/update-diff-cases.sh writes them). */
START_TEST(reference_machines)
{
    glob_t files;
    ck_assert_int_eq(glob("tests/cases/diff/*.args", 0, NULL, &files), 0);
    ck_assert_uint_ge(files.gl_pathc, FEWEST_CASES);
    for (size_t i = 0; i < files.gl_pathc; i++) {
        char name[256];
        int status;
        const char *path = files.gl_pathv[i];
        snprintf(name, sizeof(name), "%.*s.expected", (int)(strrchr(path, '.') - path), path);
        char *arguments = content(path), *expected = content(name);
        arguments[strcspn(arguments, "\n")] = '\0';
        char *output = run(arguments, &status);
        struct text_buffer found = {0};
        text_buffer_format(&found, "%sexit status %d\n", output, status);
        ck_assert_msg(strcmp(found.text, expected) == 0, "%s:\n%s\nexpected\n%s", path, found.text, expected);
        text_buffer_fini(&found);
        free(output);
        free(arguments);
        free(expected);
    }
    globfree(&files);
}
END_TEST

Suite *diff_command_suite(void)
{
    Suite *suite = suite_create("diff_command");
    TCase *tests = tcase_create("diff_command");
    tcase_add_test(tests, exit_status);
    tcase_add_test(tests, signature_of_acs_off);
    tcase_add_test(tests, json_document);
    tcase_add_test(tests, cost_of_a_change);
    tcase_add_test(tests, cost_of_a_move);
    tcase_add_test(tests, reference_machines);
    suite_add_tcase(suite, tests);
    return suite;
}
