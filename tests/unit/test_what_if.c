/* SPDX-License-Identifier: MIT */
/* diff --set and --move from outside: what changes, and what is said of a wrong setting, word for word. */
#include "sim/base/text_buffer.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

Suite *what_if_suite(void);

static char *run(const char *arguments, int *status)
{
    const char *program = getenv("IOMMUSIM");
    char command[4096];
    struct text_buffer out = {0};
    char block[4096];
    size_t length;
    snprintf(command, sizeof(command), "%s diff -f tsv --base-iommu vt-d %s 2>&1",
             program ? program : "build/iommusim", arguments);
    FILE *stream = popen(command, "r");
    ck_assert_ptr_nonnull(stream);
    while ((length = fread(block, 1, sizeof(block), stream)) > 0)
        text_buffer_append(&out, block, length);
    *status = WEXITSTATUS(pclose(stream));
    return out.text ? out.text : strdup("");
}

static void check_all(const char *const (*cases)[2], size_t count, const char *file, int expected)
{
    for (size_t i = 0; i < count; i++) {
        char arguments[2048];
        int status;
        snprintf(arguments, sizeof(arguments), "'%s' %s", file, cases[i][0]);
        char *output = run(arguments, &status);
        ck_assert_msg(strcmp(output, cases[i][1]) == 0, "%s:\n%s\nexpected\n%s", cases[i][0], output,
                      cases[i][1]);
        ck_assert_msg(status == (*cases[i][1] ? expected : 0), "%s: exit status %d", cases[i][0], status);
        free(output);
    }
}

#define MACHINE "synthetic:rp@1[acs](ep@0.0[nobar] ep@0.1[nobar]) rp@2[acs](ep[nobar,vf=1])"

START_TEST(settings)
{
    static const char *const cases[][2] = {
        {"--set 00:01.0/acs/control=[]", "group\tmerge\t0000:00:01.0\t0000:00:01.0\t0\t0\n"
                                         "group\tmerge\t0000:01:00.0\t0000:01:00.0\t2\t0\n"
                                         "group\tmerge\t0000:01:00.1\t0000:01:00.1\t2\t0\n"
                                         "relabel\t3\t2\tDMA-FQ\tDMA-FQ\n"
                                         "relabel\t4\t3\tDMA-FQ\tDMA-FQ\n"},
        {"--set /host_bridges/0/functions/0/functions/0/acs='{\"capability\": [], \"control\": []}' "
         "--set 0000:01:00.1/acs='{\"capability\": [], \"control\": []}'",
         "group\tsplit\t0000:01:00.0\t0000:01:00.0\t2\t2\n"
         "group\tsplit\t0000:01:00.1\t0000:01:00.1\t2\t3\n"
         "relabel\t3\t4\tDMA-FQ\tDMA-FQ\n"
         "relabel\t4\t5\tDMA-FQ\tDMA-FQ\n"},
        /* Members that are missing are made. */
        {"--set /kernel/cmdline=intel_iommu=off --set /kernel=null", ""},
        {"--set /kernel/cmdline=pcie_acs_override=multifunction",
         "group\tsplit\t0000:01:00.0\t0000:01:00.0\t2\t2\n"
         "group\tsplit\t0000:01:00.1\t0000:01:00.1\t2\t3\n"
         "relabel\t3\t4\tDMA-FQ\tDMA-FQ\n"
         "relabel\t4\t5\tDMA-FQ\tDMA-FQ\n"},
        /* An element taken away. */
        {"--set /host_bridges/0/functions/0/functions/1=null",
         "function\tgone\t0000:01:00.1\t-\n"
         "group\tmembers\t0000:01:00.0\t0000:01:00.0\t2\t2\n"
         "group\tmembers\t0000:01:00.1\t-\t2\t-\n"},
        {"--set 01:00.0/id=10de:2204", "function\treplaced\t0000:01:00.0\t0000:01:00.0\n"},
        /* Digits that replace a string are one, and a user's own key means nothing. */
        {"--set 01:00.0/revision=02 --set 01:00.0/class=030000 --set /x-note=3", ""},
        {"--set 01:00.0/reported_group=7", ""},
    };
    check_all(cases, sizeof(cases) / sizeof(cases[0]), MACHINE, 1);
}
END_TEST

