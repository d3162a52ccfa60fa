/* SPDX-License-Identifier: MIT */
/**
 * @file sysfs_writer.h
 * A machine as a copy of /sys, the reverse of sysfs_reader.h: to try what reads sysfs on machines one does
 * not have, and to test the reader.
 */
#ifndef IOMMUSIM_INPUT_SYSFS_WRITER_H
#define IOMMUSIM_INPUT_SYSFS_WRITER_H

#include "sim/base/text_buffer.h"
#include "sim/topology/topology.h"

/** What a running kernel has decided about a machine; what is NULL is not shown. */
struct sysfs_running {
    const uint32_t *unit_of; /**< [function id] index in topology.units of the one that translates for it, or
                                NONE */
    const uint16_t *acs_control; /**< [function id] the ACS control register, or on Intel "SPT" ports the low
                                    half of the dword at offset 8; NULL: as the topology has it */
    const bool *acs_dword;       /**< [function id] such a port; beside acs_control */
};

/**
 * Append a tar archive with sys/devices, sys/bus/pci/devices, proc/cmdline, and where the machine states them
 * sys/kernel/iommu_groups, sys/class/iommu and proc/iomem, as Linux shows them to root.
 *
 * No part of it: what no file of sysfs says (names, RCBA, IVRS aliases, ExternalFacingPort, the ends of root
 * buses), and `resource` of functions with a BAR of unknown size.
 */
void sysfs_write(const struct topology *topology, const struct sysfs_running *running,
                 struct text_buffer *out);

#endif
