/* SPDX-License-Identifier: MIT */
/* What a machine gets back once it went through the builder. */
#include "sim/topology/device_move_internal.h"

#include "sim/base/arena.h"

#include <string.h>

static uint32_t id_of_tag(const struct move *move, const char *tag)
{
    uint32_t low = 0, high = move->from->function_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (move->tags[middle] < tag)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The VF of a PF with a number, or NONE. */
static uint32_t find_vf(const struct topology *topology, uint32_t pf_id, uint32_t number)
{
    for (uint32_t id = 0; id < topology->function_count; id++) {
        const struct pci_function *function = &topology->functions[id];
        if (function->is_vf && function->pf_id == pf_id && function->vf_index == number)
            return id;
    }
    return NONE;
}

/* Addresses are those given anew; what was not in use stays so, and unknown sizes stay unknown. */
static void restore_bars(struct bar *bars, const struct bar *old, unsigned count, bool moved)
{
    for (unsigned i = 0; i < count; i++) {
        struct bar given = bars[i];
        bars[i] = old[i];
        if (is_memory_bar(&old[i]) && old[i].assigned) {
            bars[i].assigned = given.assigned;
            bars[i].address = given.address;
        } else if (moved) {
            bars[i].assigned = false; /* I/O */
        }
    }
}

static void restore_function(const struct move *move, struct pci_function *function)
{
    uint32_t id = id_of_tag(move, function->pointer);
    if (function->is_vf && !move->from->functions[id].is_vf)
        id = find_vf(move->from, id, function->vf_index);
    if (id == NONE) { /* a VF that the input did not show */
        function->pointer = NULL;
        return;
    }
    const struct pci_function *old = &move->from->functions[id];
    struct pci_function given = *function;
    move->known[id] = function->id;
    if (function->is_vf) {
        *function = *old;
        function->id = given.id;
        function->segment = given.segment;
        function->bus = given.bus;
        function->devfn = given.devfn;
        function->bus_id = given.bus_id;
        function->pf_id = given.pf_id;
        function->real_dma_id = given.real_dma_id;
        memcpy(function->bars, given.bars, sizeof(given.bars));
        if (move->moved[id] && move->slot != move->port)
            function->untrusted = move->port->untrusted || move->port->external_facing;
    }
    restore_bars(function->bars, old->bars, BAR_COUNT, move->moved[id]);
    restore_bars(function->sriov.vf_bars, old->sriov.vf_bars, 6, move->moved[id]);
    function->pointer = old->pointer;
    if (!move->moved[id])
        function->io_window = old->io_window;
}

/* A scope that names a function, where that function is now. */
static void follow(const struct move *move, struct iommu_scope *scope)
{
    const struct pci_function *named =
        scope->kind == SCOPE_BUS_RANGE ? NULL
                                       : topology_find(move->from, scope->segment, scope->bus, scope->devfn);
    if (!named || move->known[named->id] == NONE)
        return;
    const struct pci_function *now = &move->to->functions[move->known[named->id]];
    scope->segment = now->segment;
    scope->bus = now->bus;
    scope->devfn = now->devfn;
}

static bool names_moved(const struct move *move, const struct iommu_scope *scope)
{
    const struct pci_function *named =
        scope->kind == SCOPE_BUS_RANGE ? NULL
                                       : topology_find(move->from, scope->segment, scope->bus, scope->devfn);
    return named && move->moved[named->id];
}

/* A bus in its new number: that of any function on it. */
static uint8_t bus_now(const struct move *move, uint32_t segment, uint8_t number)
{
    const struct pci_bus *bus = topology_find_bus(move->from, segment, number);
    if (!bus || bus->function_count == 0 || move->known[bus->functions[0]] == NONE)
        return number;
    return move->to->functions[move->known[bus->functions[0]]].bus;
}

/* Entries of a unit for what is still where it was; see the header. */
static void copy_unit(const struct move *move, const struct iommu_unit *old, struct iommu_unit *unit)
{
    *unit = *old;
    unit->scopes = arena_array(move->to->arena, old->scope_count, sizeof(*unit->scopes));
    unit->scope_count = 0;
    for (uint32_t i = 0; i < old->scope_count; i++) {
        if (move->slot != move->port && names_moved(move, &old->scopes[i]))
            continue;
        unit->scopes[unit->scope_count] = old->scopes[i];
        follow(move, &unit->scopes[unit->scope_count++]);
    }
}

static void copy_firmware(const struct move *move)
{
    const struct topology *from = move->from;
    struct topology *to = move->to;
    to->unit_count = from->unit_count;
    to->units = arena_array(to->arena, from->unit_count, sizeof(*to->units));
    for (uint32_t i = 0; i < from->unit_count; i++)
        copy_unit(move, &from->units[i], &to->units[i]);
    to->reserved_count = from->reserved_count;
    to->reserved = arena_array(to->arena, from->reserved_count, sizeof(*to->reserved));
    for (uint32_t i = 0; i < from->reserved_count; i++) {
        to->reserved[i] = from->reserved[i];
        if (!to->reserved[i].everyone)
            follow(move, &to->reserved[i].scope);
    }
    to->ivrs_alias_count = from->ivrs_alias_count;
    to->ivrs_aliases = arena_array(to->arena, from->ivrs_alias_count, sizeof(*to->ivrs_aliases));
    for (uint32_t i = 0; i < from->ivrs_alias_count; i++) {
        struct ivrs_alias alias = from->ivrs_aliases[i];
        to->ivrs_aliases[i] = alias;
        to->ivrs_aliases[i].bus = bus_now(move, alias.segment, alias.bus);
        to->ivrs_aliases[i].alias_bus = bus_now(move, alias.segment, alias.alias_bus);
    }
}

void device_move_restore(struct move *move)
{
    for (uint32_t id = 0; id < move->to->function_count; id++)
        restore_function(move, &move->to->functions[id]);
    copy_firmware(move);
}
