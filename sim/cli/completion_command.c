/* SPDX-License-Identifier: MIT */
/* iommusim completion bash|zsh: made from the option tables of all commands. */
#include "sim/base/status.h"
#include "sim/base/text_buffer.h"
#include "sim/cli/command.h"
#include "sim/cli/commands.h"

#include <stdio.h>
#include <string.h>

static const char doc[] =
    "A script that teaches a shell to complete commands, options, their words and files.\v"
    "For bash: `source <(iommusim completion bash)`, or the output as a file in "
    "/usr/share/bash-completion/completions. For zsh: `source <(iommusim completion zsh)`.";

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    const char **shell = state->input;
    switch (key) {
    case ARGP_KEY_ARG:
        if (*shell)
            argp_error(state, "one shell only, not also '%s'", text);
        if (strcmp(text, "bash") != 0 && strcmp(text, "zsh") != 0)
            argp_error(state, "unknown shell '%s': bash or zsh", text);
        *shell = text;
        return 0;
    case ARGP_KEY_END:
        if (!*shell)
            argp_error(state, "which shell? bash or zsh");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp completion_argp = {NULL, parse_option, "bash|zsh", doc, NULL, NULL, NULL};

/* "a|b" as "a b" */
static void add_words(const char *words, struct text_buffer *out)
{
    for (; *words; words++)
        text_buffer_append(out, *words == '|' ? " " : words, 1);
}

static void add_option_words(const struct command *command, struct text_buffer *out)
{
    for (const struct argp_option *option = command->argp->options; option && !command_options_end(option);
         option++) {
        if (!option->name || !option->arg || !strchr(option->arg, '|'))
            continue;
        text_buffer_format(out, "    '%s --%s'", command->name, option->name);
        if (command_option_letter(option))
            text_buffer_format(out, "|'%s -%c'", command->name, option->key);
        text_buffer_add(out, ") words='");
        add_words(option->arg, out);
        text_buffer_add(out, "' ;;\n");
    }
}

static void add_options(const struct command *command, struct text_buffer *out)
{
    text_buffer_format(out, "    %s) words='", command->name);
    for (const struct argp_option *option = command->argp->options; option && !command_options_end(option);
         option++) {
        if (option->name)
            text_buffer_format(out, "--%s ", option->name);
    }
    text_buffer_add(out, "--help --usage' ;;\n");
}

static void add_arguments(const struct command *command, struct text_buffer *out)
{
    if (!command->argp->args_doc || !strchr(command->argp->args_doc, '|'))
        return;
    text_buffer_format(out, "    %s) words='", command->name);
    add_words(command->argp->args_doc, out);
    text_buffer_add(out, "' ;;\n");
}

static void add_cases(void (*add)(const struct command *, struct text_buffer *), const char *of,
                      struct text_buffer *out)
{
    text_buffer_format(out, "    case \"%s\" in\n", of);
    for (const struct command *command = commands; command->name; command++)
        add(command, out);
    text_buffer_add(out, "    esac\n");
}

static void write_script(struct text_buffer *out)
{
    text_buffer_add(
        out, "_iommusim()\n{\n"
             "    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} words=\n"
             "    local command=${COMP_WORDS[1]}\n"
             "    COMPREPLY=()\n"
             "    # \"--format=js\" comes as three words\n"
             "    [ \"$current\" = = ] && current=\n"
             "    [ \"$previous\" = = ] && previous=${COMP_WORDS[COMP_CWORD-2]}\n"
             "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n        words='");
    for (const struct command *command = commands; command->name; command++)
        text_buffer_format(out, "%s ", command->name);
    text_buffer_add(out, "--help --version'\n        COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
                         "        return\n    fi\n");
    add_cases(add_option_words, "$command $previous", out);
    text_buffer_add(out, "    if [ -z \"$words\" ] && [ \"${current#-}\" != \"$current\" ]; then\n");
    add_cases(add_options, "$command", out);
    text_buffer_add(out, "    elif [ -z \"$words\" ]; then\n");
    add_cases(add_arguments, "$command", out);
    text_buffer_add(out, "    fi\n"
                         "    if [ -n \"$words\" ]; then\n"
                         "        COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
                         "    else\n"
                         "        COMPREPLY=($(compgen -f -- \"$current\"))\n"
                         "    fi\n}\n"
                         "complete -o filenames -F _iommusim iommusim\n");
}

int completion_command(int argc, char **argv)
{
    const char *shell = NULL;
    argp_err_exit_status = status_exit_code(STATUS_BAD_USAGE);
    argp_parse(&completion_argp, argc, argv, 0, NULL, &shell);
    struct text_buffer out = {0};
    if (strcmp(shell, "zsh") == 0)
        text_buffer_add(&out, "autoload -Uz bashcompinit && bashcompinit\n");
    write_script(&out);
    fputs(text_buffer_get(&out), stdout);
    text_buffer_fini(&out);
    return 0;
}
