/* SPDX-License-Identifier: MIT */
#include "sim/topology/device_move.h"

#include "sim/base/arena.h"
#include "sim/topology/device_move_internal.h"

#include <assert.h>
#include <string.h>

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
    to->stated = from->stated;
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
        .host = topology->buses[topology->functions[port_id].bus_id].host_bridge_id,
        .builder = topology_builder_new(),
        .index = no_ids(scratch, topology->function_count),
        .tags = make_tags(topology, scratch),
    };
    assert(move.slot); /* device_move_check() said so */
    move.moved = mark_moved(topology, move.slot, scratch);
    move.renumber = must_renumber(&move);
    copy_platform(topology, topology_builder_topology(move.builder));
    device_move_build(&move);
    move.to = finish(move.builder, diagnostics);
    if (move.to) {
        move.known = no_ids(move.to->arena, topology->function_count);
        device_move_restore(&move);
        *known = move.known;
    }
    arena_free(scratch);
    return move.to;
}
