/* SPDX-License-Identifier: MIT */
/**
 * @file check_suite.h
 * What a project wants to stay as it is (`iommusim-check/1`): machines, what runs on them, policies they must
 * meet, how exactly figures must agree. The format is described in sim/input/README.md; the schema is
 * sim/input/schema/check.schema.json.
 *
 * Codes: check-format, check-case-twice, check-name, check-policy, check-tolerance, check-empty; beside those
 * of json_reader.h.
 */
#ifndef IOMMUSIM_INPUT_CHECK_SUITE_H
#define IOMMUSIM_INPUT_CHECK_SUITE_H

#include "sim/input/json_reader.h"
#include "sim/input/machine_input.h"

struct arena;

enum check_policy_kind {
    POLICY_NO_LEAK,  /**< nothing reaches a function of another group untranslated; with devices: none of them
                        reaches or is reached */
    POLICY_ALONE,    /**< each of the devices is the only function of its group that is no bridge */
    POLICY_SEPARATE, /**< no two of the devices share a group */
    POLICY_TOGETHER, /**< all the devices share a group */
    POLICY_NO_LEAK_BETWEEN, /**< nothing of the group of one of the devices reaches the group of another */
    POLICY_FIGURE,          /**< a figure of a run is at most, or at least, a value */
    POLICY_KINDS,
};

/** "no-leak", "alone", "separate", "together", "no-leak-between", "figure"; ends with NULL. ORDER: enum
 * check_policy_kind */
extern const char *const check_policy_words[];

struct check_policy {
    enum check_policy_kind kind;
    const char *name; /**< what it is called in reports: given, or made from the rest */
    const char **devices;
    uint32_t device_count;
    const char *run, *figure; /**< POLICY_FIGURE: name of a run, JSON pointer into its result */
    double at_most, at_least; /**< NAN: no bound */
    struct source_place place;
};

/** A workload or scenario that runs on the machine of a case. */
struct check_run {
    const char *name;
    const char *path; /**< seen from here */
};

struct check_case {
    const char *name;
    struct machine_files topology;
    const char *cmdline; /**< or NULL */
    const char *iommu;
    struct check_run *runs;
    uint32_t run_count;
    struct check_policy *policies;
    uint32_t policy_count;
    bool golden; /**< compared with what was blessed */
};

/** How far a figure may be off. */
struct check_tolerance {
    const char *figure; /**< last part of its name: "p99_ps"; "*" is all */
    double relative;
};

struct check_suite {
    struct arena *arena;
    const char *path;
    const char *golden_folder; /**< seen from here */
    struct check_case *cases;
    uint32_t case_count;
    struct check_tolerance *tolerances;
    uint32_t tolerance_count;
};

/**
 * Read a suite. Where @p path is a folder, its check.json.
 * @return 0, STATUS_BAD_INPUT, STATUS_FILE_OPEN or STATUS_FILE_READ after diagnostics; free with
 * check_suite_free()
 */
int check_suite_load(const char *path, struct check_suite **suite, struct diagnostics *diagnostics);

/** check_suite_load() of a text in memory; what it names is seen from the folder of its name. */
int check_suite_load_source(const struct source_text *source, struct check_suite **suite,
                            struct diagnostics *diagnostics);

/** NULL is fine. */
void check_suite_free(struct check_suite *suite);

#endif
