/* SPDX-License-Identifier: MIT */
/**
 * @file group_agreement.h
 * Groups as formed here against those the input says the kernel made: who is with whom; numbers do not count.
 */
#ifndef IOMMUSIM_ANALYSIS_GROUP_AGREEMENT_H
#define IOMMUSIM_ANALYSIS_GROUP_AGREEMENT_H

#include "sim/analysis/iommu_groups.h"

/** Over the functions whose group the input states (others are left out of everything). */
struct group_agreement {
    uint32_t functions;
    uint32_t exact;        /**< of them, those with exactly the stated group mates */
    uint64_t pairs_here;   /**< unordered pairs of functions in one group here */
    uint64_t pairs_stated; /**< in one stated group */
    uint64_t
        pairs_both; /**< in both: precision is pairs_both / pairs_here, recall pairs_both / pairs_stated */
};

struct group_agreement group_agreement(const struct iommu_groups *groups);

/** Has @p function_id, whose group the input states, exactly the stated mates here? */
bool group_agreement_same(const struct iommu_groups *groups, uint32_t function_id);

/** An assumption that, turned round, brings groups nearer to those stated. */
struct agreement_hint {
    uint32_t function_id;
    uint32_t exact; /**< functions with the stated mates then */
};

/**
 * The single assumptions (isolation_effects.h) that, turned round, would bring more functions to their stated
 * mates; most first. @param arena  for the result; @param count  filled
 */
struct agreement_hint *group_agreement_hints(const struct iommu_groups *groups, struct arena *arena,
                                             uint32_t *count);

#endif
