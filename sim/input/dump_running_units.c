/* SPDX-License-Identifier: MIT */
#include "sim/base/arena.h"
#include "sim/input/dump_running.h"

#include <stdlib.h>
#include <string.h>

enum { VMD_SEGMENT = 0x10000 };

/* unit_of[function id]: index among the covered units, or NONE */
static void find_members(const struct dump *dump, const struct topology *topology, uint32_t *unit_of)
{
    for (uint32_t i = 0; i < topology->function_count; i++)
        unit_of[i] = NONE;
    for (size_t u = 0; u < dump->covered_count; u++) {
        for (size_t m = 0; m < dump->covered[u].member_count; m++) {
            const struct dump_member *member = &dump->covered[u].members[m];
            const struct pci_function *function =
                topology_find(topology, member->segment, member->bus, member->devfn);
            if (function)
                unit_of[function->id] = (uint32_t)u;
        }
    }
}

/* Behind a VMD all DMA is the VMD endpoint's, and VFs are looked up through their PF: neither is named in a
 * table. */
static bool is_named(const struct pci_function *function)
{
    return function->segment < VMD_SEGMENT && !function->is_vf;
}

/* Add what the unit translates for, but for what is below a bridge that was added. */
static void add_scopes(const struct topology *topology, const uint32_t *unit_of, uint32_t covered,
                       struct iommu_unit *unit)
{
    unit->scopes = arena_array(topology->arena, topology->function_count, sizeof(*unit->scopes));
    for (uint32_t i = 0; i < topology->function_count; i++) {
        const struct pci_function *function = &topology->functions[i];
        const struct pci_function *parent = topology_parent(topology, function);
        if (unit_of[i] != covered || !is_named(function) || (parent && unit_of[parent->id] == covered))
            continue;
        unit->scopes[unit->scope_count++] =
            (struct iommu_scope){.segment = function->segment,
                                 .kind = function_is_bridge(function) ? SCOPE_BRIDGE : SCOPE_FUNCTION,
                                 .bus = function->bus,
                                 .devfn = function->devfn};
    }
}

/* The flag a kernel log states for the unit's registers. */
static bool flag_stated(const struct dump *dump, const struct dump_covered_unit *covered, bool *include_all)
{
    for (size_t i = 0; i < dump->unit_count && covered->base; i++) {
        if (dump->units[i].base == covered->base) {
            *include_all = dump->units[i].unit.include_all;
            return true;
        }
    }
    return false;
}

static bool all_covered(const struct topology *topology, const uint32_t *unit_of, uint32_t segment)
{
    for (uint32_t i = 0; i < topology->function_count; i++) {
        const struct pci_function *function = &topology->functions[i];
        if (function->segment == segment && is_named(function) && unit_of[i] == NONE)
            return false;
    }
    return true;
}

static void set_include_all(const struct dump *dump, struct topology *topology, const uint32_t *unit_of,
                            const struct dump_covered_unit *const *covered)
{
    for (uint32_t i = 0; i < topology->unit_count; i++) {
        struct iommu_unit *unit = &topology->units[i];
        bool last = true;
        for (uint32_t j = i + 1; j < topology->unit_count; j++)
            last &= topology->units[j].segment != unit->segment;
        if (unit->kind != IOMMU_VT_D)
            continue;
        if (!flag_stated(dump, covered[i], &unit->include_all))
            unit->include_all = last && all_covered(topology, unit_of, unit->segment);
        if (unit->include_all)
            unit->scope_count = 0;
    }
}

static int compare_order(const void *left, const void *right)
{
    const struct dump_covered_unit *a = *(const struct dump_covered_unit *const *)left;
    const struct dump_covered_unit *b = *(const struct dump_covered_unit *const *)right;
    return a->order < b->order ? -1 : a->order > b->order;
}

bool dump_units_from_running(const struct dump *dump, struct topology *topology)
{
    if (!dump->covered_count)
        return false;
    uint32_t *unit_of = memory_array(topology->function_count, sizeof(*unit_of));
    const struct dump_covered_unit **covered =
        memory_array(dump->covered_count, sizeof(const struct dump_covered_unit *));
    for (size_t i = 0; i < dump->covered_count; i++)
        covered[i] = &dump->covered[i];
    qsort(covered, dump->covered_count, sizeof(const struct dump_covered_unit *), compare_order);
    find_members(dump, topology, unit_of);
    topology->units = arena_array(topology->arena, dump->covered_count, sizeof(*topology->units));
    topology->unit_count = 0;
    for (size_t i = 0; i < dump->covered_count; i++) {
        struct iommu_unit unit = {.id = topology->unit_count,
                                  .kind = covered[i]->kind,
                                  .interrupt_remapping = dump->stated.interrupt_remapping == UNKNOWN
                                                             ? covered[i]->interrupt_remapping
                                                             : dump->stated.interrupt_remapping,
                                  .name = covered[i]->name};
        add_scopes(topology, unit_of, (uint32_t)(covered[i] - dump->covered), &unit);
        if (unit.scope_count == 0)
            continue; /* it translates for nobody that is there */
        unit.segment = unit.scopes[0].segment;
        covered[topology->unit_count] = covered[i];
        topology->units[topology->unit_count++] = unit;
    }
    set_include_all(dump, topology, unit_of, covered);
    free(covered);
    free(unit_of);
    return topology->unit_count > 0;
}
