/* SPDX-License-Identifier: MIT */
/**
 * @file viability.h
 * Can these functions be given to a guest together: who stands in the way, what has to be bound, what moves
 * along, and what the kernel and QEMU would say.
 *
 * The functions asked about count as bound to vfio-pci (they are to be given, so they will be); everyone else
 * in their groups keeps the driver the input states. Three rules:
 *
 * | rule | kernels | a group is viable while |
 * |---|---|---|
 * | modern | 5.19 on | every other member has no driver, or one that manages DMA itself (vfio, pci-stub,
 * pcieport) | | pre-5.18 | before | every other member has no driver, a vfio one or pci-stub, or is a bridge
 * (header type not 0) | | legacy-kvm | to 4.11 | KVM's own device assignment; it looks at no group, so the
 * hazards decide |
 *
 * Firmware's direct regions and interrupts that are not isolated refuse a group whatever is bound.
 *
 * Source: iommu_device_use_default_domain(), iommu_group_claim_dma_owner() of drivers/iommu/iommu.c,
 * vfio_dev_viable() of 5.17, vfio_iommu_type1_attach_group(), vfio_pci_core_register_device(), kvm's
 * assigned-dev.c of 4.10 (sections 11 and 12 of the group specification).
 */
#ifndef IOMMUSIM_ANALYSIS_VIABILITY_H
#define IOMMUSIM_ANALYSIS_VIABILITY_H

#include "sim/analysis/driver_class.h"
#include "sim/analysis/reach.h"
#include "sim/analysis/reserved_regions.h"

enum viability_rule { VIABILITY_MODERN, VIABILITY_PRE_5_18, VIABILITY_LEGACY_KVM };

struct viability_question {
    enum viability_rule rule;
    const uint32_t *given; /**< functions for the guest, each once */
    uint32_t given_count;
    const char *const *drivers; /**< [function] driver bound; "" none, NULL unknown */
    bool unsafe_interrupts;     /**< allow_unsafe_interrupts is set (the command line may set it, too) */
    bool without_leaks; /**< do not look for leaks (no verdict hangs on them; most of the time does) */
};

/** ORDER: from good to bad. */
enum viability_verdict { VERDICT_VIABLE, VERDICT_DEPENDS, VERDICT_NOT_VIABLE };

/** What a member of a group is in the question. ORDER: role_words. */
enum member_role {
    ROLE_GIVEN,    /**< asked about */
    ROLE_KEEPS,    /**< may keep its driver, or its bridge nature excuses it */
    ROLE_UNBOUND,  /**< no driver: may stay so, but goes with the group */
    ROLE_VANISHES, /**< a VF or a function behind a VMD, gone once the function it hangs on is bound anew */
    ROLE_UNKNOWN,  /**< its driver is not known: the answer hangs on it */
    ROLE_BLOCKS,   /**< its driver holds the group for the host */
    ROLE_OUTSIDE,  /**< legacy-kvm: not given, and nothing asks about it */
};

/** What would free a member (or ready a given function). */
enum member_fix {
    FIX_NONE,        /**< nothing to do */
    FIX_BIND,        /**< bind to vfio-pci (legacy-kvm: pci-stub) */
    FIX_UNBIND,      /**< a bridge: unbind its driver */
    FIX_DISABLE_VFS, /**< remove its VFs, then bind */
    FIX_IMPOSSIBLE,  /**< freeing it would take away a given function */
};

struct viability_member {
    uint32_t function_id;
    enum member_role role;
    enum member_fix fix;
    const char *driver; /**< as stated or inferred; "" none, NULL unknown */
    enum driver_class class;
    bool assumed; /**< the class was assumed from what the function is */
};

enum interrupt_isolation {
    INTERRUPTS_ISOLATED,
    INTERRUPTS_ASSUMED, /**< the input does not tell; the kernel's default on such machines isolates */
    INTERRUPTS_OPEN,
};

struct viability_group {
    uint32_t number;
    enum viability_verdict verdict; /**< once the given functions are bound */
    enum viability_verdict now;     /**< with the drivers bound now, the given functions' included */
    enum interrupt_isolation interrupts;
    const struct viability_member *members; /**< by address */
    uint32_t member_count;
    uint32_t first_given; /**< function id, for messages */
};

