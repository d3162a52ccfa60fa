/* SPDX-License-Identifier: MIT */
/**
 * @file check_findings.h
 * What is not as it should be: answers against those blessed, policies against the machine.
 */
#ifndef IOMMUSIM_BATCH_CHECK_FINDINGS_H
#define IOMMUSIM_BATCH_CHECK_FINDINGS_H

#include "sim/batch/case_answers.h"

enum check_rule {
    CHECK_GROUP,    /**< a function has other group mates */
    CHECK_NUMBER,   /**< the same groups under other numbers */
    CHECK_FUNCTION, /**< a function is new or gone */
    CHECK_LEAK,     /**< a leak is new */
    CHECK_LEAK_GONE,
    CHECK_LEAK_WAY,  /**< it leaks by another rule or at another port */
    CHECK_FIGURE,    /**< a figure is off by more than its tolerance */
    CHECK_POLICY,    /**< a policy is not met */
    CHECK_UNBLESSED, /**< there are no blessed answers */
    CHECK_BROKEN,    /**< the case cannot be worked out */
    CHECK_RULES,
};

/** "group-moved", ... for reports. Never NULL. */
const char *check_rule_name(enum check_rule rule);

struct check_finding {
    enum check_rule rule;
    const char *message;               /**< one sentence */
    uint32_t function_id;              /**< it is about, NONE */
    const struct check_policy *policy; /**< or NULL */
};

/** Findings of one case. Zero-initialise but for the arena. */
struct check_findings {
    struct arena *arena;
    struct check_finding *items;
    size_t count, capacity;
};

void check_findings_add(struct check_findings *findings, enum check_rule rule, uint32_t function_id,
                        const struct check_policy *policy, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
void check_findings_fini(struct check_findings *findings);

/** Compare what a case came to with what was blessed: groups and leaks exactly, figures within tolerances. */
void check_compare(const struct check_suite *suite, const struct case_work *work,
                   const struct case_answers *golden, struct check_findings *findings);

/** Hold a case against its policies. */
void check_policies(const struct check_case *one, const struct case_work *work,
                    struct check_findings *findings);

#endif
