/* SPDX-License-Identifier: MIT */
/**
 * @file file_arguments.h
 * The FILE of a command line, and what --with adds to it: further dumps of the same machine.
 */
#ifndef IOMMUSIM_CLI_FILE_ARGUMENTS_H
#define IOMMUSIM_CLI_FILE_ARGUMENTS_H

#include "sim/input/machine_input.h"

#include <argp.h>

enum { FILE_ARGUMENTS_MAX = 32, OPTION_WITH = 0x1000 };

/** Zero-initialise. The paths point into argv. */
struct file_arguments {
    const char *paths[FILE_ARGUMENTS_MAX];
    size_t count;
    bool named; /**< FILE was given; it is the first path */
};

/** A row of an option table, in help group @p group. */
#define FILE_ARGUMENTS_OPTION(group)                                                                         \
    {                                                                                                        \
        "with", OPTION_WITH, "FILE", 0,                                                                      \
            "Another dump of the same machine, to be merged with the first (a kernel log, a listing of "     \
            "groups, ...); may repeat",                                                                      \
            group                                                                                            \
    }

/** FILE itself; it counts first. The end of the program after a second one. */
void file_arguments_name(struct file_arguments *arguments, const char *path, struct argp_state *state);

/** One more dump. */
void file_arguments_add(struct file_arguments *arguments, const char *path, struct argp_state *state);

/** All of them, borrowed. */
struct machine_files file_arguments_get(const struct file_arguments *arguments);

/** Their names as one phrase ("a.txt" or "a.txt with b.txt, c.txt"); free() it. */
char *file_arguments_text(const struct file_arguments *arguments);

#endif
