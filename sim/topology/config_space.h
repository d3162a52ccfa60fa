/* SPDX-License-Identifier: MIT */
/**
 * @file config_space.h
 * A view of the raw configuration space of one function, and the way from there to struct pci_function and
 * back.
 *
 * The bytes may come from a stranger: every access is bounded, lists that loop or leave the space end, and
 * what a short dump does not hold reads as zero and is marked unknown in the decoded function.
 *
 * Layouts: PCI Local Bus Specification 3.0 chapter 6, PCI-to-PCI Bridge Architecture Specification 1.2
 * chapter 3, PCI Express Base Specification chapter 7 (SR-IOV: chapter 9).
 */
#ifndef IOMMUSIM_TOPOLOGY_CONFIG_SPACE_H
#define IOMMUSIM_TOPOLOGY_CONFIG_SPACE_H

#include "sim/topology/pci_function.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    CONFIG_HEADER_SIZE = 64,     /**< what an ordinary user may read */
    CONFIG_PCI_SIZE = 256,       /**< conventional configuration space */
    CONFIG_EXPRESS_SIZE = 4096,  /**< with the extended space of PCI Express */
    CONFIG_EXTENDED_START = 256, /**< where the extended capability list begins */
};

/** Bytes 0 to length - 1 of a function's configuration space, borrowed. */
struct config_space {
    const uint8_t *bytes;
    unsigned length; /**< at most CONFIG_EXPRESS_SIZE */
};

/** The little-endian value of 1, 2 or 4 bytes at @p offset; bytes outside the view read as zero. */
uint8_t config_read8(const struct config_space *space, unsigned offset);
uint16_t config_read16(const struct config_space *space, unsigned offset);
uint32_t config_read32(const struct config_space *space, unsigned offset);

/**
 * Offset of the first capability with @p id in the list that starts at the header's pointer, or 0. At most 48
 * entries are followed, as Linux does; entries below 40h end the list.
 */
unsigned config_find_capability(const struct config_space *space, uint8_t id);

/** Offset of the first extended capability with @p id, or 0. Ends at an entry of zeros or ones, below 100h,
 * or after as many entries as fit into the space. */
unsigned config_find_extended(const struct config_space *space, uint16_t id);

/**
 * Fill in everything configuration space says about a function; other members stay as they are (address,
 * driver, name, ...).
 *
 * Sizes of BARs are not in configuration space: they become 0. A virtual function reads ffff:ffff as ids
 * (PCIe Base Spec 9.3.4.1); the caller knows better ones. With fewer than 256 bytes @c pcie_unknown is set
 * where the status register announces capabilities; with fewer than 4096 bytes @c acs_unknown is set for PCI
 * Express functions.
 *
 * @param space  64, 128, 256 or 4096 bytes (any length is safe)
 */
void config_space_decode(const struct config_space *space, struct pci_function *function);

/**
 * Write the configuration space @p function would show, with capabilities at places of our own: decoding it
 * gives the function back, except for what configuration space cannot say (BAR sizes, ids of VFs, an
 * unassigned 32-bit BAR, payload sizes of 0, a port number or a queue depth nobody told).
 *
 * @param image  CONFIG_EXPRESS_SIZE bytes, overwritten
 */
void config_space_encode(const struct pci_function *function, uint8_t *image);

#endif
