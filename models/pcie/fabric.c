/* SPDX-License-Identifier: MIT */
#include "models/pcie/fabric.h"

#include "models/pcie/fabric_acs.h"
#include "models/pcie/fabric_claims.h"
#include "sim/base/arena.h"

enum { UNKNOWN_BAR_BYTES = 4096, UNKNOWN_PORT_COUNT = 4, BASE_ADDRESSES = BAR_ROM };

/** Port Number of Link Capabilities, by which egress vectors select ports. */
static uint16_t port_number(const struct pci_function *function)
{
    if (function->port_number)
        return (uint16_t)(function->port_number - 1);
    /* MODEL: where nobody told them, ports are taken to be numbered like their devices. */
    return (uint16_t)pci_slot(function->devfn);
}

/** By which bit the egress vectors of its peers select @p function of the device of @p device_of (the PF of a
 * VF, else itself). */
static uint16_t egress_index(const struct topology *topology, const struct pci_function *function,
                             const struct pci_function *device_of, bool port)
{
    if (port)
        return port_number(function);
    uint8_t devfn_0 = device_of->ari ? 0 : pci_devfn(pci_slot(device_of->devfn), 0);
    const struct pci_function *function_0 =
        topology_find(topology, device_of->segment, device_of->bus, devfn_0);
    if (function_0 && function_0->ari_acs_groups)
        return function->ari_function_group;
    if (function->bus != device_of->bus)
        return NO_EGRESS_INDEX; /* VFs beyond the first bus number: vectors end at 255 */
    return function->ari ? function->devfn : (uint16_t)pci_func(function->devfn);
}

/** The bus a function's transactions start on: buses that only hold VFs are part of the bus above. */
static uint32_t home_bus(const struct topology *topology, const struct pci_function *function)
{
    if (function->is_vf && function->pf_id != NONE)
        function = &topology->functions[function->pf_id];
    uint32_t bus_id = function->bus_id;
    while (topology->buses[bus_id].self_id == NONE && topology->buses[bus_id].parent_id != NONE)
        bus_id = topology->buses[bus_id].parent_id;
    return bus_id;
}

static enum fabric_node_kind node_kind(const struct pci_function *function)
{
    if (function->header_type == 0)
        return NODE_ENDPOINT;
    if (function_is_type(function, PCIE_ROOT_PORT) || function_is_type(function, PCIE_DOWNSTREAM_PORT))
        return NODE_PORT;
    return function_is_type(function, PCIE_UPSTREAM_PORT) ? NODE_UPSTREAM_PORT : NODE_BRIDGE;
}

/** Who owns what comes from below @p function, whose bridge above is @p parent (or NULL). */
static enum fabric_ownership node_ownership(const struct pci_function *function,
                                            const struct pci_function *parent)
{
    if (function->header_type == 0)
        return OWNER_REQUESTER;
    /* ASPEED's bridge keeps the ids from below (drivers/pci/quirks.c, BRIDGE_NO_ALIAS). */
    if (function->vendor == 0x1a03 && function->device == 0x1150)
        return OWNER_REQUESTER;
    if (function->pcie) {
        if (function->pcie_type == PCIE_TO_PCI_BRIDGE)
            return OWNER_SECONDARY;
        return function->pcie_type == PCI_TO_PCIE_BRIDGE ? OWNER_SELF : OWNER_REQUESTER;
    }
    /* A bridge right below a PCI Express link is a PCIe-to-PCI bridge, even if it does not say so. */
    bool below_link = parent && parent->pcie && parent->pcie_type != PCIE_TO_PCI_BRIDGE;
    return below_link ? OWNER_SECONDARY : OWNER_SELF;
}

static void set_window(uint64_t out[2], const struct window *window, bool enabled)
{
    bool open = enabled && window->open && window->base <= window->limit;
    out[0] = open ? window->base : UINT64_MAX;
    out[1] = open ? window->limit : 0;
}

