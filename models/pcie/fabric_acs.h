/* SPDX-License-Identifier: MIT */
/**
 * @file fabric_acs.h
 * The ACS control bits in force in the hardware, function by function: what routing goes by. (What the
 * kernel believes, with its quirks and overrides, is another matter: sim/analysis.)
 */
#ifndef IOMMUSIM_PCIE_FABRIC_ACS_H
#define IOMMUSIM_PCIE_FABRIC_ACS_H

#include "sim/topology/topology.h"

/** Where the ACS control of an Intel chipset port stands (the kernel's acs-enable quirks). */
enum acs_place {
    ACS_IN_CAPABILITY, /**< the ACS Control Register: every other function */
    ACS_IN_DWORD,      /**< Sunrise Point class: a dword at offset 8, where the egress vector would be */
    ACS_IN_CHIPSET,    /**< older PCH: no ACS capability, chipset registers isolate the port */
};

/** Where @p function keeps its ACS control, by its ids and type. */
enum acs_place acs_place_of(const struct pci_function *function);

/**
 * True for Intel's integrated functions: the root complex takes their requests to the IOMMU before it looks
 * for peers, whatever ACS they have (VT-d specification 3.16).
 * MODEL: chipset functions on a root bus without a PCI Express capability (LPC, SATA, USB of many chipsets)
 * are integrated in the same way, although they do not say so.
 */
bool acs_isolates_anyway(const struct topology *topology, const struct pci_function *function);

/**
 * The control bits in force.
 * @param topology  finished topology
 * @param control   [function] control bits after the kernel's enabling, for functions with an ACS capability
 *                  (for ports of ACS_IN_DWORD: the low half of that dword); NULL: as the topology has them
 * @param kernel_isolates  the kernel has set up ACS (it does so where an IOMMU is in use): then ports of
 *                  ACS_IN_CHIPSET are isolated, unless topology->rcba_enabled is KNOWN_ABSENT
 * @param in_force  [function] filled
 *
 * Isolation by other means is told by the bits that come to the same:
 * - ACS_IN_CHIPSET ports once isolated: SV, RR, CR and UF (peer decode off, bus number check on);
 * - functions of acs_isolates_anyway(): RR and CR.
 * Where the input is text that does not show the dword of an ACS_IN_DWORD port and the machine was booted
 * with ACS set up, the port has what the kernel sets: SV, RR, CR and UF as far as it can.
 */
void fabric_acs_in_force(const struct topology *topology, const uint16_t *control, bool kernel_isolates,
                         uint16_t *in_force);

#endif
