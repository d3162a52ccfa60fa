/* SPDX-License-Identifier: MIT */
/**
 * @file rule_words.h
 * The words of the options that say how groups are formed, as the argument column of an option table shows
 * them. Completion reads every "|" there.
 */
#ifndef IOMMUSIM_CLI_RULE_WORDS_H
#define IOMMUSIM_CLI_RULE_WORDS_H

#define IOMMU_WORDS     "auto|vt-d|amd-vi|smmuv3|none"  /**< iommu_choice_parse() */
#define ALGORITHM_WORDS "linux|linux-5.9|acs-rework-v3" /**< group_algorithm_parse() */
#define POLICY_WORDS    "table|pessimistic|optimistic"  /**< isolation_policy_parse() */

#endif
