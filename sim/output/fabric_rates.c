/* SPDX-License-Identifier: MIT */
#include "sim/output/fabric_rates.h"

#include "models/pcie/link_credits.h"

enum { WRITE_HEADER_BYTES = 16, DEFAULT_PAYLOAD = 128 };

static const uint64_t ps_per_s = UINT64_C(1000000000000);

/* The channel down beside a channel up: build_connection() makes them together. */
const struct channel *fabric_channel_down(const struct machine *machine, uint32_t node)
{
    return &machine_transport(machine)->channels[machine_transport(machine)->channel_up[node] + 1];
}

const struct channel *fabric_channel_up(const struct machine *machine, uint32_t node)
{
    return &machine_transport(machine)->channels[machine_transport(machine)->channel_up[node]];
}

static uint32_t payload_below(const struct machine *machine, const struct channel *channel)
{
    uint32_t payload = machine_path_payload(machine, channel->function_id);
    return payload ? payload : DEFAULT_PAYLOAD;
}

/* Payload bytes a second where every TLP carries @p payload of them behind @p header. */
static uint64_t payload_rate(const struct machine *machine, const struct channel *channel, uint32_t payload,
                             uint32_t header)
{
    uint64_t transaction_ps = machine_transport(machine)->media[channel->medium].transaction_ps;
    uint64_t wire = (uint64_t)((int64_t)(payload + header + TLP_FRAMING_BYTES) + channel->timing.extra_bytes);
    __uint128_t numerator = (__uint128_t)wire * channel->timing.ps_numerator +
                            (__uint128_t)transaction_ps * channel->timing.ps_denominator;
    return (uint64_t)((__uint128_t)payload * ps_per_s * channel->timing.ps_denominator / numerator);
}

static uint32_t completion_payload(const struct machine *machine, const struct channel *channel)
{
    uint32_t payload = payload_below(machine, channel);
    uint32_t limit = machine_root_complex(machine)->parameters.completion_payload;
    return limit && limit < payload ? limit : payload;
}

/* What the way up from a node is: a link, a conventional bus, or wires inside the root complex. */
bool fabric_has_link(const struct machine *machine, uint32_t node)
{
    return fabric_channel_up(machine, node)->timing.ps_numerator != 0;
}

bool fabric_on_bus(const struct machine *machine, uint32_t node)
{
    return fabric_has_link(machine, node) &&
           fabric_channel_up(machine, node)->medium == fabric_channel_down(machine, node)->medium;
}

/* How long a posted TLP's credits are out on a way to memory. */
static uint64_t credit_loop_ps(const struct machine *machine, const struct channel *channel, uint32_t wire)
{
    const struct transport *transport = machine_transport(machine);
    const struct root_complex_parameters *root_complex = &machine_root_complex(machine)->parameters;
    const struct link_parameters link = {.propagation_ps = channel->propagation_ps,
                                         .credit_return_ps = channel->credit_return_ps};
    uint64_t hold_ps = channel->to_node == transport->root_node
                           ? root_complex->request_latency_ps + root_complex->write_commit_ps
                           : transport->nodes[channel->to_node].latency_ps;
    return link_credit_loop_ps(&link, &channel->timing, wire, hold_ps);
}

/* What posted writes of a full payload come to with the credits there are. */
static uint64_t credit_rate(const struct machine *machine, const struct channel *channel, uint32_t payload)
{
    const struct credit_account *posted = &channel->credits[FLOW_POSTED];
    uint64_t bytes = UINT64_MAX;
    if (!posted->infinite_headers)
        bytes = (uint64_t)posted->headers_limit * payload;
    if (!posted->infinite_data && posted->data_limit * UINT64_C(16) < bytes)
        bytes = posted->data_limit * UINT64_C(16);
    uint64_t loop_ps = credit_loop_ps(machine, channel, payload + WRITE_HEADER_BYTES + TLP_FRAMING_BYTES);
    return bytes == UINT64_MAX ? bytes : (uint64_t)((__uint128_t)bytes * ps_per_s / loop_ps);
}

uint64_t fabric_rate_up(const struct machine *machine, uint32_t node)
{
    const struct channel *channel = fabric_channel_up(machine, node);
    uint32_t payload = payload_below(machine, channel);
    uint64_t rate = payload_rate(machine, channel, payload, WRITE_HEADER_BYTES);
    uint64_t by_credits = fabric_on_bus(machine, node) ? rate : credit_rate(machine, channel, payload);
    return by_credits < rate ? by_credits : rate;
}

uint64_t fabric_rate_down(const struct machine *machine, uint32_t node)
{
    const struct channel *channel = fabric_channel_down(machine, node);
    return payload_rate(machine, channel, completion_payload(machine, channel), TLP_COMPLETION_HEADER_BYTES);
}

uint64_t fabric_memory_rate(const struct machine *machine)
{
    return machine_root_complex(machine)->memory.parameters.bandwidth_bytes_per_s;
}

/* From a read's request at the device to its data there, with nothing in the way, of the largest request. */
static uint64_t read_round_trip_ps(const struct machine *machine, const struct dma_engine *engine)
{
    const struct root_complex *root_complex = machine_root_complex(machine);
    const struct memory_parameters *memory = &root_complex->memory.parameters;
    uint64_t sum = root_complex->parameters.request_latency_ps +
                   root_complex->parameters.completion_latency_ps +
                   (memory->data_source == MEMORY_DRAM ? memory->dram_latency_ps : memory->llc_latency_ps);
    uint32_t node = engine->node;
    while (machine_transport(machine)->channel_up[node] != NONE) {
        const struct channel *up = fabric_channel_up(machine, node),
                             *down = fabric_channel_down(machine, node);
        uint64_t data = fabric_on_bus(machine, node) || !fabric_has_link(machine, node)
                            ? 0
                            : fabric_rate_down(machine, node);
        sum += up->propagation_ps + down->propagation_ps;
        sum += machine_transport(machine)->nodes[up->to_node].latency_ps * 2;
        sum += link_serialisation_ps(&up->timing, WRITE_HEADER_BYTES + TLP_FRAMING_BYTES);
        if (data && node == engine->node)
            sum += (uint64_t)((__uint128_t)engine->max_read_request * ps_per_s / data);
        node = up->to_node;
    }
    return sum;
}

uint64_t fabric_function_rate(const struct machine *machine, const struct dma_engine *engine, bool down)
{
    uint64_t rate = fabric_memory_rate(machine);
    uint32_t node = engine->node;
    if (machine_transport(machine)->channel_up[node] != NONE && fabric_has_link(machine, node) &&
        !fabric_on_bus(machine, node))
        rate = down ? fabric_rate_down(machine, node) : fabric_rate_up(machine, node);
    return rate;
}

uint64_t fabric_read_ceiling(const struct machine *machine, const struct dma_engine *engine)
{
    uint64_t rate = fabric_function_rate(machine, engine, true);
    uint64_t in_flight = (uint64_t)engine->parameters.tags * engine->max_read_request;
    uint64_t by_tags = (uint64_t)((__uint128_t)in_flight * ps_per_s / read_round_trip_ps(machine, engine));
    return by_tags && by_tags < rate ? by_tags : rate;
}
