/* SPDX-License-Identifier: MIT */
#include "sim/analysis/isolation_effects.h"

#include "sim/analysis/acs_rework.h"
#include "sim/analysis/group_former.h"

#include <string.h>

struct isolation_probe {
    struct arena *arena;
    const struct iommu_groups *base;
    struct iommu_groups turned; /* own views, verdicts, decisions; shares the rest */
    bool *region;               /* [function] must be decided again */
    uint32_t last_id;           /* whose assumption is turned; NONE: nobody's */

    /* To compare, [group]: members now and turned, and where the first one went. */
    uint32_t *size_now, *size_turned, *went;
};

bool isolation_assumed(const struct iommu_groups *groups, uint32_t function_id)
{
    return groups->verdicts[function_id].reason == ACS_REASON_ASSUMED || groups->views[function_id].assumed;
}

struct isolation_probe *isolation_probe_new(const struct iommu_groups *groups)
{
    struct arena *arena = arena_new();
    struct isolation_probe *probe = arena_alloc(arena, sizeof(*probe));
    uint32_t count = groups->topology->function_count;
    probe->arena = arena;
    probe->base = groups;
    probe->last_id = NONE;
    probe->turned = *groups;
    probe->turned.arena = arena;
    probe->turned.views = arena_array(arena, count, sizeof(*groups->views));
    probe->turned.verdicts = arena_array(arena, count, sizeof(*groups->verdicts));
    probe->turned.decisions = arena_array(arena, count, sizeof(*groups->decisions));
    probe->turned.takes_below = arena_array(arena, count, sizeof(*groups->takes_below));
    probe->region = arena_array(arena, count, sizeof(*probe->region));
    probe->size_now = arena_array(arena, count, sizeof(*probe->size_now));
    probe->size_turned = arena_array(arena, 2 * (size_t)count, sizeof(*probe->size_turned));
    probe->went = arena_array(arena, count, sizeof(*probe->went));
    if (count) {
        memcpy(probe->turned.views, groups->views, count * sizeof(*groups->views));
        memcpy(probe->turned.verdicts, groups->verdicts, count * sizeof(*groups->verdicts));
    }
    return probe;
}

void isolation_probe_free(struct isolation_probe *probe)
{
    if (probe)
        arena_free(probe->arena);
}

/* What a verdict can bear on: the bus of its function, all below, and what carries their requester ids. */
static void mark_region(struct isolation_probe *probe, const struct pci_function *function)
{
    const struct topology *topology = probe->base->topology;
    const struct pci_function *parent = topology_parent(topology, function);
    uint32_t host_bridge = topology->buses[function->bus_id].host_bridge_id;
    for (uint32_t id = 0; id < topology->function_count; id++) {
        const struct pci_function *other = &topology->functions[id];
        const struct pci_function *real = dma_alias_real_function(topology, other);
        probe->region[id] = parent ? topology_is_ancestor(topology, parent, other)
                                   : topology->buses[other->bus_id].host_bridge_id == host_bridge;
        if (real != other)
            probe->region[id] |= parent ? topology_is_ancestor(topology, parent, real)
                                        : topology->buses[real->bus_id].host_bridge_id == host_bridge;
    }
    if (parent)
        probe->region[parent->id] = false;
}

static void set_view(struct isolation_probe *probe, uint32_t id, bool flip)
{
    struct iommu_groups *turned = &probe->turned;
    turned->views[id] = probe->base->views[id];
    if (flip)
        acs_view_flip(&turned->views[id]);
    turned->verdicts[id] = acs_belief(turned->topology, &turned->platform, &turned->topology->functions[id],
                                      &turned->views[id], ACS_GROUP_BITS);
}

const struct iommu_groups *isolation_probe_flip(struct isolation_probe *probe, uint32_t function_id)
{
    const struct iommu_groups *base = probe->base;
    struct iommu_groups *turned = &probe->turned;
    uint32_t count = base->topology->function_count;
    if (probe->last_id != NONE)
        set_view(probe, probe->last_id, false);
    set_view(probe, function_id, true);
    probe->last_id = function_id;
    if (base->buses) {
        turned->buses =
            acs_rework_buses(base->topology, &base->platform, turned->views, base->alias_sets, probe->arena);
        group_former_run(turned, NULL);
        return turned;
    }
    memcpy(turned->decisions, base->decisions, count * sizeof(*base->decisions));
    turned->group_count = base->group_count;
    mark_region(probe, &base->topology->functions[function_id]);
    group_former_run(turned, probe->region);
    return turned;
}

/* Compare partitions; false where they are one. */
static bool compare(struct isolation_probe *probe, struct isolation_effect *effect)
{
    const struct group_decision *now = probe->base->decisions, *turned = probe->turned.decisions;
    uint32_t count = probe->base->topology->function_count;
    memset(probe->size_now, 0, count * sizeof(*probe->size_now));
    memset(probe->size_turned, 0, 2 * (size_t)count * sizeof(*probe->size_turned));
    for (uint32_t id = 0; id < count; id++) {
        if (now[id].group != NONE && probe->size_now[now[id].group]++ == 0)
            probe->went[now[id].group] = turned[id].group;
        if (turned[id].group != NONE)
            probe->size_turned[turned[id].group]++;
    }
    /* A group stays where all its members went one way and met nobody else there. */
    for (uint32_t id = 0; id < count; id++) {
        if (now[id].group != NONE && turned[id].group != probe->went[now[id].group])
            probe->went[now[id].group] = NONE;
    }
    effect->first_group = NONE;
    for (uint32_t id = 0; id < count; id++) {
        uint32_t group = now[id].group, other = turned[id].group;
        if (group == NONE || other == NONE ||
            (probe->went[group] == other && probe->size_turned[other] == probe->size_now[group]))
            continue;
        effect->changed++;
        effect->first_group = group < effect->first_group ? group : effect->first_group;
    }
    return effect->changed > 0;
}

/* How many groups the changed functions form, before and after: counted by their first members. */
static void count_groups(struct isolation_probe *probe, struct isolation_effect *effect)
{
    const struct group_decision *now = probe->base->decisions, *turned = probe->turned.decisions;
    for (uint32_t id = 0; id < probe->base->topology->function_count; id++) {
        uint32_t group = now[id].group, other = turned[id].group;
        if (group == NONE || other == NONE ||
            (probe->went[group] == other && probe->size_turned[other] == probe->size_now[group]))
            continue;
        effect->groups_now += now[id].rule == GROUP_RULE_NEW;
        effect->groups_flipped += turned[id].rule == GROUP_RULE_NEW;
    }
}

/* Could a verdict about this function matter at all? */
static bool counts(const struct pci_function *function)
{
    return function->multifunction || function->secondary_bus_id != NONE;
}

struct isolation_effect *isolation_effects(const struct iommu_groups *groups, struct arena *arena,
                                           uint32_t *count)
{
    const struct topology *topology = groups->topology;
    struct isolation_effect *effects = arena_array(arena, topology->function_count, sizeof(*effects));
    struct isolation_probe *probe = isolation_probe_new(groups);
    *count = 0;
    for (uint32_t id = 0; id < topology->function_count; id++) {
        if (!isolation_assumed(groups, id) || !counts(&topology->functions[id]))
            continue;
        struct isolation_effect effect = {.function_id = id,
                                          .port = function_is_bridge(&topology->functions[id]),
                                          .contested = isolation_contested(&groups->views[id].guess)};
        isolation_probe_flip(probe, id);
        if (!compare(probe, &effect))
            continue;
        count_groups(probe, &effect);
        effects[(*count)++] = effect;
    }
    isolation_probe_free(probe);
    return effects;
}
