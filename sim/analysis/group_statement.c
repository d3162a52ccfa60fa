/* SPDX-License-Identifier: MIT */
#include "sim/analysis/group_statement.h"

#include "sim/analysis/group_agreement.h"
#include "sim/base/arena.h"

#include <string.h>

static bool same_region(const struct reported_region *reported, const struct group_region *region)
{
    return reported->base == region->start && reported->limit == region->end &&
           strcmp(reported->type, region_type_name(region->type)) == 0;
}

bool group_statement_has(const struct reported_region *reported, uint32_t count,
                         const struct group_region *region)
{
    for (uint32_t i = 0; i < count; i++) {
        if (same_region(&reported[i], region))
            return true;
    }
    return false;
}

bool group_statement_foresees(const struct group_regions *regions, const struct reported_region *reported)
{
    for (uint32_t i = 0; i < regions->count; i++) {
        if (same_region(reported, &regions->regions[i]))
            return true;
    }
    return false;
}

static bool same_regions(const struct reported_group *stated, const struct group_regions *here)
{
    bool same = true;
    for (uint32_t i = 0; i < stated->region_count; i++)
        same &= group_statement_foresees(here, &stated->regions[i]);
    for (uint32_t i = 0; i < here->count; i++)
        same &= group_statement_has(stated->regions, stated->region_count, &here->regions[i]);
    return same;
}

/* The group here with the members of the stated one, or NULL. */
static const struct iommu_group *find_like(const struct iommu_groups *groups, const uint32_t *first_of,
                                           uint32_t number, uint32_t limit)
{
    uint32_t id = number < limit ? first_of[number] : NONE;
    if (id == NONE || groups->decisions[id].group == NONE || !group_agreement_same(groups, id))
        return NULL;
    return &groups->groups[groups->decisions[id].group];
}

/* [stated number] a function of that group, or NONE; numbers beyond @p limit are left out. */
static uint32_t *find_first_members(const struct topology *topology, uint32_t limit, struct arena *arena)
{
    uint32_t *first_of = arena_array(arena, limit, sizeof(*first_of));
    for (uint32_t i = 0; i < limit; i++)
        first_of[i] = NONE;
    for (uint32_t i = topology->function_count; i-- > 0;) {
        const struct pci_function *function = &topology->functions[i];
        if (function->group_reported && function->reported_group < limit)
            first_of[function->reported_group] = i;
    }
    return first_of;
}

struct group_statements group_statements_find(const struct iommu_groups *groups, struct arena *arena)
{
    /* A kernel hands numbers out one after the other; some are given back when devices go. */
    enum { NUMBERS_MAX = 1 << 20 };
    const struct topology *topology = groups->topology;
    struct group_statements found = {
        .rows = arena_array(arena, topology->reported_group_count, sizeof(*found.rows))};
    if (topology->reported_group_count == 0)
        return found;
    uint32_t *first_of = find_first_members(topology, NUMBERS_MAX, arena);
    const struct group_regions *regions = reserved_regions_find(groups, arena);
    for (uint32_t i = 0; i < topology->reported_group_count; i++) {
        const struct reported_group *stated = &topology->reported_groups[i];
        const struct iommu_group *like = find_like(groups, first_of, stated->number, NUMBERS_MAX);
        if (!like)
            continue;
        struct group_statement row = {.stated = stated, .here = like, .regions = &regions[like->number]};
        row.type_same = !stated->type || strcmp(stated->type, group_type_name(like->type)) == 0;
        row.regions_same = !stated->regions_known || same_regions(stated, row.regions);
        found.types += stated->type != NULL;
        found.types_same += stated->type && row.type_same;
        found.regions += stated->regions_known;
        found.regions_same += stated->regions_known && row.regions_same;
        found.rows[found.count++] = row;
    }
    return found;
}
