/* SPDX-License-Identifier: MIT */
/* Remapping units and what else firmware tables say: scopes, reserved regions, aliases, RAM. */
#include "sim/input/topology_reader.h"

#include "sim/base/arena.h"
#include "sim/input/topology_keys.h"

static bool read_scope_buses(const struct json_node *node, struct iommu_scope *scope)
{
    if (!json_expect_array(node))
        return false;
    if (json_length(node) != 2) {
        json_error(node, "topology-scope", "\"buses\" holds two bus numbers, the first and the last");
        return false;
    }
    struct json_node item = json_first(node);
    bool good = read_bus(&item, &scope->bus_start);
    json_next(&item);
    good = read_bus(&item, &scope->bus_end) && good;
    if (good && scope->bus_start > scope->bus_end) {
        json_error(node, "topology-scope", "the range of buses ends (%02x) before it begins (%02x)",
                   scope->bus_end, scope->bus_start);
        return false;
    }
    return good;
}

/* A scope: an object, or a function's address as a string. */
static bool read_scope(const struct json_node *node, uint32_t segment, struct iommu_scope *scope)
{
    *scope = (struct iommu_scope){.segment = segment, .kind = SCOPE_FUNCTION};
    if (json_is_string(node))
        return json_node_bdf(node, &scope->segment, &scope->bus, &scope->devfn);
    if (!json_expect_object(node) || !json_check_table(node, &scope_keys))
        return false;
    read_segment(node, &scope->segment);
    struct json_node function = json_member(node, "function"), bridge = json_member(node, "bridge");
    struct json_node buses = json_member(node, "buses");
    if (json_given(&function) + json_given(&bridge) + json_given(&buses) != 1) {
        json_error(node, "topology-scope", "a scope has one of \"function\", \"bridge\" and \"buses\"");
        return false;
    }
    if (json_given(&buses)) {
        scope->kind = SCOPE_BUS_RANGE;
        return read_scope_buses(&buses, scope);
    }
    scope->kind = json_given(&bridge) ? SCOPE_BRIDGE : SCOPE_FUNCTION;
    return json_node_bdf(json_given(&bridge) ? &bridge : &function, &scope->segment, &scope->bus,
                         &scope->devfn);
}

static void read_unit(struct topology_reading *reading, const struct json_node *node, struct iommu_unit *unit)
{
    int kind = IOMMU_NONE;
    const char *name = NULL;
    if (!json_expect_object(node))
        return;
    json_check_table(node, &iommu_keys);
    if (json_require(node, "kind", "\"vt-d\", \"amd-vi\" or \"smmuv3\""))
        json_get_choice(node, "kind", iommu_kind_names + 1, &kind);
    unit->kind = (enum iommu_kind)(kind + 1);
    read_segment(node, &unit->segment);
    json_get_boolean(node, "include_all", &unit->include_all);
    bool remaps = true;
    if (json_get_boolean(node, "interrupt_remapping", &remaps) || !reading->complete)
        unit->interrupt_remapping = remaps ? KNOWN_PRESENT : KNOWN_ABSENT;
    else
        unit->interrupt_remapping = UNKNOWN;
    if (json_get_string(node, "name", &name))
        unit->name = arena_string(reading->arena, name);
    char *pointer = json_pointer(node);
    unit->pointer = arena_string(reading->arena, pointer);
    free(pointer);
    struct json_node parameters = json_member(node, "parameters");
    keep_override(reading, NULL, &parameters, SECTION_IOMMU, NULL);

    struct json_node scopes = json_member(node, "scopes");
    if (!json_given(&scopes) || !json_expect_array(&scopes)) {
        /* Written by hand, a unit without a scope is for everything that no other claims. */
        if (!reading->complete && !json_given(&scopes)) {
            struct json_node all = json_member(node, "include_all");
            unit->include_all |= !json_given(&all);
        }
        return;
    }
    unit->scopes = arena_array(reading->arena, json_length(&scopes), sizeof(*unit->scopes));
    for (struct json_node item = json_first(&scopes); json_given(&item); json_next(&item)) {
        if (read_scope(&item, unit->segment, &unit->scopes[unit->scope_count]))
            unit->scope_count++;
    }
}

void read_units(struct topology_reading *reading, const struct json_node *root)
{
    struct topology *topology = reading->topology;
    struct json_node array = json_member(root, "iommus");
    if (!json_given(&array) || !json_expect_array(&array))
        return;
    topology->units_known = true;
    topology->units = arena_array(reading->arena, json_length(&array), sizeof(*topology->units));
    for (struct json_node node = json_first(&array); json_given(&node); json_next(&node)) {
        struct iommu_unit *unit = &topology->units[topology->unit_count];
        unit->id = topology->unit_count++;
        read_unit(reading, &node, unit);
    }
}

static bool same_scope(const struct iommu_scope *a, const struct iommu_scope *b)
{
    if (a->kind != b->kind || a->segment != b->segment)
        return false;
    if (a->kind == SCOPE_BUS_RANGE)
        return a->bus_start == b->bus_start && a->bus_end == b->bus_end;
    return a->bus == b->bus && a->devfn == b->devfn;
}

/* Two regions of one function may not overlap. (The same region may be stated for several functions.) */
static void check_overlap(const struct topology_reading *reading, const struct json_node *node,
                          const struct reserved_region *region)
{
    for (uint32_t i = 0; i < reading->topology->reserved_count; i++) {
        const struct reserved_region *other = &reading->topology->reserved[i];
        bool both = region->everyone || other->everyone || same_scope(&region->scope, &other->scope);
        if (both && region->base <= other->limit && other->base <= region->limit) {
            json_error(node, "topology-region-overlap", "this reserved region overlaps the one at %s",
                       other->pointer);
            return;
        }
    }
}

