/* SPDX-License-Identifier: MIT */
/**
 * @file help_overview.h
 * What `iommusim` alone prints.
 */
#ifndef IOMMUSIM_CLI_HELP_OVERVIEW_H
#define IOMMUSIM_CLI_HELP_OVERVIEW_H

#include <stdio.h>

/** Write usage and the list of commands. */
void help_overview(FILE *out);

#endif
