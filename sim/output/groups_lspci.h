/* SPDX-License-Identifier: MIT */
/**
 * @file groups_lspci.h
 * The machine as `lspci -vmmnnk` prints it, with the groups predicted.
 */
#ifndef IOMMUSIM_OUTPUT_GROUPS_LSPCI_H
#define IOMMUSIM_OUTPUT_GROUPS_LSPCI_H

#include "sim/analysis/iommu_groups.h"
#include "sim/base/text_buffer.h"

/**
 * A record a function, by address, each ended by an empty line: Slot (the domain only where it is not 0),
 * Class, Vendor, Device, SVendor, SDevice, Rev, ProgIf, Driver, NUMANode, IOMMUGroup; a line whose value is
 * not known, or that lspci leaves out, is not there. Names are followed by the id in brackets; without one
 * they are "Vendor" and "Device", as lspci writes without its list of ids.
 * Source: show_machine() of pciutils 3.13.
 */
void groups_output_lspci(const struct iommu_groups *groups, struct text_buffer *out);

#endif
