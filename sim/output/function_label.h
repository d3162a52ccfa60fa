/* SPDX-License-Identifier: MIT */
/**
 * @file function_label.h
 * How output calls a function.
 */
#ifndef IOMMUSIM_OUTPUT_FUNCTION_LABEL_H
#define IOMMUSIM_OUTPUT_FUNCTION_LABEL_H

#include "sim/topology/pci_function.h"

/** The name of the class (PCI Code and ID Assignment Specification, in lspci's words) of a 24-bit class code;
 * "Class XXYY" is not made up here: NULL where unknown. */
const char *pci_class_name(uint32_t class_code);

/**
 * A vendor in lspci's words, NULL where unknown.
 * @param name  what lspci called a function of it, or NULL: where a vendor has two names, the one that begins
 *              it is taken
 */
const char *pci_vendor_name(uint16_t vendor, const char *name);

/** What the input calls a function, without its vendor's name in front; NULL where it has no name, or lspci's
 * "Device" for one it does not know. */
const char *function_product_name(const struct pci_function *function);

/** The name the input gave, else the class name, else "unknown class". Never NULL. */
const char *function_label(const struct pci_function *function);

#endif
