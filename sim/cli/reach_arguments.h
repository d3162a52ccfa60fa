/* SPDX-License-Identifier: MIT */
/**
 * @file reach_arguments.h
 * The command line of `iommusim reach`.
 */
#ifndef IOMMUSIM_CLI_REACH_ARGUMENTS_H
#define IOMMUSIM_CLI_REACH_ARGUMENTS_H

#include "sim/analysis/p2pdma.h"
#include "sim/cli/file_arguments.h"
#include "sim/output/reach_report.h"

/** Which question is asked. */
enum reach_mode {
    REACH_MODE_PAIRS,      /**< who reaches whom */
    REACH_MODE_SOUND,      /**< --sound */
    REACH_MODE_P2PDMA,     /**< --p2pdma */
    REACH_MODE_MATRIX,     /**< --matrix */
    REACH_MODE_WANT,       /**< --want */
    REACH_MODE_INTERRUPTS, /**< --interrupts */
    REACH_MODE_PLACES,     /**< DST is no function (place_argument.h) */
};

struct reach_arguments {
    struct file_arguments files;
    const char *source, *target; /**< may be NULL */
    const char *output;          /**< NULL: standard output */
    struct group_options rules;
    enum reach_mode mode;
    const char *want; /**< --want's text */
    enum p2pdma_cpu cpu;
    struct reach_question question; /**< without the functions */
    bool outcomes_given;
    bool fail_on_leak;
};

/** Parse; the end of the program after --help and bad usage. */
void reach_arguments_parse(struct reach_arguments *arguments, int argc, char **argv);

#endif
