/* SPDX-License-Identifier: MIT */
#include "sim/input/lspci_guess.h"

#include "sim/base/arena.h"

#include <stdlib.h>

enum { CLASS_SUBTRACTIVE = 0x060401 };

/* A bus and the bridge that leads to it. */
struct bus_owner {
    uint64_t key; /* segment and bus number */
    uint32_t bridge;
    bool has_bridges; /* some function on it is a bridge */
};

struct guess {
    struct topology_builder *builder;
    struct bus_owner *owners; /* ascending key */
    size_t owner_count;
};

static uint64_t bus_key(uint32_t segment, uint8_t bus)
{
    return (uint64_t)segment << 8 | bus;
}

static int compare_owners(const void *left, const void *right)
{
    const struct bus_owner *a = left, *b = right;
    return a->key < b->key ? -1 : a->key > b->key;
}

static struct bus_owner *find_owner(const struct guess *guess, uint32_t segment, uint8_t bus)
{
    struct bus_owner key = {.key = bus_key(segment, bus)};
    return guess->owner_count ? bsearch(&key, guess->owners, guess->owner_count, sizeof(key), compare_owners)
                              : NULL;
}

static void collect_owners(struct guess *guess, uint32_t count)
{
    size_t capacity = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct pci_function *function = topology_builder_function(guess->builder, i);
        if (!function_is_bridge(function) || function->secondary_bus == 0)
            continue;
        guess->owners = memory_grow(guess->owners, guess->owner_count, &capacity, sizeof(*guess->owners));
        guess->owners[guess->owner_count++] =
            (struct bus_owner){bus_key(function->segment, function->secondary_bus), i, false};
    }
    if (guess->owner_count)
        qsort(guess->owners, guess->owner_count, sizeof(*guess->owners), compare_owners);
    for (uint32_t i = 0; i < count; i++) {
        const struct pci_function *function = topology_builder_function(guess->builder, i);
        struct bus_owner *owner = find_owner(guess, function->segment, function->bus);
        if (owner && function_is_bridge(function))
            owner->has_bridges = true;
    }
}

static bool is_link_above(const struct pci_function *bridge)
{
    return function_is_type(bridge, PCIE_ROOT_PORT) || function_is_type(bridge, PCIE_DOWNSTREAM_PORT) ||
           function_is_type(bridge, PCI_TO_PCIE_BRIDGE);
}

/* Chipsets' bridges to PCI slots. They decode subtractively, but not every listing prints that. */
static bool leads_to_slots(const struct pci_function *bridge)
{
    static const struct {
        uint16_t vendor, device;
    } bridges[] = {
        {0x8086, 0x244e}, {0x8086, 0x2448}, {0x1002, 0x4371},
        {0x1002, 0x4384}, {0x1022, 0x7460}, {0x1022, 0x780f},
    };
    for (size_t i = 0; i < sizeof(bridges) / sizeof(bridges[0]); i++) {
        if (bridges[i].vendor == bridge->vendor && bridges[i].device == bridge->device)
            return true;
    }
    return bridge->class_code == CLASS_SUBTRACTIVE;
}

static void guess_bridge(const struct guess *guess, struct pci_function *function,
                         const struct pci_function *above)
{
    const struct bus_owner *below = find_owner(guess, function->segment, function->secondary_bus);
    if (function->header_type != 1 || leads_to_slots(function))
        return;
    function->pcie = true;
    if (!above)
        function->pcie_type = PCIE_ROOT_PORT;
    else if (is_link_above(above))
        function->pcie_type = below && below->has_bridges ? PCIE_UPSTREAM_PORT : PCIE_TO_PCI_BRIDGE;
    else if (function_is_type(above, PCIE_UPSTREAM_PORT))
        function->pcie_type = PCIE_DOWNSTREAM_PORT;
    else
        function->pcie = false;
}

static void guess_function(const struct guess *guess, struct pci_function *function)
{
    const struct bus_owner *owner = find_owner(guess, function->segment, function->bus);
    const struct pci_function *above =
        owner ? topology_builder_function(guess->builder, owner->bridge) : NULL;
    /* That it is PCI Express is known; only the line with its type was lost. */
    bool lost = function->pcie;
    if (function->header_type != 0) {
        guess_bridge(guess, function, above);
    } else if (!above && lost) {
        function->pcie_type = PCIE_RC_ENDPOINT;
    } else if (above && (is_link_above(above) || function_is_type(above, PCIE_UPSTREAM_PORT))) {
        function->pcie = true;
        function->pcie_type = PCIE_ENDPOINT;
    }
    function->pcie |= lost;
    function->pcie_unknown = !lost;
}

unsigned lspci_guess_types(struct topology_builder *builder)
{
    struct guess guess = {.builder = builder};
    uint32_t count = topology_builder_count(builder);
    unsigned guessed = 0;
    /* A bridge's bus number is below those behind it, so going up by bus number meets parents first. */
    uint32_t *first = memory_array(257, sizeof(*first)),
             *order = memory_array((size_t)count + 1, sizeof(*order));
    for (uint32_t i = 0; i < count; i++)
        first[topology_builder_function(builder, i)->bus + 1]++;
    for (unsigned bus = 0; bus < 256; bus++)
        first[bus + 1] += first[bus];
    for (uint32_t i = 0; i < count; i++)
        order[first[topology_builder_function(builder, i)->bus]++] = i;

    collect_owners(&guess, count);
    for (uint32_t i = 0; i < count; i++) {
        struct pci_function *function = topology_builder_function(builder, order[i]);
        if (function->pcie_unknown) {
            guess_function(&guess, function);
            guessed += function->pcie_unknown;
        }
    }
    free(guess.owners);
    free(first);
    free(order);
    return guessed;
}
