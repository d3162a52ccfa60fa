/* SPDX-License-Identifier: MIT */
/**
 * @file groups_nodedev.h
 * The machine as libvirt's `virsh nodedev-dumpxml` shows each function, with the groups predicted.
 */
#ifndef IOMMUSIM_OUTPUT_GROUPS_NODEDEV_H
#define IOMMUSIM_OUTPUT_GROUPS_NODEDEV_H

#include "sim/analysis/iommu_groups.h"
#include "sim/base/text_buffer.h"

/**
 * One XML document: a root element <devices> and in it, by address, a <device> a function, just as libvirt
 * writes it (so the document can be cut into what nodedev-dumpxml prints). A function without a group has no
 * <iommuGroup>. What is not known (names, link registers, the memory node) is left out.
 * Source: virNodeDeviceCapPCIDefFormat() and virPCIEDeviceInfoFormat() of libvirt 11.
 */
void groups_output_nodedev(const struct iommu_groups *groups, struct text_buffer *out);

#endif
