/* SPDX-License-Identifier: MIT */
/**
 * @file world_program.h
 * From build/iommusim to build/iommusim-world: the same program, linked with SimGrid as well, beside it.
 */
#ifndef IOMMUSIM_CLI_WORLD_PROGRAM_H
#define IOMMUSIM_CLI_WORLD_PROGRAM_H

#include "sim/base/diagnostic.h"
#include "sim/world/world_engines.h"

/** What this program can do with SimGrid; NULL where it is linked without. */
const struct world_engines *world_program_engines(void);

/**
 * Become the program with SimGrid, with the same command line. Standard output must not have been written to.
 * @param argv  of the command: argv[0] is "iommusim NAME"; ends with NULL
 * @return STATUS_FILE_OPEN after a diagnostic (code world-program) where it is not there; does not return
 * otherwise
 */
int world_program_become(char **argv, struct diagnostics *diagnostics);

#endif
