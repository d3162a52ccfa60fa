/* SPDX-License-Identifier: MIT */
/**
 * @file sarif.h
 * Findings as a SARIF 2.1.0 log, which code-scanning services and editors read: one run, its rules, a result
 * for each finding with the place in the input it is about.
 *
 *     sarif_begin(&sarif, &out, rules, count);
 *     sarif_add(&sarif, &finding); ...
 *     sarif_end(&sarif);
 *
 * Source: OASIS Standard "Static Analysis Results Interchange Format (SARIF) Version 2.1.0" and its schema.
 */
#ifndef IOMMUSIM_OUTPUT_SARIF_H
#define IOMMUSIM_OUTPUT_SARIF_H

#include "sim/base/text_buffer.h"
#include "sim/input/function_places.h"

/** Results in one log at most; services take no more. Further ones are counted, and a notification of the run
 * says how many there were. */
enum { SARIF_RESULTS_MAX = 25000 };

enum sarif_level { SARIF_NOTE, SARIF_WARNING, SARIF_ERROR };

/** A kind of finding. */
struct sarif_rule {
    const char *id; /**< stable, e.g. "reach/leak" */
    enum sarif_level level;
    const char *text; /**< one sentence: what is found */
    const char *help; /**< what it means and what to do */
};

/** A place that a finding names. */
struct sarif_place {
    struct source_place place;
    const char *name;    /**< what stands there: a function's address */
    const char *message; /**< what it has to do with the finding; NULL for the first */
};

struct sarif_finding {
    size_t rule; /**< index in the rules */
    const char *message;
    const struct sarif_place *places; /**< the first is where the finding is shown; others are related */
    size_t place_count;
    const char *fingerprint; /**< tells this finding from others in the next run, too; without line numbers */
};

/** A log being written. */
struct sarif {
    struct text_buffer *out;
    const struct sarif_rule *rules;
    size_t rule_count;
    size_t written, asked; /**< results */
    bool incomplete;       /**< something could not be looked at; set before sarif_end() */
};

/** @param rules  borrowed until sarif_end() */
void sarif_begin(struct sarif *sarif, struct text_buffer *out, const struct sarif_rule *rules,
                 size_t rule_count);
void sarif_add(struct sarif *sarif, const struct sarif_finding *finding);
void sarif_end(struct sarif *sarif);

#endif
