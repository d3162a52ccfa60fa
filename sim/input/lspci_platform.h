/* SPDX-License-Identifier: MIT */
/**
 * @file lspci_platform.h
 * What registers of particular chips in a dump say about the platform as a whole.
 */
#ifndef IOMMUSIM_INPUT_LSPCI_PLATFORM_H
#define IOMMUSIM_INPUT_LSPCI_PLATFORM_H

#include "sim/topology/config_space.h"

/** The devfn of the ISA bridge of Intel chipsets, on bus 0: 1f.0. */
enum { LSPCI_ISA_BRIDGE = 0x1f << 3 };

/**
 * Is the root complex register block enabled, seen from the bytes of 00:1f.0? Linux asks register f0h bit 0
 * there before it isolates the root ports of Intel chipsets up to the 9 series (drivers/pci/quirks.c).
 * UNKNOWN where the function is no such chipset's ISA bridge or the bytes end before.
 */
enum knowledge lspci_rcba_state(const struct config_space *space);

/** The reverse: write the register into the 4096 bytes of 00:1f.0 that lspci_rcba_state() would read @p state
 * from. */
void lspci_rcba_put(uint8_t *image, enum knowledge state);

#endif
