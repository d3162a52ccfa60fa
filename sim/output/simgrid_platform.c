/* SPDX-License-Identifier: MIT */
#include "sim/output/simgrid_platform.h"

#include "sim/output/fabric_rates.h"
#include "sim/output/xml_text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct platform {
    const struct machine *machine;
    const struct transport *transport;
    const struct topology *topology;
    const char *prefix;
    bool *redirects; /* [node] some member's requests may not be turned there */
    struct text_buffer *out;
};

char *simgrid_function_name(char name[SIMGRID_NAME_SIZE], const struct pci_function *function)
{
    bdf_print(name, function->segment, function->bus, function->devfn);
    for (char *at = strchr(name, ':'); at; at = strchr(at, ':'))
        *at = '-';
    return name;
}

bool simgrid_prefix_valid(const char *text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    return text[strspn(text, letters)] == '\0';
}

/* ---- what the machine has ---- */

/* Does a function issue DMA? Event collectors only send messages. */
static bool is_host(const struct pci_function *function)
{
    return function->header_type == 0 && !function_is_type(function, PCIE_RC_EVENT_COLLECTOR);
}

/* MODEL: an Egress Control Vector says which peers, a platform only whether: any bit set counts for all. */
static bool redirected(const struct platform *platform, uint32_t function_id)
{
    const struct fabric_node *node = &platform->transport->fabric->nodes[function_id];
    bool chosen = false;
    for (unsigned i = 0; i < acs_egress_vector_bits(node->acs); i++)
        chosen |= acs_egress_bit(node->acs, i);
    return node->acs_control & ACS_REQUEST_REDIRECT && (!(node->acs_control & ACS_EGRESS_CONTROL) || chosen);
}

/* Where a function's requests are turned to its peers: a device's inside it, a port's in its switch. On a
 * conventional bus everyone sees everything. */
static void find_redirects(struct platform *platform)
{
    const struct transport *transport = platform->transport;
    for (uint32_t f = 0; f < platform->topology->function_count; f++) {
        enum node_kind kind = transport->nodes[transport->node_of[f]].kind;
        const struct pci_function *function = &platform->topology->functions[f];
        uint32_t node = transport->node_of[f];
        bool turns =
            (kind == TRANSPORT_SWITCH && function_is_type(function, PCIE_DOWNSTREAM_PORT)) ||
            (kind == TRANSPORT_DEVICE && is_host(function) && !fabric_on_bus(platform->machine, node));
        if (turns && redirected(platform, f))
            platform->redirects[node] = true;
    }
}

/* ---- names ---- */

static void add_function(struct platform *platform, uint32_t function_id, const char *suffix)
{
    char name[SIMGRID_NAME_SIZE];
    text_buffer_format(platform->out, "%s%s%s", platform->prefix,
                       simgrid_function_name(name, &platform->topology->functions[function_id]), suffix);
}

/* The router of a node; of what it may not turn with @p redirect. */
static void add_router(struct platform *platform, uint32_t node, bool redirect)
{
    const struct transport_node *described = &platform->transport->nodes[node];
    if (described->kind == TRANSPORT_ROOT_COMPLEX)
        text_buffer_format(platform->out, "%sroot-complex", platform->prefix);
    else
        add_function(platform, described->function_id,
                     described->kind == TRANSPORT_DEVICE ? (redirect ? "_device_redirect" : "_device")
                                                         : (redirect ? "_redirect" : ""));
}

/* The bridge above a node: its links have that name. */
static uint32_t bridge_above(const struct platform *platform, uint32_t node)
{
    return platform->transport->fabric->nodes[platform->transport->nodes[node].function_id].parent_id;
}

static void add_link_name(struct platform *platform, uint32_t node, bool up)
{
    uint32_t above = fabric_has_link(platform->machine, node) ? bridge_above(platform, node) : NONE;
    if (fabric_on_bus(platform->machine, node))
        add_function(platform, above, "_bus");
    else if (above != NONE)
        add_function(platform, above, up ? "_up" : "_down");
    else
        add_function(platform, platform->transport->nodes[node].function_id,
                     up ? "_internal_up" : "_internal_down");
}

