/* SPDX-License-Identifier: MIT */
/* Questions to a finished topology. The index maps a bus number to its bus; a bus lists its functions in
 * ascending devfn, so a function is found by one table look-up and a short search. */
#include "sim/topology/topology.h"

#include "sim/base/arena.h"
#include "sim/topology/builder_internal.h"

#include <stdlib.h>

struct segment_buses {
    uint32_t segment;
    uint32_t bus_ids[256];
};

struct topology_index {
    struct segment_buses *segments; /* ascending */
    uint32_t count;
};

static int compare_numbers(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return a < b ? -1 : a > b;
}

static struct segment_buses *find_segment(const struct topology_index *index, uint32_t segment)
{
    uint32_t low = 0, high = index->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (index->segments[middle].segment < segment)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == index->count || index->segments[low].segment != segment)
        return NULL;
    return &index->segments[low];
}

void topology_make_index(struct topology *topology)
{
    struct topology_index *index = arena_alloc(topology->arena, sizeof(*index));
    uint32_t *segments = memory_array(topology->bus_count + 1U, sizeof(*segments));
    for (uint32_t i = 0; i < topology->bus_count; i++)
        segments[i] = topology->buses[i].segment;
    qsort(segments, topology->bus_count, sizeof(*segments), compare_numbers);
    for (uint32_t i = 0; i < topology->bus_count; i++) {
        if (index->count == 0 || segments[index->count - 1] != segments[i])
            segments[index->count++] = segments[i];
    }
    index->segments = arena_array(topology->arena, index->count, sizeof(*index->segments));
    for (uint32_t i = 0; i < index->count; i++) {
        index->segments[i].segment = segments[i];
        for (unsigned bus = 0; bus < 256; bus++)
            index->segments[i].bus_ids[bus] = NONE;
    }
    free(segments);
    for (uint32_t i = 0; i < topology->bus_count; i++) {
        const struct pci_bus *bus = &topology->buses[i];
        find_segment(index, bus->segment)->bus_ids[bus->number] = i;
    }
    topology->index = index;
}

void topology_free(struct topology *topology)
{
    /* The structure itself lives in its arena. */
    if (topology)
        arena_free(topology->arena);
}

const struct pci_bus *topology_find_bus(const struct topology *topology, uint32_t segment, uint8_t number)
{
    const struct segment_buses *found = find_segment(topology->index, segment);
    if (!found || found->bus_ids[number] == NONE)
        return NULL;
    return &topology->buses[found->bus_ids[number]];
}

const struct pci_function *topology_find(const struct topology *topology, uint32_t segment, uint8_t bus,
                                         uint8_t devfn)
{
    const struct pci_bus *found = topology_find_bus(topology, segment, bus);
    if (!found)
        return NULL;
    uint32_t low = 0, high = found->function_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct pci_function *function = &topology->functions[found->functions[middle]];
        if (function->devfn == devfn)
            return function;
        if (function->devfn < devfn)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const struct pci_function *topology_parent(const struct topology *topology,
                                           const struct pci_function *function)
{
    const struct pci_bus *bus = &topology->buses[function->bus_id];
    while (bus->self_id == NONE && bus->parent_id != NONE)
        bus = &topology->buses[bus->parent_id];
    return bus->self_id == NONE ? NULL : &topology->functions[bus->self_id];
}

bool topology_is_ancestor(const struct topology *topology, const struct pci_function *ancestor,
                          const struct pci_function *function)
{
    for (; function; function = topology_parent(topology, function)) {
        if (function->id == ancestor->id)
            return true;
    }
    return false;
}

const struct pci_function *topology_root_function(const struct topology *topology,
                                                  const struct pci_function *function)
{
    const struct pci_function *above;
    while ((above = topology_parent(topology, function)))
        function = above;
    return function;
}
