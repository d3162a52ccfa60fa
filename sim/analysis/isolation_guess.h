/* SPDX-License-Identifier: MIT */
/**
 * @file isolation_guess.h
 * Isolation of functions whose capabilities a dump hides (lspci run without root).
 */
#ifndef IOMMUSIM_ANALYSIS_ISOLATION_GUESS_H
#define IOMMUSIM_ANALYSIS_ISOLATION_GUESS_H

#include "sim/topology/pci_function.h"

/** True where the input could not show whether @p function has ACS, so that an answer must be assumed. */
bool isolation_hidden(const struct pci_function *function);

/**
 * Is a function with hidden capabilities likely isolated? Yes, where at least the presence of ACS is known.
 * By its id where machines with it were seen (isolation_guess.def); otherwise root ports of Intel, AMD and
 * Hygon are taken to be, others not.
 */
bool isolation_guess(const struct pci_function *function);

#endif
