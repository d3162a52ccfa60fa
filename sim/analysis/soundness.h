/* SPDX-License-Identifier: MIT */
/**
 * @file soundness.h
 * A partition into IOMMU groups held against the fabric, whoever made it: the kernel, its proposed rework, or
 * an override.
 *
 * Two functions belong together where a request of one may reach the other untranslated (reach.h), or where
 * both send under one requester id, so that the IOMMU cannot tell them apart. The parts that hang together in
 * this way, through any number of functions between, are the smallest groups that are sound.
 *
 * - Unsound: a pair of different groups that belongs together.
 * - Pessimistic: a group of several parts; some of its functions were merged although nothing demands it.
 *   Only functions that issue requests count: a port without any in the group of what is below costs nobody
 *   anything.
 */
#ifndef IOMMUSIM_ANALYSIS_SOUNDNESS_H
#define IOMMUSIM_ANALYSIS_SOUNDNESS_H

#include "sim/analysis/iommu_groups.h"
#include "sim/analysis/reach.h"

/** What is wrong with a pair of different groups. */
enum unsound_kind {
    UNSOUND_REACH,   /**< the source reaches the target (REACH_LEAK) */
    UNSOUND_ID,      /**< both send under one requester id; told once, lower address first */
    UNSOUND_VOUCHED, /**< it would reach, but a vendor says that it does not: not counted as unsound */
    UNSOUND_KINDS,
};

struct unsound_pair {
    uint32_t source_id, target_id;
    uint32_t at_id;        /**< UNSOUND_REACH, UNSOUND_VOUCHED: function that lets it through; NONE: the root
                              complex, or UNSOUND_ID */
    uint16_t requester_id; /**< UNSOUND_ID: the id shared */
    uint8_t kind;          /**< enum unsound_kind */
    uint8_t rule;          /**< enum route_rule; not for UNSOUND_ID */
};

/** How sure it is that nothing brings two parts of a group together. */
enum loose_doubt {
    LOOSE_PROVEN,    /**< every request between them ends elsewhere */
    LOOSE_UNDEFINED, /**< one comes back to the port it came through, whose ACS UpstreamFwd is off or missing:
                        the specification leaves open what happens (RULE_NO_UPSTREAM_FORWARDING) */
    LOOSE_SILENT,    /**< neither has memory that the other could reach, as far as the input tells */
};

/** Two parts of one group: the first of its parts and another one. */
struct loose_merge {
    uint32_t group;
    uint32_t a_id, b_id; /**< a function of each; where one of them could reach the other, such two */
    uint32_t joined_id;  /**< whose decision merged them: group_explain_cause() says why */
    enum loose_doubt doubt;
    struct reach_result there, back; /**< a_id to b_id, and the reverse: what becomes of a request */
};

struct soundness {
    const struct iommu_groups *groups;
    struct arena *arena;
    const struct reach *reach;  /**< what was asked */
    struct unsound_pair *pairs; /**< by kind, pair of groups, place, rule, source, target */
    size_t pair_count;
    uint64_t counts[UNSOUND_KINDS];
    uint32_t group_pairs;       /**< unordered pairs of groups with an unsound pair (without the vouched) */
    uint32_t *part_of;          /**< [function] a function that stands for its part */
    struct loose_merge *merges; /**< by group */
    size_t merge_count;
    uint32_t loose_groups; /**< groups with merges that are LOOSE_PROVEN */
    uint32_t overridden; /**< functions without ACS that pcie_acs_override has the kernel take for isolated */
    uint32_t
        ungrouped; /**< functions that issue requests and have no group: the IOMMU sees nothing of theirs */
};

/** Judge the groups of a machine. @param groups  must outlive the result. Free with soundness_free(). */
struct soundness *soundness_judge(const struct iommu_groups *groups);
void soundness_free(struct soundness *soundness);

/** True where no pair is unsound. */
static inline bool soundness_sound(const struct soundness *soundness)
{
    return soundness->counts[UNSOUND_REACH] + soundness->counts[UNSOUND_ID] == 0;
}

/** Stable words: "pessimistic", "undefined", "silent". Never NULL. */
const char *loose_doubt_name(enum loose_doubt doubt);

/** Stable words: "reach", "requester-id", "vouched". Never NULL. */
const char *unsound_kind_name(enum unsound_kind kind);

#endif
