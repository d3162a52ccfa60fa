/* SPDX-License-Identifier: MIT */
/* The report of reach, word for word, and the command's exit status. */
#include "sim/output/reach_report.h"
#include "tests/unit/fabric_fixture.h"
#include "tests/unit/program.h"

#include <cJSON.h>
#include <sys/wait.h>

Suite *reach_report_suite(void);

#define MACHINE "rp@1[acs](up[acs](dp@0[acs](ep[bar=4KiB]) dp@3[acs=1f:0](ep[bar=4KiB])))"

/** A read, and a write that forges the target's requester id. */
#define WAYS(count)                                                                                          \
    {{TRANSACTION_MEMORY_READ, ADDRESS_UNTRANSLATED, REACH_AS_ITSELF},                                       \
     {TRANSACTION_MEMORY_WRITE, ADDRESS_UNTRANSLATED, REACH_AS_TARGET}},                                     \
        count

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
        {{NONE, NONE, {[REACH_REACHES] = true}, false, REPORT_TEXT, {{0}}, 0},
         "04:00.0 -> 03:00.0  switch-peer at 02:03.0  LEAK: groups 3, 4\n\n"
         "switch-peer: the switch turns it between its ports; ACS ReqRedir is off or\n"
         "  missing\n\n"
         "1 pair reach past the IOMMU, 1 of them across groups (leaks); 1 go to the IOMMU,\n"
         "  0 are blocked\n"
         "  at 02:03.0 by switch-peer: 1 pair, 1 leak\n"
         "2 functions issue requests, 2 have a memory BAR\n"},
        {{NONE, NONE, {[REACH_REACHES] = true, [REACH_BLOCKED] = true}, false, REPORT_TEXT, WAYS(2)},
         "03:00.0 -> 04:00.0  write:forged blocked source-validation at 02:00.0\n"
         "04:00.0 -> 03:00.0  read         reaches switch-peer at 02:03.0  LEAK: groups 3, 4\n"
         "04:00.0 -> 03:00.0  write:forged reaches switch-peer at 02:03.0  LEAK: groups 3, 4\n\n"
         "switch-peer: the switch turns it between its ports; ACS ReqRedir is off or\n"
         "  missing\n"
         "source-validation: ACS SrcValid blocks it: the requester's bus is not below the\n"
         "  port\n\n"
         "2 requests reach past the IOMMU, 2 of them across groups (leaks); 1 go to the\n"
         "  IOMMU, 1 are blocked\n"
         "kind of request                reach   misdel.  to IOMMU   blocked     leaks\n"
         "read                               1         0         1         0         1\n"
         "write:forged                       1         0         0         1         1\n"
         "2 functions issue requests, 2 have a memory BAR\n"},
        {{NONE, NONE, {false, true, true, true, true, true}, false, REPORT_TSV, {{0}}, 0},
         "0000:03:00.0\t0000:04:00.0\tredirected\trequest-redirect\t0000:02:00.0\t0\t-\twrite\n"
         "0000:04:00.0\t0000:03:00.0\treaches\tswitch-peer\t0000:02:03.0\t0\tleak\twrite\n"},
        {{NONE, NONE, {false}, true, REPORT_TSV, {{0}}, 0},
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
    char *text = report((struct reach_question){.source_id = source,
                                                .target_id = target,
                                                .outcomes = {true, true, true, true, true, true},
                                                .format = REPORT_TEXT});
    char expected[1000];
    snprintf(expected, sizeof(expected),
             "03:00.0 -> 04:00.0, write: redirected: it goes to the IOMMU\n"
             "  to 0x%llx, in BAR 0\n"
             "  03:00.0 nobody on the bus claims it: it goes upstream (upstream)\n"
             "  02:00.0 ACS ReqRedir sends it upstream (request-redirect)\n"
             "  01:00.0 nobody on the bus claims it: it goes upstream (upstream)\n"
             "  00:01.0 it is for what is below the port it came from; ACS UpstreamFwd sends\n"
             "            it upstream (upstream-forwarding)\n",
             (unsigned long long)address);
    ck_assert_str_eq(text, expected);
    free(text);
    text = report((struct reach_question){.source_id = target,
                                          .target_id = source,
                                          .outcomes = {true, true, true, true, true, true},
                                          .format = REPORT_JSON});
    ck_assert_ptr_nonnull(
        strstr(text, "\"outcome\": \"reaches\", \"rule\": \"switch-peer\", \"at\": \"0000:02:03.0\""));
    ck_assert_ptr_nonnull(strstr(text, "{\"at\": \"0000:03:00.0\", \"rule\": \"bar\"}]"));
    free(text);
}
END_TEST

