/* SPDX-License-Identifier: MIT */
/**
 * @file command.h
 * A subcommand: one file in sim/cli and one line in commands.def.
 *
 * Each command parses its own arguments with argp, so `--help` and `--usage` come for free and error texts
 * are uniform; completion and the manual are made from the same tables.
 */
#ifndef IOMMUSIM_CLI_COMMAND_H
#define IOMMUSIM_CLI_COMMAND_H

#include <argp.h>
#include <stdbool.h>

struct command {
    const char *name;
    const char *summary; /**< one line for `iommusim --help` */
    /** Options, arguments and description. The argument of an option is a placeholder ("FILE"), or the words
     * it takes with "|" between them. */
    const struct argp *argp;
    /** Run with argv[0] = "iommusim NAME". Returns the exit status of the program (DESIGN: 0, 1, 2, 3, 70,
     * 130). */
    int (*run)(int argc, char **argv);
};

/** All commands, ended by one with a NULL name. */
extern const struct command commands[];

/** Number of commands. */
unsigned command_count(void);

/** The command of that name, or NULL. */
const struct command *command_find(const char *name);

/** True for the row that ends a table of options. */
bool command_options_end(const struct argp_option *option);

/** True where an option has a letter, too: its key is that. */
bool command_option_letter(const struct argp_option *option);

/** Run a command as `iommusim NAME ARGUMENTS...`. @param argv  argv[0] is the command's name and gets
 * replaced; ends with NULL @return the exit status */
int command_run(const struct command *command, int argc, char **argv);

#endif
