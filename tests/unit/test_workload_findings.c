/* SPDX-License-Identifier: MIT */
/* What is found out about a workload only when a machine is built for it, or run: each finding has its code,
 * and the line it is about. (What the reader itself finds is pinned in tests/cases/bad-input.) */
#include "sim/base/text_buffer.h"

#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

Suite *workload_findings_suite(void);

static char folder[] = "/tmp/iommusim-findings-XXXXXX";

static void setup(void)
{
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void teardown(void)
{
    char command[64];
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    ck_assert_int_eq(system(command), 0);
}

/* Standard error of a run of workload w.json; standard output must be empty where it fails. */
static char *findings(const char *arguments, int *status)
{
    const char *program = getenv("IOMMUSIM");
    char *absolute = realpath(program ? program : "build/iommusim", NULL), command[1024], block[4096];
    struct text_buffer out = {0};
    ck_assert_ptr_nonnull(absolute);
    snprintf(command, sizeof(command), "cd %s && %s run --workload w.json %s 2>&1 >out", folder, absolute,
             arguments);
    FILE *stream = popen(command, "r");
    ck_assert_ptr_nonnull(stream);
    for (size_t length; (length = fread(block, 1, sizeof(block), stream)) > 0;)
        text_buffer_append(&out, block, length);
    *status = WEXITSTATUS(pclose(stream));
    free(absolute);
    text_buffer_get(&out);
    return out.text;
}

#define HEAD    "{\"format\": \"iommusim-workload/1\",\n \"domains\": [\n"
#define MAP     "\"mappings\": [{\"iova\": \"0x10000000\", \"length\": \"2MiB\"}]"
#define STREAMS "],\n \"streams\": [\n"
#define STREAM  "\"operation\": \"read\", \"size\": \"64B\", \"operations\": 9, \"queue_depth\": 1}]}"

static const struct {
    const char *arguments, *workload, *said, *code;
    int status;
} cases[] = {
    {"--topology 'synthetic:rp(ep ep@.1)'",
     HEAD "{\"name\": \"a\", \"devices\": [\"01:00.0\"], " MAP "},\n"
          "{\"name\": \"b\", \"devices\": [\"01:00.1\"], " MAP "}" STREAMS
          "{\"name\": \"s\", \"device\": \"01:00.0\", " STREAM,
     "w.json:4:1: warning: domains \"a\" and \"b\" have functions of group", "[workload-group-split]", 0},
    {"--topology 'synthetic:rp(ep)' --cmdline 'iommu=pt intel_iommu=on'",
     HEAD "{\"name\": \"a\", \"devices\": [\"01:00.0\"],\n " MAP "}" STREAMS
          "{\"name\": \"s\", \"device\": \"01:00.0\", " STREAM,
     "w.json:3:1: warning: group ", "[workload-identity-group]", 0},
    {"--topology 'synthetic:rp(ep)'",
     HEAD "{\"name\": \"a\", \"devices\": [\"01:00.0\"], \"mappings\": [\n"
          "{\"iova\": \"0x1000\", \"length\": \"4KiB\"},\n"
          "{\"iova\": \"0x1000000000000\", \"length\": \"4KiB\"}]}" STREAMS
          "{\"name\": \"s\", \"device\": \"01:00.0\", \"base\": \"0x1000\", \"window\": \"4KiB\", " STREAM,
     "w.json:5:1: error: domain \"a\": IOVA 0x1000000000000 is beyond the page table's width",
     "[workload-mapping-too-high]", 2},
    {"--topology 'synthetic:rp(ep)' --iommu none",
     HEAD "{\"name\": \"a\",\n \"devices\": [\"01:00.0\"], " MAP "}" STREAMS
          "{\"name\": \"s\", \"device\": \"01:00.0\", " STREAM,
     "w.json:4:13: warning: no IOMMU translates 0000:01:00.0: its addresses are taken as physical",
     "[workload-not-translated]", 0},
    {"--topology 'synthetic:rp(ep)' --set /parameters/iommu/superpages_2m=false",
     HEAD "{\"name\": \"a\", \"devices\": [\"01:00.0\"], \"mappings\": [\n"
          "{\"iova\": \"0x200000\", \"length\": \"2MiB\", \"page_size\": \"2MiB\"}]}" STREAMS
          "{\"name\": \"s\", \"device\": \"01:00.0\", " STREAM,
     "w.json:4:1: error: domain \"a\": the unit has no pages of 2097152 bytes", "[workload-page-size]", 2},
    {"--topology 'synthetic:rp(pcie2pci(pci pci))'",
     HEAD "{\"name\": \"a\", \"devices\": [\"02:00.0\"], " MAP "},\n"
          "{\"name\": \"b\", \"devices\": [\"02:01.0\"], " MAP "}" STREAMS
          "{\"name\": \"s\", \"device\": \"02:00.0\", " STREAM,
     "w.json:4:1: warning: 0000:02:01.0 reaches the IOMMU as requester 02:00.0, which already belongs to "
     "another "
     "domain",
     "[workload-shared-requester-id]", 0},
    {"--topology 'synthetic:rp(ep)'",
     HEAD
     "{\"name\": \"a\", \"devices\": [\"01:00.0\"], " MAP "}" STREAMS
     "{\"name\": \"s\", \"device\": \"01:00.0\",\n \"base\": \"0x10100000\", \"window\": \"2MiB\", " STREAM,
     "w.json:6:10: warning: ", "[workload-unmapped]", 0},
    {"--topology 'synthetic:rp[mps=128](ep[mps=512])'",
     HEAD "{\"name\": \"a\", \"devices\": [\"01:00.0\"], " MAP "}" STREAMS
          "{\"name\": \"s\", \"device\": \"01:00.0\", " STREAM,
     "warning: 0000:01:00.0 has an MPS of 512 bytes, but a port above it takes 128 only", "[machine-payload]",
     0},
};

START_TEST(each_finding_names_its_line_and_code)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char path[64];
        int status;
        snprintf(path, sizeof(path), "%s/w.json", folder);
        FILE *file = fopen(path, "w");
        ck_assert_ptr_nonnull(file);
        fputs(cases[i].workload, file);
        fclose(file);
        char *said = findings(cases[i].arguments, &status);
        ck_assert_msg(status == cases[i].status, "case %zu: exit status %d\n%s", i, status, said);
        ck_assert_msg(strstr(said, cases[i].said) != NULL, "case %zu: not \"%s\" but\n%s", i, cases[i].said,
                      said);
        ck_assert_msg(strstr(said, cases[i].code) != NULL, "case %zu: no %s in\n%s", i, cases[i].code, said);
        snprintf(path, sizeof(path), "%s/out", folder);
        file = fopen(path, "r");
        ck_assert_ptr_nonnull(file);
        ck_assert_int_eq(fgetc(file) == EOF, status != 0);
        fclose(file);
        free(said);
    }
}
END_TEST

Suite *workload_findings_suite(void)
{
    Suite *suite = suite_create("workload_findings");
    TCase *tests = tcase_create("workload_findings");
    tcase_set_timeout(tests, 60);
    tcase_add_unchecked_fixture(tests, setup, teardown);
    tcase_add_test(tests, each_finding_names_its_line_and_code);
    suite_add_tcase(suite, tests);
    return suite;
}
