/* SPDX-License-Identifier: MIT */
/**
 * @file commands.h
 * Declares NAME_command() for every line of commands.def.
 */
#ifndef IOMMUSIM_CLI_COMMANDS_H
#define IOMMUSIM_CLI_COMMANDS_H

#define COMMAND(name, summary) int name##_command(int argc, char **argv);
#include "sim/cli/commands.def"
#undef COMMAND

#endif
