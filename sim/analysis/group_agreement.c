/* SPDX-License-Identifier: MIT */
#include "sim/analysis/group_agreement.h"

#include "sim/analysis/isolation_effects.h"

#include <stdlib.h>

static bool together_here(const struct iommu_groups *groups, uint32_t a, uint32_t b)
{
    return groups->decisions[a].group != NONE && groups->decisions[a].group == groups->decisions[b].group;
}

bool group_agreement_same(const struct iommu_groups *groups, uint32_t function_id)
{
    const struct topology *topology = groups->topology;
    const struct pci_function *function = &topology->functions[function_id];
    for (uint32_t i = 0; i < topology->function_count; i++) {
        const struct pci_function *other = &topology->functions[i];
        if (other->group_reported && i != function_id &&
            together_here(groups, i, function_id) != (other->reported_group == function->reported_group))
            return false;
    }
    return groups->decisions[function_id].group != NONE;
}

struct group_agreement group_agreement(const struct iommu_groups *groups)
{
    const struct topology *topology = groups->topology;
    struct group_agreement result = {0};
    for (uint32_t i = 0; i < topology->function_count; i++) {
        const struct pci_function *function = &topology->functions[i];
        if (!function->group_reported)
            continue;
        result.functions++;
        result.exact += group_agreement_same(groups, i);
        for (uint32_t j = 0; j < i; j++) {
            if (!topology->functions[j].group_reported)
                continue;
            bool here = together_here(groups, i, j);
            bool stated = topology->functions[j].reported_group == function->reported_group;
            result.pairs_here += here;
            result.pairs_stated += stated;
            result.pairs_both += here && stated;
        }
    }
    return result;
}

static int compare_hints(const void *left, const void *right)
{
    const struct agreement_hint *a = left, *b = right;
    if (a->exact != b->exact)
        return a->exact < b->exact ? 1 : -1;
    return (a->function_id > b->function_id) - (a->function_id < b->function_id);
}

struct agreement_hint *group_agreement_hints(const struct iommu_groups *groups, struct arena *arena,
                                             uint32_t *count)
{
    uint32_t effect_count, now = group_agreement(groups).exact;
    const struct isolation_effect *effects = isolation_effects(groups, arena, &effect_count);
    struct agreement_hint *hints = arena_array(arena, effect_count, sizeof(*hints));
    struct isolation_probe *probe = isolation_probe_new(groups);
    *count = 0;
    for (uint32_t i = 0; i < effect_count; i++) {
        const struct iommu_groups *turned = isolation_probe_flip(probe, effects[i].function_id);
        struct agreement_hint hint = {effects[i].function_id, group_agreement(turned).exact};
        if (hint.exact > now)
            hints[(*count)++] = hint;
    }
    isolation_probe_free(probe);
    if (*count)
        qsort(hints, *count, sizeof(*hints), compare_hints);
    return hints;
}
