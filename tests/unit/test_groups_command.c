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
        {"--assume best 'synthetic:rp@1'", "", 2},
        {"-f tsv -a linux-acs-rework-v3 'synthetic:rp@1(ep)'", "0\t0000:00:01.0\n1\t0000:01:00.0\n", 0},
        {"--explain --compare 'synthetic:rp@1'", "", 2},
        {"--explain -f tsv 'synthetic:rp@1'", "", 2},
        {"--explain=00:03.0 'synthetic:rp@1'", "", 2},
        {"--explain=00:01.0,00:01.0,00:01.0 'synthetic:rp@1'", "", 2},
        {"--explain=junk 'synthetic:rp@1'", "", 2},
        {"--compare 'synthetic:rp@1'", "", 2},
        {"--explain 'synthetic:rp@1[acs](ep@0.0 ep@0.1)'",
         "Group 1: 01:00.0-1\n"
         "       01:00.1 joins 01:00.0: functions of one slot, neither isolated, 01:00.1 (endpoint): it has "
         "no "
         "ACS capability; 01:00.0 (endpoint): it has no ACS capability\n",
         0},
        {"-o /nonexistent/groups.txt 'synthetic:rp@1'", "", 3},
        {"-f tsv -o /dev/stdout 'synthetic:rp@1'", "0\t0000:00:01.0\n", 0},
        {"-f tsv -r 'synthetic:rp@1[id=17cb:400]'", "0\t0x0000000008000000\t0x00000000080fffff\tmsi\n", 0},
        {"-f tsv -r 'synthetic:pci@0[id=8086:29c0,class=0600] rp@1[id=17cb:400]'",
         "0\t0x00000000fee00000\t0x00000000feefffff\tmsi\n"
         "1\t0x00000000fee00000\t0x00000000feefffff\tmsi\n",
         0},
        /* registers of a kernel that used no IOMMU */
        {"-f tsv --acs=booted 'synthetic:rp@1[acs=1f:0](ep)'", "0\t0000:00:01.0\n0\t0000:01:00.0\n", 0},
        {"-f tsv --acs=firmware 'synthetic:rp@1[acs=1f:0](ep)'", "0\t0000:00:01.0\n1\t0000:01:00.0\n", 0},
        {"--acs=off 'synthetic:rp@1'", "", 2},
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

/* Each pair of words must stand in the answer in this order. */
static void check_order(const char *arguments, int expected, const char *const *words)
{
    int status;
    char *output = run(arguments, &status);
    const char *at = output;
    ck_assert_msg(status == expected, "%s: exit status %d", arguments, status);
    for (; *words; words++) {
        const char *found = strstr(at, *words);
        ck_assert_msg(found != NULL, "%s: '%s' is missing, or out of order, in\n%s", arguments, *words,
                      output);
        at = found + strlen(*words);
    }
    free(output);
}

#define CHECK_ORDER(arguments, status, ...)                                                                  \
    check_order(arguments, status, (const char *const[]){__VA_ARGS__, NULL})

START_TEST(explanations)
{
    CHECK_ORDER("--explain=03:00.0 'synthetic:rp@1[acs](up(dp[acs=1f:11](ep)))'", 0,
                "is in group 2 with 02:00.0", "03:00.0  of 03:00.0 (endpoint)",
                "02:00.0  downstream-port      does NOT isolate", "lacks ReqRedir, CmpltRedir",
                "01:00.0  upstream-port        isolates", "00:01.0  root-port",
                "The first port that fails is 02:00.0", "joins the group of 02:00.0");
    CHECK_ORDER("--explain 03:00.0 'synthetic:rp@1[acs](up(dp[acs=1f:11](ep)))'", 0,
                "is in group 2 with 02:00.0");
    CHECK_ORDER("'synthetic:rp@1(ep)' --explain 01:00.0,0000:00:01.0", 0, "are together, in group 0");
    CHECK_ORDER("--explain=02:02.0 'synthetic:rp@1[acs](pcie2pci(pci@1 pci@2))'", 0,
                "02:00.0  of 01:00.0 (pcie-to-pci-bridge)", "cannot tell it from 01:00.0");
    CHECK_ORDER("--explain=00:14.1 'synthetic:pci@14.0 pci@14.1 rp@1'", 0, "There is no port above it",
                "00:14.0  conventional         does NOT isolate: it is conventional PCI", "it joins 00:14.0");
    CHECK_ORDER("--explain=00:14.1 -i none 'synthetic:pci@14.0 pci@14.1'", 0,
                "has no group: the machine has no IOMMU", "cannot be given to a guest");
    CHECK_ORDER("--explain=02:00.0,01:00.0 'synthetic:rp@1.0(ep) rp@1.1(ep)'", 0, "are together, in group 0",
                "02:00.0 joins 00:01.1", "00:01.1 joins 00:01.0: functions of one slot",
                "01:00.0 joins 00:01.0");
    CHECK_ORDER("--explain=01:00.0,01:00.1 'synthetic:rp@1[acs](ep@0.0 ep@0.1[acs=0:0])'", 0,
                "are apart, in groups 1 and 2", "only where neither isolates", "01:00.1  endpoint",
                "isolates", "But the hardware lets 01:00.0 write");
    CHECK_ORDER("--explain=03:00.0,04:00.0 'synthetic:rp@1[acs](up(dp@0[acs=1f:0](ep) dp@1[acs=1f:0](ep)))'",
                0, "are apart", "meet at 01:00.0 (upstream-port)", "02:00.0", "02:01.0", "nobody else",
                "But the hardware lets 03:00.0 write to the memory of 04:00.0", "turning round at 02:00.0");
    CHECK_ORDER("--explain=01:00.0,00:01.0 'synthetic:rp@1[acs](ep)'", 0, "One is above the other",
                "00:01.0  root-port            isolates");
    CHECK_ORDER("--explain=00:02.0,00:01.0 'synthetic:pci@1 pci@2'", 0, "different slots of one bus");
    CHECK_ORDER("--explain=03:00.0,04:00.0 -a acs-rework-v3 "
                "'synthetic:rp@1[acs](up(dp@0[acs=1f:0](ep) dp@1[acs](ep)))'",
                0, "are together, in group 2", "functions of its bus are one, 02:00.0");
}
END_TEST