static void add_region(struct topology_reading *reading, const struct json_node *node,
                       const struct reserved_region *region, size_t *capacity)
{
    struct topology *topology = reading->topology;
    check_overlap(reading, node, region);
    if (topology->reserved_count == *capacity) {
        struct reserved_region *old = topology->reserved;
        *capacity = *capacity ? *capacity * 2 : 8;
        topology->reserved = arena_array(reading->arena, *capacity, sizeof(*topology->reserved));
        for (uint32_t i = 0; i < topology->reserved_count; i++)
            topology->reserved[i] = old[i];
    }
    topology->reserved[topology->reserved_count++] = *region;
}

static void read_region(struct topology_reading *reading, const struct json_node *node, size_t *capacity)
{
    struct reserved_region region = {.kind = RESERVED_DIRECT};
    int kind = RESERVED_DIRECT;
    if (!json_expect_object(node))
        return;
    json_check_table(node, &region_keys);
    json_get_choice(node, "kind", region_kind_words, &kind);
    region.kind = (enum reserved_kind)kind;
    if (!json_require(node, "base", "first byte of the region") ||
        !json_require(node, "limit", "last byte of the region") ||
        !json_get_address(node, "base", UINT64_MAX, &region.base) ||
        !json_get_address(node, "limit", UINT64_MAX, &region.limit))
        return;
    if (region.base > region.limit)
        json_error(node, "topology-region-bounds", "the reserved region ends before it begins");
    char *pointer = json_pointer(node);
    region.pointer = arena_string(reading->arena, pointer);
    free(pointer);
    json_get_boolean(node, "everyone", &region.everyone);
    struct json_node functions = json_member(node, "functions"), scope = json_member(node, "scope");
    if (region.everyone + json_given(&functions) + json_given(&scope) != 1) {
        json_error(node, "topology-region-scope",
                   "a reserved region has one of \"functions\", \"scope\" and \"everyone\": true");
        return;
    }
    if (region.everyone)
        add_region(reading, node, &region, capacity);
    if (json_given(&scope) && read_scope(&scope, 0, &region.scope))
        add_region(reading, node, &region, capacity);
    if (!json_given(&functions) || !json_expect_array(&functions))
        return;
    for (struct json_node item = json_first(&functions); json_given(&item); json_next(&item)) {
        region.scope = (struct iommu_scope){.kind = SCOPE_FUNCTION};
        if (json_node_bdf(&item, &region.scope.segment, &region.scope.bus, &region.scope.devfn))
            add_region(reading, node, &region, capacity);
    }
}

void read_reserved_regions(struct topology_reading *reading, const struct json_node *root)
{
    size_t capacity = 0;
    struct json_node array = json_member(root, "reserved_regions");
    if (!json_given(&array) || !json_expect_array(&array))
        return;
    for (struct json_node node = json_first(&array); json_given(&node); json_next(&node))
        read_region(reading, &node, &capacity);
}

void read_ivrs_aliases(struct topology_reading *reading, const struct json_node *array)
{
    struct topology *topology = reading->topology;
    if (!json_expect_array(array))
        return;
    topology->ivrs_aliases = arena_array(reading->arena, json_length(array), sizeof(*topology->ivrs_aliases));
    for (struct json_node node = json_first(array); json_given(&node); json_next(&node)) {
        struct ivrs_alias *alias = &topology->ivrs_aliases[topology->ivrs_alias_count];
        uint32_t segment;
        if (!json_expect_object(&node) || !json_check_table(&node, &ivrs_alias_keys) ||
            !json_require(&node, "function", "the address of the function") ||
            !json_require(&node, "alias", "the requester id its DMA carries"))
            continue;
        if (!json_get_bdf(&node, "function", &alias->segment, &alias->bus, &alias->devfn) ||
            !json_get_bdf(&node, "alias", &segment, &alias->alias_bus, &alias->alias_devfn))
            continue;
        if (segment != alias->segment)
            json_error(&node, "topology-alias-segment", "an alias is in the segment of its function");
        topology->ivrs_alias_count++;
    }
}

static int compare_ranges(const void *left, const void *right)
{
    const struct memory_range *a = left, *b = right;
    return a->base < b->base ? -1 : a->base > b->base;
}

void read_memory(struct topology_reading *reading, const struct json_node *root)
{
    struct topology *topology = reading->topology;
    struct json_node array = json_member(root, "memory");
    if (!json_given(&array) || !json_expect_array(&array))
        return;
    topology->memory = arena_array(reading->arena, json_length(&array), sizeof(*topology->memory));
    for (struct json_node node = json_first(&array); json_given(&node); json_next(&node)) {
        struct memory_range range = {0};
        uint64_t size;
        if (!json_expect_object(&node) || !json_check_table(&node, &memory_range_keys) ||
            !json_require(&node, "size", "bytes of RAM, e.g. \"2GiB\""))
            continue;
        bool good = json_get_size(&node, "size", 1, UINT64_C(1) << 52, &size);
        json_get_address(&node, "base", UINT64_C(1) << 52, &range.base);
        json_get_u32(&node, "numa_node", 0, 1023, &range.numa_node);
        if (!good)
            continue;
        range.limit = range.base + size - 1;
        for (uint32_t i = 0; i < topology->memory_count; i++) {
            if (range.base <= topology->memory[i].limit && topology->memory[i].base <= range.limit)
                json_error(&node, "topology-memory-overlap", "this range of RAM overlaps another");
        }
        topology->memory[topology->memory_count++] = range;
    }
    if (topology->memory_count)
        qsort(topology->memory, topology->memory_count, sizeof(*topology->memory), compare_ranges);
}
