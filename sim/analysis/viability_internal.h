/* SPDX-License-Identifier: MIT */
/**
 * @file viability_internal.h
 * What the parts of viability share while an answer is made.
 */
#ifndef IOMMUSIM_ANALYSIS_VIABILITY_INTERNAL_H
#define IOMMUSIM_ANALYSIS_VIABILITY_INTERNAL_H

#include "sim/analysis/viability.h"

struct viability_work {
    const struct iommu_groups *groups;
    const struct topology *topology;
    const struct viability_question *question;
    struct arena *arena;
    bool *given;        /**< [function] asked about */
    bool *inside;       /**< [function] the guest's side: for VFIO all members of the given groups */
    bool *carries;      /**< [function] a VMD endpoint with functions behind it */
    uint32_t *group_at; /**< [group number] index in @c affected, NONE */
    struct viability_group *affected;
    uint32_t affected_count;
    struct viability_finding *findings; /**< malloc'ed while growing */
    size_t finding_count, finding_capacity;
    struct viability_leak *leaks; /**< malloc'ed while growing */
    size_t leak_count, leak_capacity;
};

/** The driver of a function as stated, or inferred from what hangs on it. */
const char *viability_driver(const struct viability_work *work, const struct pci_function *function);

/** Add a finding about the group of @p function_id; the caller may fill in more. */
struct viability_finding *viability_report(struct viability_work *work, enum finding_kind kind,
                                           enum finding_severity severity, uint32_t function_id,
                                           uint32_t other_id);

/** Requests that pass between given functions and those outside. */
void viability_find_leaks(struct viability_work *work);

/** Requester ids shared with functions not given, and mixed use of a group: the hazards of legacy-kvm. */
void viability_find_sharing(struct viability_work *work);

/** Warnings and notes for VFIO: pci-stub members, resets, VF tokens, overrides, assumptions. */
void viability_find_notes(struct viability_work *work);

#endif
