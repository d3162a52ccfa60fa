/* SPDX-License-Identifier: MIT */
/**
 * @file command.h
 * A subcommand: one file in sim/cli and one line in the table of sim/main.c.
 *
 * Each command parses its own arguments with argp, so `--help` and `--usage` come for free and error texts
 * are uniform.
 */
#ifndef IOMMUSIM_CLI_COMMAND_H
#define IOMMUSIM_CLI_COMMAND_H

struct command {
    const char *name;
    const char *summary; /**< one line for `iommusim --help` */
    /** Run with argv[0] = "iommusim NAME". Returns the exit status of the program (DESIGN: 0, 1, 2, 3, 70,
     * 130). */
    int (*run)(int argc, char **argv);
};

/** All commands, ended by one with a NULL name. Defined in sim/main.c. */
extern const struct command commands[];

#endif
