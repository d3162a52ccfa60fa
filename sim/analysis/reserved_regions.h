/* SPDX-License-Identifier: MIT */
/**
 * @file reserved_regions.h
 * Addresses the IOMMU keeps out of use in each group, as the kernel's `reserved_regions` files print them.
 *
 * | source | range | type |
 * |---|---|---|
 * | VT-d, every function | fee00000-feefffff | msi |
 * | VT-d, ISA bridge (class 0601) | 0-ffffff | direct-relaxable (floppy workaround of the configuration) |
 * | VT-d, RMRR | as stated | direct; direct-relaxable on USB controllers and display functions |
 * | AMD-Vi, every function | fee00000-feefffff | msi |
 * | AMD-Vi, every function | fd00000000-ffffffffff | reserved (HyperTransport) |
 * | AMD-Vi, IVMD unity range | as stated | direct |
 * | SMMUv3, every function | 8000000-80fffff | msi (a window that software chose) |
 *
 * Source: {intel_iommu,amd_iommu,arm_smmu}_get_resv_regions(), iommu_get_group_resv_regions() and
 * iommu_insert_resv_region() of drivers/iommu (7.3.4; section 11 of the group specification).
 *
 * MODEL: AMD's extended feature "HT range ignore" is taken to be absent; no dump of functions shows it.
 */
#ifndef IOMMUSIM_ANALYSIS_RESERVED_REGIONS_H
#define IOMMUSIM_ANALYSIS_RESERVED_REGIONS_H

#include "sim/analysis/iommu_groups.h"

/** ORDER: the kernel's enum iommu_resv_type; regions that start at one address are printed in this order. */
enum region_type {
    REGION_DIRECT,
    REGION_DIRECT_RELAXABLE,
    REGION_RESERVED,
    REGION_MSI,
    REGION_SOFTWARE_MSI, /**< printed "msi" as well */
};

struct group_region {
    uint64_t start, end; /**< inclusive */
    enum region_type type;
};

/** The regions of one group. */
struct group_regions {
    const struct group_region *regions; /**< by start, then type; regions of one type neither overlap nor
                                           touch */
    uint32_t count;
};

/** Regions of all groups; index = group number; from @p arena. */
struct group_regions *reserved_regions_find(const struct iommu_groups *groups, struct arena *arena);

/** Called for each region of a function. @p stated is the input's own statement, NULL where the kind of IOMMU
 * implies the region. */
typedef void (*region_visit)(void *data, const struct group_region *region,
                             const struct reserved_region *stated);

/** Visit the regions one function brings into its group, in the driver's order, unmerged. A function without
 * a group has none. */
void reserved_regions_visit(const struct iommu_groups *groups, uint32_t function_id, region_visit visit,
                            void *data);

/** The kernel's word: "direct", "direct-relaxable", "reserved", "msi". */
const char *region_type_name(enum region_type type);

#endif
