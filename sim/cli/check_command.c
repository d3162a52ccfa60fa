/* SPDX-License-Identifier: MIT */
/* iommusim check: does everything still come to what was blessed, and are all policies met? */
#include "sim/base/arena.h"
#include "sim/base/status.h"
#include "sim/cli/check_init.h"
#include "sim/cli/commands.h"
#include "sim/output/check_report.h"
#include "sim/output/output_file.h"

#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EXIT_ANSWER_NO = 1, EXIT_BAD_INPUT = 2, ERRORS_SHOWN = 20 };
enum { OPTION_BLESS = 256, OPTION_INIT, OPTION_TOPOLOGY };

static const struct argp_option options[] = {
    {"format", 'f', "text|json|tap|junit|sarif", 0,
     "text (default), json, tap, junit (JUnit XML) or sarif (SARIF 2.1.0)", 0},
    {"output", 'o', "FILE", 0, "Write to FILE instead of standard output", 0},
    {"bless", OPTION_BLESS, NULL, 0,
     "Take what comes out now as right: write the golden files, and print what changed, for the commit "
     "message",
     0},
    {"init", OPTION_INIT, "FOLDER", 0,
     "Make a folder for a project of your own: suite, policies, golden answers, snippets for GitHub and "
     "GitLab",
     0},
    {"topology", OPTION_TOPOLOGY, "FILE", 0, "With --init: your machine, a topology or a dump", 0},
    {0},
};

static const char doc[] = "Check machines against blessed answers and policies: groups and leaks exactly, "
                          "figures within tolerances.\v"
                          "SUITE is an iommusim-check/1 file, or a folder with a check.json. Exit status: 0 "
                          "all is as it should be, 1 "
                          "something is not, 2 bad usage or input, 3 files or resources.";

