/* SPDX-License-Identifier: MIT */
/* iommusim report PATH: a page of what a run, a study or a regression came to. */
#include "sim/base/arena.h"
#include "sim/base/status.h"
#include "sim/cli/commands.h"
#include "sim/input/json_reader.h"
#include "sim/input/source_file.h"
#include "sim/output/html_reports.h"
#include "sim/output/output_file.h"

#include <argp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EXIT_BAD_INPUT = 2, ERRORS_SHOWN = 20 };

static const struct argp_option options[] = {
    {"output", 'o', "FILE", 0, "Write the page to FILE instead of standard output", 0},
    {0},
};

static const char doc[] =
    "A page to read in a browser, one file with nothing to fetch: of a run, a study, or a regression.\v"
    "PATH is a result (`iommusim run -f json`, or a folder `run -o FOLDER` made), the folder of a study "
    "(`iommusim sweep`), or a regression's report (`iommusim check -f json`).";

struct report_choice {
    const char *path, *output;
};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct report_choice *chosen = state->input;
    switch (key) {
    case 'o':
        chosen->output = text;
        return 0;
    case ARGP_KEY_ARG:
        if (chosen->path)
            argp_error(state, "one PATH only, not also '%s'", text);
        chosen->path = text;
        return 0;
    case ARGP_KEY_END:
        if (!chosen->path)
            argp_error(state, "PATH is missing: a result, the folder of a study, or a regression's report");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp report_argp = {options, parse_option, "PATH", doc, NULL, NULL, NULL};

static int report_study(const char *folder, struct text_buffer *out, struct diagnostics *diagnostics)
{
    struct sweep sweep = {.lock = -1};
    struct collected table;
    int status = sweep_open(&sweep, folder, NULL, false, diagnostics);
    if (status == STATUS_OK)
        status = collect(&sweep, &table, diagnostics);
    if (status == STATUS_OK) {
        html_report_study(&table, out);
        collected_free(&table);
    }
    sweep_close(&sweep);
    return status;
}

static int report_root(const struct json_node *root, struct text_buffer *out, struct diagnostics *diagnostics)
{
    static const struct {
        const char *format;
        void (*write)(const cJSON *root, struct text_buffer *out);
    } kinds[] = {{"iommusim-result/1", html_report_run}, {"iommusim-check-report/1", html_report_check}};
    const char *format = NULL;
    unsigned errors = diagnostics_errors(diagnostics);
    if (!json_expect_object(root) || !json_require(root, "format", "\"iommusim-result/1\" or another") ||
        !json_get_string(root, "format", &format) || diagnostics_errors(diagnostics) != errors)
        return STATUS_BAD_INPUT;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(format, kinds[i].format) == 0) {
            kinds[i].write(root->value, out);
            return STATUS_OK;
        }
    }
    const struct json_node stated = json_member(root, "format");
    json_error(
        &stated, "report-format",
        "a report is made of \"iommusim-result/1\" or \"iommusim-check-report/1\", or of a study's folder");
    return STATUS_BAD_INPUT;
}

static int report_file(const char *path, struct text_buffer *out, struct diagnostics *diagnostics)
{
    struct source_text source;
    struct json_document document;
    int status = source_file_read(path, &source, diagnostics);
    if (status < 0)
        return status;
    status = json_document_init(&document, &source, diagnostics);
    if (status == STATUS_OK) {
        const struct json_node root = json_root(&document);
        status = report_root(&root, out, diagnostics);
        json_document_fini(&document);
    }
    source_file_fini(&source);
    return status;
}

/* Is there a file @p name in a folder? @p path gets its path. */
static bool has_file(const char *folder, const char *name, struct text_buffer *path)
{
    text_buffer_fini(path);
    text_buffer_format(path, "%s/%s", folder, name);
    return access(path->text, R_OK) == 0;
}

static int report(const char *path, struct text_buffer *out, struct diagnostics *diagnostics)
{
    struct stat about;
    struct text_buffer inside = {0};
    const struct source_text source = {path, NULL, 0};
    int status = STATUS_BAD_INPUT;
    if (stat(path, &about) < 0 || !S_ISDIR(about.st_mode))
        status = report_file(path, out, diagnostics);
    else if (has_file(path, "origin", &inside))
        status = report_study(path, out, diagnostics);
    else if (has_file(path, "result.json", &inside))
        status = report_file(inside.text, out, diagnostics);
    else
        diagnostics_report(diagnostics, DIAGNOSTIC_ERROR, &source, DIAGNOSTIC_NO_OFFSET, NULL,
                           "report-nothing",
                           "the folder has neither result.json of a run nor study.json of a study; of a "
                           "regression take the file that `iommusim check -f json` writes");
    text_buffer_fini(&inside);
    return status;
}

int report_command(int argc, char **argv)
{
    struct report_choice chosen = {0};
    struct text_buffer out = {0};
    argp_err_exit_status = EXIT_BAD_INPUT;
    argp_parse(&report_argp, argc, argv, 0, NULL, &chosen);
    struct diagnostics *diagnostics = diagnostics_new(ERRORS_SHOWN);
    int status = report(chosen.path, &out, diagnostics);
    if (status == STATUS_OK)
        status = output_file_write(chosen.output ? chosen.output : "-", text_buffer_get(&out), out.length,
                                   diagnostics);
    text_buffer_fini(&out);
    diagnostics_print(diagnostics, stderr);
    diagnostics_free(diagnostics);
    return status_exit_code(status);
}
