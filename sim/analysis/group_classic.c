/* SPDX-License-Identifier: MIT */
#include "sim/analysis/group_former.h"

/* Step A: aliases upward. */
struct requester_step {
    struct group_former *former;
    const struct pci_function *last;
};

static bool visit_requester(void *data, const struct dma_alias *alias)
{
    struct requester_step *step = data;
    step->last = alias->owner;
    return group_former_has_group(step->former, alias->owner) &&
           group_former_join(step->former, GROUP_RULE_REQUESTER, alias->owner, NULL);
}

/* Step B: up to the first bridge from which the whole path is isolated. @p at moves up to where steps C and D
 * begin. */
static bool join_path(struct group_former *former, const struct pci_function **at)
{
    const struct pci_function *bridge;
    while ((bridge = topology_parent(former->topology, *at))) {
        const struct pci_function *culprit = acs_belief_path(former->topology, former->verdicts, bridge);
        if (!culprit)
            return false;
        *at = bridge;
        if (group_former_has_group(former, bridge))
            return group_former_join(former, GROUP_RULE_PATH, bridge, culprit);
    }
    return false;
}

/* Steps C and D share the devfns already visited. */
struct bus_step {
    struct group_former *former;
    struct devfn_set seen;
};

static bool join_slot(struct bus_step *step, const struct pci_function *function);

/* Step C: functions on the bus that share a requester id, and what those hang together with. */
static bool join_alias(struct bus_step *step, const struct pci_function *function, enum group_rule rule,
                       const struct pci_function *culprit)
{
    struct group_former *former = step->former;
    if (devfn_set_has(&step->seen, function->devfn))
        return false;
    devfn_set_add(&step->seen, function->devfn);
    if (group_former_has_group(former, function))
        return group_former_join(former, rule, function, culprit);
    const struct pci_bus *bus = &former->topology->buses[function->bus_id];
    for (uint32_t i = 0; i < bus->function_count; i++) {
        const struct pci_function *other = &former->topology->functions[bus->functions[i]];
        if (other == function || !dma_alias_pair(former->topology, former->alias_sets, function, other))
            continue;
        if (join_alias(step, other, GROUP_RULE_ALIAS, NULL) || join_slot(step, other))
            return true;
    }
    return false;
}

/* Step D: functions of the slot, where neither this nor that one is isolated. */
static bool join_slot(struct bus_step *step, const struct pci_function *function)
{
    struct group_former *former = step->former;
    if (!function->multifunction || former->verdicts[function->id].isolated)
        return false;
    const struct pci_bus *bus = &former->topology->buses[function->bus_id];
    for (uint32_t i = 0; i < bus->function_count; i++) {
        const struct pci_function *other = &former->topology->functions[bus->functions[i]];
        if (other == function || pci_slot(other->devfn) != pci_slot(function->devfn) ||
            former->verdicts[other->id].isolated)
            continue;
        if (join_alias(step, other, GROUP_RULE_SLOT, function))
            return true;
    }
    return false;
}

void group_classic_decide(struct group_former *former, const struct pci_function *function)
{
    struct requester_step requester = {.former = former, .last = function};
    former->decision = &former->decisions[function->id];
    former->decision->start = function->id;
    if (dma_alias_walk(former->topology, function, visit_requester, &requester))
        return;
    const struct pci_function *at = requester.last;
    if (join_path(former, &at))
        return;
    former->decision->start = at->id;
    struct bus_step bus = {.former = former};
    if (join_alias(&bus, at, GROUP_RULE_ALIAS, NULL) || join_slot(&bus, at))
        return;
    group_former_start(former);
}
