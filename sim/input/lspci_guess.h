/* SPDX-License-Identifier: MIT */
/**
 * @file lspci_guess.h
 * What dumps made by an ordinary user, or without -v, leave out: port types and bus numbers.
 */
#ifndef IOMMUSIM_INPUT_LSPCI_GUESS_H
#define IOMMUSIM_INPUT_LSPCI_GUESS_H

#include "sim/topology/topology_build.h"

/**
 * Number the buses behind bridges, in segments where no bridge's numbers are known: depth first, as firmware
 * does. Mostly it gives every bridge the next number, whether anything is behind it or not; where that leaves
 * buses that no bridge leads to, gaps are assumed before some. Buses not reached even so stay root buses.
 * Call it before lspci_guess_types().
 * @return number of bridges numbered
 */
unsigned lspci_guess_buses(struct topology_builder *builder);

/**
 * For every function added with @c pcie_unknown: guess @c pcie and @c pcie_type from class and place. A
 * bridge on a root bus is a root port unless it decodes subtractively, or is a chipset's to PCI slots; below
 * a port that leads to a link a bridge with bridges behind it is an upstream port, one without a PCIe-to-PCI
 * bridge; below an upstream port stand downstream ports. What hangs on a link is an endpoint; what sits on a
 * root bus or behind a conventional bridge is conventional.
 * @c pcie_unknown stays set: the values remain guesses. Where @c pcie is set already (a mailer lost only the
 * line with the type) the function stays PCI Express, an integrated endpoint on a root bus, and the mark is
 * cleared.
 * @return number of functions that stay marked
 */
unsigned lspci_guess_types(struct topology_builder *builder);

#endif
