/* SPDX-License-Identifier: MIT */
#include "sim/analysis/group_former.h"

#include <assert.h>

/* VFs appear when a driver enables them, functions behind a VMD when its driver binds: after boot. */
static bool appears_late(const struct topology *topology, const struct pci_function *function)
{
    return function->is_vf || dma_alias_real_function(topology, function) != function;
}

static void decide(struct group_former *former, const struct pci_function *function)
{
    if (former->buses)
        acs_rework_decide(former, function);
    else
        group_classic_decide(former, function);
}

/* Those the rework put off are asked again for as long as one more of them gets its group. */
static void decide_deferred(struct group_former *former)
{
    bool progress = true;
    while (progress) {
        progress = false;
        for (uint32_t id = 0; id < former->topology->function_count; id++) {
            if (former->decisions[id].rule != GROUP_RULE_DEFERRED)
                continue;
            decide(former, &former->topology->functions[id]);
            progress |= former->decisions[id].rule != GROUP_RULE_DEFERRED;
        }
    }
}

static void decide_all(struct group_former *former, const struct iommu_coverage *coverage, const bool *only)
{
    const struct topology *topology = former->topology;
    for (uint32_t i = 0; i < coverage->unit_count; i++) {
        for (uint32_t id = 0; id < topology->function_count; id++) {
            if (coverage->functions[id].unit == coverage->visit_order[i] && (!only || only[id]) &&
                !appears_late(topology, &topology->functions[id]))
                decide(former, &topology->functions[id]);
        }
    }
    for (uint32_t id = 0; id < topology->function_count; id++) {
        if (coverage->functions[id].unit != NONE && (!only || only[id]) &&
            appears_late(topology, &topology->functions[id]))
            decide(former, &topology->functions[id]);
    }
    if (former->buses)
        decide_deferred(former);
}

void group_former_run(struct iommu_groups *groups, const bool *only)
{
    const struct topology *topology = groups->topology;
    assert(!only || !groups->buses);
    for (uint32_t id = 0; id < topology->function_count; id++) {
        groups->takes_below[id] = false;
        if (!only || only[id])
            groups->decisions[id] =
                (struct group_decision){.group = NONE, .via = NONE, .culprit = NONE, .start = NONE};
    }
    struct group_former former = {
        .topology = topology,
        .views = groups->views,
        .verdicts = groups->verdicts,
        .alias_sets = groups->alias_sets,
        .buses = groups->buses,
        .decisions = groups->decisions,
        .takes_below = groups->takes_below,
        .next_number = only ? groups->group_count : 0,
    };
    decide_all(&former, groups->coverage, only);
    groups->group_count = former.next_number;
}
