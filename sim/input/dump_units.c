/* SPDX-License-Identifier: MIT */
#include "sim/input/dump_units.h"

#include "sim/base/arena.h"
#include "sim/input/dump_running.h"

#include <stdlib.h>

enum { VENDOR_INTEL = 0x8086, CLASS_DISPLAY = 0x03, CLASS_IOMMU = 0x0806, LAST_BUS = 0xff };

/* A reported group and the function the kernel formed it for. */
struct group_start {
    uint32_t group;
    uint32_t function_id;
    uint32_t unit; /* it was formed below, as a place in the table */
};

static int compare_groups(const void *left, const void *right)
{
    const struct group_start *a = left, *b = right;
    return a->group < b->group ? -1 : a->group > b->group;
}

static int compare_starts(const void *left, const void *right)
{
    const struct group_start *a = left, *b = right;
    int groups = compare_groups(left, right);
    if (groups != 0)
        return groups;
    return a->function_id < b->function_id ? -1 : a->function_id > b->function_id;
}

/* Functions that come with their drivers (VFs, those behind a VMD) come after all others. */
static bool is_late(const struct topology *topology, const struct pci_function *function)
{
    const struct host_bridge *bridge =
        &topology->host_bridges[topology->buses[function->bus_id].host_bridge_id];
    return function->is_vf || bridge->vmd_function_id != NONE;
}

/* The first members of the groups, in order of group numbers. Returns how many. */
static uint32_t find_starts(const struct topology *topology, struct group_start *starts)
{
    uint32_t members = 0, count = 0;
    for (uint32_t i = 0; i < topology->function_count; i++) {
        const struct pci_function *function = &topology->functions[i];
        if (function->group_reported && !is_late(topology, function))
            starts[members++] = (struct group_start){.group = function->reported_group, .function_id = i};
    }
    qsort(starts, members, sizeof(*starts), compare_starts);
    for (uint32_t i = 0; i < members; i++) {
        if (i == 0 || starts[i].group != starts[i - 1].group)
            starts[count++] = starts[i];
    }
    return count;
}

static void add_scope(struct iommu_unit *unit, const struct pci_function *function)
{
    for (uint32_t i = 0; i < unit->scope_count; i++) {
        if (unit->scopes[i].segment == function->segment && unit->scopes[i].bus == function->bus &&
            unit->scopes[i].devfn == function->devfn)
            return;
    }
    unit->scopes[unit->scope_count++] =
        (struct iommu_scope){.segment = function->segment,
                             .kind = function_is_bridge(function) ? SCOPE_BRIDGE : SCOPE_FUNCTION,
                             .bus = function->bus,
                             .devfn = function->devfn};
}

/* Where in the table the unit is that the kernel visits as number @p visit. */
static uint32_t table_place(const struct topology *topology, uint32_t visit)
{
    uint32_t special = 0;
    for (uint32_t i = 0; i < topology->unit_count; i++)
        special += !topology->units[i].include_all;
    for (uint32_t i = topology->unit_count, seen = 0; i-- > 0;) {
        if (!topology->units[i].include_all && seen++ == visit)
            return i;
    }
    for (uint32_t i = 0, seen = special; i < topology->unit_count; i++) {
        if (topology->units[i].include_all && seen++ == visit)
            return i;
    }
    return NONE;
}

static bool starts_later(const struct group_start *start, const struct group_start *before)
{
    return start->function_id < before->function_id;
}

/* A function numbered before the one of the group before: the kernel has gone on to its next unit. */
static void set_units_of_groups(const struct topology *topology, struct group_start *starts, uint32_t count)
{
    for (uint32_t i = 0, run = 0; i < count; i++) {
        run += i > 0 && starts_later(&starts[i], &starts[i - 1]);
        starts[i].unit = table_place(topology, run);
    }
}

/* Scopes from ascending runs; false where there are not as many runs as units. All members of a group were
 * below the unit of the first. */
static bool infer_from_groups(struct topology *topology)
{
    struct group_start *starts = memory_array(topology->function_count + 1U, sizeof(*starts));
    uint32_t count = find_starts(topology, starts), runs = count > 0;
    for (uint32_t i = 1; i < count; i++)
        runs += starts_later(&starts[i], &starts[i - 1]);
    bool good = runs == topology->unit_count;
    if (good)
        set_units_of_groups(topology, starts, count);
    for (uint32_t i = 0; good && i < topology->function_count; i++) {
        const struct pci_function *function = &topology->functions[i];
        if (!function->group_reported || is_late(topology, function))
            continue;
        const struct group_start key = {.group = function->reported_group};
        const struct group_start *found = bsearch(&key, starts, count, sizeof(*starts), compare_groups);
        struct iommu_unit *unit = &topology->units[found->unit];
        if (unit->include_all)
            continue;
        if (!unit->scopes)
            unit->scopes = arena_array(topology->arena, topology->function_count, sizeof(*unit->scopes));
        add_scope(unit, topology_root_function(topology, function));
    }
    free(starts);
    return good;
}

