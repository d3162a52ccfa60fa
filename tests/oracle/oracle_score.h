/* SPDX-License-Identifier: MIT */
/**
 * @file oracle_score.h
 * How many machines, functions and pairs came out right, over a set of cases.
 */
#ifndef IOMMUSIM_TESTS_ORACLE_SCORE_H
#define IOMMUSIM_TESTS_ORACLE_SCORE_H

#include "sim/analysis/group_agreement.h"
#include "tests/oracle/oracle_case.h"

struct oracle_score {
    unsigned machines, machines_exact;
    struct group_agreement sum;
};

/** Add a predicted case. A machine is exact where all functions of the truth are there with the stated mates
 * and, in a complete truth, no other has a group. @return true where it is */
bool oracle_score_add(struct oracle_score *score, const struct oracle_case *oracle,
                      const struct iommu_groups *groups);

/** Lines of the truth that name no function of the machine (the dump lost them). */
uint32_t oracle_score_lost(const struct oracle_case *oracle, const struct iommu_groups *groups);

/** One row of the table for standard output. */
void oracle_score_print(const char *set, const char *policy, const struct oracle_score *score);

#endif