/* ---- links ---- */

static void begin_link(struct platform *platform)
{
    text_buffer_format(platform->out, "    <link id=\"");
}

static void end_name(struct platform *platform, uint64_t rate, uint64_t latency_ps, const char *policy)
{
    text_buffer_format(platform->out,
                       "\" bandwidth=\"%" PRIu64 "Bps\" latency=\"%" PRIu64 "ps\" sharing_policy=\"%s\"",
                       rate, latency_ps, policy);
}

static void write_link(struct platform *platform, uint32_t node, bool up)
{
    const struct transport *transport = platform->transport;
    const struct channel *channel =
        up ? fabric_channel_up(platform->machine, node) : fabric_channel_down(platform->machine, node);
    uint64_t rate = up ? fabric_rate_up(platform->machine, node) : fabric_rate_down(platform->machine, node);
    uint64_t raw = link_raw_bits_per_s(channel->generation, channel->width) / 8;
    begin_link(platform);
    add_link_name(platform, node, up);
    end_name(platform, rate, channel->propagation_ps + transport->nodes[channel->to_node].latency_ps,
             "SHARED");
    text_buffer_format(
        platform->out,
        ">\n      <prop id=\"pcie\" value=\"%s/s x%u\"/>\n      <prop id=\"efficiency\" "
        "value=\"0.%04" PRIu64 "\"/>\n    </link>\n",
        (const char *const[]){"", "2.5GT", "5GT", "8GT", "16GT", "32GT", "64GT"}[channel->generation],
        channel->width, (uint64_t)((__uint128_t)rate * 10000 / raw));
}

/* A conventional bus is one link for both directions; the bridge's time is on a link of its own. */
static void write_bus(struct platform *platform, uint32_t node)
{
    const struct channel *channel = fabric_channel_up(platform->machine, node);
    uint64_t bus_rate = fabric_rate_up(platform->machine, node);
    uint32_t bridge = bridge_above(platform, node);
    begin_link(platform);
    add_function(platform, bridge, "_bus");
    end_name(platform, bus_rate, 0, "SHARED");
    text_buffer_add(platform->out, "/>\n");
    begin_link(platform);
    add_function(platform, bridge, "_crossing");
    end_name(platform, bus_rate, platform->transport->nodes[channel->to_node].latency_ps, "FATPIPE");
    text_buffer_add(platform->out, "/>\n");
}

/* Wires inside the root complex cost nothing; a route must have a link all the same. */
static void write_wires(struct platform *platform, uint32_t node)
{
    for (int up = 1; up >= 0; up--) {
        begin_link(platform);
        add_link_name(platform, node, up);
        end_name(platform, fabric_memory_rate(platform->machine), 0, "FATPIPE");
        text_buffer_add(platform->out, "/>\n");
    }
}

/* Several nodes may hang on one bus, or on a link to what is no proper device: the first writes it. */
static bool wires_written(const struct platform *platform, uint32_t node)
{
    for (uint32_t n = 0; n < node; n++) {
        if (platform->transport->channel_up[n] != NONE &&
            fabric_channel_up(platform->machine, n)->medium ==
                fabric_channel_up(platform->machine, node)->medium)
            return true;
    }
    return false;
}

static void write_links_of_nodes(struct platform *platform)
{
    for (uint32_t n = 0; n < platform->transport->node_count; n++) {
        if (platform->transport->channel_up[n] == NONE || wires_written(platform, n))
            continue;
        if (!fabric_has_link(platform->machine, n)) {
            write_wires(platform, n);
        } else if (!fabric_on_bus(platform->machine, n)) {
            write_link(platform, n, true);
            write_link(platform, n, false);
        } else {
            write_bus(platform, n);
        }
    }
}

