/* SPDX-License-Identifier: MIT */
/**
 * @file lspci_names.h
 * Numbers behind the names lspci prints where it was not asked for numbers. The tables are part of the
 * program: what a dump means must not depend on the pci.ids file of the machine that reads it.
 */
#ifndef IOMMUSIM_INPUT_LSPCI_NAMES_H
#define IOMMUSIM_INPUT_LSPCI_NAMES_H

#include "sim/input/lspci_record.h"
#include "sim/input/slice.h"

/** Class code (programming interface 0) of a class name such as "PCI bridge". @return false where unknown. */
bool lspci_class_by_name(struct slice name, uint32_t *class_code);

/** Cut the longest known class name off the front of @p text. @return false where there is none. */
bool lspci_skip_class(struct slice *text, uint32_t *class_code);

/**
 * Vendor, and device where the name tells it, of "Intel Corporation Device 14a4" and the like; sets the known
 * flags of @p header.
 */
void lspci_ids_by_name(struct slice name, struct lspci_header *header);

#endif
