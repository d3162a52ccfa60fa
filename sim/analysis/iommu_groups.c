/* SPDX-License-Identifier: MIT */
#include "sim/analysis/iommu_groups.h"

#include "sim/analysis/acs_rework.h"
#include "sim/analysis/group_agreement.h"
#include "sim/analysis/group_former.h"

#include <stdlib.h>

/* The command line first, then what the kernel that ran said, then how kernels are usually built. */
static enum group_type default_type(const struct iommu_platform *platform,
                                    const struct kernel_statement *stated)
{
    if (platform->cmdline.passthrough == GIVEN_ON ||
        (platform->cmdline.passthrough == NOT_GIVEN && stated->passthrough == KNOWN_PRESENT))
        return GROUP_TYPE_IDENTITY;
    if (platform->virtualised)
        return GROUP_TYPE_DMA;
    if (platform->cmdline.strict != NOT_GIVEN)
        return platform->cmdline.strict == GIVEN_ON ? GROUP_TYPE_DMA : GROUP_TYPE_DMA_FQ;
    if (stated->strict != UNKNOWN)
        return stated->strict == KNOWN_PRESENT ? GROUP_TYPE_DMA : GROUP_TYPE_DMA_FQ;
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
        group->type = default_type(&groups->platform, &topology->stated);
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

struct iommu_groups *iommu_groups_form_as(const struct topology *topology,
                                          const struct group_options *options,
                                          struct diagnostics *diagnostics)
{
    struct arena *arena = arena_new();
    struct iommu_groups *groups = arena_alloc(arena, sizeof(*groups));
    groups->arena = arena;
    groups->topology = topology;
    iommu_platform_decide(topology, options, arena, diagnostics, &groups->platform);
    groups->views = acs_enable(topology, &groups->platform, arena);
    groups->verdicts = acs_belief_all(topology, &groups->platform, groups->views, arena);
    groups->alias_sets = dma_alias_sets(topology, arena);
    groups->coverage = iommu_coverage_find(topology, &groups->platform, arena);
    if (options->algorithm == GROUP_ALGORITHM_ACS_REWORK_V3)
        groups->buses =
            acs_rework_buses(topology, &groups->platform, groups->views, groups->alias_sets, arena);
    groups->decisions = arena_array(arena, topology->function_count, sizeof(*groups->decisions));
    groups->takes_below = arena_array(arena, topology->function_count, sizeof(*groups->takes_below));
    group_former_run(groups, NULL);
    collect(groups);
    return groups;
}

struct iommu_groups *iommu_groups_form(const struct topology *topology, enum iommu_choice choice,
                                       const char *cmdline, struct diagnostics *diagnostics)
{
    struct group_options options = {.choice = choice, .cmdline = cmdline};
    return iommu_groups_form_as(topology, &options, diagnostics);
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
        [GROUP_RULE_NONE] = "none",   [GROUP_RULE_NEW] = "new",     [GROUP_RULE_REQUESTER] = "requester-id",
        [GROUP_RULE_PATH] = "path",   [GROUP_RULE_ALIAS] = "alias", [GROUP_RULE_SLOT] = "slot",
        [GROUP_RULE_BELOW] = "below", [GROUP_RULE_BUS] = "bus",     [GROUP_RULE_DEFERRED] = "deferred",
    };
    return names[rule];
}

void iommu_groups_agreement(const struct iommu_groups *groups, uint32_t *agree, uint32_t *differ)
{
    struct group_agreement agreement = group_agreement(groups);
    *agree = agreement.exact;
    *differ = agreement.functions - agreement.exact;
}