START_TEST(kinds_of_requests_have_names)
{
    static const char *const refused[] = {
        "", "writes", "write:", "io:translated", "write:translated:translated", "read:own:forged"};
    char text[REACH_WAY_TEXT];
    struct reach_way way;
    for (int i = 0; i < REACH_WAYS; i++) {
        ck_assert(reach_way_parse(reach_way_print(text, reach_ways[i]), &way));
        ck_assert(way.kind == reach_ways[i].kind && way.address_type == reach_ways[i].address_type &&
                  way.identity == reach_ways[i].identity);
    }
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        ck_assert_msg(!reach_way_parse(refused[i], &way), "%s", refused[i]);
    ck_assert(reach_way_parse("read:forged:translated", &way));
    ck_assert_str_eq(reach_way_print(text, way), "read:translated:forged");
}
END_TEST

/** Run reach and check that no line of its text is wider than a terminal. */
static void check_width(const char *arguments)
{
    const char *program = getenv("IOMMUSIM");
    char command[700], line[1000];
    if (!program)
        return;
    snprintf(command, sizeof(command), "%s reach %s 2>/dev/null", program, arguments);
    FILE *output = popen(command, "r");
    unsigned lines = 0;
    while (fgets(line, sizeof(line), output)) {
        lines++;
        bool copied = strncmp(line, "Boot with", 9) == 0; /* words to paste stay whole */
        ck_assert_msg(copied || strcspn(line, "\n") <= 80, "%s: %s", command, line);
    }
    pclose(output);
    ck_assert_msg(lines > 0, "%s", command);
}

START_TEST(text_fits_a_terminal)
{
    static const char *const questions[] = {"",
                                            "--sound",
                                            "--p2pdma",
                                            "--matrix",
                                            "--interrupts",
                                            "--interrupts -c intremap=off all 03:00.0",
                                            "--kind all --summary",
                                            "03:00.0 04:00.0",
                                            "03:00.0 04:00.0 --kind all",
                                            "all places",
                                            "03:00.0 places --kind all --outcome all",
                                            "03:00.0 0xfee00000",
                                            "--p2pdma 03:00.0 04:00.0",
                                            "--want '03:00.0->04:00.0 direct'",
                                            "--want '04:00.0 isolated'"};
    for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
        char arguments[500];
        snprintf(arguments, sizeof(arguments), "'synthetic:" MACHINE "' %s", questions[i]);
        check_width(arguments);
        snprintf(arguments, sizeof(arguments), "'synthetic:rp@1[acs](up(dp*9@0(ep[mf] ep@.1)))' %s",
                 questions[i]);
        check_width(arguments);
    }
}
END_TEST

