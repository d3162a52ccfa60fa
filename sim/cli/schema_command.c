/* SPDX-License-Identifier: MIT */
#include "sim/base/status.h"
#include "sim/base/text_buffer.h"
#include "sim/cli/commands.h"
#include "sim/input/json_schema.h"

#include <argp.h>
#include <stdio.h>

static const char doc[] = "The JSON Schema of an input format, for editors and other programs.\v"
                          "FORMAT is topology, preset, workload, scenario, study, check or world.";

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
    const char **format = state->input;
    switch (key) {
    case ARGP_KEY_ARG:
        if (*format)
            argp_error(state, "one FORMAT only, not also '%s'", argument);
        *format = argument;
        return 0;
    case ARGP_KEY_END:
        if (!*format)
            argp_error(state, "FORMAT is missing");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp schema_argp = {
    NULL, parse_option, "topology|preset|workload|scenario|study|check|world", doc, NULL, NULL, NULL};

int schema_command(int argc, char **argv)
{
    const char *format = NULL;
    struct text_buffer out = {0};
    argp_err_exit_status = 2;
    argp_parse(&schema_argp, argc, argv, 0, NULL, &format);
    int status = STATUS_OK;
    if (!schema_write(format, &out)) {
        fprintf(
            stderr,
            "%s: error: unknown format '%s': topology, preset, workload, scenario, study, check or world\n",
            argv[0], format);
        status = STATUS_BAD_USAGE;
    } else if (fputs(text_buffer_get(&out), stdout) == EOF || fflush(stdout)) {
        fprintf(stderr, "%s: error: %s\n", argv[0], status_text(STATUS_FILE_WRITE));
        status = STATUS_FILE_WRITE;
    }
    text_buffer_fini(&out);
    return status_exit_code(status);
}
