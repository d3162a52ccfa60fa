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

/** The name the input gave, else the class name, else "unknown class". Never NULL. */
const char *function_label(const struct pci_function *function);

#endif
