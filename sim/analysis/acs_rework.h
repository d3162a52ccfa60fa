/* SPDX-License-Identifier: MIT */
/**
 * @file acs_rework.h
 * How the rework of 2025 judges a bus: who on it, or below it, can reach whom without the IOMMU.
 *
 * Source: the third version of the series "Fix incorrect iommu_groups with PCIe ACS" (5 September 2025,
 * kvm and linux-pci lists); section 9 of the group specification. It is in no released kernel.
 */
#ifndef IOMMUSIM_ANALYSIS_ACS_REWORK_H
#define IOMMUSIM_ANALYSIS_ACS_REWORK_H

#include "sim/analysis/acs_belief.h"

/** What kind of hole a bus has. */
enum bus_isolation_kind {
    BUS_ISOLATED,            /**< none: functions on it meet the IOMMU, or each other inside their device */
    BUS_PCIE_NOT_ISOLATED,   /**< the port above turns requests back, or the bus of a switch has no downstream
                                ports alone: one group with the port above */
    BUS_SWITCH_NOT_ISOLATED, /**< a downstream port of the switch turns requests to its siblings: one group of
                                all on the bus, without the upstream port */
    BUS_PCI_SHARED, /**< conventional bus below a bridge without memory of its own: one group of all on
                       it, without the bridge */
    BUS_BRIDGE_NOT_ISOLATED, /**< conventional bus, together with its bridge */
};

struct bus_isolation {
    enum bus_isolation_kind kind;
    uint32_t culprit;           /**< the function to blame; NONE for BUS_ISOLATED */
    struct acs_verdict verdict; /**< what it was asked for and lacks, where @c asked */
    bool asked;
};

struct devfn_set;

/** All buses; index = bus id; from @p arena. @param alias_sets  of dma_alias_sets() */
struct bus_isolation *acs_rework_buses(const struct topology *topology, const struct iommu_platform *platform,
                                       const struct acs_view *views, const struct devfn_set *alias_sets,
                                       struct arena *arena);

/** A stable word for a kind, for JSON, e.g. "switch-not-isolated". Never NULL. */
const char *bus_isolation_name(enum bus_isolation_kind kind);

#endif
