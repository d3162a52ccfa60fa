/* SPDX-License-Identifier: MIT */
/* The import command from outside: exit status, what is written where, files that fail. */
#include "sim/base/diagnostic.h"
#include "sim/base/status.h"
#include "sim/base/text_buffer.h"
#include "sim/output/output_file.h"
#include "tests/unit/program.h"

#include <check.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

Suite *import_command_suite(void);

static char *read_stream(FILE *stream)
{
    struct text_buffer out = {0};
    char block[4096];
    size_t length;
    text_buffer_add(&out, "");
    while ((length = fread(block, 1, sizeof(block), stream)) > 0)
        text_buffer_append(&out, block, length);
    return out.text ? out.text : strdup("");
}

/* Run a command line with "%" for the program; its output is the caller's to free. */
static char *run(const char *line, int *status)
{
    const char *program = getenv("IOMMUSIM");
    struct text_buffer command = {0};
    for (; *line; line++) {
        if (*line == '%')
            text_buffer_add(&command, program ? program : "build/iommusim");
        else
            text_buffer_append(&command, line, 1);
    }
    FILE *stream = popen(command.text, "r");
    ck_assert_ptr_nonnull(stream);
    char *output = read_stream(stream);
    *status = WEXITSTATUS(pclose(stream));
    text_buffer_fini(&command);
    return output;
}

static void expect(const char *line, int expected_status, const char *expected)
{
    int status;
    char *output = run(line, &status);
    ck_assert_msg(status == expected_status, "%s: exit status %d", line, status);
    ck_assert_msg(!expected || strcmp(output, expected) == 0, "%s: %s", line, output);
    free(output);
}

START_TEST(exit_status_and_places)
{
    expect("% import tests/fuzz/import/hidden.txt 2>&1 >/dev/null | tail -12", 0,
           "tests/fuzz/import/hidden.txt: 7 functions on 6 buses below 1 host bridge\n"
           "      1 endpoint\n"
           "      1 root-port\n"
           "      1 upstream-port\n"
           "      2 downstream-port\n"
           "      1 conventional\n"
           "      1 conventional-bridge\n"
           "not told by the dump, of so many functions:\n"
           "      6 type (guessed from class and place)\n"
           "      6 ACS capability\n"
           "      7 ids\n"
           "        which IOMMU covers what\n");
    expect(
        "% import tests/fuzz/import/hidden.txt 2>&1 >/dev/null | grep -o ':[0-9: ]* warning.*'", 0,
        ":1:1: warning: the ids of 7 functions are not told; those Linux treats specially were looked for by "
        "name (lspci -nn prints ids) [lspci-no-ids]\n"
        ": warning: the capabilities of 6 functions are hidden; port types are guessed, ACS is unknown (run "
        "lspci as root) [lspci-hidden]\n"
        ":17:1: warning: BAR 0 of 0000:03:00.0 is at 0xfe000000, but the bridge 0000:02:01.0 above it has no "
        "open window [topology-bar-unreachable]\n");
    expect("% import -q -f lspci tests/fuzz/import/bytes.txt | cmp - tests/fuzz/import/bytes.txt", 0, "");
    expect("% import 2>/dev/null", 2, "");
    expect(
        "% import tests/fuzz/import/bytes.txt topologies/pcie-bench-broadwell.json 2>&1", 2,
        "topologies/pcie-bench-broadwell.json: error: a topology file states the whole machine and cannot be "
        "merged with other files; only dumps can [input-merge]\n");
    expect("% import -f yaml tests/fuzz/import/bytes.txt 2>/dev/null", 2, "");
    expect("% import /nonexistent/dump 2>/dev/null", 3, "");
    expect("% import -o /nonexistent/topology.json tests/fuzz/import/bytes.txt 2>/dev/null", 3, "");
    expect("printf '00:00.0 0600: 8086:1237\\n00: 86\\n' | % import - 2>&1", 2,
           "-:2:7: error: a row holds 16 bytes of two hexadecimal digits [lspci-row-bytes]\n"
           "    2 | 00: 86\n"
           "      |       ^\n");
}
END_TEST

START_TEST(an_imported_file_gives_the_groups_of_the_dump)
{
    glob_t files;
    ck_assert_int_eq(glob("tests/fuzz/import/*.txt", 0, NULL, &files), 0);
    for (size_t i = 0; i < files.gl_pathc; i++) {
        struct text_buffer line = {0};
        text_buffer_format(&line,
                           "d=$(mktemp -d) && %% import -q %s -o $d/t.json 2>/dev/null && "
                           "%% groups $d/t.json >$d/a 2>/dev/null && %% groups %s >$d/b 2>/dev/null && cmp "
                           "$d/a $d/b && ls $d; "
                           "rm -r $d",
                           files.gl_pathv[i], files.gl_pathv[i]);
        expect(line.text, 0, "a\nb\nt.json\n");
        text_buffer_fini(&line);
    }
    globfree(&files);
}
END_TEST

