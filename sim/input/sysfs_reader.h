/* SPDX-License-Identifier: MIT */
/**
 * @file sysfs_reader.h
 * What a copy of /sys says of a machine: functions, their groups, and which IOMMU translates for whom.
 *
 * The copy may be whole or in parts, with links or with what they point to in their place (cp -rL, tar -h),
 * and lie at any depth of the tree. What an entry is about follows from the last steps of its path:
 *
 *     .../0000:03:00.0/vendor                            an attribute of a function (any folder that is named
 *                                                        like one)
 *     bus/pci/devices/0000:03:00.0 -> ../../../devices/pci0000:00/0000:00:1c.0/0000:03:00.0
 *                                                        where it hangs; as does the path of the folder
 * itself bus/pci/drivers/nvme/0000:03:00.0                  its driver iommu_groups/12/devices/0000:03:00.0
 * its group; beside it type and reserved_regions iommu/dmar0/devices/0000:03:00.0                   which
 * remapping unit translates for it iommu/dmar0/intel-iommu/address                    that unit's registers
 *     cmdline, iomem                                     of /proc
 *
 * Sources: Documentation/ABI/testing/sysfs-bus-pci, sysfs-kernel-iommu_groups,
 * sysfs-class-iommu{,-intel-iommu, -amd-iommu}; drivers/pci/pci-sysfs.c, drivers/pci/iov.c,
 * drivers/iommu/iommu.c.
 *
 * Codes: sysfs-attribute (content that is not what the kernel prints there), sysfs-config (a configuration
 * space of an odd size), beside those of dump.h.
 */
#ifndef IOMMUSIM_INPUT_SYSFS_READER_H
#define IOMMUSIM_INPUT_SYSFS_READER_H

#include "sim/input/dump.h"
#include "sim/input/file_tree.h"

/** Is the file at @p path one that sysfs_read() or a reader of text dumps looks into? */
bool sysfs_wants(const char *path);

/** May the file at @p path be a text beside the copy: the output of lspci, a kernel log, ...? */
bool sysfs_is_text(const char *path);

/** Is a folder named @p name a function's? */
bool sysfs_is_function(const char *name);

/** Does @p tree show any PCI function? */
bool sysfs_recognise(const struct file_tree *tree);

/** Add what @p tree says to @p dump. The tree must outlive the dump. */
void sysfs_read(const struct file_tree *tree, struct dump *dump);

#endif
