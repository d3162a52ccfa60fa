/* SPDX-License-Identifier: MIT */
/* Everything goes through the builder once more. What it is to decide anew is taken out before, what it does
 * not carry is put back afterwards; a function is recognised by its pointer string, of which each gets a copy
 * of its own. */
#include "sim/topology/device_move.h"

#include "sim/base/arena.h"
#include "sim/topology/builder_internal.h"

#include <stdlib.h>
#include <string.h>

enum { GUESSED_BAR_BYTES = 4096 };

struct move {
    const struct topology *from;
    const struct pci_function *slot, *port; /* the ports it leaves and goes to */
    const bool *moved;                      /* [id] part of the device */
    bool renumber;                          /* buses below the new port's host bridge */
    uint32_t host;                          /* that host bridge */
    struct topology_builder *builder;
    uint32_t *index; /* [id] in the builder; NONE: left to it (VFs) */
    char **tags;     /* [id] pointer strings, ascending in memory */
    struct topology *to;
    uint32_t *known;
};

const struct pci_function *device_move_slot(const struct topology *topology,
                                            const struct pci_function *function)
{
    const struct pci_function *parent = topology_parent(topology, function);
    bool link = parent &&
                (function_is_type(parent, PCIE_ROOT_PORT) || function_is_type(parent, PCIE_DOWNSTREAM_PORT));
    return link && !function->is_vf ? parent : NULL;
}

static uint32_t functions_below(const struct topology *topology, const struct pci_function *port)
{
    return port->secondary_bus_id == NONE ? 0 : topology->buses[port->secondary_bus_id].function_count;
}

enum move_obstacle device_move_check(const struct topology *topology, const struct pci_function *function,
                                     const struct pci_function *port)
{
    const struct pci_function *slot = device_move_slot(topology, function);
    if (!slot)
        return MOVE_NOT_IN_SLOT;
    if (!function_is_type(port, PCIE_ROOT_PORT) && !function_is_type(port, PCIE_DOWNSTREAM_PORT))
        return MOVE_NO_PORT;
    if (port == slot)
        return MOVE_POSSIBLE;
    if (topology_is_ancestor(topology, slot, port))
        return MOVE_BELOW_ITSELF;
    return functions_below(topology, port) ? MOVE_PORT_TAKEN : MOVE_POSSIBLE;
}

const char *move_obstacle_text(enum move_obstacle obstacle)
{
    static const char *const texts[] = {
        [MOVE_POSSIBLE] = "nothing is in the way",
        [MOVE_NOT_IN_SLOT] =
            "it is in no slot: what is above it is no root port or downstream port of a switch",
        [MOVE_NO_PORT] = "it is neither a root port nor a downstream port of a switch",
        [MOVE_PORT_TAKEN] = "another device is below it",
        [MOVE_BELOW_ITSELF] = "it is part of what is to be moved",
    };
    return texts[obstacle];
}

static const bool *mark_moved(const struct topology *topology, const struct pci_function *slot,
                              struct arena *arena)
{
    bool *moved = arena_array(arena, topology->function_count, sizeof(*moved));
    for (uint32_t id = 0; id < topology->function_count; id++) {
        const struct pci_function *function = &topology->functions[id];
        const struct pci_function *from =
            function->is_vf && function->pf_id != NONE ? &topology->functions[function->pf_id] : function;
        moved[id] = from != slot && topology_is_ancestor(topology, slot, from);
    }
    return moved;
}

/* Bus numbers from that below the slot to the last the device uses. */
static unsigned buses_needed(const struct move *move)
{
    unsigned last = move->slot->secondary_bus;
    for (uint32_t id = 0; id < move->from->function_count; id++) {
        const struct pci_function *function = &move->from->functions[id];
        if (!move->moved[id])
            continue;
        last = function->bus > last ? function->bus : last;
        if (function_is_bridge(function) && function->subordinate_bus > last)
            last = function->subordinate_bus;
    }
    return last - move->slot->secondary_bus + 1U;
}

static bool must_renumber(const struct move *move)
{
    const struct pci_function *port = move->port;
    return port->secondary_bus == 0 ||
           buses_needed(move) > (unsigned)port->subordinate_bus - port->secondary_bus + 1U;
}

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
    function.config = NULL;
    function.config_length = 0;
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

/* One string a function, all in one piece of memory. */
static char **make_tags(const struct topology *topology, struct arena *arena)
{
    size_t total = 0;
    for (uint32_t id = 0; id < topology->function_count; id++) {
        const char *pointer = topology->functions[id].pointer;
        total += (pointer ? strlen(pointer) : 0) + 1;
    }
    char **tags = arena_array(arena, topology->function_count + 1U, sizeof(*tags));
    char *at = arena_alloc(arena, total);
    for (uint32_t id = 0; id < topology->function_count; id++) {
        const char *pointer = topology->functions[id].pointer;
        tags[id] = at;
        at = stpcpy(at, pointer ? pointer : "") + 1;
    }
    return tags;
}

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
    function->config = old->config;
    function->config_length = old->config_length;
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

/* What the builder has no opinion on. */
static void copy_platform(const struct topology *from, struct topology *to)
{
    to->name = from->name;
    to->source = from->source;
    to->units_known = from->units_known;
    to->memory = from->memory;
    to->memory_count = from->memory_count;
    to->acs_state = from->acs_state;
    to->rcba_enabled = from->rcba_enabled;
    to->root_complex_peer_to_peer = from->root_complex_peer_to_peer;
    to->cmdline = from->cmdline;
}

/* Finish the builder. What it warns about is how the machine was before, too. */
static struct topology *finish(struct topology_builder *builder, struct diagnostics *diagnostics)
{
    struct diagnostics *own = diagnostics_new(20);
    struct topology *topology = topology_builder_finish(builder, NULL, NULL, own);
    for (size_t i = 0; i < diagnostics_count(own) && !topology; i++) {
        struct diagnostic_finding finding = diagnostics_get(own, i);
        if (finding.severity == DIAGNOSTIC_ERROR)
            diagnostics_report(diagnostics, DIAGNOSTIC_ERROR, NULL, DIAGNOSTIC_NO_OFFSET, NULL, finding.code,
                               "%s", finding.message);
    }
    diagnostics_free(own);
    return topology;
}

static uint32_t *no_ids(struct arena *arena, uint32_t count)
{
    uint32_t *ids = arena_array(arena, count, sizeof(*ids));
    for (uint32_t i = 0; i < count; i++)
        ids[i] = NONE;
    return ids;
}

struct topology *device_move(const struct topology *topology, uint32_t device_id, uint32_t port_id,
                             const uint32_t **known, struct diagnostics *diagnostics)
{
    struct arena *scratch = arena_new();
    struct move move = {
        .from = topology,
        .slot = device_move_slot(topology, &topology->functions[device_id]),
        .port = &topology->functions[port_id],
        .host = host_of(topology, &topology->functions[port_id]),
        .builder = topology_builder_new(),
        .index = no_ids(scratch, topology->function_count),
        .tags = make_tags(topology, scratch),
    };
    move.moved = mark_moved(topology, move.slot, scratch);
    move.renumber = must_renumber(&move);
    copy_platform(topology, topology_builder_topology(move.builder));
    add_hosts(&move);
    add_functions(&move);
    move.to = finish(move.builder, diagnostics);
    if (move.to) {
        move.known = no_ids(move.to->arena, topology->function_count);
        for (uint32_t id = 0; id < move.to->function_count; id++)
            restore_function(&move, &move.to->functions[id]);
        copy_firmware(&move);
        *known = move.known;
    }
    arena_free(scratch);
    return move.to;
}
