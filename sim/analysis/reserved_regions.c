/* SPDX-License-Identifier: MIT */
#include "sim/analysis/reserved_regions.h"

#include <stdlib.h>

enum {
    CLASS_DISPLAY = 0x03, /* base class */
    CLASS_ISA_BRIDGE = 0x0601,
    CLASS_USB = 0x0c03,
};

static const struct group_region msi_x86 = {0xfee00000, 0xfeefffff, REGION_MSI};
static const struct group_region msi_software = {0x08000000, 0x080fffff, REGION_SOFTWARE_MSI};
static const struct group_region isa_bridge = {0, 0xffffff, REGION_DIRECT_RELAXABLE};
static const struct group_region hyper_transport = {UINT64_C(0xfd00000000), UINT64_C(0xffffffffff),
                                                    REGION_RESERVED};

/* Firmware names devices; VT-d reads the name of a bridge as all that is below it, whatever the type of the
 * entry, AMD and Arm compare ids only. */
static bool concerns(const struct topology *topology, const struct reserved_region *stated,
                     enum iommu_kind kind, const struct pci_function *function)
{
    const struct iommu_scope *scope = &stated->scope;
    if (stated->everyone)
        return true;
    if (scope->segment != function->segment)
        return false;
    if (scope->kind == SCOPE_BUS_RANGE)
        return scope->bus_start <= function->bus && function->bus <= scope->bus_end;
    if (scope->bus == function->bus && scope->devfn == function->devfn)
        return true;
    if (scope->kind == SCOPE_FUNCTION && kind != IOMMU_VT_D)
        return false;
    const struct pci_function *bridge = topology_find(topology, scope->segment, scope->bus, scope->devfn);
    return bridge && function_is_bridge(bridge) && bridge->secondary_bus_id != NONE &&
           bridge->secondary_bus <= function->bus && function->bus <= bridge->subordinate_bus;
}

static enum region_type stated_type(enum reserved_kind stated, enum iommu_kind kind,
                                    const struct pci_function *function)
{
    bool relaxed = kind == IOMMU_VT_D &&
                   (function->class_code >> 16 == CLASS_DISPLAY || function->class_code >> 8 == CLASS_USB);
    switch (stated) {
    case RESERVED_DIRECT:
        return relaxed ? REGION_DIRECT_RELAXABLE : REGION_DIRECT;
    case RESERVED_DIRECT_RELAXABLE:
        return REGION_DIRECT_RELAXABLE;
    case RESERVED_MSI:
        return REGION_MSI;
    case RESERVED_RESERVED:
        break;
    }
    return REGION_RESERVED;
}

void reserved_regions_visit(const struct iommu_groups *groups, uint32_t function_id, region_visit visit,
                            void *data)
{
    const struct topology *topology = groups->topology;
    const struct pci_function *function = &topology->functions[function_id];
    uint32_t unit = groups->coverage->functions[function_id].unit;
    if (unit == NONE)
        return;
    enum iommu_kind kind = groups->coverage->units[unit].kind;
    for (uint32_t i = 0; i < topology->reserved_count; i++) {
        const struct reserved_region *stated = &topology->reserved[i];
        if (!concerns(topology, stated, kind, function))
            continue;
        struct group_region region = {stated->base, stated->limit, stated_type(stated->kind, kind, function)};
        visit(data, &region, stated);
    }
    if (kind == IOMMU_VT_D && function->class_code >> 8 == CLASS_ISA_BRIDGE)
        visit(data, &isa_bridge, NULL);
    visit(data, kind == IOMMU_SMMUV3 ? &msi_software : &msi_x86, NULL);
    if (kind == IOMMU_AMD_VI)
        visit(data, &hyper_transport, NULL);
}

struct region_list {
    struct group_region *regions;
    size_t count, capacity;
};

static void add_region(void *data, const struct group_region *region, const struct reserved_region *stated)
{
    (void)stated;
    struct region_list *list = data;
    list->regions = memory_grow(list->regions, list->count, &list->capacity, sizeof(*list->regions));
    list->regions[list->count++] = *region;
}

static int by_type_and_start(const void *left, const void *right)
{
    const struct group_region *a = left, *b = right;
    if (a->type != b->type)
        return a->type < b->type ? -1 : 1;
    return (a->start > b->start) - (a->start < b->start);
}

static int by_start(const void *left, const void *right)
{
    const struct group_region *a = left, *b = right;
    if (a->start != b->start)
        return a->start < b->start ? -1 : 1;
    return (a->type > b->type) - (a->type < b->type);
}

/* Regions of one type that overlap or touch become one; then all are put by start. */
static void merge(struct region_list *list)
{
    size_t kept = 0;
    if (list->count == 0)
        return;
    qsort(list->regions, list->count, sizeof(*list->regions), by_type_and_start);
    for (size_t i = 1; i < list->count; i++) {
        struct group_region *last = &list->regions[kept];
        const struct group_region *next = &list->regions[i];
        bool apart = next->type != last->type || (next->start > last->end && next->start - last->end > 1);
        if (apart)
            list->regions[++kept] = *next;
        else if (next->end > last->end)
            last->end = next->end;
    }
    list->count = kept + 1;
    qsort(list->regions, list->count, sizeof(*list->regions), by_start);
}

struct group_regions *reserved_regions_find(const struct iommu_groups *groups, struct arena *arena)
{
    struct group_regions *all = arena_array(arena, groups->group_count, sizeof(*all));
    struct region_list list = {0};
    for (uint32_t i = 0; i < groups->group_count; i++) {
        const struct iommu_group *group = &groups->groups[i];
        list.count = 0;
        for (uint32_t j = 0; j < group->member_count; j++)
            reserved_regions_visit(groups, group->members[j], add_region, &list);
        merge(&list);
        struct group_region *kept = arena_array(arena, list.count, sizeof(*kept));
        for (size_t j = 0; j < list.count; j++)
            kept[j] = list.regions[j];
        all[i] = (struct group_regions){kept, (uint32_t)list.count};
    }
    free(list.regions);
    return all;
}

const char *region_type_name(enum region_type type)
{
    static const char *const names[] = {
        [REGION_DIRECT] = "direct",     [REGION_DIRECT_RELAXABLE] = "direct-relaxable",
        [REGION_RESERVED] = "reserved", [REGION_MSI] = "msi",
        [REGION_SOFTWARE_MSI] = "msi",
    };
    return names[type];
}
