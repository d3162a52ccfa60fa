/* SPDX-License-Identifier: MIT */
/**
 * @file lspci_fields.h
 * The machine-readable records of `lspci -vmm` (and of its elder, -vm), a field a line and a blank line
 * between functions; `iommusim groups --format lspci` prints them, too:
 *
 *     Slot:       0000:00:02.0        (-vm: "Device:")
 *     Class:      PCI bridge [0604]   -nn; -n: 0604; neither: PCI bridge
 *     Vendor:     Red Hat, Inc. [1b36]
 *     Device:     QEMU PCIe Root port [000c]
 *     SVendor:, SDevice:, Rev:, ProgIf:, Driver:, Module:, NUMANode:, IOMMUGroup:
 */
#ifndef IOMMUSIM_INPUT_LSPCI_FIELDS_H
#define IOMMUSIM_INPUT_LSPCI_FIELDS_H

#include "sim/input/lspci_record.h"
#include "sim/input/lspci_text_reader.h"

/** Does @p line (trimmed) start a record? @return true with @p header filled with the address alone */
bool lspci_fields_start(struct slice line, struct lspci_header *header);

/** Read a further line of the record into @p text and its header. Fields without a meaning here are skipped.
 */
void lspci_fields_line(struct lspci_text *text, struct slice line);

#endif