START_TEST(assumptions)
{
    CHECK_ORDER("'synthetic:rp@1c[id=8086:8c10](ep)'", 0,
                "Assumed    The input does not show what 1 function does",
                "1 of these assumptions decides groups (--assume table)", "00:1c.0", "INTEL_PCH",
                "otherwise 2 functions (group 0 and others) would form 1 group, not 2");
    CHECK_ORDER("--assume pessimistic 'synthetic:rp@1c[id=8086:8c10](ep)'", 0, "(--assume pessimistic)",
                "otherwise 2 functions (group 0) would form 2 groups, not 1");
    CHECK_ORDER("-f json 'synthetic:rp@1c[id=8086:8c10](ep)'", 0, "\"assume\": \"table\"",
                "\"assumptions\": [",
                "{\"address\": \"0000:00:1c.0\", \"isolated\": true, \"ground\": \"workaround\", "
                "\"contested\": false, \"changes\": "
                "{\"functions\": 2, \"groups\": 2, \"would_be\": 1}");
}
END_TEST

/* A dump that states its groups, one of them as no kernel makes it. */
START_TEST(comparison)
{
    static const char dump[] =
        "printf '"
        "00:1f.0 ISA bridge [0601]: Device [8086:7e02]\\n"
        "\\tFlags: fast devsel, IOMMU group 3\\n\\n"
        "00:1f.3 Audio device [0403]: Device [8086:7e28]\\n"
        "\\tFlags: fast devsel, IOMMU group %d\\n' | %s groups --compare -f tsv - 2>/dev/null";
    const char *program = getenv("IOMMUSIM");
    static const struct {
        int group;
        int status;
        const char *output;
    } cases[] = {
        {3, 0, "0000:00:1f.0\t3\t0\tsame\n0000:00:1f.3\t3\t0\tsame\n"},
        {4, 1, "0000:00:1f.0\t3\t0\tother\n0000:00:1f.3\t4\t0\tother\n"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char command[1024], output[1024];
        snprintf(command, sizeof(command), dump, cases[i].group, program ? program : "build/iommusim");
        FILE *stream = popen(command, "r");
        ck_assert_ptr_nonnull(stream);
        output[fread(output, 1, sizeof(output) - 1, stream)] = '\0';
        ck_assert_int_eq(WEXITSTATUS(pclose(stream)), cases[i].status);
        ck_assert_str_eq(output, cases[i].output);
    }
}
END_TEST

START_TEST(json_explanations)
{
    static const struct {
        const char *arguments;
        int functions;
    } cases[] = {
        {"-f json --explain 'synthetic:rp@1(ep@0.0 ep@0.1) pci@2'", 2},
        {"-f json --explain=01:00.1 'synthetic:rp@1(ep@0.0 ep@0.1) pci@2'", 1},
        {"-f json --explain=01:00.1,00:02.0 'synthetic:rp@1(ep@0.0 ep@0.1) pci@2'", 2},
        {"-f json --explain=02:01.0,00:02.0 -i smmuv3 'synthetic:rp@1(pcie2pci(pci@1)) pci@2'", 2},
        {"-f json --explain -a acs-rework-v3 'synthetic:rp@1[acs=1f:0](ep@0.0 ep@0.1) pci@2'", 2},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int status;
        char *output = run(cases[i].arguments, &status);
        ck_assert_int_eq(status, 0);
        cJSON *document = cJSON_Parse(output);
        ck_assert_msg(document != NULL, "%s", output);
        ck_assert_str_eq(cJSON_GetObjectItem(document, "format")->valuestring,
                         "iommusim-group-explanation/1");
        const cJSON *functions = cJSON_GetObjectItem(document, "functions");
        ck_assert_msg(cJSON_GetArraySize(functions) == cases[i].functions, "%s", output);
        const cJSON *path = cJSON_GetObjectItem(cJSON_GetArrayItem(functions, 0), "path");
        ck_assert(cJSON_IsArray(path));
        cJSON_Delete(document);
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
        "because  01:00.0 joins 00:02.0: the path up is not isolated, 00:02.0 (root-port): it has no ACS "
        "capability",
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
    tcase_add_test(tests, explanations);
    tcase_add_test(tests, assumptions);
    tcase_add_test(tests, comparison);
    tcase_add_test(tests, json_explanations);
    tcase_add_test(tests, json_document);
    tcase_add_test(tests, text_names_what_matters);
    suite_add_tcase(suite, tests);
    return suite;
}
