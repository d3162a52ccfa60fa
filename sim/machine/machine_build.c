/* SPDX-License-Identifier: MIT */
/*
 * From the tree of functions to nodes and channels.
 *
 * Nodes: the root complex with all its root ports; each switch (upstream port, downstream ports and functions
 * beside them); each bridge; the device (all endpoint functions) below a link or on a conventional bus; each
 * slot of integrated endpoints. Every node but the root complex has a channel up and one down; nodes that
 * hang on the same wires share media.
 */
#include "sim/machine/machine_build.h"

#include "models/pcie/link_credits.h"
#include "sim/base/arena.h"
#include "sim/base/status.h"

#include <stdlib.h>
#include <string.h>

enum { DEFAULT_MAX_READ_REQUEST = 512 };

static uint32_t add_node(struct build *build, enum node_kind kind, uint32_t function_id)
{
    struct transport *transport = build->transport;
    uint32_t id = transport->node_count;
    size_t capacity = build->node_capacity;
    transport->nodes = memory_grow(transport->nodes, id, &build->node_capacity, sizeof(*transport->nodes));
    if (capacity != build->node_capacity) {
        transport->channel_up = memory_resize(transport->channel_up, build->node_capacity, sizeof(uint32_t));
        transport->channel_loop =
            memory_resize(transport->channel_loop, build->node_capacity, sizeof(uint32_t));
    }
    transport->nodes[id] = (struct transport_node){.kind = kind, .function_id = function_id, .answers = NONE};
    transport->channel_up[id] = transport->channel_loop[id] = NONE;
    transport->node_count++;
    return id;
}

/* ---- functions to nodes ---- */

static uint32_t down_channel_of_node(const struct transport *transport, uint32_t node)
{
    uint32_t up = transport->channel_up[node];
    return up + 1; /* ORDER: build_connection() */
}

/* The upstream port among the functions of a link's bus, NONE where it is no switch. */
static uint32_t upstream_port_on(const struct build *build, uint32_t bus_id)
{
    const struct pci_bus *bus = &build->topology->buses[bus_id];
    for (uint32_t i = 0; i < bus->function_count; i++) {
        if (build->fabric->nodes[bus->functions[i]].kind == NODE_UPSTREAM_PORT)
            return bus->functions[i];
    }
    return NONE;
}

static uint32_t switch_node(struct build *build, uint32_t upstream_port)
{
    struct transport *transport = build->transport;
    if (transport->node_of[upstream_port] != NONE)
        return transport->node_of[upstream_port];
    const struct switch_parameters *parameters = &build->machine->input->parameters.switches[upstream_port];
    uint32_t node = add_node(build, TRANSPORT_SWITCH, upstream_port);
    transport->nodes[node].latency_ps = parameters->latency_ps;
    transport->nodes[node].store_and_forward = parameters->store_and_forward;
    transport->node_of[upstream_port] = node;
    build_connection(build, node, build->fabric->nodes[upstream_port].bus_id, upstream_port);
    return node;
}

static uint32_t bridge_node(struct build *build, uint32_t function_id)
{
    uint32_t node = add_node(build, TRANSPORT_BRIDGE, function_id);
    build->transport->nodes[node].latency_ps =
        build->machine->input->parameters.bridges[function_id].latency_ps;
    build->transport->node_of[function_id] = node;
    build_connection(build, node, build->fabric->nodes[function_id].bus_id, function_id);
    return node;
}

/* Endpoint functions: on root buses a node a slot, elsewhere one for all of the bus. */
static uint32_t device_node(struct build *build, uint32_t function_id)
{
    struct transport *transport = build->transport;
    const struct fabric_node *function = &build->fabric->nodes[function_id];
    bool root = build->fabric->buses[function->bus_id].kind == BUS_ROOT;
    const struct pci_bus *bus = &build->topology->buses[function->bus_id];
    if (!root && build->bus_node[function->bus_id] != NONE)
        return build->bus_node[function->bus_id];
    for (uint32_t i = 0; root && i < bus->function_count; i++) {
        const struct fabric_node *mate = &build->fabric->nodes[bus->functions[i]];
        uint32_t node = transport->node_of[bus->functions[i]];
        if (mate->slot == function->slot && node != NONE && transport->nodes[node].kind == TRANSPORT_DEVICE)
            return node;
    }
    uint32_t node = add_node(build, TRANSPORT_DEVICE, function_id);
    if (!root)
        build->bus_node[function->bus_id] = node;
    build_connection(build, node, function->bus_id, function_id);
    return node;
}

