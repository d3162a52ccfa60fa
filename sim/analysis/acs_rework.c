/* SPDX-License-Identifier: MIT */
#include "sim/analysis/acs_rework.h"

#include "sim/analysis/group_former.h"
#include "sim/analysis/quirk_tables.h"

#include <string.h>

struct judge {
    const struct topology *topology;
    const struct iommu_platform *platform;
    const struct acs_view *views;
    const struct devfn_set *alias_sets;
};

static struct bus_isolation blame(enum bus_isolation_kind kind, const struct pci_function *function)
{
    return (struct bus_isolation){.kind = kind, .culprit = function->id};
}

static struct acs_verdict ask(const struct judge *judge, const struct pci_function *function, uint16_t bits)
{
    return acs_belief(judge->topology, judge->platform, function, &judge->views[function->id], bits);
}

static struct bus_isolation judge_root_port(const struct judge *judge, const struct pci_function *port)
{
    struct bus_isolation bus = {.kind = BUS_ISOLATED, .culprit = NONE};
    /* Without the capability there is nothing that could turn a request back, says the rework. */
    if (!judge->views[port->id].present)
        return bus;
    struct acs_verdict verdict = ask(judge, port, ACS_GROUP_BITS | ACS_DOWNSTREAM_TARGET_REDIRECT);
    if (verdict.isolated)
        return bus;
    bus = blame(BUS_PCIE_NOT_ISOLATED, port);
    bus.verdict = verdict;
    bus.asked = true;
    return bus;
}

/* One downstream port that turns requests to its siblings spoils the switch. */
static struct bus_isolation judge_switch(const struct judge *judge, const struct pci_bus *bus)
{
    static const struct devfn_set no_aliases;
    for (uint32_t i = 0; i < bus->function_count; i++) {
        const struct pci_function *port = &judge->topology->functions[bus->functions[i]];
        const struct devfn_set *aliases = &judge->alias_sets[port->id];
        if (!function_is_type(port, PCIE_DOWNSTREAM_PORT) ||
            memcmp(aliases, &no_aliases, sizeof(no_aliases)) != 0)
            return blame(BUS_PCIE_NOT_ISOLATED, port);
        struct acs_verdict verdict =
            ask(judge, port, ACS_GROUP_BITS | ACS_DOWNSTREAM_TARGET_REDIRECT | ACS_UPSTREAM_TARGET_REDIRECT);
        if (verdict.isolated)
            continue;
        bool upstream_safe = ask(judge, port, ACS_UPSTREAM_TARGET_REDIRECT).isolated;
        struct bus_isolation result =
            blame(upstream_safe ? BUS_SWITCH_NOT_ISOLATED : BUS_PCIE_NOT_ISOLATED, port);
        result.verdict = verdict;
        result.asked = true;
        return result;
    }
    return (struct bus_isolation){.kind = BUS_ISOLATED, .culprit = NONE};
}

static bool has_memory(const struct pci_function *function)
{
    for (int i = 0; i < BAR_COUNT; i++) {
        if (function->bars[i].kind == BAR_MEMORY32 || function->bars[i].kind == BAR_MEMORY64)
            return true;
    }
    return false;
}

static struct bus_isolation judge_bus(const struct judge *judge, const struct pci_bus *bus)
{
    struct bus_isolation isolated = {.kind = BUS_ISOLATED, .culprit = NONE};
    if (bus->self_id == NONE)
        return isolated;
    const struct pci_function *bridge = &judge->topology->functions[bus->self_id];
    enum bus_isolation_kind conventional = has_memory(bridge) ? BUS_BRIDGE_NOT_ISOLATED : BUS_PCI_SHARED;
    if (!bridge->pcie)
        return blame(dma_alias_is_alias_bridge(judge->topology, bridge) ? conventional
                                                                        : BUS_BRIDGE_NOT_ISOLATED,
                     bridge);
    switch (bridge->pcie_type) {
    case PCIE_ROOT_PORT:
        return judge_root_port(judge, bridge);
    case PCIE_DOWNSTREAM_PORT:
        return isolated;
    case PCIE_UPSTREAM_PORT:
        return judge_switch(judge, bus);
    case PCIE_TO_PCI_BRIDGE:
        return blame(conventional, bridge);
    default:
        return blame(BUS_BRIDGE_NOT_ISOLATED, bridge);
    }
}

struct bus_isolation *acs_rework_buses(const struct topology *topology, const struct iommu_platform *platform,
                                       const struct acs_view *views, const struct devfn_set *alias_sets,
                                       struct arena *arena)
{
    struct judge judge = {topology, platform, views, alias_sets};
    struct bus_isolation *buses = arena_array(arena, topology->bus_count, sizeof(*buses));
    for (uint32_t i = 0; i < topology->bus_count; i++)
        buses[i] = judge_bus(&judge, &topology->buses[i]);
    return buses;
}

const char *bus_isolation_name(enum bus_isolation_kind kind)
{
    static const char *const names[] = {
        [BUS_ISOLATED] = "isolated",
        [BUS_PCIE_NOT_ISOLATED] = "pcie-not-isolated",
        [BUS_SWITCH_NOT_ISOLATED] = "switch-not-isolated",
        [BUS_PCI_SHARED] = "pci-shared",
        [BUS_BRIDGE_NOT_ISOLATED] = "bridge-not-isolated",
    };
    return names[kind];
}

static bool fails_acs(const struct group_former *former, const struct pci_function *function)
{
    return former->views[function->id].present && !former->verdicts[function->id].isolated;
}