static void make_node(const struct topology *topology, const struct pci_function *function,
                      const uint16_t *acs_control, struct fabric_node *node)
{
    const struct pci_function *slot_of = function;
    if (function->is_vf && function->pf_id != NONE)
        slot_of = &topology->functions[function->pf_id];
    node->bus_id = home_bus(topology, function);
    node->parent_id = topology->buses[node->bus_id].self_id;
    node->below_id = function->header_type ? function->secondary_bus_id : NONE;
    /* MODEL: a VF that shows no ACS capability has its PF's: what routes between them is the device's. */
    const struct pci_function *acs_of = function->acs.present ? function : slot_of;
    node->acs_control = acs_control[acs_of->id];
    node->acs_capability = acs_of->acs.capability;
    node->acs_present = acs_of->acs.present;
    node->acs_hidden = acs_of->acs_unknown || acs_of->pcie_unknown;
    node->peer_decode_off = !node->acs_present || acs_isolates_anyway(topology, function);
    node->acs = &acs_of->acs;
    node->kind = node_kind(function);
    node->egress_index = egress_index(topology, function, slot_of, node->kind == NODE_PORT);
    node->ownership =
        node_ownership(function, node->parent_id == NONE ? NULL : &topology->functions[node->parent_id]);
    node->requester_id = pci_requester_id(function->bus, function->devfn);
    node->slot = (uint16_t)pci_slot(slot_of->devfn);
    node->routes_no_atomics = function_is_pcie_port(function) && function->no_atomic_routing;
    node->blocks_atomics = function_is_pcie_port(function) && function->atomic_egress_blocking;
    node->secondary = function->secondary_bus;
    node->subordinate = function->subordinate_bus;
    bool forwards = node->below_id != NONE && function->memory_space;
    set_window(node->windows[0], &function->memory_window, forwards);
    set_window(node->windows[1], &function->prefetchable_window, forwards);
    set_window(node->io_window, &function->io_window, node->below_id != NONE && !function->io_space_disabled);
}

/** BAR @p index of @p function as it decodes in memory (or @p io) space. @return false where it does not */
static bool bar_decodes(const struct topology *topology, const struct pci_function *function, unsigned index,
                        bool io, struct fabric_bar *out)
{
    const struct bar *bar = &function->bars[index];
    if (!bar->assigned || bar->kind == BAR_NONE || (bar->kind == BAR_IO) != io)
        return false;
    /* A VF has no Memory Space Enable of its own: the SR-IOV capability of the PF decides. */
    bool enabled = io ? !function->io_space_disabled
                   : function->is_vf && function->pf_id != NONE
                       ? topology->functions[function->pf_id].sriov.enabled
                       : function->memory_space;
    if (!enabled)
        return false;
    uint64_t size = bar->size ? bar->size : io ? UNKNOWN_PORT_COUNT : UNKNOWN_BAR_BYTES;
    uint64_t limit = bar->address + (size - 1);
    if (limit < bar->address)
        limit = UINT64_MAX;
    *out = (struct fabric_bar){bar->address, limit, (uint8_t)index};
    return true;
}

/** Collect the BARs of all functions in one space. @return the array that the nodes point into */
static struct fabric_bar *collect_bars(struct fabric *fabric, struct arena *arena, bool io)
{
    const struct topology *topology = fabric->topology;
    struct fabric_bar bar, *bars;
    uint32_t count = 0;
    for (uint32_t i = 0; i < topology->function_count; i++) {
        for (unsigned b = 0; b < BASE_ADDRESSES; b++)
            count += bar_decodes(topology, &topology->functions[i], b, io, &bar);
    }
    bars = arena_array(arena, count, sizeof(bars[0]));
    count = 0;
    for (uint32_t i = 0; i < topology->function_count; i++) {
        struct fabric_node *node = &fabric->nodes[i];
        uint32_t first = count;
        for (unsigned b = 0; b < BASE_ADDRESSES; b++)
            count += bar_decodes(topology, &topology->functions[i], b, io, &bars[count]);
        *(io ? &node->io_first : &node->bar_first) = first;
        *(io ? &node->io_count : &node->bar_count) = count - first;
    }
    return bars;
}

/**
 * Bridges whose bus below is in PCI-X mode pass on the ids of what they need not complete.
 * MODEL: the bus is in PCI-X mode where the bridge and all functions on it have a PCI-X capability (the bus
 * falls back to conventional PCI for a single function without, PCI-X Addendum 2.0, 6.1). Bridges may also
 * take ownership of everything (Bridge Spec 2.3).
 */
static void find_pcix_buses(struct fabric *fabric)
{
    const struct topology *topology = fabric->topology;
    for (uint32_t i = 0; i < topology->function_count; i++) {
        struct fabric_node *node = &fabric->nodes[i];
        if (node->ownership != OWNER_SECONDARY || node->below_id == NONE || !topology->functions[i].pcix)
            continue;
        const struct pci_bus *bus = &topology->buses[node->below_id];
        bool pcix = bus->function_count > 0;
        for (uint32_t f = 0; f < bus->function_count; f++)
            pcix &= topology->functions[bus->functions[f]].pcix;
        if (pcix)
            node->ownership = OWNER_SPLIT;
    }
}