/* ---- ceilings of functions ---- */

/* From its data being asked of memory to the completion leaving the root complex. */
static uint64_t completion_latency_ps(const struct platform *platform)
{
    const struct root_complex *root_complex = machine_root_complex(platform->machine);
    const struct memory_parameters *memory = &root_complex->memory.parameters;
    return root_complex->parameters.completion_latency_ps +
           (memory->data_source == MEMORY_DRAM ? memory->dram_latency_ps : memory->llc_latency_ps);
}

static void write_ceilings(struct platform *platform, uint32_t function_id)
{
    const struct dma_engine *engine = machine_engine(platform->machine, function_id);
    const struct {
        const char *suffix;
        uint64_t rate, latency_ps;
    } ceilings[] = {
        {"_out", fabric_function_rate(platform->machine, engine, false), 0},
        {"_in", fabric_function_rate(platform->machine, engine, true), 0},
        {"_read", fabric_read_ceiling(platform->machine, engine), completion_latency_ps(platform)},
    };
    for (size_t i = 0; i < sizeof(ceilings) / sizeof(ceilings[0]); i++) {
        begin_link(platform);
        add_function(platform, function_id, ceilings[i].suffix);
        end_name(platform, ceilings[i].rate, ceilings[i].latency_ps, "FATPIPE");
        text_buffer_add(platform->out, "/>\n");
    }
}

static void write_memory_links(struct platform *platform)
{
    const struct root_complex *root_complex = machine_root_complex(platform->machine);
    const struct {
        const char *name, *policy;
        uint64_t latency_ps;
    } links[] = {
        {"memory_bandwidth", "SHARED", 0},
        {"root-complex_request", "FATPIPE", root_complex->parameters.request_latency_ps},
        {"root-complex_completion", "FATPIPE", completion_latency_ps(platform)},
    };
    for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
        text_buffer_format(platform->out, "    <link id=\"%s%s", platform->prefix, links[i].name);
        end_name(platform, fabric_memory_rate(platform->machine), links[i].latency_ps, links[i].policy);
        text_buffer_add(platform->out, "/>\n");
    }
}

/* ---- hosts, routers, routes ---- */

static void write_hosts(struct platform *platform)
{
    text_buffer_format(platform->out, "    <host id=\"%smemory\" speed=\"1Gf\"/>\n", platform->prefix);
    for (uint32_t f = 0; f < platform->topology->function_count; f++) {
        const struct pci_function *function = &platform->topology->functions[f];
        if (!is_host(function))
            continue;
        text_buffer_add(platform->out, "    <host id=\"");
        add_function(platform, f, "");
        text_buffer_add(platform->out, "\" speed=\"1Gf\"");
        if (!function->name) {
            text_buffer_add(platform->out, "/>\n");
            continue;
        }
        text_buffer_add(platform->out, "><prop id=\"name\" value=\"");
        xml_text_add(platform->out, function->name);
        text_buffer_add(platform->out, "\"/></host>\n");
    }
}

static void write_routers(struct platform *platform)
{
    for (uint32_t n = 0; n < platform->transport->node_count; n++) {
        for (int redirect = 0; redirect <= (platform->redirects[n] ? 1 : 0); redirect++) {
            text_buffer_add(platform->out, "    <router id=\"");
            add_router(platform, n, redirect);
            text_buffer_add(platform->out, "\"/>\n");
        }
    }
}

static void to(struct platform *platform)
{
    text_buffer_add(platform->out, "\" dst=\"");
}

static void route_link(struct platform *platform)
{
    text_buffer_add(platform->out, "<link_ctn id=\"");
}

static void end_link(struct platform *platform)
{
    text_buffer_add(platform->out, "\"/>");
}

static void begin_route(struct platform *platform)
{
    text_buffer_add(platform->out, "    <route symmetrical=\"NO\" src=\"");
}

static void begin_links(struct platform *platform)
{
    text_buffer_add(platform->out, "\">");
}

