/* SPDX-License-Identifier: MIT */
#include "sim/cli/file_arguments.h"

#include "sim/base/status.h"
#include "sim/base/text_buffer.h"
#include "sim/input/topology_keys.h"

#include <string.h>

void file_arguments_add(struct file_arguments *arguments, const char *path, struct argp_state *state)
{
    if (arguments->count == FILE_ARGUMENTS_MAX)
        argp_error(state, "more than %d files of one machine", FILE_ARGUMENTS_MAX);
    arguments->paths[arguments->count++] = path;
}

void file_arguments_name(struct file_arguments *arguments, const char *path, struct argp_state *state)
{
    if (arguments->named)
        argp_error(state, "one FILE only, not also '%s' (--with names further dumps of the same machine)",
                   path);
    file_arguments_add(arguments, path, state);
    memmove(&arguments->paths[1], &arguments->paths[0], (arguments->count - 1) * sizeof(arguments->paths[0]));
    arguments->paths[0] = path;
    arguments->named = true;
}

void file_arguments_option(struct file_arguments *arguments, int key, const char *text,
                           struct argp_state *state)
{
    if (key == OPTION_WITH)
        file_arguments_add(arguments, text, state);
    else if (strcmp(text, acs_state_words[ACS_FIRMWARE]) == 0 ||
             strcmp(text, acs_state_words[ACS_BOOTED]) == 0)
        arguments->acs = text;
    else
        argp_error(state, "--acs is firmware or booted, not '%s'", text);
}

int file_arguments_load_read(const struct file_arguments *arguments, const struct machine_source *source,
                             struct machine_input **input, struct diagnostics *diagnostics)
{
    int status = machine_input_load_read(source, input, diagnostics);
    if (status == STATUS_OK && arguments->acs)
        (*input)->topology->acs_state =
            strcmp(arguments->acs, acs_state_words[ACS_BOOTED]) == 0 ? ACS_BOOTED : ACS_FIRMWARE;
    return status;
}

int file_arguments_load(const struct file_arguments *arguments, struct machine_input **input,
                        struct diagnostics *diagnostics)
{
    struct machine_files files = file_arguments_get(arguments);
    struct machine_source source = {0};
    int status = machine_source_read(&files, &source, diagnostics);
    if (status != STATUS_OK)
        return status;
    status = file_arguments_load_read(arguments, &source, input, diagnostics);
    machine_source_fini(&source);
    return status;
}

struct machine_files file_arguments_get(const struct file_arguments *arguments)
{
    return (struct machine_files){arguments->paths, arguments->count};
}

char *file_arguments_text(const struct file_arguments *arguments)
{
    struct text_buffer text = {0};
    for (size_t i = 0; i < arguments->count; i++)
        text_buffer_format(&text, "%s%s", i == 0 ? "" : i == 1 ? " with " : ", ", arguments->paths[i]);
    return text.text;
}
