/* SPDX-License-Identifier: MIT */
/**
 * @file iommu_coverage.h
 * Which IOMMU unit translates the DMA of which function, and for the others, why none does.
 *
 * Source: device_lookup_iommu() of drivers/iommu/intel, amd_iommu_probe_device(), arm_smmu_insert_master()
 * (7.3.4; sections 2 and 10 of the group specification).
 */
#ifndef IOMMUSIM_ANALYSIS_IOMMU_COVERAGE_H
#define IOMMUSIM_ANALYSIS_IOMMU_COVERAGE_H

#include "sim/analysis/iommu_platform.h"

enum coverage_reason {
    COVERED,
    UNCOVERED_NO_IOMMU,      /**< the machine has none */
    UNCOVERED_SWITCHED_OFF,  /**< the command line switches it off */
    UNCOVERED_OUTSIDE,       /**< in no unit's scope */
    UNCOVERED_UNIT_IGNORED,  /**< in the scope of a graphics unit that igfx_off switches off */
    UNCOVERED_IOMMU_ITSELF,  /**< an AMD IOMMU's own function */
    UNCOVERED_BEFORE_IOMMU,  /**< AMD: before the first function firmware lists (assumed, units unknown) */
    UNCOVERED_REPORTED,      /**< the dump shows that the kernel gave it no group (units unknown) */
    UNCOVERED_STREAM_IN_USE, /**< SMMUv3: an earlier function already owns one of its stream ids */
};

struct function_coverage {
    uint32_t unit; /**< index in iommu_coverage.units, NONE where not covered */
    enum coverage_reason reason;
    uint32_t owner_id; /**< UNCOVERED_STREAM_IN_USE: the function that owns the stream id, else NONE */
};

struct iommu_coverage {
    const struct iommu_unit *units; /**< the topology's, or assumed ones; table order */
    uint32_t unit_count;
    const uint32_t *visit_order;         /**< unit indexes in the order the driver registers them */
    struct function_coverage *functions; /**< index = function id */
};

/**
 * Decide coverage for all functions.
 *
 * Where the units are unknown, one unit for everything is assumed; with VT-d also a unit of its own for
 * Intel graphics at 00:02.0, as practically all machines with it have; with AMD-Vi the IOMMU's own function
 * and, on real machines, the functions of its slot before it stay outside, as firmware tables list only what
 * follows.
 *
 * @param arena  for the result
 */
struct iommu_coverage *iommu_coverage_find(const struct topology *topology,
                                           const struct iommu_platform *platform, struct arena *arena);

/** A sentence fragment for a reason, e.g. "outside every unit's scope". Never NULL. */
const char *coverage_reason_text(enum coverage_reason reason);

/** A stable word for a reason, for JSON, e.g. "outside-scope". Never NULL. */
const char *coverage_reason_name(enum coverage_reason reason);

#endif