struct check_choice {
    char **paths;
    int path_count;
    enum check_format format;
    const char *output, *init, *topology;
    bool bless;
};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct check_choice *chosen = state->input;
    unsigned format = 0;
    switch (key) {
    case 'f':
        while (check_format_names[format] && strcmp(check_format_names[format], text) != 0)
            format++;
        if (!check_format_names[format])
            argp_error(state, "unknown format '%s': text, json, tap, junit or sarif", text);
        chosen->format = (enum check_format)format;
        return 0;
    case 'o':
        chosen->output = text;
        return 0;
    case OPTION_BLESS:
        chosen->bless = true;
        return 0;
    case OPTION_INIT:
        chosen->init = text;
        return 0;
    case OPTION_TOPOLOGY:
        chosen->topology = text;
        return 0;
    case ARGP_KEY_ARGS:
        chosen->paths = state->argv + state->next;
        chosen->path_count = state->argc - state->next;
        return 0;
    case ARGP_KEY_END:
        if (chosen->init && (!chosen->topology || chosen->path_count))
            argp_error(state, "--init takes a folder, and --topology a machine, and no SUITE");
        if (!chosen->init && chosen->path_count == 0)
            argp_error(state, "SUITE is missing");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* One case, as long as the report needs it. */
struct checking {
    struct case_work work;
    struct check_findings findings;
    struct text_buffer golden_path;
    bool worked_out;
};

/* The first error since there were @p before findings, as text: "file:line:column: message". */
static void first_error(const struct diagnostics *diagnostics, size_t before, struct text_buffer *text)
{
    for (size_t i = before; i < diagnostics_count(diagnostics) && text->length == 0; i++) {
        const struct diagnostic_finding finding = diagnostics_get(diagnostics, i);
        if (finding.severity != DIAGNOSTIC_ERROR)
            continue;
        if (finding.file)
            text_buffer_add(text, finding.file);
        if (finding.file && finding.line)
            text_buffer_format(text, ":%" PRIu64 ":%" PRIu64, finding.line, finding.column);
        text_buffer_format(text, "%s%s", finding.file ? ": " : "", finding.message);
    }
}

/* Answers that are no answers (half a file, a merge conflict) are for --bless to write anew. */
static int check_golden(const struct check_suite *suite, struct checking *checking, bool bless,
                        struct diagnostics *diagnostics)
{
    const char *path = checking->golden_path.text;
    struct case_answers golden;
    if (access(path, F_OK) != 0) {
        check_findings_add(
            &checking->findings, CHECK_UNBLESSED, NONE, NULL,
            bless ? "the first answers: %s is written"
                  : "there are no blessed answers: %s is missing; `iommusim check --bless` writes it",
            path);
        return STATUS_OK;
    }
    struct text_buffer reason = {0};
    struct diagnostics *own = diagnostics_new(ERRORS_SHOWN);
    int status = case_answers_read(path, &golden, own);
    first_error(own, 0, &reason);
    if (status == STATUS_OK) {
        check_compare(suite, &checking->work, &golden, &checking->findings);
        case_answers_fini(&golden);
    } else if (status == STATUS_BAD_INPUT) {
        check_findings_add(&checking->findings, CHECK_UNBLESSED, NONE, NULL,
                           "these are no blessed answers: %s%s", text_buffer_get(&reason),
                           bless ? "; they are written anew" : "; `iommusim check --bless` writes them anew");
        status = STATUS_OK;
    } else {
        check_findings_add(&checking->findings, CHECK_BROKEN, NONE, NULL, "%s", text_buffer_get(&reason));
        for (size_t i = 0; i < diagnostics_count(own); i++)
            diagnostics_pass(own, i, diagnostics);
    }
    text_buffer_fini(&reason);
    diagnostics_free(own);
    return status;
}

/* @return of a case that cannot be worked out its status; it is a finding, too */
static int check_case(const struct check_suite *suite, const struct check_case *one, bool bless,
                      struct checking *checking, struct diagnostics *diagnostics)
{
    size_t before = diagnostics_count(diagnostics);
    checking->findings.arena = suite->arena;
    text_buffer_format(&checking->golden_path, "%s/%s.json", suite->golden_folder, one->name);
    int status = case_work_out(&checking->work, one, diagnostics);
    if (status < 0) {
        struct text_buffer reason = {0};
        first_error(diagnostics, before, &reason);
        check_findings_add(&checking->findings, CHECK_BROKEN, NONE, NULL, "it cannot be worked out: %s",
                           reason.length ? reason.text : status_text(status));
        text_buffer_fini(&reason);
        return status;
    }
    if (one->golden)
        status = check_golden(suite, checking, bless, diagnostics);
    check_policies(one, &checking->work, &checking->findings);
    checking->worked_out = true;
    return status;
}

static int bless_case(const struct check_suite *suite, const struct check_case *one,
                      const struct checking *checking, struct diagnostics *diagnostics)
{
    struct text_buffer text = {0};
    if (mkdir(suite->golden_folder, 0777) < 0 && errno != EEXIST) {
        const struct source_text source = {suite->golden_folder, NULL, 0};
        diagnostics_report(diagnostics, DIAGNOSTIC_ERROR, &source, DIAGNOSTIC_NO_OFFSET, NULL, "file-create",
                           "cannot make the folder: %s", strerror(errno));
        return STATUS_FILE_WRITE;
    }
    case_answers_write(&checking->work.answers, one->name, &text);
    int status = output_file_write(checking->golden_path.text, text.text, text.length, diagnostics);
    text_buffer_fini(&text);
    return status;
}

/* What blessing makes right: all but policies and cases that are broken. */
static bool blessable(const struct check_findings *findings)
{
    for (size_t i = 0; i < findings->count; i++)
        if (findings->items[i].rule == CHECK_POLICY || findings->items[i].rule == CHECK_BROKEN)
            return false;
    return true;
}

static int check_suite(const struct check_choice *chosen, const struct check_suite *suite,
                       struct text_buffer *out, struct diagnostics *diagnostics)
{
    struct checking *all = memory_array(suite->case_count, sizeof(*all));
    struct checked_case *cases = memory_array(suite->case_count, sizeof(*cases));
    int status = STATUS_OK;
    bool no = false;
    for (uint32_t i = 0; i < suite->case_count; i++) {
        const struct check_case *one = &suite->cases[i];
        int worked = check_case(suite, one, chosen->bless, &all[i], diagnostics);
        if (worked == STATUS_OK && chosen->bless && one->golden && all[i].findings.count)
            worked = bless_case(suite, one, &all[i], diagnostics);
        status = worked < 0 ? worked : status;
        cases[i] = (struct checked_case){
            .suite = suite,
            .one = one,
            .places = all[i].worked_out ? all[i].work.input->places : NULL,
            .findings = &all[i].findings,
            .worked_out = all[i].worked_out,
            .blessed = worked == STATUS_OK && chosen->bless && blessable(&all[i].findings),
        };
        no |= all[i].findings.count && !cases[i].blessed;
    }
    check_report_write(cases, suite->case_count, chosen->format, out);
    for (uint32_t i = 0; i < suite->case_count; i++) {
        case_work_fini(&all[i].work);
        check_findings_fini(&all[i].findings);
        text_buffer_fini(&all[i].golden_path);
    }
    free(all);
    free(cases);
    return status < 0 ? status : no ? EXIT_ANSWER_NO : STATUS_OK;
}

/* JUnit, SARIF and JSON are one document; text and TAP of several suites follow one another. */
static int check_all(const struct check_choice *chosen, struct diagnostics *diagnostics)
{
    struct text_buffer out = {0};
    int worst = STATUS_OK;
    if (chosen->path_count > 1 && chosen->format != CHECK_TEXT && chosen->format != CHECK_TAP) {
        fprintf(stderr, "iommusim check: error: %s is one document: give one SUITE\n",
                check_format_names[chosen->format]);
        return STATUS_BAD_USAGE;
    }
    for (int i = 0; i < chosen->path_count; i++) {
        struct check_suite *suite = NULL;
        int status = check_suite_load(chosen->paths[i], &suite, diagnostics);
        if (status == STATUS_OK)
            status = check_suite(chosen, suite, &out, diagnostics);
        check_suite_free(suite);
        if (status < 0 || worst == STATUS_OK)
            worst = status;
    }
    if (out.length) {
        int status =
            output_file_write(chosen->output ? chosen->output : "-", out.text, out.length, diagnostics);
        worst = status < 0 ? status : worst;
    }
    text_buffer_fini(&out);
    return worst;
}

const struct argp check_argp = {options, parse_option, "SUITE...\n--init=FOLDER --topology=FILE", doc, NULL,
                                NULL,    NULL};

int check_command(int argc, char **argv)
{
    struct check_choice chosen = {0};
    argp_err_exit_status = EXIT_BAD_INPUT;
    argp_parse(&check_argp, argc, argv, 0, NULL, &chosen);
    struct diagnostics *diagnostics = diagnostics_new(ERRORS_SHOWN);
    int status = STATUS_OK;
    char *made[] = {(char *)chosen.init};
    if (chosen.init) { /* and its first answers are blessed at once */
        status = check_init(chosen.init, chosen.topology, diagnostics);
        chosen.paths = made;
        chosen.path_count = 1;
        chosen.bless = true;
    }
    if (chosen.init && status == STATUS_OK && chosen.format == CHECK_TEXT && !chosen.output)
        check_init_describe(chosen.init);
    if (status == STATUS_OK)
        status = check_all(&chosen, diagnostics);
    diagnostics_print(diagnostics, stderr);
    diagnostics_free(diagnostics);
    return status == EXIT_ANSWER_NO ? EXIT_ANSWER_NO : status_exit_code(status);
}