static void place_function(struct build *build, uint32_t function_id)
{
    struct transport *transport = build->transport;
    const struct fabric_node *function = &build->fabric->nodes[function_id];
    const struct fabric_bus *bus = &build->fabric->buses[function->bus_id];
    uint32_t node;
    if (transport->node_of[function_id] != NONE)
        return;
    if (function->kind == NODE_UPSTREAM_PORT)
        node = switch_node(build, function_id);
    else if (bus->kind == BUS_INTERNAL)
        node = switch_node(build, bus->self_id);
    else if (bus->kind == BUS_ROOT && (function->kind == NODE_PORT || function->kind == NODE_VMD))
        node = transport->root_node;
    else if (function->kind == NODE_BRIDGE || function->kind == NODE_PORT)
        node = bridge_node(build, function_id);
    else if (bus->kind == BUS_LINK && upstream_port_on(build, function->bus_id) != NONE)
        node = switch_node(build, upstream_port_on(build, function->bus_id));
    else
        node = device_node(build, function_id);
    transport->node_of[function_id] = node;
    bool inside = node == transport->root_node || bus->kind == BUS_INTERNAL;
    transport->channel_down[function_id] = inside ? NONE : down_channel_of_node(transport, node);
}

/* ---- engines and completers ---- */

/* @param ingress  where it puts its completions; NONE: one of its own at the root complex */
static uint32_t add_completer(struct build *build, uint32_t ingress, uint32_t function_id)
{
    struct machine *machine = build->machine;
    const struct pci_function *function = &build->topology->functions[function_id];
    const struct root_complex_parameters *root_complex = &machine->input->parameters.root_complex;
    uint32_t id = machine->completer_count;
    machine->completers =
        memory_grow(machine->completers, id, &build->completer_capacity, sizeof(*machine->completers));
    bool host = ingress == NONE;
    machine->completers[id] = (struct completer){
        .ingress = host ? build_ingress(build, build->transport->root_node, INGRESS_COMPLETER, id) : ingress,
        .function_id = host ? NONE : function_id,
        .owner_id = function_id,
        .first = NONE,
        .last = NONE,
        .max_payload = machine->path_payload[function_id],
        .boundary_bytes = host ? root_complex->read_completion_boundary : 64,
        .payload_limit_bytes = host ? root_complex->completion_payload : 0,
        .id = host ? 0 : pci_requester_id(function->bus, function->devfn),
        .id_ordered = !host && machine->input->parameters.engines[function_id].id_based_ordering,
        .number = id,
        .event_resume = EVENT_PEER_DATA,
    };
    machine->completer_count++;
    return id;
}

static void add_engine(struct build *build, uint32_t ingress, uint32_t function_id)
{
    struct machine *machine = build->machine;
    const struct pci_function *function = &build->topology->functions[function_id];
    uint32_t id = machine->engine_count++, node = build->transport->node_of[function_id];
    machine->engine_of[function_id] = id;
    machine->engines[id] = (struct dma_engine){
        .parameters = machine->input->parameters.engines[function_id],
        .translate_next = {NONE, NONE},
        .transport = build->transport,
        .operations = &machine->operations,
        .function_id = function_id,
        .ingress = ingress,
        .node = node,
        .segment = function->segment,
        .requester_id = pci_requester_id(function->bus, function->devfn),
        .max_payload = machine->path_payload[function_id],
        .max_read_request =
            function->max_read_request ? function->max_read_request : DEFAULT_MAX_READ_REQUEST,
        .event_ready = EVENT_READY,
        .id = id,
        .window = {.first = NONE, .last = NONE},
        .bulk_first = NONE,
        .bulk_last = NONE,
        .ready_first = {NONE, NONE},
        .ready_last = {NONE, NONE},
    };
    uint32_t up = build->transport->channel_up[node];
    machine->engines[id].parameters.tags = link_tags(
        machine->engines[id].parameters.tags, up == NONE ? 0 : build->transport->channels[up].generation);
}

static void add_engines_and_completers(struct build *build)
{
    struct machine *machine = build->machine;
    struct transport *transport = build->transport;
    uint32_t count = build->topology->function_count;
    machine->engines = memory_array(count, sizeof(*machine->engines));
    machine->device_results = arena_array(machine->arena, count, sizeof(*machine->device_results));
    for (uint32_t f = 0; f < count; f++) {
        machine->engine_of[f] = machine->peer_completer_of[f] = machine->root_complex.completer_of[f] = NONE;
        bool on_root_bus = build->fabric->buses[build->fabric->nodes[f].bus_id].kind == BUS_ROOT;
        uint32_t ingress = build_ingress(build, transport->node_of[f], INGRESS_FUNCTION, f);
        if (on_root_bus)
            machine->root_complex.completer_of[f] = add_completer(build, NONE, f);
        machine->peer_completer_of[f] = add_completer(build, ingress, f);
        if (build->topology->functions[f].header_type == 0)
            add_engine(build, ingress, f);
    }
    for (uint32_t n = 0; n < transport->node_count; n++) {
        if (n != transport->root_node)
            transport->nodes[n].answers = build_ingress(build, n, INGRESS_ANSWERS, n);
    }
}

