/* SPDX-License-Identifier: MIT */
/**
 * @file group_explain.h
 * The reasons behind groups, in words, and the record they are told from.
 */
#ifndef IOMMUSIM_ANALYSIS_GROUP_EXPLAIN_H
#define IOMMUSIM_ANALYSIS_GROUP_EXPLAIN_H

#include "sim/analysis/iommu_groups.h"
#include "sim/base/text_buffer.h"

/**
 * Append one line (without line end) that says how @p function_id came to its group, or why it has none, e.g.
 * "joins 0000:00:01.0: the path up is not isolated, 0000:00:01.0 (root-port): it has no ACS capability".
 */
void group_explain(const struct iommu_groups *groups, uint32_t function_id, struct text_buffer *text);

/** Append the cause alone: what stands behind "joins ...: " or "no group: ". */
void group_explain_cause(const struct iommu_groups *groups, uint32_t function_id, struct text_buffer *text);

/** The same with addresses without their segment where that is 0000. */
void group_explain_cause_brief(const struct iommu_groups *groups, uint32_t function_id,
                               struct text_buffer *text);

/**
 * Append the clause for what the kernel takes a function for, e.g. "it has no ACS capability"; where that was
 * assumed, with what the assumption rests on.
 */
void group_explain_verdict(const struct iommu_groups *groups, uint32_t function_id, struct text_buffer *text);

/**
 * The functions by which @p function_id hangs in its group: itself, the one it joined, the one that joined,
 * up to the one that started the group. Nothing where it has no group.
 * @param chain  room for as many ids as the machine has functions
 * @return number of ids
 */
uint32_t group_explain_chain(const struct iommu_groups *groups, uint32_t function_id, uint32_t *chain);

/** The nearest bridge above both (a bridge counts as above itself), NULL where they only meet in the root
 * complex. */
const struct pci_function *group_explain_meeting(const struct iommu_groups *groups, uint32_t a, uint32_t b);

/** The function, @p function_id itself or a bridge above, whose requester id its DMA carries last, where its
 * decision begins to climb. */
const struct pci_function *group_explain_requester(const struct iommu_groups *groups, uint32_t function_id);

/** Why two functions with different groups (or without) are apart. */
enum apart_reason {
    APART_UNCOVERED,     /**< one of them has no group */
    APART_SAME_SLOT,     /**< functions of one slot, of which at least one isolates */
    APART_SAME_BUS,      /**< other slots of one bus: only a shared requester id would bring them together */
    APART_PORT_ISOLATES, /**< one is above the other, and isolates with all above it */
    APART_PATH_ISOLATES, /**< elsewhere; each way up comes to a port from which all isolates */
};
enum apart_reason group_explain_apart(const struct iommu_groups *groups, uint32_t a, uint32_t b);

#endif
