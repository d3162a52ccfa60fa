/* SPDX-License-Identifier: MIT */
#include "sim/base/arena.h"
#include "sim/input/dump_running.h"

#include <stdlib.h>
#include <string.h>

static int compare_groups(const void *left, const void *right)
{
    const struct dump_group *a = left, *b = right;
    return a->group.number < b->group.number ? -1 : a->group.number > b->group.number;
}

/* Files of one group may have come from several copies: what the first told counts. */
static void merge_groups(struct dump *dump)
{
    size_t kept = 0;
    if (dump->group_count)
        qsort(dump->groups, dump->group_count, sizeof(*dump->groups), compare_groups);
    for (size_t i = 0; i < dump->group_count; i++) {
        struct dump_group *last = kept ? &dump->groups[kept - 1] : NULL, *group = &dump->groups[i];
        if (!last || last->group.number != group->group.number) {
            dump->groups[kept++] = *group;
            continue;
        }
        if (!last->group.type)
            last->group.type = group->group.type;
        struct reported_region *spare = group->regions;
        if (!last->group.regions_known && group->group.regions_known) {
            spare = last->regions;
            last->regions = group->regions;
            last->region_count = group->region_count;
            last->group.regions_known = true;
        }
        free(spare);
    }
    dump->group_count = kept;
}

/* The floppy workaround that VT-d adds to every ISA bridge: it follows from the class. */
static bool is_implied(const struct reported_region *region)
{
    return region->base == 0 && region->limit == 0xffffff;
}

/* State a direct region of the function's group for it. Others follow from the kind of IOMMU. */
static void state_region(struct dump *dump, const struct dump_part *part,
                         const struct reported_region *region)
{
    const struct pci_function *function = &part->function;
    bool relaxable = strcmp(region->type, "direct-relaxable") == 0;
    if ((!relaxable && strcmp(region->type, "direct") != 0) || is_implied(region))
        return;
    dump_add_reserved(dump, &(struct reserved_region){
                                .kind = relaxable ? RESERVED_DIRECT_RELAXABLE : RESERVED_DIRECT,
                                .base = region->base,
                                .limit = region->limit,
                                .scope = {.segment = function->segment,
                                          .kind = SCOPE_FUNCTION,
                                          .bus = function->bus,
                                          .devfn = function->devfn},
                                .pointer = part->place.where,
                            });
}

static const struct dump_group *find_group(const struct dump *dump, uint32_t number)
{
    const struct dump_group wanted = {.group.number = number};
    return dump->group_count
               ? bsearch(&wanted, dump->groups, dump->group_count, sizeof(wanted), compare_groups)
               : NULL;
}

static void state_regions(struct dump *dump)
{
    for (size_t i = 0; i < dump->part_count; i++) {
        const struct dump_part *part = &dump->parts[i];
        const struct dump_group *group = part->facts & FACT_GROUP && !function_is_bridge(&part->function)
                                             ? find_group(dump, part->function.reported_group)
                                             : NULL;
        for (size_t r = 0; group && r < group->region_count; r++)
            state_region(dump, part, &group->regions[r]);
    }
}

void dump_groups_settle(struct dump *dump, struct topology *topology)
{
    merge_groups(dump);
    topology->reported_groups =
        arena_array(dump->arena, dump->group_count, sizeof(*topology->reported_groups));
    topology->reported_group_count = (uint32_t)dump->group_count;
    for (size_t i = 0; i < dump->group_count; i++) {
        struct reported_group *group = &topology->reported_groups[i];
        *group = dump->groups[i].group;
        group->region_count = (uint32_t)dump->groups[i].region_count;
        group->regions = arena_array(dump->arena, group->region_count, sizeof(*group->regions));
        if (group->region_count)
            memcpy(group->regions, dump->groups[i].regions, group->region_count * sizeof(*group->regions));
    }
    state_regions(dump);
}
