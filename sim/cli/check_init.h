/* SPDX-License-Identifier: MIT */
/**
 * @file check_init.h
 * `iommusim check --init`: a folder to begin a project of one's own with.
 */
#ifndef IOMMUSIM_CLI_CHECK_INIT_H
#define IOMMUSIM_CLI_CHECK_INIT_H

#include "sim/base/diagnostic.h"

/**
 * Write the machine as topology.json, a workload, check.json with a first policy, and snippets for GitHub
 * Actions and GitLab. Files that are there already are left alone, and that is an error before anything is
 * written.
 * @return 0, or the status of what went wrong after diagnostics
 */
int check_init(const char *folder, const char *topology, struct diagnostics *diagnostics);

/** Say on standard output what check_init() has made, and what to do with it. */
void check_init_describe(const char *folder);

#endif
