/* SPDX-License-Identifier: MIT */
/* iommusim help [TOPIC] */
#include "sim/base/nearest.h"
#include "sim/base/status.h"
#include "sim/base/text_buffer.h"
#include "sim/cli/command.h"
#include "sim/cli/commands.h"
#include "sim/cli/help_overview.h"
#include "sim/topology/synthetic.h"

#include <stdio.h>
#include <string.h>

static const char synthetic_topic[] = "synthetic";

static const char doc[] = "What there is, or more about one of it.\v"
                          "TOPIC is a command, or synthetic: machines in one line, which every command takes "
                          "for a FILE as \"synthetic:...\".";

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    const char **topic = state->input;
    if (key != ARGP_KEY_ARG)
        return ARGP_ERR_UNKNOWN;
    if (*topic)
        argp_error(state, "one TOPIC only, not also '%s'", text);
    *topic = text;
    return 0;
}

const struct argp help_argp = {NULL, parse_option, "[TOPIC]", doc, NULL, NULL, NULL};

static void print_synthetic(void)
{
    struct text_buffer text = {0};
    synthetic_help(&text);
    fputs(text_buffer_get(&text), stdout);
    text_buffer_fini(&text);
}

void help_overview(FILE *out)
{
    fputs("Usage: iommusim COMMAND [OPTIONS] FILE...\n\n"
          "A simulator of IOMMUs and the PCI Express fabric in front of them: who shares a\n"
          "group, who can reach whom, what translation costs.\n\nCommands:\n",
          out);
    for (const struct command *command = commands; command->name; command++)
        fprintf(out, "  %-10s %s\n", command->name, command->summary);
    fputs("\n`iommusim COMMAND --help` describes a command, `iommusim help synthetic`\n"
          "machines in one line; `iommusim --version` prints the version.\n"
          "Exit status: 0 fine, 1 the answer is no, 2 bad usage or input, 3 files or\n"
          "resources, 70 internal error, 130 interrupted.\n",
          out);
}

int help_command(int argc, char **argv)
{
    const char *topic = NULL;
    argp_err_exit_status = status_exit_code(STATUS_BAD_USAGE);
    argp_parse(&help_argp, argc, argv, 0, NULL, &topic);
    if (!topic) {
        help_overview(stdout);
        return 0;
    }
    if (strcmp(topic, synthetic_topic) == 0) {
        print_synthetic();
        return 0;
    }
    const struct command *command = command_find(topic);
    if (command) {
        char *words[] = {NULL, "--help", NULL};
        return command_run(command, 2, words);
    }
    const char *near = nearest_name(topic, &commands[0].name, command_count(), sizeof(commands[0]));
    fprintf(stderr, "iommusim help: error: nothing is known of '%s'%s%s%s\n", topic,
            near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "");
    return status_exit_code(STATUS_BAD_USAGE);
}
