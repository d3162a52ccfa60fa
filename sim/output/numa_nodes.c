/* SPDX-License-Identifier: MIT */
#include "sim/output/numa_nodes.h"

bool numa_nodes_told(const struct topology *topology)
{
    for (uint32_t i = 0; i < topology->host_bridge_count; i++) {
        if (topology->host_bridges[i].numa_node != 0)
            return true;
    }
    return false;
}

uint32_t numa_node_of(const struct topology *topology, const struct pci_function *function)
{
    return topology->host_bridges[topology->buses[function->bus_id].host_bridge_id].numa_node;
}
