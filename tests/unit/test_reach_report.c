/* SPDX-License-Identifier: MIT */
/* The report of reach, word for word, and the command's exit status. */
#include "sim/output/reach_report.h"
#include "tests/unit/fabric_fixture.h"

#include <sys/wait.h>

Suite *reach_report_suite(void);

#define MACHINE "rp@1[acs](up[acs](dp@0[acs](ep[bar=4KiB]) dp@3[acs=1f:0](ep[bar=4KiB])))"

static char *report(struct reach_question question)
{
    struct topology *topology = fixture_machine(MACHINE);
    for (uint32_t i = 0; i < topology->function_count; i++)
        topology->functions[i].driver = NULL;
    struct diagnostics *diagnostics = diagnostics_new(5);
    struct iommu_groups *groups = iommu_groups_form(topology, IOMMU_CHOICE_VT_D, NULL, diagnostics);
    struct text_buffer out = {0};
    reach_report(reach_new(topology->arena, groups), groups, &question, &out);
    iommu_groups_free(groups);
    diagnostics_free(diagnostics);
    topology_free(topology);
    return out.text;
}

START_TEST(reports_are_word_for_word)
{
    const struct {
        struct reach_question question;
        const char *expected;
    } cases[] = {
        {{NONE, NONE, {[REACH_REACHES] = true}, false, REPORT_TEXT},
         "0000:04:00.0 -> 0000:03:00.0: reaches, turned at 0000:02:03.0 by switch-peer: the switch turns it "
         "between its ports; ACS ReqRedir is off or missing [leak: groups 3 and 4]\n"
         "2 functions issue requests, 2 have a memory BAR\n"
         "1 pairs reach untranslated, 1 of them across groups (leaks); 1 go to the IOMMU, 0 are blocked\n"
         "  at 0000:02:03.0 by switch-peer: 1 pairs, 1 leaks\n"},
        {{NONE, NONE, {false, true, true, true, true, true}, false, REPORT_TSV},
         "0000:03:00.0\t0000:04:00.0\tredirected\trequest-redirect\t0000:02:00.0\t0\t-\n"
         "0000:04:00.0\t0000:03:00.0\treaches\tswitch-peer\t0000:02:03.0\t0\tleak\n"},
        {{NONE, NONE, {false}, true, REPORT_TSV},
         "not-applicable\t28\nblocked\t0\nredirect-"
         "blocked\t0\nredirected\t1\nmisdelivered\t0\nreaches\t1\nleaks\t1\nvouched\t0\n"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *text = report(cases[i].question);
        ck_assert_str_eq(text, cases[i].expected);
        free(text);
    }
    struct topology *topology = fixture_machine(MACHINE);
    uint32_t source = fixture_function(topology, "03:00.0")->id,
             target = fixture_function(topology, "04:00.0")->id;
    uint64_t address = fixture_function(topology, "04:00.0")->bars[0].address;
    topology_free(topology);
    char *text = report(
        (struct reach_question){source, target, {true, true, true, true, true, true}, false, REPORT_TEXT});
    char expected[1000];
    snprintf(expected, sizeof(expected),
             "0000:03:00.0 -> 0000:04:00.0: redirected, sent to the IOMMU at 0000:02:00.0 by "
             "request-redirect: ACS "
             "ReqRedir sends it upstream\n"
             "    a write to 0x%llx, in BAR 0:\n"
             "    0000:03:00.0   upstream               nobody on the bus claims it: it goes upstream\n"
             "    0000:02:00.0   request-redirect       ACS ReqRedir sends it upstream\n"
             "    0000:01:00.0   upstream               nobody on the bus claims it: it goes upstream\n"
             "    0000:00:01.0   upstream-forwarding    it is for what is below the port it came from; ACS "
             "UpstreamFwd sends it upstream\n",
             (unsigned long long)address);
    ck_assert_str_eq(text, expected);
    free(text);
    text = report(
        (struct reach_question){target, source, {true, true, true, true, true, true}, false, REPORT_JSON});
    ck_assert_ptr_nonnull(
        strstr(text, "\"outcome\": \"reaches\", \"rule\": \"switch-peer\", \"at\": \"0000:02:03.0\""));
    ck_assert_ptr_nonnull(strstr(text, "{\"at\": \"0000:03:00.0\", \"rule\": \"bar\"}]"));
    free(text);
}
END_TEST

START_TEST(exit_status_tells)
{
    static const struct {
        const char *arguments;
        int status;
    } cases[] = {
        {"'synthetic:" MACHINE "'", 0},
        {"'synthetic:" MACHINE "' --fail-on leak", 1},
        {"'synthetic:rp[acs](ep)' --fail-on leak", 0},
        {"'synthetic:" MACHINE "' --fail-on leek", 2},
        {"'synthetic:" MACHINE "' 03:00.0 04:00.0 --format json", 0},
        {"'synthetic:" MACHINE "' 03:00.0 --fail-on leak", 0},
        {"'synthetic:" MACHINE "' all 03:00.0 --fail-on leak", 1},
        {"'synthetic:" MACHINE "' 13:00.0", 2},
        {"'synthetic:" MACHINE "' nonsense", 2},
        {"'synthetic:" MACHINE "' 03:00.0 04:00.0 05:00.0", 2},
        {"'synthetic:rp(('", 2},
        {"/nonexistent/machine", 3},
        {"'synthetic:" MACHINE "' -o /nonexistent/answer", 3},
        {"'synthetic:" MACHINE "' -s -i none -c 'iommu=off' -o /dev/null", 0},
        {"'synthetic:" MACHINE "' --sound", 1},
        {"'synthetic:rp[acs](ep)' --sound", 0},
        {"'synthetic:" MACHINE "' --sound -a acs-rework-v3", 0},
        {"'synthetic:" MACHINE "' --sound 03:00.0", 2},
        {"'synthetic:" MACHINE "' --sound --p2pdma", 2},
        {"'synthetic:" MACHINE "' --sound --format sarif", 1},
        {"'synthetic:" MACHINE "' --p2pdma 03:00.0 04:00.0", 0},
        {"'synthetic:" MACHINE "' --p2pdma --format sarif", 2},
        {"'synthetic:" MACHINE "' --p2pdma --cpu zen --format json", 0},
        {"'synthetic:" MACHINE "' --p2pdma --cpu amd", 2},
        {"'synthetic:" MACHINE "' --matrix", 0},
        {"'synthetic:rp*70[acs](ep)' --matrix", 2},
        {"'synthetic:" MACHINE "' --format sarif --fail-on leak", 1},
        {"'synthetic:" MACHINE "' --want '03:00.0 -> 04:00.0 direct'", 0},
        {"'synthetic:" MACHINE "' --want '03:00.0->04:00.0 direct-writes' -f json", 0},
        {"'synthetic:" MACHINE "' --want '03:00.0 isolated' -f tsv", 0},
        {"'synthetic:rp[acs](ep[mf] ep@.1)' --want '01:00.0 isolated'", 1},
        {"'synthetic:" MACHINE "' --want '03:00.0 isolated now'", 2},
        {"'synthetic:" MACHINE "' --want '03:01.0 isolated'", 2},
        {"", 2},
        {"--help", 0},
    };
    const char *program = getenv("IOMMUSIM");
    if (!program)
        return;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char command[600];
        snprintf(command, sizeof(command), "%s reach %s >/dev/null 2>&1", program, cases[i].arguments);
        int status = system(command);
        ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == cases[i].status, "%s: %d", command,
                      WEXITSTATUS(status));
    }
}
END_TEST

Suite *reach_report_suite(void)
{
    Suite *suite = suite_create("reach_report");
    TCase *tests = tcase_create("reach_report");
    tcase_add_test(tests, reports_are_word_for_word);
    tcase_add_test(tests, exit_status_tells);
    suite_add_tcase(suite, tests);
    return suite;
}