static void end_route(struct platform *platform)
{
    text_buffer_add(platform->out, "</route>\n");
}

/* On a bus the link itself is in the routes of the functions, so that peers on it cross it once. */
static void add_edge_link(struct platform *platform, uint32_t node, bool up)
{
    route_link(platform);
    if (fabric_on_bus(platform->machine, node) && platform->transport->nodes[node].kind == TRANSPORT_DEVICE &&
        up)
        add_function(platform, bridge_above(platform, node), "_crossing");
    else
        add_link_name(platform, node, up);
    end_link(platform);
}

/* May what comes from @p node through the port above it not be turned there? */
static bool goes_up_only(const struct platform *platform, uint32_t node)
{
    uint32_t above = bridge_above(platform, node),
             switch_node = fabric_channel_up(platform->machine, node)->to_node;
    return above != NONE && platform->redirects[switch_node] && redirected(platform, above);
}

static void write_edges_of_node(struct platform *platform, uint32_t node)
{
    uint32_t above = fabric_channel_up(platform->machine, node)->to_node;
    for (int redirect = 0; redirect <= (platform->redirects[node] ? 1 : 0); redirect++) {
        begin_route(platform);
        add_router(platform, node, redirect);
        to(platform);
        add_router(platform, above, goes_up_only(platform, node));
        begin_links(platform);
        add_edge_link(platform, node, true);
        end_route(platform);
    }
    begin_route(platform);
    add_router(platform, above, false);
    to(platform);
    add_router(platform, node, false);
    begin_links(platform);
    add_edge_link(platform, node, false);
    end_route(platform);
}

static void write_edges_of_function(struct platform *platform, uint32_t function_id)
{
    uint32_t node = platform->transport->node_of[function_id];
    bool device = platform->transport->nodes[node].kind == TRANSPORT_DEVICE;
    begin_route(platform);
    add_function(platform, function_id, "");
    to(platform);
    add_router(platform, node, device && platform->redirects[node] && redirected(platform, function_id));
    begin_links(platform);
    route_link(platform);
    add_function(platform, function_id, "_out");
    end_link(platform);
    if (device && fabric_on_bus(platform->machine, node)) {
        route_link(platform);
        add_link_name(platform, node, true);
        end_link(platform);
    }
    end_route(platform);
    begin_route(platform);
    add_router(platform, node, false);
    to(platform);
    add_function(platform, function_id, "");
    begin_links(platform);
    route_link(platform);
    add_function(platform, function_id, "_in");
    end_link(platform);
    end_route(platform);
}

static void add_way_down(struct platform *platform, uint32_t node)
{
    if (platform->transport->channel_up[node] == NONE)
        return;
    add_way_down(platform, fabric_channel_up(platform->machine, node)->to_node);
    add_edge_link(platform, node, false);
}

/* What a function reads of memory has a ceiling of its own, so that this way is stated as a whole. It has a
 * link less than the one put together from the others, and is the one taken. */
static void write_read_route(struct platform *platform, uint32_t function_id)
{
    begin_route(platform);
    text_buffer_format(platform->out, "%smemory", platform->prefix);
    to(platform);
    add_function(platform, function_id, "");
    begin_links(platform);
    route_link(platform);
    text_buffer_format(platform->out, "%smemory_bandwidth", platform->prefix);
    end_link(platform);
    route_link(platform);
    add_function(platform, function_id, "_read");
    end_link(platform);
    add_way_down(platform, platform->transport->node_of[function_id]);
    end_route(platform);
}

static void write_memory_routes(struct platform *platform)
{
    const char *p = platform->prefix;
    text_buffer_format(platform->out,
                       "    <route symmetrical=\"NO\" src=\"%sroot-complex\" dst=\"%smemory\"><link_ctn "
                       "id=\"%sroot-complex_request\"/><link_ctn id=\"%smemory_bandwidth\"/></route>\n"
                       "    <route symmetrical=\"NO\" src=\"%smemory\" dst=\"%sroot-complex\"><link_ctn "
                       "id=\"%smemory_bandwidth\"/><link_ctn id=\"%sroot-complex_completion\"/></route>\n",
                       p, p, p, p, p, p, p, p);
}

