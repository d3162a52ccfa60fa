/* SPDX-License-Identifier: MIT */
/**
 * @file fault_code.h
 * What a fault is called: the number and words of each kind of unit, and the line its driver prints.
 *
 * Sources: VT-d specification 7.1.3 (fault reasons) and dma_remap_fault_reasons[], irq_remap_fault_reasons[]
 * of drivers/iommu/intel/dmar.c; AMD IOMMU specification 2.5 (event log) and iommu_print_event() of
 * drivers/iommu/amd/iommu.c; Arm SMMUv3 specification 7.3 (event records).
 */
#ifndef IOMMUSIM_IOMMU_FAULT_CODE_H
#define IOMMUSIM_IOMMU_FAULT_CODE_H

#include "models/iommu/fault_log.h"
#include "sim/topology/topology.h"

struct fault_code {
    uint8_t number;   /**< VT-d fault reason, AMD-Vi event code, SMMUv3 event type */
    const char *name; /**< as the driver or the specification calls it */
};

/** Number and name of a recorded fault at a unit of kind @p kind. The name is never NULL. */
struct fault_code fault_code_of(enum iommu_kind kind, const struct fault_record *record);

/** What says that records were lost: "PFO" or "AFO" (VT-d), "EventOverflow" (AMD-Vi), "EVENTQ OVFLG"
 * (SMMUv3). */
const char *fault_overflow_flag(enum iommu_kind kind, enum fault_logging logging);

enum { FAULT_LINE_SIZE = 200 };

/**
 * The line the kernel's driver logs for it, without time stamp.
 * @param text  at least FAULT_LINE_SIZE bytes
 * @return text
 */
char *fault_log_line(char *text, enum iommu_kind kind, const struct fault_record *record);

#endif