/* The unit of its own that Intel graphics has. */
static bool infer_graphics(struct topology *topology)
{
    const struct pci_function *graphics = topology_find(topology, 0, 0, pci_devfn(2, 0));
    if (topology->unit_count == 1)
        return topology->units[0].include_all;
    if (topology->unit_count != 2 || topology->units[0].include_all || !topology->units[1].include_all ||
        !graphics || graphics->vendor != VENDOR_INTEL || graphics->class_code >> 16 != CLASS_DISPLAY)
        return false;
    topology->units[0].scopes = arena_alloc(topology->arena, sizeof(*topology->units[0].scopes));
    add_scope(&topology->units[0], graphics);
    return true;
}

/* The AMD unit whose buses those around @p bus are: it sits on the nearest one before. NONE where there is
 * none
 */
static uint32_t find_amd_unit(const struct dump *dump, uint32_t segment, uint8_t bus)
{
    uint32_t found = NONE;
    for (uint32_t i = 0; i < dump->unit_count; i++) {
        const struct dump_unit *unit = &dump->units[i];
        if (unit->unit.segment == segment && unit->bus <= bus &&
            (found == NONE || unit->bus > dump->units[found].bus))
            found = i;
    }
    return found;
}

/* Is each IOMMU that is there stated, and each function with a group behind one? Otherwise lines are missing.
 */
static bool amd_units_complete(const struct dump *dump, const struct topology *topology)
{
    for (uint32_t i = 0; i < topology->function_count; i++) {
        const struct pci_function *function = &topology->functions[i];
        uint32_t unit = find_amd_unit(dump, function->segment, function->bus);
        if (function->class_code >> 8 == CLASS_IOMMU &&
            (unit == NONE || dump->units[unit].bus != function->bus ||
             dump->units[unit].devfn != function->devfn))
            return false;
        if (function->group_reported && unit == NONE && !is_late(topology, function))
            return false;
    }
    return true;
}

/* Firmware lists what follows the IOMMU's own function; a function before it was listed if it has a group. */
static bool amd_unit_lists(const struct dump_unit *unit, const struct pci_function *function)
{
    return function->segment == unit->unit.segment && function->bus == unit->bus &&
           function->devfn != unit->devfn &&
           (function->group_reported || function->devfn > unit->devfn ||
            pci_slot(function->devfn) != pci_slot(unit->devfn));
}

/* MODEL: the log does not tell the entries of the IVRS table: on its own bus a unit has what follows it, and
 * then all buses up to that of the next. */
static bool infer_amd(const struct dump *dump, struct topology *topology)
{
    if (!amd_units_complete(dump, topology))
        return false;
    for (uint32_t u = 0; u < topology->unit_count; u++) {
        const struct dump_unit *stated = &dump->units[u];
        struct iommu_unit *unit = &topology->units[u];
        unsigned last = stated->bus;
        unit->scopes = arena_array(topology->arena, topology->function_count + 1U, sizeof(*unit->scopes));
        for (uint32_t i = 0; i < topology->function_count; i++) {
            if (amd_unit_lists(stated, &topology->functions[i]))
                add_scope(unit, &topology->functions[i]);
        }
        while (last < LAST_BUS && find_amd_unit(dump, unit->segment, (uint8_t)(last + 1)) == u)
            last++;
        if (last > stated->bus)
            unit->scopes[unit->scope_count++] = (struct iommu_scope){.segment = unit->segment,
                                                                     .kind = SCOPE_BUS_RANGE,
                                                                     .bus_start = (uint8_t)(stated->bus + 1),
                                                                     .bus_end = (uint8_t)last};
    }
    return true;
}

void dump_units_settle(const struct dump *dump, struct topology *topology)
{
    topology->units_known = dump_units_from_running(dump, topology);
    if (topology->units_known)
        return;
    bool known = dump->unit_count > 0;
    topology->units = arena_array(topology->arena, dump->unit_count, sizeof(*topology->units));
    topology->unit_count = (uint32_t)dump->unit_count;
    for (uint32_t i = 0; i < topology->unit_count; i++) {
        topology->units[i] = dump->units[i].unit;
        topology->units[i].id = i;
        topology->units[i].interrupt_remapping = dump->stated.interrupt_remapping;
        known &= dump->units[i].scopes_known;
    }
    bool amd = dump->unit_count && dump->units[0].unit.kind == IOMMU_AMD_VI;
    if (!known && amd)
        known = infer_amd(dump, topology);
    else if (!known && dump->unit_count)
        known = infer_from_groups(topology) || infer_graphics(topology);
    topology->units_known = known;
    if (!topology->units_known)
        topology->unit_count = 0;
}