#define CARET(text, blanks) "    1 | " text "\n      | " blanks "^\n"

START_TEST(wrong_settings)
{
    static const char *const cases[][2] = {
        {"--set 00:01.0", "--set:1:8: error: a setting is POINTER=VALUE, and this has no \"=\" "
                          "[what-if-syntax]\n" CARET("00:01.0", "       ")},
        {"--set 00:01.0=3", "--set:1:8: error: what of the function is to be set? (\"01:00.0/acs=...\") "
                            "[what-if-syntax]\n" CARET("00:01.0=3", "       ")},
        {"--set =3",
         "--set:1:1: error: the document as a whole cannot be set [what-if-syntax]\n" CARET("=3", "")},
        {"--set kernel/cmdline=x",
         "--set:1:1: error: a setting begins with a JSON pointer (\"/kernel/cmdline=...\") or the address of "
         "a "
         "function (\"01:00.0/acs=...\") [what-if-syntax]\n" CARET("kernel/cmdline=x", "")},
        {"--set 00:03.0/acs=null",
         "--set:1:1: error: the machine has no function 00:03.0 [what-if-function]\n" CARET(
             "00:03.0/acs=null", "")},
        {"--set 00:01.0/acs={",
         "--set:1:13: error: the value is neither JSON nor a plain word [what-if-value]\n" CARET(
             "00:01.0/acs={", "            ")},
        {"--set 00:01.0/asc=null",
         "--set:1:9: error: there is no \"asc\" here, did you mean \"acs\"? [what-if-pointer]\n" CARET(
             "00:01.0/asc=null", "        ")},
        {"--set /host_bridge/0/bus=01",
         "--set:1:2: error: there is no \"host_bridge\" here, did you mean \"host_bridges\"? "
         "[what-if-pointer]\n" CARET("/host_bridge/0/bus=01", " ")},
        {"--set /host_bridges/1/bus=01",
         "--set:1:15: error: there is no element 1: the array has 1 [what-if-pointer]\n" CARET(
             "/host_bridges/1/bus=01", "              ")},
        {"--set /host_bridges/first=01",
         "--set:1:15: error: \"first\" is no element of an array: 0 to 0, or \"-\" [what-if-pointer]\n" CARET(
             "/host_bridges/first=01", "              ")},
        {"--set /host_bridges/-=null",
         "--set:1:15: error: there is no such element to take away [what-if-pointer]\n" CARET(
             "/host_bridges/-=null", "              ")},
        {"--set /acs_control/now=1",
         "--set:1:14: error: nothing is inside a string [what-if-pointer]\n" CARET("/acs_control/now=1",
                                                                                   "             ")},
        {"--move 01:00.0=00:02.0", "--move:1:9: error: 0000:00:02.0 (root-port) is not possible: another "
                                   "device is below it; no port is "
                                   "free [move-impossible]\n" CARET("01:00.0=00:02.0", "        ")},
        {"--move 00:02.0=00:01.0",
         "--move:1:1: error: 0000:00:02.0 (root-port) is not possible: it is in no slot: what is above it is "
         "no "
         "root port or downstream port of a switch [move-impossible]\n" CARET("00:02.0=00:01.0", "")},
        {"--move 01:00.0",
         "--move:1:8: error: a move is DEVICE=PORT (\"01:00.0=00:1c.0\"), and this has no \"=\" "
         "[move-syntax]\n" CARET("01:00.0", "       ")},
        {"--move 1.0=00:02.0", "--move:1:1: error: \"1.0\" is no address: [segment:]bus:device.function is "
                               "expected [move-function]\n" CARET("1.0=00:02.0", "")},
        {"--slots 00:01.0", "--slots:1:1: error: it is in no slot: what is above it is no root port or "
                            "downstream port of a switch [slots-not-in-slot]\n" CARET("00:01.0", "")},
        {"--slots 05:00.0",
         "--slots:1:1: error: the machine has no function 05:00.0 [slots-function]\n" CARET("05:00.0", "")},
    };
    check_all(cases, sizeof(cases) / sizeof(cases[0]), MACHINE, 2);
}
END_TEST