/** ORDER: finding_words. */
enum finding_kind {
    FINDING_NO_GROUP,         /**< @c function is not behind an IOMMU: VFIO cannot take it */
    FINDING_BRIDGE,           /**< @c function is a bridge: vfio-pci refuses it */
    FINDING_VFS_ENABLED,      /**< @c function has VFs enabled: vfio-pci refuses it */
    FINDING_VF_AND_PF,        /**< @c function and its PF @c other cannot both be given */
    FINDING_CARRIER,          /**< @c function exists only while the host drives @c other, in its group */
    FINDING_DIRECT,           /**< @c region of @c function must stay mapped one to one */
    FINDING_DIRECT_IGNORED,   /**< as before, where the rule does not look */
    FINDING_RELAXABLE,        /**< @c region of @c function is mapped one to one for the host only */
    FINDING_INTERRUPTS,       /**< interrupts of the group are not isolated */
    FINDING_INTERRUPTS_RISK,  /**< the same, allowed by allow_unsafe_interrupts */
    FINDING_INTERRUPTS_GUESS, /**< interrupt isolation was assumed */
    FINDING_BLOCKER,          /**< the driver of @c function holds the group */
    FINDING_UNKNOWN_DRIVER,   /**< the driver of @c function is not known */
    FINDING_STUB,             /**< @c function is on pci-stub: legacy KVM may give it to another guest */
    FINDING_OVERRIDE,         /**< groups are claimed with pcie_acs_override */
    FINDING_ASSUMED_ACS,      /**< the opposite of what was assumed of @c function would change a given
                                   function's group */
    FINDING_RESET,            /**< resetting @c function by its bus hits @c other, of a group not given */
    FINDING_NOT_BOUND,        /**< @c function, the first of its group, is still to be bound */
    FINDING_VF_TOKEN,         /**< the PF @c other of @c function is on vfio-pci: a token is asked for */
    FINDING_KVM_REMOVED,      /**< legacy assignment is gone from kernel 4.12 on */
    FINDING_KVM_GROUP,        /**< kernels 4.2 to 4.11 refuse @c function: its group has further members */
    FINDING_ALIAS_HOST,       /**< @c other shares a requester id with @c function and the host drives it */
    FINDING_ALIAS_VFIO,       /**< the same, and VFIO holds it */
    FINDING_ALIAS_UNKNOWN,    /**< the same, and its driver is not known */
    FINDING_ALIAS_FREE,       /**< the same, nobody drives it: it must not go to another guest */
    FINDING_MIXED,            /**< VFIO holds @c other, of the group of @c function */
    FINDING_HOST_DRIVES,      /**< the host keeps driving @c other, of the group of @c function */
    FINDING_KINDS,
};

/** ORDER: from bad to harmless. */
enum finding_severity { SEVERITY_FATAL, SEVERITY_OPEN, SEVERITY_WARNING, SEVERITY_NOTE };

struct viability_finding {
    enum finding_kind kind;
    enum finding_severity severity;
    uint32_t function_id;       /**< NONE where the finding is about no function */
    uint32_t other_id;          /**< NONE where there is none */
    uint32_t group;             /**< index in struct viability::groups, NONE where there is none */
    uint16_t requester_id;      /**< FINDING_ALIAS_*: the id both use */
    struct group_region region; /**< FINDING_DIRECT, FINDING_DIRECT_IGNORED, FINDING_RELAXABLE */
};

/** A memory request that passes between a given function and one outside, past the IOMMU. */
struct viability_leak {
    uint32_t source_id, target_id; /**< one of them is given */
    bool inward;                   /**< the given function is the target */
    bool vouched;                  /**< see REACH_VOUCHED */
    struct reach_result result;
};

struct viability {
    const struct iommu_groups *groups;
    struct viability_question question;
    enum viability_verdict verdict;         /**< the worst of the groups and findings */
    const struct viability_group *affected; /**< the given functions' groups, by number */
    uint32_t affected_count;
    const struct viability_finding *findings; /**< by severity, then kind, then function */
    uint32_t finding_count;
    const struct viability_leak *leaks; /**< inward first, then by source and target */
    uint32_t leak_count;
};

/**
 * Answer @p question.
 * @param arena  owns the result; @p groups, their topology and the question's arrays must outlive it
 */
struct viability *viability_find(const struct iommu_groups *groups, const struct viability_question *question,
                                 struct arena *arena);

/** The drivers the topology states, as a question wants them; the caller may change entries. From @p arena.
 */
const char **viability_drivers(const struct topology *topology, struct arena *arena);

/** "viable", "depends", "not-viable". */
const char *viability_verdict_name(enum viability_verdict verdict);

/** "modern", "pre-5.18", "legacy-kvm". */
const char *viability_rule_name(enum viability_rule rule);

/** Parse a rule's name; false leaves @p rule untouched. */
bool viability_rule_parse(const char *text, enum viability_rule *rule);

#endif