static enum fabric_bus_kind bus_kind(const struct topology *topology, const struct pci_bus *bus)
{
    if (bus->self_id == NONE)
        return bus->parent_id == NONE ? BUS_ROOT : BUS_LINK;
    const struct pci_function *self = &topology->functions[bus->self_id];
    if (!self->pcie || self->pcie_type == PCIE_TO_PCI_BRIDGE)
        return BUS_SHARED;
    return self->pcie_type == PCIE_UPSTREAM_PORT ? BUS_INTERNAL : BUS_LINK;
}

/** The tables under construction of one bus. */
struct tables {
    struct claims_builder address, io, id;
};

static void add_ids(const struct topology *topology, const struct pci_function *function,
                    const struct fabric_node *node, struct claims_builder *ids)
{
    uint64_t segment = (uint64_t)function->segment << 16;
    claims_add(ids, segment | node->requester_id, segment | node->requester_id, function->id);
    if (node->below_id != NONE && node->kind != NODE_VMD && node->secondary != 0)
        claims_add(ids, segment | (uint64_t)node->secondary << 8,
                   segment | (uint64_t)node->subordinate << 8 | 0xff, function->id);
    for (uint32_t i = 0; i < function->alias_count; i++) {
        uint8_t devfn = function->alias_devfns[i];
        uint64_t id = segment | pci_requester_id(function->bus, devfn);
        if (!topology_find(topology, function->segment, function->bus, devfn))
            claims_add(ids, id, id, function->id);
    }
}

static void add_claims(const struct fabric *fabric, uint32_t function_id, struct tables *tables)
{
    const struct fabric_node *node = &fabric->nodes[function_id];
    for (uint32_t b = 0; b < node->bar_count; b++) {
        const struct fabric_bar *bar = &fabric->bars[node->bar_first + b];
        claims_add(&tables->address, bar->base, bar->limit, function_id);
    }
    for (uint32_t b = 0; b < node->io_count; b++) {
        const struct fabric_bar *bar = &fabric->io_bars[node->io_first + b];
        claims_add(&tables->io, bar->base, bar->limit, function_id);
    }
    for (int w = 0; w < 2; w++)
        claims_add(&tables->address, node->windows[w][0], node->windows[w][1], function_id);
    claims_add(&tables->io, node->io_window[0], node->io_window[1], function_id);
    add_ids(fabric->topology, &fabric->topology->functions[function_id], node, &tables->id);
}

static bool is_common_root(const struct fabric_bus *bus)
{
    return bus->kind == BUS_ROOT && bus->vmd_function_id == NONE;
}

/** Fill the tables of every bus; @p next chains the functions of a bus, from @p first of the bus. */
static void make_tables(struct fabric *fabric, struct arena *arena, struct arena *scratch,
                        const uint32_t *first, const uint32_t *next)
{
    const struct topology *topology = fabric->topology;
    struct tables root = {{.scratch = scratch}, {.scratch = scratch}, {.scratch = scratch}};
    struct tables local = root;
    for (uint32_t b = 0; b < topology->bus_count; b++) {
        struct fabric_bus *bus = &fabric->buses[b];
        struct tables *tables = is_common_root(bus) ? &root : &local;
        for (uint32_t f = first[b]; f != NONE; f = next[f])
            add_claims(fabric, f, tables);
        if (tables == &local) {
            bus->address = claims_finish(&local.address, arena);
            bus->io = claims_finish(&local.io, arena);
            bus->id = claims_finish(&local.id, arena);
        }
    }
    for (uint32_t h = 0; h < topology->host_bridge_count; h++) {
        const struct host_bridge *host = &topology->host_bridges[h];
        for (uint32_t w = 0; host->vmd_function_id == NONE && w < host->window_count; w++)
            claims_add(&root.address, host->windows[w].base, host->windows[w].limit, NONE);
    }
    fabric->root_address = claims_finish(&root.address, arena);
    fabric->root_io = claims_finish(&root.io, arena);
    fabric->root_id = claims_finish(&root.id, arena);
    for (uint32_t b = 0; b < topology->bus_count; b++) {
        if (is_common_root(&fabric->buses[b])) {
            fabric->buses[b].address = fabric->root_address;
            fabric->buses[b].io = fabric->root_io;
            fabric->buses[b].id = fabric->root_id;
        }
    }
}

