/* SPDX-License-Identifier: MIT */
/**
 * @file commands.h
 * Declares NAME_command() and its NAME_argp for every line of commands.def.
 */
#ifndef IOMMUSIM_CLI_COMMANDS_H
#define IOMMUSIM_CLI_COMMANDS_H

#include <argp.h>

#define COMMAND(name, summary)                                                                               \
    extern const struct argp name##_argp;                                                                    \
    int name##_command(int argc, char **argv);
#include "sim/cli/commands.def"
#undef COMMAND

#endif
