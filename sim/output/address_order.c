/* SPDX-License-Identifier: MIT */
#include "sim/output/address_order.h"

#include "sim/base/arena.h"

#include <stdlib.h>

static int compare(const void *left, const void *right, void *data)
{
    const struct topology *topology = data;
    const struct pci_function *a = &topology->functions[*(const uint32_t *)left];
    const struct pci_function *b = &topology->functions[*(const uint32_t *)right];
    uint64_t key_a = (uint64_t)a->segment << 16 | pci_requester_id(a->bus, a->devfn);
    uint64_t key_b = (uint64_t)b->segment << 16 | pci_requester_id(b->bus, b->devfn);
    return (key_a > key_b) - (key_a < key_b);
}

uint32_t *address_order(const struct topology *topology, struct arena *arena)
{
    uint32_t *ids = arena_array(arena, topology->function_count, sizeof(*ids));
    for (uint32_t id = 0; id < topology->function_count; id++)
        ids[id] = id;
    if (topology->function_count)
        qsort_r(ids, topology->function_count, sizeof(*ids), compare, (void *)topology);
    return ids;
}
