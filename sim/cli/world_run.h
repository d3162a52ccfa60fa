/* SPDX-License-Identifier: MIT */
/**
 * @file world_run.h
 * `iommusim run WORLD`.
 */
#ifndef IOMMUSIM_CLI_WORLD_RUN_H
#define IOMMUSIM_CLI_WORLD_RUN_H

#include "sim/base/diagnostic.h"

#include <stdbool.h>
#include <stdint.h>

struct world_run_options {
    const char *path;
    const char *output; /**< NULL: standard output */
    bool json;
    bool seed_given;
    uint64_t seed;
    unsigned threads;
};

/**
 * Run a world; in a program without SimGrid, become the one with it.
 * @param argv  the command's
 * @param diagnostics  printed and made anew before the run
 * @return 0, EXIT_ANSWER_NO of `run` (1) for a deadlock, or an enum status
 */
int world_run(const struct world_run_options *options, char **argv, struct diagnostics **diagnostics);

#endif