/* What the reader of documents objects to, it objects to here, too, by the setting that put it there. */
START_TEST(what_the_document_does_not_know)
{
    static const char *const cases[][2] = {
        {"--set /kernal/cmdline=x",
         "--set:1:2: error: unknown key \"kernal\", did you mean \"kernel\"? (at /kernal)"},
        {"--set 01:00.0/acs=on", "--set:1:13: error: unknown word \"on\", did you mean \"none\"? (at "
                                 "/host_bridges/0/functions/0/functions/0/acs)"},
        {"--set 01:00.0/asc/control=[]", "--set:1:9: error: unknown key \"asc\""},
        {"--set 01:00.0/link/width=3",
         "--set:1:20: error: a link has 1, 2, 4, 8, 12, 16 or 32 lanes, not 3 (at "},
        {"--set 01:00.0/address=00:02.0", "--set:1:17: note: set here"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char arguments[1024];
        int status;
        snprintf(arguments, sizeof(arguments), "'" MACHINE "' %s", cases[i][0]);
        char *output = run(arguments, &status);
        ck_assert_int_eq(status, 2);
        ck_assert_msg(strstr(output, cases[i][1]) != NULL, "%s:\n%s\nlacks\n%s", cases[i][0], output,
                      cases[i][1]);
        free(output);
    }
}
END_TEST

/* A reference machine, in the short form: pointers are the file's own. */
START_TEST(reference_machines)
{
    static const struct {
        const char *arguments, *output;
    } cases[] = {
        {"topologies/conventional-pci.json --set /x-a=1", ""},
        {"topologies/multifunction-without-acs.json --acs-override multifunction",
         "group\tsplit\t0000:01:00.0\t0000:01:00.0\t2\t2\n"
         "group\tsplit\t0000:01:00.1\t0000:01:00.1\t2\t3\n"
         "leak\texposed\t0000:01:00.0\t0000:01:00.1\tleak\tmultifunction-no-acs\t0000:01:00.0\n"
         "leak\texposed\t0000:01:00.1\t0000:01:00.0\tleak\tmultifunction-no-acs\t0000:01:00.1\n"
         "override\texposed\t0000:01:00.0\t0000:01:00.1\tmultifunction-no-acs\t0000:01:00.0\n"
         "override\texposed\t0000:01:00.1\t0000:01:00.0\tmultifunction-no-acs\t0000:01:00.1\n"},
        {"topologies/amd-desktop-renoir.json --move 01:00.0=00:02.1",
         "function\tmoved\t0000:01:00.0\t0000:02:00.0\n"},
        {"topologies/gpu-server-two-level-switches.json --set 02:00.0/acs=null", NULL},
    };
    if (access("topologies", R_OK) != 0)
        return; /* run from elsewhere */
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int status;
        char *output = run(cases[i].arguments, &status);
        ck_assert_msg(cases[i].output ? strcmp(output, cases[i].output) == 0 : status == 1, "%s:\n%s",
                      cases[i].arguments, output);
        free(output);
    }
}
END_TEST

Suite *what_if_suite(void)
{
    Suite *suite = suite_create("what_if");
    TCase *tests = tcase_create("what_if");
    tcase_add_test(tests, settings);
    tcase_add_test(tests, wrong_settings);
    tcase_add_test(tests, what_the_document_does_not_know);
    tcase_add_test(tests, reference_machines);
    suite_add_tcase(suite, tests);
    return suite;
}
