/* SPDX-License-Identifier: MIT */
/**
 * @file acs_belief.h
 * What the kernel believes about a function's isolation from its peers, and why.
 *
 * Belief and hardware may differ: the quirk list and pcie_acs_override answer before any register is read,
 * and an ACS bit that a capability does not offer counts as on. Where they differ there is a leak to report
 * (reach).
 *
 * Source: pci_acs_enabled() of drivers/pci/pci.c, pci_dev_specific_acs_enabled() of drivers/pci/quirks.c
 * (7.3.4; sections 4 and 8 of the group specification).
 */
#ifndef IOMMUSIM_ANALYSIS_ACS_BELIEF_H
#define IOMMUSIM_ANALYSIS_ACS_BELIEF_H

#include "sim/analysis/acs_enable.h"
#include "sim/analysis/quirk_tables.h"

/** By which rule a verdict was reached. */
enum acs_reason {
    ACS_REASON_QUIRK,           /**< a row of the quirk list, @c quirk; @c missing says what it lacks */
    ACS_REASON_OVERRIDE,        /**< pcie_acs_override: isolated */
    ACS_REASON_CONVENTIONAL,    /**< conventional PCI or PCI-X: not isolated */
    ACS_REASON_BRIDGE,          /**< PCIe-to-PCI or PCI-to-PCIe bridge: not isolated */
    ACS_REASON_EVENT_COLLECTOR, /**< root complex event collector: not isolated */
    ACS_REASON_SINGLE_FUNCTION, /**< endpoint or upstream port alone in its slot: isolated */
    ACS_REASON_NO_CAPABILITY,   /**< ACS is needed, but there is no capability: not isolated */
    ACS_REASON_CONTROL,         /**< the control register decides; @c missing bits are off */
    ACS_REASON_ASSUMED,         /**< the input hides its capabilities: assumed by isolation_guess() */
};

struct acs_verdict {
    bool isolated;
    enum acs_reason reason;
    uint16_t missing;              /**< requested bits not satisfied (ACS_REASON_QUIRK, ACS_REASON_CONTROL) */
    const struct acs_quirk *quirk; /**< for ACS_REASON_QUIRK */
};

/**
 * Does the kernel count @p function as isolated, asked for the bits @p requested (normally ACS_GROUP_BITS)?
 *
 * @param view  the function's state after boot, of acs_enable()
 */
struct acs_verdict acs_belief(const struct topology *topology, const struct iommu_platform *platform,
                              const struct pci_function *function, const struct acs_view *view,
                              uint16_t requested);

/** acs_belief() with ACS_GROUP_BITS for all functions; index = function id; from @p arena. */
struct acs_verdict *acs_belief_all(const struct topology *topology, const struct iommu_platform *platform,
                                   const struct acs_view *views, struct arena *arena);

/**
 * The first bridge, from @p function (a bridge itself) upwards, that is not isolated; NULL where the whole
 * path to the root bus is. @param verdicts  of acs_belief_all()
 */
const struct pci_function *acs_belief_path(const struct topology *topology,
                                           const struct acs_verdict *verdicts,
                                           const struct pci_function *function);

/**
 * One clause that states a verdict, e.g. "it has no ACS capability" or "its ACS control lacks SrcValid,
 * ReqRedir". @param text  at least ACS_VERDICT_TEXT bytes. @return text
 */
enum { ACS_VERDICT_TEXT = 256 };
char *acs_verdict_print(char *text, const struct acs_verdict *verdict);

#endif
