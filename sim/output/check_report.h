/* SPDX-License-Identifier: MIT */
/**
 * @file check_report.h
 * The answer of `iommusim check` as text, JSON, TAP, JUnit XML or SARIF.
 */
#ifndef IOMMUSIM_OUTPUT_CHECK_REPORT_H
#define IOMMUSIM_OUTPUT_CHECK_REPORT_H

#include "sim/base/text_buffer.h"
#include "sim/batch/check_findings.h"

enum check_format { CHECK_TEXT, CHECK_JSON, CHECK_TAP, CHECK_JUNIT, CHECK_SARIF };

/** "text", "json", "tap", "junit", "sarif"; ends with NULL. ORDER: enum check_format */
extern const char *const check_format_names[];

/** One case of a suite and what was found. */
struct checked_case {
    const struct check_suite *suite;
    const struct check_case *one;
    const struct source_place *places; /**< [function] where the input states it, NULL where not loaded */
    const struct check_findings *findings;
    bool worked_out; /**< false: nothing was compared, and no policy was held against it */
    bool blessed;    /**< what was found is what --bless has written down as right */
};

/** Write the report. TAP and JUnit have a test for the groups, leaks and figures of each case and for each of
 * its policies; those of a case that could not be worked out are skipped. */
void check_report_write(const struct checked_case *cases, size_t count, enum check_format format,
                        struct text_buffer *out);

#endif
