/* SPDX-License-Identifier: MIT */
#include "sim/cli/command.h"

#include "sim/cli/commands.h"

#include <stdio.h>
#include <string.h>

const struct command commands[] = {
#define COMMAND(name, summary) {#name, summary, &name##_argp, name##_command},
#include "sim/cli/commands.def"
#undef COMMAND
    {NULL, NULL, NULL, NULL},
};

unsigned command_count(void)
{
    return sizeof(commands) / sizeof(commands[0]) - 1;
}

const struct command *command_find(const char *name)
{
    for (const struct command *command = commands; command->name; command++) {
        if (strcmp(command->name, name) == 0)
            return command;
    }
    return NULL;
}

bool command_options_end(const struct argp_option *option)
{
    return !option->name && !option->key && !option->doc && !option->group;
}

bool command_option_letter(const struct argp_option *option)
{
    return option->key > ' ' && option->key < 0x7f;
}

int command_run(const struct command *command, int argc, char **argv)
{
    char name[64];
    snprintf(name, sizeof(name), "iommusim %s", command->name);
    argv[0] = name;
    return command->run(argc, argv);
}
