/* SPDX-License-Identifier: MIT */
/*
 * From the tree of functions to nodes and channels.
 *
 * Nodes: the root complex with all its root ports; each switch (upstream port, downstream ports and functions
 * beside them); each bridge; the device (all endpoint functions) below a link or on a conventional bus; each
 * slot of integrated endpoints. Every node but the root complex has a channel up and one down; nodes that
 * hang on the same wires share media.
 */
#include "sim/machine/machine_state.h"

#include "models/pcie/link_credits.h"
#include "sim/base/arena.h"
#include "sim/base/status.h"

#include <stdlib.h>
#include <string.h>

enum { UNKNOWN_GENERATION = 3, UNKNOWN_WIDTH = 8, DEFAULT_MAX_READ_REQUEST = 512 };

struct build {
    struct machine *machine;
    struct transport *transport;
    const struct fabric *fabric;
    const struct topology *topology;
    size_t node_capacity, channel_capacity, ingress_capacity, medium_capacity, completer_capacity;
    uint32_t *bus_node;   /* [bus] device node of the endpoints on it, NONE */
    uint32_t *bus_medium; /* [bus] medium towards the root of a link below a port, or the shared bus; NONE */
    uint32_t *bus_medium_down;
};

/* ---- small parts ---- */

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

static uint32_t add_medium(struct build *build, uint64_t transaction_ps)
{
    struct transport *transport = build->transport;
    transport->media = memory_grow(transport->media, transport->medium_count, &build->medium_capacity,
                                   sizeof(*transport->media));
    transport->media[transport->medium_count] =
        (struct transport_medium){.transaction_ps = transaction_ps, .last = NONE, .contender = NONE};
    return transport->medium_count++;
}

static uint32_t add_ingress(struct build *build, uint32_t node, enum ingress_owner owner, uint32_t owner_id)
{
    struct transport *transport = build->transport;
    uint32_t id = transport->ingress_count;
    transport->ingresses =
        memory_grow(transport->ingresses, id, &build->ingress_capacity, sizeof(*transport->ingresses));
    struct ingress *ingress = &transport->ingresses[id];
    *ingress = (struct ingress){.node = node, .owner = owner, .owner_id = owner_id};
    for (int flow = 0; flow < FLOW_CLASSES; flow++)
        ingress->first[flow] = ingress->last[flow] = NONE;
    transport->ingress_count++;
    return id;
}

static struct credit_account account(uint32_t headers, uint32_t data)
{
    return (struct credit_account){headers == 0, data == 0, headers, data, headers, data};
}

/* How long a receiver keeps a posted TLP: at the root complex until it is visible, by a translation that is
 * cached, or went on to a peer. */
static uint64_t hold_ps(const struct build *build, const struct transport_node *receiver)
{
    const struct machine *machine = build->machine;
    const struct root_complex_parameters *root_complex = &machine->input->parameters.root_complex;
    uint64_t translation_ps = 0;
    if (receiver->kind != TRANSPORT_ROOT_COMPLEX)
        return receiver->latency_ps;
    for (uint32_t i = 0; i < machine->options.unit_count; i++) {
        const struct iommu_parameters *unit = &machine->input->parameters.units[i];
        uint64_t hit_ps = unit->context_hit_ps + unit->pasid_hit_ps + unit->iotlb_hit_ps;
        translation_ps = hit_ps > translation_ps ? hit_ps : translation_ps;
    }
    return root_complex->request_latency_ps + translation_ps +
           (root_complex->write_commit_ps > root_complex->peer_latency_ps ? root_complex->write_commit_ps
                                                                          : root_complex->peer_latency_ps);
}

/* What a receiver advertises. Endpoints and root complexes must take any completion they asked for (2.6.1).
 */
static void advertise(const struct build *build, struct channel *channel, const struct link_parameters *link)
{
    const struct transport_node *receiver = &build->transport->nodes[channel->to_node];
    bool consumes = receiver->kind == TRANSPORT_DEVICE || receiver->kind == TRANSPORT_ROOT_COMPLEX;
    const struct link_credits posted =
        link_posted_credits(link, &channel->timing, channel->generation,
                            build->machine->path_payload[channel->function_id], hold_ps(build, receiver));
    channel->credits[FLOW_POSTED] = account(posted.headers, posted.data);
    channel->credits[FLOW_NONPOSTED] = account(link->nonposted_header_credits, link->nonposted_data_credits);
    channel->credits[FLOW_COMPLETION] =
        consumes ? account(0, 0) : account(link->completion_header_credits, link->completion_data_credits);
    for (int flow = 0; flow < FLOW_CLASSES; flow++) {
        const struct credit_account *a = &channel->credits[flow];
        channel->returns_size +=
            a->infinite_headers ? (a->infinite_data ? 0 : a->data_limit) : a->headers_limit;
    }
    channel->credit_return_ps = link->credit_return_ps;
    channel->propagation_ps = link->propagation_ps;
}