/* Do functions of one slot meet inside their device? @p culprit is whose control register lets them. */
static bool slot_connects(const struct group_former *former, const struct pci_function *a,
                          const struct pci_function *b, const struct pci_function **culprit)
{
    *culprit = NULL;
    if (a->is_vf || b->is_vf || pci_slot(a->devfn) != pci_slot(b->devfn))
        return false;
    if (a->multifunction != b->multifunction)
        return true;
    if (!a->multifunction)
        return false;
    *culprit = fails_acs(former, a) ? a : fails_acs(former, b) ? b : NULL;
    return *culprit != NULL;
}

/* How a function of the bus was reached. */
struct reached {
    enum group_rule rule;
    const struct pci_function *culprit;
};

/* Join whoever of the bus can be reached and has a group already, lowest devfn first.
 * @return false: nobody has; *met tells whether anybody was reached at all */
static bool join_reachable(struct group_former *former, const struct pci_function *function, bool *met)
{
    const struct topology *topology = former->topology;
    const struct pci_bus *bus = &topology->buses[function->bus_id];
    const struct pci_function *pending[256];
    struct reached how[256] = {{.rule = GROUP_RULE_NONE}};
    unsigned first = 0, last = 0;
    pending[last++] = function;
    how[function->devfn].rule = GROUP_RULE_NEW;
    while (first < last) {
        const struct pci_function *from = pending[first++];
        for (uint32_t i = 0; i < bus->function_count; i++) {
            const struct pci_function *other = &topology->functions[bus->functions[i]];
            const struct pci_function *culprit = NULL;
            if (how[other->devfn].rule != GROUP_RULE_NONE)
                continue;
            if (dma_alias_pair(topology, former->alias_sets, from, other))
                how[other->devfn].rule = GROUP_RULE_ALIAS;
            else if (slot_connects(former, from, other, &culprit))
                how[other->devfn] = (struct reached){GROUP_RULE_SLOT, culprit};
            else
                continue;
            pending[last++] = other;
        }
    }
    *met = last > 1;
    for (uint32_t i = 0; i < bus->function_count; i++) {
        const struct pci_function *other = &topology->functions[bus->functions[i]];
        const struct reached *reached = &how[other->devfn];
        if (other != function && reached->rule != GROUP_RULE_NONE && group_former_has_group(former, other))
            return group_former_join(former, reached->rule, other, reached->culprit);
    }
    return false;
}

/* @p culprit is who makes the bus one for all on it. */
static bool join_bus(struct group_former *former, const struct pci_function *function, uint32_t culprit)
{
    const struct pci_bus *bus = &former->topology->buses[function->bus_id];
    for (uint32_t i = 0; i < bus->function_count; i++) {
        const struct pci_function *other = &former->topology->functions[bus->functions[i]];
        if (group_former_has_group(former, other))
            return group_former_join(former, GROUP_RULE_BUS, other, &former->topology->functions[culprit]);
    }
    return false;
}

/* The bus whose bridge decides: of a VF that of its PF. */
static const struct pci_bus *bus_of(const struct topology *topology, const struct pci_function *function)
{
    if (function->is_vf && function->pf_id != NONE)
        function = &topology->functions[function->pf_id];
    const struct pci_bus *bus = &topology->buses[function->bus_id];
    while (bus->self_id == NONE && bus->parent_id != NONE)
        bus = &topology->buses[bus->parent_id];
    return bus;
}

/* By what is above: true where that settles it (or puts it off). */
static bool decide_above(struct group_former *former, const struct pci_bus *bus)
{
    if (bus->self_id == NONE)
        return false;
    const struct pci_function *parent = &former->topology->functions[bus->self_id];
    if (!group_former_has_group(former, parent)) {
        former->decision->rule = GROUP_RULE_DEFERRED;
        former->decision->culprit = parent->id;
        return true;
    }
    if (former->takes_below[former->decisions[parent->id].group])
        return group_former_join(former, GROUP_RULE_BELOW, parent, NULL);
    const struct bus_isolation *state = &former->buses[bus->id];
    if (state->kind == BUS_PCIE_NOT_ISOLATED || state->kind == BUS_BRIDGE_NOT_ISOLATED)
        return group_former_join(former, GROUP_RULE_PATH, parent,
                                 &former->topology->functions[state->culprit]);
    return false;
}

static void decide(struct group_former *former, const struct pci_function *function)
{
    const struct pci_function *real = dma_alias_real_function(former->topology, function);
    bool together = true;
    if (real != function) {
        former->decision->rule = GROUP_RULE_DEFERRED;
        former->decision->culprit = real->id;
        if (group_former_has_group(former, real))
            group_former_join(former, GROUP_RULE_REQUESTER, real, NULL);
        return;
    }
    if (dma_alias_quirk_matches(function, DMA_ALIAS_XLATE_ROOT)) {
        group_former_start(former);
        return;
    }
    const struct pci_bus *bus = bus_of(former->topology, function);
    if (decide_above(former, bus)) {
        together = former->decision->rule == GROUP_RULE_PATH;
    } else {
        bool joined = former->buses[bus->id].kind == BUS_ISOLATED
                          ? join_reachable(former, function, &together)
                          : join_bus(former, function, former->buses[bus->id].culprit);
        if (!joined)
            group_former_start(former);
    }
    if (together && former->decision->group != NONE)
        former->takes_below[former->decision->group] = true;
}

void acs_rework_decide(struct group_former *former, const struct pci_function *function)
{
    former->decision = &former->decisions[function->id];
    *former->decision =
        (struct group_decision){.group = NONE, .via = NONE, .culprit = NONE, .start = function->id};
    decide(former, function);
}