/* ---- the whole ---- */

static void write_comments(const struct platform *platform)
{
    text_buffer_add(
        platform->out,
        "<!-- PCI Express fabric of a machine, by iommusim export simgrid. Bandwidths are those left for "
        "payload: line code,\n"
        "     DLLPs and SKIPs taken off, then header and framing of TLPs with full payload, or upward what "
        "posted "
        "credits allow;\n"
        "     latencies are propagation and switches.\n"
        "     NAME_up and NAME_down: the link below port NAME. NAME_out, NAME_in, NAME_read: what function "
        "NAME can "
        "send, be sent, and\n"
        "     read of memory by itself (FATPIPE: for each flow). A flow into \"memory\" is DMA writes; one "
        "out of it the "
        "data of DMA\n"
        "     reads, whose requests are not in it.\n"
        "     A router NAME_redirect takes what ACS keeps its switch from turning: it goes by the root "
        "complex.\n"
        "     Not in here: arbitration by port (flows share evenly), credits, ordering, translation; and all "
        "root ports reach each\n"
        "     other (`iommusim reach` says which do). Speeds of hosts are assumed.\n"
        "     SimGrid shares a link in inverse proportion to latency; where that matters, configure "
        "network/latency-factor:0. -->\n");
}

static uint32_t count_nodes(const struct platform *platform)
{
    uint32_t count = 1;
    for (uint32_t n = 0; n < platform->transport->node_count; n++)
        count += platform->redirects[n] ? 2 : 1;
    for (uint32_t f = 0; f < platform->topology->function_count; f++)
        count += is_host(&platform->topology->functions[f]);
    return count;
}

void simgrid_platform_write(const struct machine *machine, const struct topology *topology,
                            const char *prefix, struct text_buffer *out)
{
    struct platform platform = {
        .machine = machine,
        .transport = machine_transport(machine),
        .topology = topology,
        .prefix = prefix,
        .out = out,
    };
    platform.redirects = calloc(platform.transport->node_count, sizeof(*platform.redirects));
    find_redirects(&platform);
    text_buffer_add(out, "<?xml version='1.0'?>\n<!DOCTYPE platform SYSTEM "
                         "\"https://simgrid.org/simgrid.dtd\">\n");
    write_comments(&platform);
    text_buffer_format(out,
                       "<platform version=\"4.1\">\n  <config>\n    <prop id=\"network/model\" "
                       "value=\"CM02\"/>\n    <prop id=\"network/crosstraffic\" value=\"0\"/>\n    <prop "
                       "id=\"surf/precision\" value=\"1e-12\"/>\n  </config>\n  <zone id=\"%smachine\" "
                       "routing=\"%s\">\n",
                       prefix, count_nodes(&platform) > SIMGRID_FLOYD_NODES ? "Dijkstra" : "Floyd");
    write_hosts(&platform);
    write_routers(&platform);
    write_links_of_nodes(&platform);
    write_memory_links(&platform);
    for (uint32_t f = 0; f < platform.topology->function_count; f++) {
        if (is_host(&platform.topology->functions[f]))
            write_ceilings(&platform, f);
    }
    for (uint32_t n = 0; n < platform.transport->node_count; n++) {
        if (platform.transport->channel_up[n] != NONE)
            write_edges_of_node(&platform, n);
    }
    for (uint32_t f = 0; f < platform.topology->function_count; f++) {
        if (!is_host(&platform.topology->functions[f]))
            continue;
        write_edges_of_function(&platform, f);
        write_read_route(&platform, f);
    }
    write_memory_routes(&platform);
    text_buffer_add(out, "  </zone>\n</platform>\n");
    free(platform.redirects);
}