/* ---- numbering ---- */

/* Ingresses of a node side by side: count, then move; everything that names one is renamed. */
static void number_ingresses(struct build *build)
{
    struct transport *transport = build->transport;
    uint32_t count = transport->ingress_count, next = 0;
    uint32_t *new_id = memory_array(count, sizeof(*new_id));
    struct ingress *sorted = memory_array(count, sizeof(*sorted));
    for (uint32_t i = 0; i < count; i++)
        transport->nodes[transport->ingresses[i].node].ingress_count++;
    for (uint32_t n = 0; n < transport->node_count; n++) {
        transport->nodes[n].ingress_first = next;
        next += transport->nodes[n].ingress_count;
        transport->nodes[n].ingress_count = 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct transport_node *node = &transport->nodes[transport->ingresses[i].node];
        transport->ingresses[i].number = node->ingress_count;
        new_id[i] = node->ingress_first + node->ingress_count++;
        sorted[new_id[i]] = transport->ingresses[i];
    }
    memcpy(transport->ingresses, sorted, count * sizeof(*sorted));
    for (uint32_t i = 0; i < transport->channel_count; i++)
        transport->channels[i].to_ingress = new_id[transport->channels[i].to_ingress];
    for (uint32_t n = 0; n < transport->node_count; n++) {
        if (n != transport->root_node)
            transport->nodes[n].answers = new_id[transport->nodes[n].answers];
    }
    for (uint32_t i = 0; i < build->machine->engine_count; i++)
        build->machine->engines[i].ingress = new_id[build->machine->engines[i].ingress];
    for (uint32_t i = 0; i < build->machine->completer_count; i++)
        build->machine->completers[i].ingress = new_id[build->machine->completers[i].ingress];
    free(sorted);
    free(new_id);
}

int machine_build_transport(struct machine *machine, struct diagnostics *diagnostics)
{
    const struct topology *topology = machine->input->topology;
    uint32_t functions = topology->function_count;
    struct transport *transport = &machine->transport;
    struct build build = {.machine = machine, .transport = transport, .topology = topology};
    build.fabric = transport->fabric = fabric_new(machine->arena, topology, machine->options.acs_control);
    build.bus_node = arena_array(machine->arena, topology->bus_count, sizeof(uint32_t));
    build.bus_medium = arena_array(machine->arena, topology->bus_count, sizeof(uint32_t));
    build.bus_medium_down = arena_array(machine->arena, topology->bus_count, sizeof(uint32_t));
    for (uint32_t i = 0; i < topology->bus_count; i++)
        build.bus_node[i] = build.bus_medium[i] = build.bus_medium_down[i] = NONE;
    transport->node_of = arena_array(machine->arena, functions, sizeof(uint32_t));
    transport->channel_down = arena_array(machine->arena, functions, sizeof(uint32_t));
    machine->engine_of = arena_array(machine->arena, functions, sizeof(uint32_t));
    machine->latest_peer = arena_array(machine->arena, functions, sizeof(uint32_t));
    machine->peer_completer_of = arena_array(machine->arena, functions, sizeof(uint32_t));
    machine->root_complex.completer_of = arena_array(machine->arena, functions, sizeof(uint32_t));
    for (uint32_t f = 0; f < functions; f++)
        transport->node_of[f] = NONE;
    machine->path_payload = arena_array(machine->arena, functions, sizeof(uint32_t));
    for (uint32_t f = 0; f < functions; f++)
        machine->path_payload[f] = machine_path_payload(machine, f);
    transport->root_node = add_node(&build, TRANSPORT_ROOT_COMPLEX, NONE);
    build_root_loop(&build);
    for (uint32_t f = 0; f < functions; f++) /* parents come before children in processing order */
        place_function(&build, f);
    add_engines_and_completers(&build);
    number_ingresses(&build);
    build_channel_arrays(&build);
    if (!machine->options.no_memos) {
        transport->regions = route_regions_new(machine->arena, transport->fabric);
        transport->memos = arena_array(machine->arena, (size_t)transport->node_count * ROUTE_MEMOS,
                                       sizeof(*transport->memos));
    }
    machine_warn_of_payloads(machine, diagnostics);
    return build_check_credits(&build, diagnostics);
}
