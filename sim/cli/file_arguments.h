/* SPDX-License-Identifier: MIT */
/**
 * @file file_arguments.h
 * The FILE of a command line, and what --with adds to it: further dumps of the same machine.
 */
#ifndef IOMMUSIM_CLI_FILE_ARGUMENTS_H
#define IOMMUSIM_CLI_FILE_ARGUMENTS_H

#include "sim/input/machine_input.h"

#include <argp.h>

enum { FILE_ARGUMENTS_MAX = 32, OPTION_WITH = 0x1000, OPTION_ACS };

/** Zero-initialise. The paths point into argv. */
struct file_arguments {
    const char *paths[FILE_ARGUMENTS_MAX];
    size_t count;
    bool named;      /**< FILE was given; it is the first path */
    const char *acs; /**< what its ACS control registers are; NULL: what it says */
};

/** A row of an option table, in help group @p group; file_arguments_option() takes it. */
#define ACS_OPTION(group)                                                                                    \
    {                                                                                                        \
        "acs", OPTION_ACS, "firmware|booted", 0,                                                             \
            "What the ACS control registers of FILE are: booted (those of a kernel that used the IOMMU, as " \
            "dumps have them), or firmware (of one that did not: what the kernel enables is still to come)", \
            group                                                                                            \
    }

/** This row and that of further dumps. */
#define FILE_ARGUMENTS_OPTIONS(group)                                                                        \
    {"with",                                                                                                 \
     OPTION_WITH,                                                                                            \
     "FILE",                                                                                                 \
     0,                                                                                                      \
     "Another dump of the same machine, to be merged with the first (a kernel log, a listing of groups, "    \
     "...); may repeat",                                                                                     \
     group},                                                                                                 \
        ACS_OPTION(group)

/** FILE itself; it counts first. The end of the program after a second one. */
void file_arguments_name(struct file_arguments *arguments, const char *path, struct argp_state *state);

/** One more dump. */
void file_arguments_add(struct file_arguments *arguments, const char *path, struct argp_state *state);

/** Take the argument @p text of one of FILE_ARGUMENTS_OPTIONS. The end of the program where it is wrong. */
void file_arguments_option(struct file_arguments *arguments, int key, const char *text,
                           struct argp_state *state);

/** machine_input_load_files() of them, with what --acs says. */
int file_arguments_load(const struct file_arguments *arguments, struct machine_input **input,
                        struct diagnostics *diagnostics);

/** machine_input_load_read() of them, read before, with what --acs says. */
int file_arguments_load_read(const struct file_arguments *arguments, const struct machine_source *source,
                             struct machine_input **input, struct diagnostics *diagnostics);

/** All of them, borrowed. */
struct machine_files file_arguments_get(const struct file_arguments *arguments);

/** Their names as one phrase ("a.txt" or "a.txt with b.txt, c.txt"); free() it. */
char *file_arguments_text(const struct file_arguments *arguments);

#endif
