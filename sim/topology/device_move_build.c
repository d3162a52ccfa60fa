/* SPDX-License-Identifier: MIT */
/* What a machine becomes before it goes through the builder again. */
#include "sim/topology/device_move_internal.h"

enum { GUESSED_BAR_BYTES = 4096 };

static uint32_t host_of(const struct topology *topology, const struct pci_function *function)
{
    return topology->buses[function->bus_id].host_bridge_id;
}

/* Is the place of this function numbered anew? What moves goes to the new port's host bridge. */
static bool renumbered(const struct move *move, uint32_t id)
{
    return move->renumber &&
           (move->moved[id] || host_of(move->from, &move->from->functions[id]) == move->host);
}

/* A bus number of the device in its new place, where numbers stay. */
static uint8_t shifted(const struct move *move, uint8_t bus)
{
    return bus ? (uint8_t)(bus - move->slot->secondary_bus + move->port->secondary_bus) : 0;
}

/* BARs the builder is to place: those that had an address. */
static void forget_bars(struct bar *bars, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct bar *bar = &bars[i];
        if (!is_memory_bar(bar) || !bar->assigned)
            bar->kind = BAR_NONE;
        bar->assigned = false;
        bar->address = 0;
        if (bar->size == 0)
            bar->size = GUESSED_BAR_BYTES;
    }
}

static unsigned lesser(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* The link both ends agree on. Unknown stays unknown. */
static struct link_state trained(const struct link_state *own, const struct link_state *other)
{
    struct link_state link = *own;
    link.generation = (uint8_t)lesser(own->maximum_generation, other->maximum_generation);
    link.width = (uint8_t)lesser(own->maximum_width, other->maximum_width);
    return link;
}

/* What the move does to a function itself: links train anew, ports are switched on. */
static void change_function(const struct move *move, struct pci_function *function)
{
    const struct topology *from = move->from;
    const struct pci_bus *bus = &from->buses[move->slot->secondary_bus_id];
    const struct pci_function *device = &from->functions[bus->functions[0]];
    const struct pci_function *old = &from->functions[function->id];
    if (move->slot == move->port)
        return;
    if (old == move->port)
        function->link = trained(&move->port->link, &device->link);
    else if (old == move->slot)
        function->link.generation = function->link.width = 0;
    else if (move->moved[old->id] && old->bus_id == bus->id)
        function->link = trained(&old->link, &move->port->link);
    /* The kernel enables the bridges above what it enables (pci_enable_bridge()). */
    if (topology_is_ancestor(from, old, move->port))
        function->memory_space = function->bus_master = true;
    if (move->moved[old->id])
        function->untrusted = move->port->untrusted || move->port->external_facing;
}

static struct placement place(const struct move *move, struct pci_function *function, uint32_t id)
{
    const struct topology *from = move->from;
    bool anew = renumbered(move, id);
    const struct pci_function *parent = topology_parent(from, function);
    struct placement placement = {
        .host_bridge = move->moved[id] ? move->host : host_of(from, function),
        .parent = parent ? move->index[parent->id] : NONE,
        .multifunction_known = true,
        .bus_numbers_known = true,
        .address_known = true,
    };
    if (move->moved[id]) {
        function->segment = move->port->segment;
        function->bus = shifted(move, function->bus);
        function->secondary_bus = shifted(move, function->secondary_bus);
        function->subordinate_bus = shifted(move, function->subordinate_bus);
        if (parent == move->slot)
            placement.parent = move->index[move->port->id];
    }
    if (function->is_vf) {
        placement.host_bridge = placement.parent = NONE;
        return placement;
    }
    if (anew) {
        placement.address_known = false;
        placement.devfn_known = true;
        /* Bridges that had no number get none, but for the goal. */
        placement.bus_numbers_known = from->functions[id].secondary_bus == 0 && id != move->port->id;
    }
    return placement;
}

static void add_function(struct move *move, uint32_t id)
{
    struct pci_function function = move->from->functions[id];
    move->index[id] = NONE;
    if (function.is_vf && function.pf_id != NONE && renumbered(move, function.pf_id))
        return; /* the builder makes it where its PF will be */
    change_function(move, &function);
    struct placement placement = place(move, &function, id);
    forget_bars(function.bars, BAR_COUNT);
    forget_bars(function.sriov.vf_bars, 6);
    function.memory_window.open = function.prefetchable_window.open = function.io_window.open = false;
    function.pointer = move->tags[id];
    function.real_dma_id = NONE;
    function.is_vf = false;
    function.pf_id = NONE;
    function.secondary_bus_id = NONE;
    move->index[id] = topology_builder_add(move->builder, &function, placement);
}

static void add_hosts(struct move *move)
{
    for (uint32_t i = 0; i < move->from->host_bridge_count; i++) {
        struct host_bridge host = move->from->host_bridges[i];
        host.windows = NULL;
        host.window_count = 0;
        if (i == move->host && move->renumber && host.vmd_function_id == NONE)
            host.bus_end = 0; /* up to the next one: what was the last bus in use may not be */
        topology_builder_add_host_bridge(move->builder, &host);
    }
}

/* Parents come before what is below them, PFs before their VFs - but not the new port before the device. */
static void add_functions(struct move *move)
{
    for (unsigned pass = 0; pass < 2; pass++) {
        for (uint32_t id = 0; id < move->from->function_count; id++) {
            if (move->moved[id] == (pass == 1))
                add_function(move, id);
        }
    }
    for (uint32_t i = 0; i < move->from->host_bridge_count; i++) {
        uint32_t vmd = move->from->host_bridges[i].vmd_function_id;
        if (vmd != NONE)
            topology_builder_set_vmd(move->builder, i, move->index[vmd]);
    }
}

void device_move_build(struct move *move)
{
    add_hosts(move);
    add_functions(move);
}