static void make_buses(struct fabric *fabric, struct arena *arena)
{
    const struct topology *topology = fabric->topology;
    struct arena *scratch = arena_new();
    uint32_t *first = arena_array(scratch, topology->bus_count, sizeof(first[0]));
    uint32_t *next = arena_array(scratch, topology->function_count, sizeof(next[0]));
    for (uint32_t b = 0; b < topology->bus_count; b++) {
        struct fabric_bus *bus = &fabric->buses[b];
        bus->kind = bus_kind(topology, &topology->buses[b]);
        bus->self_id = topology->buses[b].self_id;
        bus->host_bridge_id = topology->buses[b].host_bridge_id;
        bus->vmd_function_id = NONE;
        first[b] = NONE;
    }
    for (uint32_t h = 0; h < topology->host_bridge_count; h++) {
        const struct host_bridge *host = &topology->host_bridges[h];
        if (host->vmd_function_id == NONE || host->root_bus_id == NONE)
            continue;
        fabric->buses[host->root_bus_id].vmd_function_id = host->vmd_function_id;
        fabric->nodes[host->vmd_function_id].kind = NODE_VMD;
        fabric->nodes[host->vmd_function_id].below_id = host->root_bus_id;
    }
    for (uint32_t f = topology->function_count; f-- > 0;) {
        uint32_t bus_id = fabric->nodes[f].bus_id;
        next[f] = first[bus_id];
        first[bus_id] = f;
    }
    make_tables(fabric, arena, scratch, first, next);
    arena_free(scratch);
}

/** True where @p address is claimed by the function itself and, bus by bus, by the bridges above it. */
static bool claimed_all_the_way(const struct fabric *fabric, uint32_t function_id, uint64_t address)
{
    for (uint32_t id = function_id; id != NONE; id = fabric->nodes[id].parent_id) {
        const struct fabric_bus *bus = &fabric->buses[fabric->nodes[id].bus_id];
        const struct fabric_claim *claim = claims_find(&bus->address, address);
        if (!claim || claim->function_id != id)
            return false;
    }
    return true;
}

static void compare_bars(struct fabric *fabric, uint32_t function_id)
{
    struct fabric_node *node = &fabric->nodes[function_id];
    bool alike = true;
    for (uint32_t b = 0; b < node->bar_count && alike; b++)
        alike = claimed_all_the_way(fabric, function_id, fabric->bars[node->bar_first + b].base);
    node->bars_alike = alike;
}

static enum peer_routing peer_routing(const struct fabric *fabric, uint32_t root_function_id)
{
    const struct topology *topology = fabric->topology;
    const struct fabric_bus *bus = &fabric->buses[fabric->nodes[root_function_id].bus_id];
    enum peer_routing routing = topology->host_bridges[bus->host_bridge_id].peer_routing;
    if (routing != PEER_ROUTING_DEFAULT)
        return routing;
    return topology->root_complex_peer_to_peer ? PEER_ROUTING_ALL : PEER_ROUTING_NONE;
}

bool fabric_routes_peers(const struct fabric *fabric, uint32_t from_id, uint32_t to_id)
{
    enum peer_routing from = peer_routing(fabric, from_id), to = peer_routing(fabric, to_id);
    uint32_t from_host = fabric->buses[fabric->nodes[from_id].bus_id].host_bridge_id;
    uint32_t to_host = fabric->buses[fabric->nodes[to_id].bus_id].host_bridge_id;
    if (from_host == to_host)
        return from != PEER_ROUTING_NONE;
    return from == PEER_ROUTING_ALL && to == PEER_ROUTING_ALL;
}

bool fabric_keeps_ports_apart(const struct fabric *fabric, uint32_t a_id, uint32_t b_id)
{
    const struct fabric_node *a = &fabric->nodes[a_id], *b = &fabric->nodes[b_id];
    const struct host_bridge *host = &fabric->topology->host_bridges[fabric->buses[a->bus_id].host_bridge_id];
    return a->kind == NODE_PORT && b->kind == NODE_PORT && host->peer_routing == PEER_ROUTING_NONE;
}

struct fabric *fabric_new(struct arena *arena, const struct topology *topology, const uint16_t *acs_control)
{
    struct fabric *fabric = arena_alloc(arena, sizeof(*fabric));
    fabric->topology = topology;
    fabric->nodes = arena_array(arena, topology->function_count, sizeof(fabric->nodes[0]));
    fabric->buses = arena_array(arena, topology->bus_count, sizeof(fabric->buses[0]));
    if (!acs_control) {
        uint16_t *in_force = arena_array(arena, topology->function_count, sizeof(in_force[0]));
        fabric_acs_in_force(topology, NULL, topology->acs_state == ACS_BOOTED, in_force);
        acs_control = in_force;
    }
    for (uint32_t i = 0; i < topology->function_count; i++)
        make_node(topology, &topology->functions[i], acs_control, &fabric->nodes[i]);
    fabric->bars = collect_bars(fabric, arena, false);
    fabric->io_bars = collect_bars(fabric, arena, true);
    find_pcix_buses(fabric);
    make_buses(fabric, arena);
    for (uint32_t i = 0; i < topology->function_count; i++)
        compare_bars(fabric, i);
    return fabric;
}