/* A listing of groups beside bytes: every command takes both, and diff knows which FILE it belongs to. */
START_TEST(several_dumps_are_merged)
{
    static const char make[] = "d=$(mktemp -d); echo "
                               "/sys/kernel/iommu_groups/7/devices/0000:00:00.0 >$d/groups; printf '00:00.0 "
                               "0600: 8086:1234\\n00:02.0 0300: 8086:3e92\\n' "
                               ">$d/lspci; ";
    static const struct {
        const char *line;
        int status;
        const char *output;
    } cases[] = {
        {"% import -q $d/lspci $d/groups 2>/dev/null | grep -c reported_group", 0, "1\n"},
        {"% groups --compare -f tsv $d/lspci --with $d/groups 2>/dev/null | head -1 | cat", 0,
         "0000:00:00.0\t7\t1\tsame\n"},
        {"% groups --compare $d/lspci 2>&1 >/dev/null | grep -c groups-not-stated", 0, "1\n"},
        {"% viable --with $d/groups $d/lspci 00:02.0 >/dev/null 2>&1; echo $?", 0, "0\n"},
        {"% reach -s --with $d/groups $d/lspci >/dev/null 2>&1; echo $?", 0, "0\n"},
        {"% diff $d/lspci --with $d/groups $d/lspci --with $d/groups >/dev/null 2>&1; echo $?", 0, "0\n"},
        {"% diff --with $d/groups $d/lspci -c iommu=pt 2>&1 | grep -c 'before the FILE'", 0, "1\n"},
        {"% groups -f tsv $d/lspci --with nothing 2>&1", 3,
         "nothing: error: cannot open the file: No such file or directory [file-open]\n"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct text_buffer line = {0};
        text_buffer_format(&line, "%s(%s); s=$?; rm -r $d; exit $s", make, cases[i].line);
        expect(line.text, cases[i].status, cases[i].output);
        text_buffer_fini(&line);
    }
}
END_TEST

START_TEST(failed_imports_leave_no_file)
{
    expect("d=$(mktemp -d) && echo old >$d/t.json && echo nonsense | % import -o $d/t.json - 2>/dev/null; "
           "echo $?; cat $d/t.json; ls $d; rm -r $d",
           0, "2\nold\nt.json\n");
}
END_TEST

START_TEST(output_files_are_whole)
{
    struct diagnostics *diagnostics = diagnostics_new(5);
    char folder[] = "/tmp/iommusim-test-XXXXXX", path[64];
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/result", folder);
    ck_assert_int_eq(output_file_write(path, "one", 3, diagnostics), STATUS_OK);
    ck_assert_int_eq(output_file_write(path, "three", 5, diagnostics), STATUS_OK);
    FILE *file = fopen(path, "r");
    char *text = read_stream(file);
    fclose(file);
    ck_assert_str_eq(text, "three");
    free(text);
    unlink(path);
    ck_assert_int_eq(rmdir(folder), 0); /* nothing else was left in it */

    ck_assert_int_eq(output_file_write("/dev/null", "x", 1, diagnostics), STATUS_OK);
    ck_assert_uint_eq(diagnostics_errors(diagnostics), 0);
    ck_assert_int_eq(output_file_write(path, "x", 1, diagnostics), STATUS_FILE_OPEN);
    ck_assert_int_eq(output_file_write("/dev/full", "x", 1, diagnostics), STATUS_FILE_WRITE);
    ck_assert_uint_eq(diagnostics_errors(diagnostics), 2);
    diagnostics_free(diagnostics);
}
END_TEST

/* A word may say what the files are; they are held to it. A file of that name comes first. */
START_TEST(words_say_what_files_are)
{
    program_setup();
    program_write_file("topo.xml",
                       "<topology version=\"2.0\"><object type=\"Machine\"><object type=\"PCIDev\" "
                       "pci_busid=\"0000:00:1f.0\" pci_type=\"0601 [8086:a370] [0000:0000] 00\"/></object>"
                       "</topology>");
    program_expect("iommusim import hwloc topo.xml -q", 0, "\"8086:a370\"");
    program_expect("iommusim import lspci topo.xml -q", 2, "this is not the output of lspci");
    program_expect("iommusim import hwloc", 2, "a dump is needed");
    program_write_file("hwloc", "00:1f.0 0601: 8086:a371\n");
    program_expect("iommusim import hwloc topo.xml -q", 0, "\"8086:a37");
    program_teardown();
}
END_TEST

Suite *import_command_suite(void)
{
    Suite *suite = suite_create("import_command");
    TCase *tests = tcase_create("import_command");
    tcase_set_timeout(tests, 30);
    tcase_add_test(tests, exit_status_and_places);
    tcase_add_test(tests, an_imported_file_gives_the_groups_of_the_dump);
    tcase_add_test(tests, several_dumps_are_merged);
    tcase_add_test(tests, failed_imports_leave_no_file);
    tcase_add_test(tests, output_files_are_whole);
    tcase_add_test(tests, words_say_what_files_are);
    suite_add_tcase(suite, tests);
    return suite;
}
