/* SPDX-License-Identifier: MIT */
/**
 * @file run_arguments.h
 * The command line of `iommusim run`.
 */
#ifndef IOMMUSIM_CLI_RUN_ARGUMENTS_H
#define IOMMUSIM_CLI_RUN_ARGUMENTS_H

#include "sim/cli/file_arguments.h"
#include "sim/cli/run_flow.h"
#include "sim/cli/run_follow.h"
#include "sim/output/result.h"

#include <argp.h>

enum { RUN_SETTINGS_MAX = 64 };

/** As given. Zero-initialise; run_argp fills it in. */
struct run_options {
    struct file_arguments topology;
    const char *scenario, *replay, *workload, *cmdline, *iommu, *output;
    const char *settings[RUN_SETTINGS_MAX]; /**< POINTER=VALUE */
    unsigned setting_count;
    struct run_follow follow;
    uint64_t series_ps; /**< 0: none */
    uint64_t seed;
    enum run_format { FORMAT_TEXT, FORMAT_JSON, FORMAT_SARIF, FORMAT_JUNIT, FORMATS } format;
    unsigned threads; /**< of a world; 0: not given */
    bool seed_given, format_given, fail_on_leak, fail_on_fault, fail_on_overload;
    bool flow, sharing_given; /**< flow: --engine flow */
    enum flow_sharing sharing;
};

/** How an answer is written. */
struct run_form {
    const char *name; /**< of --format */
    const char *file; /**< in a folder; a file of the same ending gets this form */
    void (*write)(const struct result *result, struct text_buffer *out);
};

extern const struct run_form run_forms[FORMATS]; /**< [enum run_format] */

/** Does -o name a folder: one that is there, or a new path that ends in "/" or has no ending? */
bool run_output_is_folder(const char *path);

extern const struct argp run_argp;

#endif
