/* SPDX-License-Identifier: MIT */
/* Channels of the transport: links with what their receivers advertise, conventional buses, and ways that
 * cost nothing. */
#include "sim/machine/machine_build.h"

#include "models/pcie/link_credits.h"
#include "sim/base/arena.h"
#include "sim/base/status.h"

enum { UNKNOWN_GENERATION = 3, UNKNOWN_WIDTH = 8 };

/* ---- small parts ---- */

static uint32_t add_medium(struct build *build, uint64_t transaction_ps)
{
    struct transport *transport = build->transport;
    transport->media = memory_grow(transport->media, transport->medium_count, &build->medium_capacity,
                                   sizeof(*transport->media));
    transport->media[transport->medium_count] =
        (struct transport_medium){.transaction_ps = transaction_ps, .last = NONE, .contender = NONE};
    return transport->medium_count++;
}

uint32_t build_ingress(struct build *build, uint32_t node, enum ingress_owner owner, uint32_t owner_id)
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
                                .first_vc = transport->channel_count,
                                .next_vc = NONE,
                                .wake_ps = UINT64_MAX};
    for (int flow = 0; flow < FLOW_CLASSES; flow++)
        channel->credits[flow] = account(0, 0);
    transport->channel_count++;
    channel->to_ingress = build_ingress(build, to, INGRESS_LINK, id);
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
    struct transport *transport = build->transport;
    if (!link)
        return;
    vc_arbiter_init(&transport->media[transport->channels[first].medium].arbiter, link);
    for (unsigned class = 0; class < TRAFFIC_CLASSES; class ++)
        transport->channels[first].vc_of_class[class] = (uint8_t)link_channel_of_class(link, class);
    for (uint32_t vc = 1, before = first; vc < link->virtual_channels; vc++) {
        const struct channel model = transport->channels[first];
        uint32_t id = add_channel(build, model.from_node, model.to_node, model.medium, model.timing);
        struct channel *channel = &transport->channels[id];
        channel->vc = (uint8_t)vc;
        channel->first_vc = first;
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
void build_connection(struct build *build, uint32_t node, uint32_t bus_id, uint32_t function_id)
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
void build_root_loop(struct build *build)
{
    add_loop(build, build->transport->root_node, add_medium(build, 0), no_serialisation, NONE);
}

void build_channel_arrays(struct build *build)
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
int build_check_credits(const struct build *build, struct diagnostics *diagnostics)
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
