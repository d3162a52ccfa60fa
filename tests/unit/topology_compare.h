/* SPDX-License-Identifier: MIT */
/**
 * @file topology_compare.h
 * Are two topologies the same machine? For round-trip tests.
 */
#ifndef IOMMUSIM_TESTS_TOPOLOGY_COMPARE_H
#define IOMMUSIM_TESTS_TOPOLOGY_COMPARE_H

#include "sim/topology/topology.h"

/** What a comparison leaves out, or-ed. */
enum {
    COMPARE_ALL = 0,
    COMPARE_CONFIG_ONLY =
        1, /**< what configuration space cannot say: BAR sizes, names, drivers, groups, nodes */
};

/**
 * Compare all fields but where things came from (pointers, sources).
 * @param difference  at least 256 bytes; filled with the first difference found
 * @return true where there is none
 */
bool topology_same(const struct topology *left, const struct topology *right, unsigned leave_out,
                   char *difference);

#endif