/* Without credits: inside the root complex, a device, or on a conventional bus. */
static uint32_t add_channel(struct build *build, uint32_t from, uint32_t to, uint32_t medium,
                            struct link_timing timing)
{
    struct transport *transport = build->transport;
    uint32_t id = transport->channel_count;
    transport->channels =
        memory_grow(transport->channels, id, &build->channel_capacity, sizeof(*transport->channels));
    struct channel *channel = &transport->channels[id];
    *channel = (struct channel){.timing = timing,
                                .from_node = from,
                                .to_node = to,
                                .medium = medium,
                                .next_vc = NONE,
                                .wake_ps = UINT64_MAX};
    for (int flow = 0; flow < FLOW_CLASSES; flow++)
        channel->credits[flow] = account(0, 0);
    transport->channel_count++;
    channel->to_ingress = add_ingress(build, to, INGRESS_LINK, id);
    return id;
}

/* ---- links and buses ---- */

/* Speed, width and timing of the link below a port; from the other end where the port does not say. */
static struct link_timing link_of_port(const struct build *build, uint32_t port, uint32_t below,
                                       uint8_t *generation, uint8_t *width)
{
    const struct pci_function *function = &build->topology->functions[port],
                              *other = &build->topology->functions[below];
    *generation = function->link.generation ? function->link.generation : other->link.generation;
    *width = function->link.width ? function->link.width : other->link.width;
    /* MODEL: a link no register describes is taken as 8 GT/s x8. */
    *generation = *generation ? *generation : (uint8_t)UNKNOWN_GENERATION;
    *width = *width ? *width : (uint8_t)UNKNOWN_WIDTH;
    return link_timing_make(&build->machine->input->parameters.links[port], *generation, *width,
                            build->machine->path_payload[below]);
}

static const struct link_timing no_serialisation = {.ps_numerator = 0, .ps_denominator = 1};

/* From a function of a node to another one of the same node: over the bus they share, or at no cost. */
static void add_loop(struct build *build, uint32_t node, uint32_t medium, struct link_timing timing,
                     uint32_t function_id)
{
    uint32_t channel = add_channel(build, node, node, medium, timing);
    build->transport->channel_loop[node] = channel;
    build->transport->channels[channel].function_id = function_id;
}

/* The further virtual channels of a link direction: as the first, with credits and an ingress of their own.
 */
static void add_virtual_channels(struct build *build, uint32_t first, const struct link_parameters *link)
{
    for (uint32_t vc = 1, before = first; link && vc < link->virtual_channels; vc++) {
        struct transport *transport = build->transport;
        const struct channel model = transport->channels[first];
        uint32_t id = add_channel(build, model.from_node, model.to_node, model.medium, model.timing);
        struct channel *channel = &transport->channels[id];
        channel->vc = (uint8_t)vc;
        channel->upward = model.upward;
        channel->function_id = model.function_id;
        channel->generation = model.generation;
        channel->width = model.width;
        advertise(build, channel, link);
        transport->channels[before].next_vc = id;
        before = id;
    }
}

/* Connect a new node to what is above the bus it is on. */
static void connect(struct build *build, uint32_t node, uint32_t bus_id, uint32_t function_id)
{
    struct transport *transport = build->transport;
    const struct fabric_bus *bus = &build->fabric->buses[bus_id];
    const struct machine_parameters *parameters = &build->machine->input->parameters;
    const struct link_parameters *link = NULL;
    struct link_timing timing = no_serialisation;
    uint32_t above = transport->root_node;
    uint8_t generation = 0, width = 0;
    if (bus->kind == BUS_LINK) {
        link = &parameters->links[bus->self_id];
        timing = link_of_port(build, bus->self_id, function_id, &generation, &width);
        above = transport->node_of[bus->self_id];
        if (build->bus_medium[bus_id] == NONE) {
            build->bus_medium[bus_id] = add_medium(build, 0);
            build->bus_medium_down[bus_id] = add_medium(build, 0);
        }
    } else if (bus->kind == BUS_SHARED) {
        const struct bridge_parameters *bridge = &parameters->bridges[bus->self_id];
        timing = (struct link_timing){.ps_numerator = UINT64_C(1000000000000),
                                      .ps_denominator = bridge->bus_rate_bytes_per_s};
        above = transport->node_of[bus->self_id];
        if (build->bus_medium[bus_id] == NONE)
            build->bus_medium[bus_id] = build->bus_medium_down[bus_id] =
                add_medium(build, bridge->bus_transaction_ps);
    }
    uint32_t up = bus->kind == BUS_ROOT ? add_medium(build, 0) : build->bus_medium[bus_id];
    uint32_t down = bus->kind == BUS_ROOT ? add_medium(build, 0) : build->bus_medium_down[bus_id];
    uint32_t first = add_channel(build, node, above, up, timing);
    add_channel(build, above, node, down, timing);
    transport->channels[first].upward = true;
    transport->channel_up[node] = first;
    for (uint32_t id = first; id <= first + 1; id++) {
        struct channel *channel = &transport->channels[id];
        channel->function_id = function_id;
        channel->generation = generation;
        channel->width = width;
        if (link)
            advertise(build, channel, link);
    }
    add_virtual_channels(build, first, link);
    add_virtual_channels(build, first + 1, link);
    bool shared = transport->nodes[node].kind == TRANSPORT_DEVICE && bus->kind == BUS_SHARED;
    add_loop(build, node, shared ? up : add_medium(build, 0), shared ? timing : no_serialisation,
             function_id);
}

