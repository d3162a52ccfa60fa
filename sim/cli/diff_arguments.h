/* SPDX-License-Identifier: MIT */
/**
 * @file diff_arguments.h
 * The command line of `iommusim diff`.
 */
#ifndef IOMMUSIM_CLI_DIFF_ARGUMENTS_H
#define IOMMUSIM_CLI_DIFF_ARGUMENTS_H

#include "sim/analysis/iommu_platform.h"
#include "sim/cli/file_arguments.h"

#include <stddef.h>

enum fail_on { FAIL_ON_ANY, FAIL_ON_GROUPS, FAIL_ON_LEAKS, FAIL_ON_VIABILITY, FAIL_ON_NOTHING };

/** Words of an option that may repeat. */
struct diff_words {
    const char **words; /**< heap */
    size_t count, capacity;
};

/** What is said about how groups are formed, and what of it. */
struct diff_rules {
    struct group_options options;
    bool choice, algorithm, assume; /**< given; cmdline is where it is not NULL */
};

struct diff_arguments {
    struct file_arguments machines[2]; /**< the second may be missing */
    struct diff_words settings, moves; /**< --set, --move */
    const char *acs_override;          /**< words of pcie_acs_override, or NULL */
    struct diff_rules change;          /**< of the second machine; with two files of both */
    struct diff_rules base;            /**< --base-*: of both, unless @c change says otherwise */
    enum fail_on fail_on;
    int format; /**< 0 text, 1 json, 2 tsv */
    const char *output;
    const char *workload; /**< runs on both machines; NULL: none */
    const char *slots;    /**< the device to find a slot for; NULL: compare */
};

/** Parse; the end of the program after --help and bad usage. Free with diff_arguments_fini(). */
void diff_arguments_parse(struct diff_arguments *arguments, int argc, char **argv);
void diff_arguments_fini(struct diff_arguments *arguments);

/** The rules for one of the machines. @param second  the machine after the change, or either of two files */
struct group_options diff_arguments_rules(const struct diff_arguments *arguments, bool second);

#endif
