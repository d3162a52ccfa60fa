/* SPDX-License-Identifier: MIT */
/**
 * @file group_former.h
 * One pass over the functions of a machine that gives each its group: what the rule sets have in common.
 * Used by iommu_groups.c, which walks the functions, and by the rule sets, which decide one function at a
 * time.
 */
#ifndef IOMMUSIM_ANALYSIS_GROUP_FORMER_H
#define IOMMUSIM_ANALYSIS_GROUP_FORMER_H

#include "sim/analysis/dma_alias.h"
#include "sim/analysis/iommu_groups.h"

struct group_former {
    const struct topology *topology;
    const struct acs_view *views;
    const struct acs_verdict *verdicts;
    const struct devfn_set *alias_sets;
    const struct bus_isolation *buses; /**< [bus]; rework only */
    struct group_decision *decisions;
    bool *takes_below; /**< [group] the group takes all that is below its bridges; rework only */
    uint32_t next_number;
    struct group_decision *decision; /**< the one being made */
};

static inline bool group_former_has_group(const struct group_former *former,
                                          const struct pci_function *function)
{
    return former->decisions[function->id].group != NONE;
}

/** End the decision: join the group of @p via. Always true. */
static inline bool group_former_join(struct group_former *former, enum group_rule rule,
                                     const struct pci_function *via, const struct pci_function *culprit)
{
    former->decision->group = former->decisions[via->id].group;
    former->decision->rule = rule;
    former->decision->via = via->id;
    former->decision->culprit = culprit ? culprit->id : NONE;
    return true;
}

/** End the decision: a group of its own. */
static inline void group_former_start(struct group_former *former)
{
    former->decision->group = former->next_number++;
    former->decision->rule = GROUP_RULE_NEW;
}

/**
 * Decide all functions of @p groups: fills its decisions, takes_below and group_count, which must have room.
 * @param only  NULL, or [function] which to decide again while the others keep their decisions; numbers then
 * go on from group_count. Not for the rework, whose decisions also mark groups. Correct where the marked are
 * whole buses with all that is below them, and with what carries their requester ids.
 */
void group_former_run(struct iommu_groups *groups, const bool *only);

/** Decide one function by the rules of Linux 3.x to 7.3.4. Always ends with a group. */
void group_classic_decide(struct group_former *former, const struct pci_function *function);

/** Decide one function by the rework. It may end without a group (GROUP_RULE_DEFERRED): to be asked again
 * once others have theirs. */
void acs_rework_decide(struct group_former *former, const struct pci_function *function);

#endif
