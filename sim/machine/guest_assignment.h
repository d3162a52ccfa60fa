/* SPDX-License-Identifier: MIT */
/**
 * @file guest_assignment.h
 * May the guests of a workload have their devices? Asked of the analysis (sim/analysis/viability.h) before a
 * machine is built.
 */
#ifndef IOMMUSIM_MACHINE_GUEST_ASSIGNMENT_H
#define IOMMUSIM_MACHINE_GUEST_ASSIGNMENT_H

#include "sim/analysis/iommu_groups.h"
#include "sim/input/workload.h"

/**
 * Report what the kernel would refuse: under VFIO groups that are not viable with the drivers the machine
 * states (given devices count as bound to vfio-pci), and groups with devices in two guests, or in a guest and
 * in a domain of the host; under KVM's own assignment, which looked at no group, only what holds for a
 * function by itself: firmware's direct regions, interrupts that are not isolated. Codes:
 * workload-guest-group, workload-guest-viability.
 * @return 0 or STATUS_BAD_INPUT
 */
int guest_assignment_check(const struct iommu_groups *groups, const struct workload *workload,
                           struct diagnostics *diagnostics);

#endif
