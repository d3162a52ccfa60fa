/* SPDX-License-Identifier: MIT */
/**
 * @file iommu_groups.h
 * IOMMU groups exactly as the Linux kernel would form them, with the reason for each decision.
 *
 * The default algorithm is that of Linux 3.x to 7.3.4 (mode "linux"; others in group_algorithm.h): for each
 * function, in processing order, join the group of a function whose requester id its DMA may carry; else of
 * the nearest bridge above which the path is not isolated; else of a function on the same bus it shares an id
 * with; else of a non-isolated function of its slot; else a new group. It depends on the order, and a group
 * once given never changes.
 *
 * Source: pci_device_group() and its helpers in drivers/iommu/iommu.c (section 6 of the group specification);
 * laws observed on running kernels.
 *
 * MODEL: ACS is enabled on all functions before the first decision, as 6.12 does; 7.3 does it for each
 * function just before its own. Only chains of aliases to functions without a group could tell the
 * difference.
 */
#ifndef IOMMUSIM_ANALYSIS_IOMMU_GROUPS_H
#define IOMMUSIM_ANALYSIS_IOMMU_GROUPS_H

#include "sim/analysis/acs_belief.h"
#include "sim/analysis/iommu_coverage.h"

/** How a function came to its group. */
enum group_rule {
    GROUP_RULE_NONE,      /**< no group: no unit covers it */
    GROUP_RULE_NEW,       /**< nobody to join */
    GROUP_RULE_REQUESTER, /**< DMA carries the requester id of @c via (a bridge above, or a VMD endpoint) */
    GROUP_RULE_PATH,      /**< @c culprit on the way to the root is not isolated: joins bridge @c via */
    GROUP_RULE_ALIAS,     /**< shares a requester id with @c via on the same bus */
    GROUP_RULE_SLOT,      /**< @c culprit and @c via, functions of one slot, are both not isolated. Rework:
                             @c culprit, with an ACS capability, is not; NONE where only some functions of the
                             slot say that there are several */

    /* Of the rework (acs_rework.h) only. */
    GROUP_RULE_BELOW,    /**< the group of bridge @c via takes all that is below its bridges */
    GROUP_RULE_BUS,      /**< all on the bus are one: @c culprit is responsible, @c via was first */
    GROUP_RULE_DEFERRED, /**< no group: it waits for one of @c culprit, which gets none */
};

/** The record of one decision. Function ids, NONE where a rule has none. */
struct group_decision {
    uint32_t group; /**< the kernel's group number; NONE without group */
    enum group_rule rule;
    uint32_t via;     /**< the function whose group was joined */
    uint32_t culprit; /**< the function that fails the isolation test and so is responsible */
    uint32_t
        start; /**< where steps "same bus" and "same slot" began: the function itself or a bridge above */
};

enum group_type { GROUP_TYPE_DMA, GROUP_TYPE_DMA_FQ, GROUP_TYPE_IDENTITY };

struct iommu_group {
    uint32_t number;
    enum group_type type;
    const uint32_t *members; /**< function ids by address */
    uint32_t member_count;
};

struct iommu_groups {
    struct arena *arena;             /**< owns everything here */
    const struct topology *topology; /**< must outlive the groups */
    struct iommu_platform platform;
    struct acs_view *views;       /**< ACS after boot; index = function id */
    struct acs_verdict *verdicts; /**< what the kernel believes; index = function id */
    struct bus_isolation *buses;  /**< acs_rework.h; index = bus id; NULL for other algorithms */
    struct devfn_set *alias_sets; /**< dma_alias.h; index = function id */
    struct iommu_coverage *coverage;
    struct group_decision *decisions; /**< index = function id */
    bool *takes_below;                /**< [group] it takes all that is below its bridges; rework only */
    struct iommu_group *groups;       /**< by number */
    uint32_t group_count;
};

/**
 * Form the groups of a machine.
 *
 * @param choice       which IOMMU (see iommu_platform_decide())
 * @param cmdline      kernel command line, NULL for the topology's own
 * @param diagnostics  gets warnings about words of the command line
 * @return groups, to be freed with iommu_groups_free()
 */
struct iommu_groups *iommu_groups_form(const struct topology *topology, enum iommu_choice choice,
                                       const char *cmdline, struct diagnostics *diagnostics);

/** The same with everything the user may say. */
struct iommu_groups *iommu_groups_form_as(const struct topology *topology,
                                          const struct group_options *options,
                                          struct diagnostics *diagnostics);

/** Free what iommu_groups_form() gave. NULL is fine. */
void iommu_groups_free(struct iommu_groups *groups);

/** The sysfs word of a type: "DMA", "DMA-FQ", "identity". */
const char *group_type_name(enum group_type type);

/** A stable word for a rule, for JSON: "new", "requester-id", "path", "alias", "slot", "below", "bus",
 * "deferred", "none". */
const char *group_rule_name(enum group_rule rule);

/**
 * Compare with the groups the input states (lspci prints them): how many stated functions have, here, exactly
 * the group mates stated, and how many have not. Only functions with a stated group are compared.
 */
void iommu_groups_agreement(const struct iommu_groups *groups, uint32_t *agree, uint32_t *differ);

#endif
