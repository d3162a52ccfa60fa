/* SPDX-License-Identifier: MIT */
#include "sim/analysis/iommu_groups.h"

#include "sim/analysis/dma_alias.h"

#include <stdlib.h>

/* What one pass over the functions needs. */
struct former {
    const struct topology *topology;
    const struct acs_verdict *verdicts;
    const struct devfn_set *alias_sets;
    struct group_decision *decisions;
    uint32_t next_number;
    struct group_decision *decision; /* the one being made */
    struct devfn_set seen;           /* devfns visited in steps "same bus" and "same slot" */
};

static bool has_group(const struct former *former, const struct pci_function *function)
{
    return former->decisions[function->id].group != NONE;
}

/* End the decision: join the group of @p via. */
static bool join(struct former *former, enum group_rule rule, const struct pci_function *via,
                 const struct pci_function *culprit)
{
    former->decision->group = former->decisions[via->id].group;
    former->decision->rule = rule;
    former->decision->via = via->id;
    former->decision->culprit = culprit ? culprit->id : NONE;
    return true;
}

/* Step A: aliases upward. */
struct requester_step {
    struct former *former;
    const struct pci_function *last;
};

static bool visit_requester(void *data, const struct dma_alias *alias)
{
    struct requester_step *step = data;
    step->last = alias->owner;
    return has_group(step->former, alias->owner) &&
           join(step->former, GROUP_RULE_REQUESTER, alias->owner, NULL);
}

/* Step B: up to the first bridge from which the whole path is isolated. @p at moves up to where steps C and D
 * begin. */
static bool join_path(struct former *former, const struct pci_function **at)
{
    const struct pci_function *bridge;
    while ((bridge = topology_parent(former->topology, *at))) {
        const struct pci_function *culprit = acs_belief_path(former->topology, former->verdicts, bridge);
        if (!culprit)
            return false;
        *at = bridge;
        if (has_group(former, bridge))
            return join(former, GROUP_RULE_PATH, bridge, culprit);
    }
    return false;
}

static bool join_slot(struct former *former, const struct pci_function *function);

/* Step C: functions on the bus that share a requester id, and what those hang together with. */
static bool join_alias(struct former *former, const struct pci_function *function, enum group_rule rule,
                       const struct pci_function *culprit)
{
    if (devfn_set_has(&former->seen, function->devfn))
        return false;
    devfn_set_add(&former->seen, function->devfn);
    if (has_group(former, function))
        return join(former, rule, function, culprit);
    const struct pci_bus *bus = &former->topology->buses[function->bus_id];
    for (uint32_t i = 0; i < bus->function_count; i++) {
        const struct pci_function *other = &former->topology->functions[bus->functions[i]];
        if (other == function || !dma_alias_pair(former->topology, former->alias_sets, function, other))
            continue;
        if (join_alias(former, other, GROUP_RULE_ALIAS, NULL) || join_slot(former, other))
            return true;
    }
    return false;
}

/* Step D: functions of the slot, where neither this nor that one is isolated. */
static bool join_slot(struct former *former, const struct pci_function *function)
{
    if (!function->multifunction || former->verdicts[function->id].isolated)
        return false;
    const struct pci_bus *bus = &former->topology->buses[function->bus_id];
    for (uint32_t i = 0; i < bus->function_count; i++) {
        const struct pci_function *other = &former->topology->functions[bus->functions[i]];
        if (other == function || pci_slot(other->devfn) != pci_slot(function->devfn) ||
            former->verdicts[other->id].isolated)
            continue;
        if (join_alias(former, other, GROUP_RULE_SLOT, function))
            return true;
    }
    return false;
}

static void decide(struct former *former, const struct pci_function *function)
{
    struct requester_step step = {.former = former, .last = function};
    former->decision = &former->decisions[function->id];
    former->decision->start = function->id;
    if (dma_alias_walk(former->topology, function, visit_requester, &step))
        return;
    const struct pci_function *at = step.last;
    if (join_path(former, &at))
        return;
    former->decision->start = at->id;
    former->seen = (struct devfn_set){{0}};
    if (join_alias(former, at, GROUP_RULE_ALIAS, NULL) || join_slot(former, at))
        return;
    former->decision->group = former->next_number++;
    former->decision->rule = GROUP_RULE_NEW;
}

/* VFs appear when a driver enables them, functions behind a VMD when its driver binds: after boot. */
static bool appears_late(const struct topology *topology, const struct pci_function *function)
{
    return function->is_vf || dma_alias_real_function(topology, function) != function;
}

static void decide_all(struct former *former, const struct iommu_coverage *coverage)
{
    const struct topology *topology = former->topology;
    for (uint32_t i = 0; i < coverage->unit_count; i++) {
        for (uint32_t id = 0; id < topology->function_count; id++) {
            if (coverage->functions[id].unit == coverage->visit_order[i] &&
                !appears_late(topology, &topology->functions[id]))
                decide(former, &topology->functions[id]);
        }
    }
    for (uint32_t id = 0; id < topology->function_count; id++) {
        if (coverage->functions[id].unit != NONE && appears_late(topology, &topology->functions[id]))
            decide(former, &topology->functions[id]);
    }
}

