/* SPDX-License-Identifier: MIT */
/**
 * @file device_selector.h
 * The kernel's way to name functions on its command line, as pci=disable_acs_redir= and pci=config_acs= take
 * it:
 *
 *     [segment:]bus:device.function[/device.function]*     a function, or a path down from it
 *     pci:vendor:device[:subvendor:subdevice]              all functions with these ids, 0 = any
 *
 * All numbers are hexadecimal. A path survives renumbering of buses: only its first part has a bus number.
 * Source: pci_dev_str_match() of drivers/pci/pci.c, kernel-parameters.txt.
 */
#ifndef IOMMUSIM_ANALYSIS_DEVICE_SELECTOR_H
#define IOMMUSIM_ANALYSIS_DEVICE_SELECTOR_H

#include "sim/topology/topology.h"

enum { DEVICE_SELECTOR_PATH = 32 };

struct device_selector {
    bool by_id;
    uint16_t vendor, device, subvendor, subdevice; /**< by_id; 0 matches any */
    uint32_t segment;                              /**< otherwise: address of the first part, ... */
    uint8_t bus;
    uint8_t devfns[DEVICE_SELECTOR_PATH]; /**< ... devfn of each part, top down */
    unsigned length;                      /**< parts of the path, at least 1 */
};

/**
 * Parse @p length bytes at @p text (the whole of it must be used).
 * @return true and *selector filled; false where the kernel would refuse it (or the path is longer than
 * DEVICE_SELECTOR_PATH, which no bus numbering allows in practice)
 */
bool device_selector_parse(const char *text, size_t length, struct device_selector *selector);

/** True where @p selector names @p function. */
bool device_selector_matches(const struct device_selector *selector, const struct topology *topology,
                             const struct pci_function *function);

#endif