/* ---- functions to nodes ---- */

static uint32_t down_channel_of_node(const struct transport *transport, uint32_t node)
{
    uint32_t up = transport->channel_up[node];
    return up + 1; /* connect() adds them in this order */
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
    connect(build, node, build->fabric->nodes[upstream_port].bus_id, upstream_port);
    return node;
}

static uint32_t bridge_node(struct build *build, uint32_t function_id)
{
    uint32_t node = add_node(build, TRANSPORT_BRIDGE, function_id);
    build->transport->nodes[node].latency_ps =
        build->machine->input->parameters.bridges[function_id].latency_ps;
    build->transport->node_of[function_id] = node;
    connect(build, node, build->fabric->nodes[function_id].bus_id, function_id);
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
    connect(build, node, function->bus_id, function_id);
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
        .ingress = host ? add_ingress(build, build->transport->root_node, INGRESS_COMPLETER, id) : ingress,
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
        uint32_t ingress = add_ingress(build, transport->node_of[f], INGRESS_FUNCTION, f);
        if (on_root_bus)
            machine->root_complex.completer_of[f] = add_completer(build, NONE, f);
        machine->peer_completer_of[f] = add_completer(build, ingress, f);
        if (build->topology->functions[f].header_type == 0)
            add_engine(build, ingress, f);
    }
    for (uint32_t n = 0; n < transport->node_count; n++) {
        if (n != transport->root_node)
            transport->nodes[n].answers = add_ingress(build, n, INGRESS_ANSWERS, n);
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

static void finish_channels(struct build *build)
{
    struct transport *transport = build->transport;
    for (uint32_t i = 0; i < transport->channel_count; i++) {
        struct channel *channel = &transport->channels[i];
        uint32_t words = (transport->nodes[channel->from_node].ingress_count + 63) / 64;
        channel->waiting = arena_array(build->machine->arena, words, sizeof(*channel->waiting));
        channel->returns =
            arena_array(build->machine->arena, channel->returns_size, sizeof(*channel->returns));
    }
}

/* A receiver that cannot hold one whole payload would never get it (PCIe Base Spec 2.6.1 demands room for
 * MPS). */
static int check_credits(const struct build *build, struct diagnostics *diagnostics)
{
    const struct machine *machine = build->machine;
    uint32_t payload = 0;
    for (uint32_t i = 0; i < machine->engine_count; i++) {
        if (machine->engines[i].max_payload > payload)
            payload = machine->engines[i].max_payload;
    }
    for (uint32_t i = 0; i < build->transport->channel_count; i++) {
        const struct channel *channel = &build->transport->channels[i];
        const struct credit_account *posted = &channel->credits[FLOW_POSTED];
        const struct credit_account *completion = &channel->credits[FLOW_COMPLETION];
        bool small_posted = !posted->infinite_data && posted->data_limit * 16U < payload;
        bool small_completion = !completion->infinite_data && completion->data_limit * 16U < payload;
        if (!small_posted && !small_completion)
            continue;
        const struct pci_function *function = &build->topology->functions[channel->function_id];
        char text[BDF_TEXT_SIZE];
        diagnostics_report(
            diagnostics, DIAGNOSTIC_ERROR, NULL, DIAGNOSTIC_NO_OFFSET, function->pointer, "machine-credits",
            "the link of %s has %u %s data credits (%u bytes), less than one payload of %u bytes; give at "
            "least %u, or 0 for infinite",
            bdf_print(text, function->segment, function->bus, function->devfn),
            small_posted ? posted->data_limit : completion->data_limit,
            small_posted ? "posted" : "completion",
            16 * (small_posted ? posted->data_limit : completion->data_limit), payload, payload / 16);
        return STATUS_BAD_INPUT;
    }
    return 0;
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
    add_loop(&build, transport->root_node, add_medium(&build, 0), no_serialisation, NONE);
    for (uint32_t f = 0; f < functions; f++) /* parents come before children in processing order */
        place_function(&build, f);
    add_engines_and_completers(&build);
    number_ingresses(&build);
    finish_channels(&build);
    if (!machine->options.no_memos) {
        transport->regions = route_regions_new(machine->arena, transport->fabric);
        transport->memos = arena_array(machine->arena, (size_t)transport->node_count * ROUTE_MEMOS,
                                       sizeof(*transport->memos));
    }
    machine_warn_of_payloads(machine, diagnostics);
    return check_credits(&build, diagnostics);
}
