/* SPDX-License-Identifier: MIT */
/**
 * @file junit.h
 * Checks and their outcome as JUnit XML, which CI systems show as tests: one test suite.
 *
 *     junit_begin(&junit, "reach");
 *     junit_add(&junit, &(struct junit_case){.name = "no leak", .failure = "2 pairs leak", .details = text});
 *     junit_end(&junit, &out);
 */
#ifndef IOMMUSIM_OUTPUT_JUNIT_H
#define IOMMUSIM_OUTPUT_JUNIT_H

#include "sim/base/text_buffer.h"
#include "sim/input/function_places.h"

struct junit_case {
    const char *name;          /**< what was checked */
    const char *class_name;    /**< under which heading it is shown */
    struct source_place place; /**< file NULL: none */
    const char *failure;       /**< one sentence; NULL: passed */
    const char *details;       /**< lines below it; NULL: none */
    const char *skipped;       /**< why it was not checked; NULL: it was */
};

/** A suite being written. Zero-initialise is not enough: junit_begin(). */
struct junit {
    const char *suite; /**< borrowed */
    struct text_buffer cases;
    size_t count, failures, skipped;
};

void junit_begin(struct junit *junit, const char *suite);
void junit_add(struct junit *junit, const struct junit_case *one);
/** Write the document to @p out and free what is held. No times are written: they would differ from run to
 * run. */
void junit_end(struct junit *junit, struct text_buffer *out);

#endif
