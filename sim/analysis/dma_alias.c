/* SPDX-License-Identifier: MIT */
#include "sim/analysis/dma_alias.h"

#include "sim/analysis/quirk_tables.h"

enum { EVERY_DEVFN = 256 };

static void add_quirk_aliases(const struct pci_function *function, struct devfn_set *set)
{
    unsigned slot = pci_slot(function->devfn);
    if (pci_func(function->devfn) != 0 && dma_alias_quirk_matches(function, DMA_ALIAS_FUNC0))
        devfn_set_add(set, pci_devfn(slot, 0));
    if (pci_func(function->devfn) != 1 && dma_alias_quirk_matches(function, DMA_ALIAS_FUNC1))
        devfn_set_add(set, pci_devfn(slot, 1));
    if (dma_alias_quirk_matches(function, DMA_ALIAS_DEVFN_010))
        devfn_set_add(set, pci_devfn(1, 0));
    if (dma_alias_quirk_matches(function, DMA_ALIAS_MIC_X200)) {
        devfn_set_add(set, pci_devfn(0x10, 0));
        devfn_set_add(set, pci_devfn(0x11, 0));
        devfn_set_add(set, pci_devfn(0x12, 3));
    }
    if (dma_alias_quirk_matches(function, DMA_ALIAS_EVERY_DEVFN)) {
        for (unsigned devfn = 0; devfn < EVERY_DEVFN; devfn++)
            devfn_set_add(set, (uint8_t)devfn);
    }
    if (dma_alias_quirk_matches(function, DMA_ALIAS_FUNCTIONS_0_TO_4)) {
        for (unsigned devfn = 0; devfn < EVERY_DEVFN; devfn++) {
            if (pci_func((uint8_t)devfn) <= 4)
                devfn_set_add(set, (uint8_t)devfn);
        }
    }
}

struct devfn_set dma_alias_set(const struct topology *topology, const struct pci_function *function)
{
    struct devfn_set set = {{0}};
    add_quirk_aliases(function, &set);
    for (uint32_t i = 0; i < function->alias_count; i++)
        devfn_set_add(&set, function->alias_devfns[i]);
    for (uint32_t i = 0; i < topology->ivrs_alias_count; i++) {
        const struct ivrs_alias *alias = &topology->ivrs_aliases[i];
        if (alias->segment == function->segment && alias->bus == function->bus &&
            alias->devfn == function->devfn && alias->alias_bus == function->bus &&
            alias->alias_devfn != function->devfn)
            devfn_set_add(&set, alias->alias_devfn);
    }
    return set;
}

const struct pci_function *dma_alias_real_function(const struct topology *topology,
                                                   const struct pci_function *function)
{
    return function->real_dma_id == NONE ? function : &topology->functions[function->real_dma_id];
}

struct devfn_set *dma_alias_sets(const struct topology *topology, struct arena *arena)
{
    struct devfn_set *sets = arena_array(arena, topology->function_count, sizeof(*sets));
    for (uint32_t i = 0; i < topology->function_count; i++)
        sets[i] = dma_alias_set(topology, &topology->functions[i]);
    return sets;
}

bool dma_alias_pair(const struct topology *topology, const struct devfn_set *sets,
                    const struct pci_function *a, const struct pci_function *b)
{
    return devfn_set_has(&sets[a->id], b->devfn) || devfn_set_has(&sets[b->id], a->devfn) ||
           dma_alias_real_function(topology, a) == b || dma_alias_real_function(topology, b) == a;
}

/* Listed, below PCIe, and not below another PCIe-to-PCI bridge. */
bool dma_alias_is_alias_bridge(const struct topology *topology, const struct pci_function *bridge)
{
    const struct pci_function *parent = topology_parent(topology, bridge);
    return parent && parent->pcie && parent->pcie_type != PCIE_TO_PCI_BRIDGE && function_is_bridge(bridge) &&
           !bridge->pcie && dma_alias_quirk_matches(bridge, DMA_ALIAS_BRIDGE_ALIAS);
}

/* The alias a bridge imposes on what is below it; false where requester ids pass unchanged. */
static bool bridge_alias(const struct topology *topology, const struct pci_function *bridge,
                         struct dma_alias *alias)
{
    uint16_t own = pci_requester_id(bridge->bus, bridge->devfn);
    uint16_t secondary = pci_requester_id(bridge->secondary_bus, 0);
    *alias = (struct dma_alias){.owner = bridge, .segment = bridge->segment, .requester_id = own};
    if (bridge->pcie) {
        if (bridge->pcie_type == PCI_TO_PCIE_BRIDGE)
            return true;
        alias->requester_id = secondary;
        return bridge->pcie_type == PCIE_TO_PCI_BRIDGE &&
               !dma_alias_quirk_matches(bridge, DMA_ALIAS_BRIDGE_NO_ALIAS);
    }
    if (dma_alias_is_alias_bridge(topology, bridge))
        alias->requester_id = secondary;
    return true;
}

bool dma_alias_walk(const struct topology *topology, const struct pci_function *function,
                    dma_alias_visit visit, void *data)
{
    function = dma_alias_real_function(topology, function);
    struct dma_alias alias = {
        .owner = function,
        .segment = function->segment,
        .requester_id = pci_requester_id(function->bus, function->devfn),
    };
    if (visit(data, &alias))
        return true;
    struct devfn_set set = dma_alias_set(topology, function);
    for (unsigned devfn = 0; devfn < EVERY_DEVFN; devfn++) {
        alias.requester_id = pci_requester_id(function->bus, (uint8_t)devfn);
        if (devfn_set_has(&set, (uint8_t)devfn) && visit(data, &alias))
            return true;
    }
    for (const struct pci_function *bridge = topology_parent(topology, function); bridge;
         bridge = topology_parent(topology, bridge)) {
        if (dma_alias_quirk_matches(bridge, DMA_ALIAS_XLATE_ROOT))
            return false;
        if (bridge_alias(topology, bridge, &alias) && visit(data, &alias))
            return true;
    }
    return false;
}
