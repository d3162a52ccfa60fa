/* SPDX-License-Identifier: MIT */
/**
 * @file numa_nodes.h
 * The memory node a function is near to.
 */
#ifndef IOMMUSIM_OUTPUT_NUMA_NODES_H
#define IOMMUSIM_OUTPUT_NUMA_NODES_H

#include "sim/topology/topology.h"

/** True where the machine has more than one node. Where all is node 0, that may be because nobody said
 * otherwise. */
bool numa_nodes_told(const struct topology *topology);

/** The node of the host bridge above a function. */
uint32_t numa_node_of(const struct topology *topology, const struct pci_function *function);

#endif
