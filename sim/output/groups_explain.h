/* SPDX-License-Identifier: MIT */
/**
 * @file groups_explain.h
 * Why functions are, or are not, in one group: the whole way the kernel's decision took.
 */
#ifndef IOMMUSIM_OUTPUT_GROUPS_EXPLAIN_H
#define IOMMUSIM_OUTPUT_GROUPS_EXPLAIN_H

#include "sim/analysis/group_explain.h"

/** What to explain. */
struct explain_question {
    uint32_t a; /**< function id; NONE: every merge of the machine */
    uint32_t b; /**< the other one of a pair; NONE: the story of @c a alone */
};

/**
 * In words a forum reader understands.
 *
 * For one function: requester ids, each port of the path up, slot mates, and how its group came about. For a
 * pair: the chain of joins that brings them together, or what keeps them apart, and whether the hardware
 * agrees.
 */
void groups_explain_text(const struct iommu_groups *groups, struct explain_question question,
                         struct text_buffer *out);

/** The same as one document "iommusim-group-explanation/1". */
void groups_explain_json(const struct iommu_groups *groups, struct explain_question question,
                         struct text_buffer *out);

#endif
