/* SPDX-License-Identifier: MIT */
/**
 * @file random_machine.h
 * Random machines for property tests.
 */
#ifndef IOMMUSIM_TESTS_UNIT_RANDOM_MACHINE_H
#define IOMMUSIM_TESTS_UNIT_RANDOM_MACHINE_H

#include <stdint.h>

/**
 * The one-line description (sim/topology/synthetic.h) of a random machine that builds without a finding:
 * root ports, nested switches, multifunction devices and ports, PCIe-to-PCI and conventional bridges with
 * shared buses, integrated endpoints, ACS of many kinds, ids from quirk lists, VFs, several host bridges.
 *
 * @param seed           the same seed gives the same machine; a test that fails prints it
 * @param max_functions  about as many functions at most, VFs included; at least 1
 * @return text to free()
 */
char *random_machine_text(uint64_t seed, unsigned max_functions);

#endif
