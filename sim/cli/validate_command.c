/* SPDX-License-Identifier: MIT */
#include "sim/base/diagnostic.h"
#include "sim/base/status.h"
#include "sim/base/text_buffer.h"
#include "sim/cli/commands.h"
#include "sim/input/validate_input.h"

#include <argp.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

struct validate_options {
    bool json, quiet;
    unsigned limit;
    char **paths;
    int path_count;
    struct text_buffer report; /* JSON */
    unsigned files;
    int status; /* the worst so far */
};

static const struct argp_option options[] = {
    {"format", 'f', "text|json", 0,
     "text (default): findings on standard error, a line for each valid file; or json", 0},
    {"limit", 'l', "N", 0, "Errors reported for a file at most; 20 by default, 0 is all", 0},
    {"quiet", 'q', NULL, 0, "No line for valid files", 0},
    {0},
};

static const char doc[] =
    "Check inputs: is each well-formed, complete and physically sensible?\v"
    "FILE is a topology, preset, workload, scenario, study or suite in JSON, a dump that `import` knows, or "
    "a "
    "one-line machine; "
    "- is standard input.\nExit status: 0 all are valid, 2 some are not, 3 some cannot be read.";

static void append_finding(struct text_buffer *out, const struct diagnostic_finding *finding)
{
    static const char *const words[] = {"error", "warning", "note"}; /* ORDER: enum diagnostic_severity */
    text_buffer_format(out, "{\"severity\": \"%s\", \"code\": \"%s\"", words[finding->severity],
                       finding->code);
    if (finding->line)
        text_buffer_format(out, ", \"line\": %" PRIu64 ", \"column\": %" PRIu64, finding->line,
                           finding->column);
    if (finding->pointer) {
        text_buffer_add(out, ", \"pointer\": ");
        text_buffer_json_string(out, finding->pointer);
    }
    text_buffer_add(out, ", \"message\": ");
    text_buffer_json_string(out, finding->message);
    text_buffer_add(out, "}");
}

static void report_json(struct validate_options *chosen, const char *path, const char *kind, int status,
                        const char *summary, const struct diagnostics *diagnostics)
{
    struct text_buffer *out = &chosen->report;
    text_buffer_format(out, "%s\n    {\"file\": ", chosen->files ? "," : "");
    text_buffer_json_string(out, path);
    text_buffer_format(out, ", \"kind\": \"%s\", \"valid\": %s, \"errors\": %u, \"warnings\": %u", kind,
                       status == STATUS_OK ? "true" : "false", diagnostics_errors(diagnostics),
                       diagnostics_warnings(diagnostics));
    if (status == STATUS_OK) {
        text_buffer_add(out, ", \"summary\": ");
        text_buffer_json_string(out, summary);
    }
    text_buffer_add(out, ",\n     \"findings\": [");
    for (size_t i = 0; i < diagnostics_count(diagnostics); i++) {
        struct diagnostic_finding finding = diagnostics_get(diagnostics, i);
        text_buffer_add(out, i ? ",\n       " : "\n       ");
        append_finding(out, &finding);
    }
    text_buffer_add(out, "]}");
}

static void validate(struct validate_options *chosen, const char *path)
{
    struct diagnostics *diagnostics = diagnostics_new(chosen->limit);
    struct text_buffer summary = {0};
    const char *kind;
    int status = validate_input(path, &kind, &summary, diagnostics);
    if (chosen->json) {
        report_json(chosen, path, kind, status, text_buffer_get(&summary), diagnostics);
    } else {
        fflush(stdout);
        diagnostics_print(diagnostics, stderr);
        if (status == STATUS_OK && !chosen->quiet)
            printf("%s: valid %s, %s\n", path, kind, text_buffer_get(&summary));
    }
    chosen->files++;
    if (status_exit_code(status) > status_exit_code(chosen->status))
        chosen->status = status;
    text_buffer_fini(&summary);
    diagnostics_free(diagnostics);
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    struct validate_options *chosen = state->input;
    char *end;
    unsigned long number;
    switch (key) {
    case 'f':
        chosen->json = strcmp(argument, "json") == 0;
        if (!chosen->json && strcmp(argument, "text") != 0)
            argp_error(state, "unknown format '%s': text or json", argument);
        return 0;
    case 'l':
        number = strtoul(argument, &end, 10);
        if (*argument < '0' || *argument > '9' || *end || number > UINT_MAX)
            argp_error(state, "'%s' is no number of errors", argument);
        chosen->limit = number ? (unsigned)number : UINT_MAX;
        return 0;
    case 'q':
        chosen->quiet = true;
        return 0;
    case ARGP_KEY_ARGS: /* all options are read by now */
        chosen->paths = state->argv + state->next;
        chosen->path_count = state->argc - state->next;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "FILE is missing");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp validate_argp = {options, parse_option, "FILE...", doc, NULL, NULL, NULL};

int validate_command(int argc, char **argv)
{
    struct validate_options chosen = {.limit = 20};
    argp_err_exit_status = 2;
    argp_parse(&validate_argp, argc, argv, 0, NULL, &chosen);
    for (int i = 0; i < chosen.path_count; i++)
        validate(&chosen, chosen.paths[i]);
    if (chosen.json)
        printf("{\n  \"format\": \"iommusim-validation/1\",\n  \"files\": [%s\n  ]\n}\n",
               text_buffer_get(&chosen.report));
    text_buffer_fini(&chosen.report);
    if (fflush(stdout) || ferror(stdout)) {
        fprintf(stderr, "%s: error: %s\n", argv[0], status_text(STATUS_FILE_WRITE));
        return status_exit_code(STATUS_FILE_WRITE);
    }
    return status_exit_code(chosen.status);
}
