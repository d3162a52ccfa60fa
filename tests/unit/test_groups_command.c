/* SPDX-License-Identifier: MIT */
/* The groups command from outside: exit status, exact output of the stable formats. */
#include "sim/base/text_buffer.h"

#include <cJSON.h>
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

Suite *groups_command_suite(void);

/* Run the command with @p arguments; standard output is the caller's to free. */
static char *run(const char *arguments, int *status)
{
    const char *program = getenv("IOMMUSIM");
    char command[1024];
    struct text_buffer out = {0};
    char block[4096];
    size_t length;
    snprintf(command, sizeof(command), "%s groups %s 2>/dev/null", program ? program : "build/iommusim",
             arguments);
    FILE *stream = popen(command, "r");
    ck_assert_ptr_nonnull(stream);
    while ((length = fread(block, 1, sizeof(block), stream)) > 0)
        text_buffer_append(&out, block, length);
    *status = WEXITSTATUS(pclose(stream));
    return out.text ? out.text : strdup("");
}

START_TEST(stable_lines)
{
    static const struct {
        const char *arguments;
        const char *output;
        int status;
    } cases[] = {
        {"--format tsv 'synthetic:rp@1(ep) pci@2'", "0\t0000:00:01.0\n0\t0000:01:00.0\n1\t0000:00:02.0\n", 0},
        {"--format=tsv --iommu none 'synthetic:rp@1(ep)'", "", 0},
        {"-f tsv -c intel_iommu=off 'synthetic:rp@1(ep)'", "", 0},
        {"-f tsv -i amd-vi -c 'amd_iommu=on iommu=pt' 'synthetic:rp@1[acs](ep)'",
         "0\t0000:00:01.0\n1\t0000:01:00.0\n", 0},
        {"-f tsv --algorithm linux -c pci=disable_acs_redir=00:01.0 'synthetic:rp@1[acs](ep)'",
         "0\t0000:00:01.0\n0\t0000:01:00.0\n", 0},
        {"-f tsv 'synthetic:rciep@e[id=8086:9a0b,class=0104] | bus=10:rp@0[seg=10000](ep)'",
         "0\t0000:00:0e.0\n0\t10000:10:00.0\n0\t10000:11:00.0\n", 0},
        {"-f tsv 'synthetic:rp@1[acs](ep'", "", 2},
        {"-f csv 'synthetic:rp@1'", "", 2},
        {"-a newest 'synthetic:rp@1'", "", 2},
        {"-i best 'synthetic:rp@1'", "", 2},
        {"", "", 2},
        {"'synthetic:rp@1' 'synthetic:rp@1'", "", 2},
        {"/nonexistent/machine.json", "", 3},
        {"-o /nonexistent/groups.txt 'synthetic:rp@1'", "", 3},
        {"-f tsv -o /dev/stdout 'synthetic:rp@1'", "0\t0000:00:01.0\n", 0},
        {"-f tsv -r 'synthetic:rp@1[id=17cb:400]'", "0\t0x0000000008000000\t0x00000000080fffff\tmsi\n", 0},
        {"-f tsv -r 'synthetic:pci@0[id=8086:29c0,class=0600] rp@1[id=17cb:400]'",
         "0\t0x00000000fee00000\t0x00000000feefffff\tmsi\n"
         "1\t0x00000000fee00000\t0x00000000feefffff\tmsi\n",
         0},
        {"-f tsv --reserved 'synthetic:rp@1'", "0\t0x00000000fee00000\t0x00000000feefffff\tmsi\n", 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int status;
        char *output = run(cases[i].arguments, &status);
        ck_assert_msg(status == cases[i].status, "%s: exit status %d", cases[i].arguments, status);
        ck_assert_str_eq(output, cases[i].output);
        free(output);
    }
}
END_TEST

START_TEST(json_document)
{
    int status;
    char *output = run("--format json 'synthetic:pci@0[id=1022:1,class=0600] pci@1[id=1022:2,class=0806] "
                       "rp@2(ep)'",
                       &status);
    ck_assert_int_eq(status, 0);
    cJSON *document = cJSON_Parse(output);
    ck_assert_ptr_nonnull(document);
    ck_assert_str_eq(cJSON_GetObjectItem(document, "format")->valuestring, "iommusim-groups/1");
    const cJSON *groups = cJSON_GetObjectItem(document, "groups");
    ck_assert_int_eq(cJSON_GetArraySize(groups), 2);
    const cJSON *regions = cJSON_GetObjectItem(cJSON_GetArrayItem(groups, 1), "reserved_regions");
    ck_assert_int_eq(cJSON_GetArraySize(regions), 2);
    const cJSON *window = cJSON_GetArrayItem(regions, 1);
    ck_assert_str_eq(cJSON_GetObjectItem(window, "start")->valuestring, "0x000000fd00000000");
    ck_assert_str_eq(cJSON_GetObjectItem(window, "end")->valuestring, "0x000000ffffffffff");
    ck_assert_str_eq(cJSON_GetObjectItem(window, "type")->valuestring, "reserved");
    const cJSON *members = cJSON_GetObjectItem(cJSON_GetArrayItem(groups, 1), "functions");
    ck_assert_int_eq(cJSON_GetArraySize(members), 2);
    const cJSON *joined = cJSON_GetArrayItem(members, 1);
    ck_assert_str_eq(cJSON_GetObjectItem(joined, "rule")->valuestring, "path");
    ck_assert_str_eq(cJSON_GetObjectItem(joined, "joined")->valuestring, "0000:00:02.0");
    ck_assert_str_eq(cJSON_GetObjectItem(joined, "culprit")->valuestring, "0000:00:02.0");
    const cJSON *outside = cJSON_GetArrayItem(cJSON_GetObjectItem(document, "ungrouped"), 0);
    ck_assert_str_eq(cJSON_GetObjectItem(outside, "rule")->valuestring, "iommu-itself");
    cJSON_Delete(document);
    free(output);
}
END_TEST

START_TEST(text_names_what_matters)
{
    int status;
    char *output =
        run("'synthetic:pci@0[id=1022:1,class=0600] pci@1[id=1022:2,class=0806] rp@2(ep)'", &status);
    ck_assert_int_eq(status, 0);
    static const char *const parts[] = {
        "amd-vi, on",
        ("because  0000:01:00.0: the path up is not isolated, 0000:00:02.0 (root-port): it "
         "has no ACS capability"),
        "Not behind an IOMMU (no group)",
        "because  the IOMMU's own function",
    };
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        ck_assert_msg(strstr(output, parts[i]) != NULL, "%s is missing in\n%s", parts[i], output);
    free(output);
}
END_TEST

Suite *groups_command_suite(void)
{
    Suite *suite = suite_create("groups_command");
    TCase *tests = tcase_create("groups_command");
    tcase_add_test(tests, stable_lines);
    tcase_add_test(tests, json_document);
    tcase_add_test(tests, text_names_what_matters);
    suite_add_tcase(suite, tests);
    return suite;
}