static enum group_type default_type(const struct iommu_platform *platform)
{
    if (platform->cmdline.passthrough == GIVEN_ON)
        return GROUP_TYPE_IDENTITY;
    if (platform->virtualised)
        return GROUP_TYPE_DMA;
    if (platform->cmdline.strict != NOT_GIVEN)
        return platform->cmdline.strict == GIVEN_ON ? GROUP_TYPE_DMA : GROUP_TYPE_DMA_FQ;
    /* Kconfig: lazy on x86, strict on Arm. */
    return platform->kind == IOMMU_SMMUV3 ? GROUP_TYPE_DMA : GROUP_TYPE_DMA_FQ;
}

static int compare_ids(const void *left, const void *right, void *data)
{
    const struct topology *topology = data;
    const struct pci_function *a = &topology->functions[*(const uint32_t *)left];
    const struct pci_function *b = &topology->functions[*(const uint32_t *)right];
    uint64_t key_a = (uint64_t)a->segment << 16 | pci_requester_id(a->bus, a->devfn);
    uint64_t key_b = (uint64_t)b->segment << 16 | pci_requester_id(b->bus, b->devfn);
    return (key_a > key_b) - (key_a < key_b);
}

/* Turn decisions into lists of members. */
static void collect(struct iommu_groups *groups)
{
    const struct topology *topology = groups->topology;
    uint32_t **members = arena_array(groups->arena, groups->group_count, sizeof(*members));
    uint32_t *filled = arena_array(groups->arena, groups->group_count, sizeof(*filled));
    groups->groups = arena_array(groups->arena, groups->group_count, sizeof(*groups->groups));
    for (uint32_t id = 0; id < topology->function_count; id++) {
        if (groups->decisions[id].group != NONE)
            groups->groups[groups->decisions[id].group].member_count++;
    }
    for (uint32_t number = 0; number < groups->group_count; number++) {
        struct iommu_group *group = &groups->groups[number];
        group->number = number;
        group->type = default_type(&groups->platform);
        group->members = members[number] = arena_array(groups->arena, group->member_count, sizeof(**members));
    }
    for (uint32_t id = 0; id < topology->function_count; id++) {
        uint32_t number = groups->decisions[id].group;
        if (number == NONE)
            continue;
        members[number][filled[number]++] = id;
        if (topology->functions[id].untrusted)
            groups->groups[number].type = GROUP_TYPE_DMA;
    }
    for (uint32_t number = 0; number < groups->group_count; number++)
        qsort_r(members[number], filled[number], sizeof(**members), compare_ids, (void *)topology);
}

struct iommu_groups *iommu_groups_form(const struct topology *topology, enum iommu_choice choice,
                                       const char *cmdline, struct diagnostics *diagnostics)
{
    struct arena *arena = arena_new();
    struct iommu_groups *groups = arena_alloc(arena, sizeof(*groups));
    groups->arena = arena;
    groups->topology = topology;
    iommu_platform_decide(topology, choice, cmdline, arena, diagnostics, &groups->platform);
    groups->views = acs_enable(topology, &groups->platform, arena);
    groups->verdicts = acs_belief_all(topology, &groups->platform, groups->views, arena);
    groups->coverage = iommu_coverage_find(topology, &groups->platform, arena);
    groups->decisions = arena_array(arena, topology->function_count, sizeof(*groups->decisions));
    for (uint32_t id = 0; id < topology->function_count; id++)
        groups->decisions[id] =
            (struct group_decision){.group = NONE, .via = NONE, .culprit = NONE, .start = NONE};
    struct former former = {
        .topology = topology,
        .verdicts = groups->verdicts,
        .alias_sets = dma_alias_sets(topology, arena),
        .decisions = groups->decisions,
    };
    decide_all(&former, groups->coverage);
    groups->group_count = former.next_number;
    collect(groups);
    return groups;
}

void iommu_groups_free(struct iommu_groups *groups)
{
    if (groups)
        arena_free(groups->arena);
}

const char *group_type_name(enum group_type type)
{
    static const char *const names[] = {
        [GROUP_TYPE_DMA] = "DMA",
        [GROUP_TYPE_DMA_FQ] = "DMA-FQ",
        [GROUP_TYPE_IDENTITY] = "identity",
    };
    return names[type];
}

const char *group_rule_name(enum group_rule rule)
{
    static const char *const names[] = {
        [GROUP_RULE_NONE] = "none", [GROUP_RULE_NEW] = "new",     [GROUP_RULE_REQUESTER] = "requester-id",
        [GROUP_RULE_PATH] = "path", [GROUP_RULE_ALIAS] = "alias", [GROUP_RULE_SLOT] = "slot",
    };
    return names[rule];
}

/* Mates of @p id among functions with a stated group are the same in both. */
static bool same_mates(const struct iommu_groups *groups, uint32_t id)
{
    const struct topology *topology = groups->topology;
    const struct pci_function *function = &topology->functions[id];
    for (uint32_t i = 0; i < topology->function_count; i++) {
        const struct pci_function *other = &topology->functions[i];
        bool here = groups->decisions[i].group == groups->decisions[id].group;
        if (other->group_reported && here != (other->reported_group == function->reported_group))
            return false;
    }
    return groups->decisions[id].group != NONE;
}

void iommu_groups_agreement(const struct iommu_groups *groups, uint32_t *agree, uint32_t *differ)
{
    *agree = *differ = 0;
    for (uint32_t id = 0; id < groups->topology->function_count; id++) {
        if (groups->topology->functions[id].group_reported)
            ++*(same_mates(groups, id) ? agree : differ);
    }
}
