/* SPDX-License-Identifier: MIT */
/**
 * @file result_findings.h
 * What a run came upon that should not be, for CI systems: each finding with the function's line in the
 * topology.
 *
 * Findings: requests that arrived at a function of another group untranslated, accesses through translations
 * that software had taken back, requests a remapping unit refused (one finding a function and reason, for the
 * records that were kept), operations that failed, streams that offer more than gets through.
 */
#ifndef IOMMUSIM_OUTPUT_RESULT_FINDINGS_H
#define IOMMUSIM_OUTPUT_RESULT_FINDINGS_H

#include "sim/output/result.h"
#include "sim/output/sarif.h"

enum run_finding {
    RUN_LEAK,
    RUN_STALE_TRANSLATION,
    RUN_VOUCHED, /**< a leak but for a vendor's word; a note */
    RUN_FAULT,
    RUN_FAILED,   /**< operations of a stream */
    RUN_OVERLOAD, /**< a stream that offers more than gets through */
    RUN_FINDINGS,
};

/** Append a SARIF log (sarif.h). */
void result_findings_sarif(const struct result *result, struct text_buffer *out);

/** Append a JUnit document: a test case for each kind of finding but notes, which fails where there is one.
 */
void result_findings_junit(const struct result *result, struct text_buffer *out);

#endif