/** Every question has an answer that a JSON parser takes, of the format it says. */
START_TEST(json_is_json)
{
    static const char *const questions[][2] = {{"", "iommusim-reach/1"},
                                               {"--kind all --outcome all", "iommusim-reach/1"},
                                               {"03:00.0 04:00.0", "iommusim-reach/1"},
                                               {"--sound", "iommusim-soundness/1"},
                                               {"--p2pdma", "iommusim-p2pdma/1"},
                                               {"--interrupts", "iommusim-interrupts/1"},
                                               {"--want '03:00.0->04:00.0 direct'", "iommusim-wish/1"},
                                               {"--want '04:00.0 isolated'", "iommusim-wish/1"}};
    static const char *const machines[] = {MACHINE, "rp@1(up(dp*2@0(ep[mf] ep@.1)))",
                                           "rp@1[acs](up[acs](dp*2@0[acs](ep)))"};
    for (size_t i = 0; i < 3 * sizeof(questions) / sizeof(questions[0]); i++) {
        const char *program = getenv("IOMMUSIM");
        char command[500], *text = calloc(1, 200000);
        if (program) {
            snprintf(command, sizeof(command), "%s reach 'synthetic:%s' %s -f json 2>/dev/null", program,
                     machines[i % 3], questions[i / 3][0]);
            FILE *output = popen(command, "r");
            ck_assert_uint_gt(fread(text, 1, 199999, output), 0);
            pclose(output);
            cJSON *document = cJSON_ParseWithOpts(text, NULL, true);
            ck_assert_msg(document != NULL, "%s: %s", command, text);
            ck_assert_str_eq(cJSON_GetObjectItemCaseSensitive(document, "format")->valuestring,
                             questions[i / 3][1]);
            cJSON_Delete(document);
        }
        free(text);
    }
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
        {"'synthetic:" MACHINE "' --interrupts", 0},
        {"'synthetic:" MACHINE "' --interrupts -f tsv 03:00.0", 0},
        {"'synthetic:" MACHINE "' --interrupts -f json", 0},
        {"'synthetic:" MACHINE "' --interrupts -f sarif", 2},
        {"'synthetic:rp*70[acs](ep)' --matrix", 2},
        {"'synthetic:rp[acs](ep[nobar])'", 0},
        {"'synthetic:rp[acs](ep[nobar])' --sound", 2},
        {"'synthetic:rp[acs](ep[nobar])' --matrix", 2},
        {"'synthetic:rp[acs](ep[nobar])' --want '01:00.0 isolated'", 2},
        {"'synthetic:rp[acs](ep[nobar])' --p2pdma", 0},
        {"'synthetic:" MACHINE "' --format sarif --fail-on leak", 1},
        {"'synthetic:" MACHINE "' --want '03:00.0 -> 04:00.0 direct'", 0},
        {"'synthetic:" MACHINE "' --want '03:00.0->04:00.0 direct-writes' -f json", 0},
        {"'synthetic:" MACHINE "' --want '03:00.0 isolated' -f tsv", 0},
        {"'synthetic:rp[acs](ep[mf] ep@.1)' --want '01:00.0 isolated'", 1},
        {"'synthetic:" MACHINE "' --kind read:translated --kind io", 0},
        {"'synthetic:" MACHINE "' --kind all --format json", 0},
        {"'synthetic:" MACHINE "' --kind reads", 2},
        {"'synthetic:" MACHINE "' --sound --kind read", 2},
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

#define TRUSTING "'synthetic:rp[acs=7f:1d](up(dp[acs=7f:1d](ep[ats]) dp[acs=7f:1d](ep[ats])))'"

START_TEST(answers_say_what_they_are_about)
{
    /* Isolation is what the plain question says about both kinds of writes. */
    program_expect("iommusim reach " TRUSTING " 03:00.0 04:00.0 --kind write:translated", 0, "LEAK");
    program_expect("iommusim reach " TRUSTING " --want '03:00.0 isolated'", 0, "TransBlk");
    program_expect("iommusim reach " TRUSTING " --want '03:00.0 isolated' -f json", 0, "write:translated");
    program_expect("iommusim reach " TRUSTING " -c pci=noats --want '03:00.0 isolated'", 0,
                   "it is so already");
    program_expect("iommusim reach " TRUSTING " 03:00.0 04:00.0 --kind io", 0, "no I/O BAR that decodes");
    program_expect("iommusim reach " TRUSTING " --outcome bogus", 2,
                   "redirect-blocked, redirected, misdelivered");
}
END_TEST

Suite *reach_report_suite(void)
{
    Suite *suite = suite_create("reach_report");
    TCase *tests = tcase_create("reach_report");
    tcase_add_test(tests, reports_are_word_for_word);
    tcase_add_test(tests, kinds_of_requests_have_names);
    tcase_add_test(tests, text_fits_a_terminal);
    tcase_add_test(tests, json_is_json);
    tcase_add_test(tests, exit_status_tells);
    tcase_add_test(tests, answers_say_what_they_are_about);
    tcase_add_checked_fixture(tests, program_setup, program_teardown);
    suite_add_tcase(suite, tests);
    return suite;
}
