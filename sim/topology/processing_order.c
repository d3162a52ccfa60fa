/* SPDX-License-Identifier: MIT */
/*
 * The order in which the kernel processes functions, and with it all ids. Boot-time functions host bridge by
 * host bridge, all of a bus before anything behind its bridges, bridges in order (drivers/pci/probe.c
 * pci_bus_add_devices); then VFs, which appear when a driver enables them; then what is behind a VMD, which
 * appears when its driver binds.
 */
#include "sim/base/arena.h"
#include "sim/topology/builder_internal.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_VMD_SEGMENT = 0x10000 };

static bool is_vmd_endpoint(const struct pci_function *function)
{
    /* drivers/pci/controller/vmd.c, vmd_ids */
    static const uint16_t devices[] = {0x201d, 0x28c0, 0x467f, 0x4c3d, 0x9a0b,
                                       0xa77f, 0x7d0b, 0xad0b, 0xb60b, 0xb06f};
    if (function->vendor != 0x8086 || function->class_code >> 8 != 0x0104 ||
        function->segment >= FIRST_VMD_SEGMENT)
        return false;
    for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++) {
        if (devices[i] == function->device)
            return true;
    }
    return false;
}

/* The next endpoint in address order that emulates no host bridge yet; *from moves behind it. */
static uint32_t next_vmd_endpoint(const struct topology_builder *builder, uint32_t *from)
{
    while (*from < builder->count) {
        uint32_t node = builder->sorted[(*from)++];
        bool taken = !is_vmd_endpoint(&builder->nodes[node].function);
        for (size_t i = 0; i < builder->host_count && !taken; i++)
            taken = builder->hosts[i].vmd_node == node;
        if (!taken)
            return node;
    }
    return NONE;
}

void build_pair_vmd(struct topology_builder *builder)
{
    uint32_t from = 0, previous_segment = NONE, endpoint = NONE;
    for (uint32_t i = 0; i < builder->bus_count; i++) {
        const struct build_bus *bus = &builder->buses[i];
        if (bus->host == NONE || bus->segment < FIRST_VMD_SEGMENT ||
            builder->hosts[bus->host].vmd_node != NONE)
            continue;
        if (bus->segment != previous_segment)
            endpoint = next_vmd_endpoint(builder, &from);
        previous_segment = bus->segment;
        builder->hosts[bus->host].vmd_node = endpoint;
        if (endpoint == NONE)
            BUILD_WARNING(builder, builder->hosts[bus->host].host_bridge.pointer, "topology-vmd-missing",
                          "no VMD endpoint is there for segment %x: its functions are taken to issue DMA "
                          "under their own ids",
                          bus->segment);
    }
}

struct ordering {
    struct topology_builder *builder;
    struct topology *topology;
    uint32_t *bus_order;  /* build bus numbers in final order */
    uint32_t *node_order; /* nodes in final order */
    uint32_t bus_count, node_count;
};

static void append_bus(struct ordering *ordering, uint32_t bus, uint32_t host)
{
    ordering->builder->buses[bus].final_id = ordering->bus_count;
    ordering->builder->buses[bus].final_host = host;
    ordering->bus_order[ordering->bus_count++] = bus;
}

static void append_node(struct ordering *ordering, uint32_t node)
{
    ordering->builder->nodes[node].final_id = ordering->node_count;
    ordering->node_order[ordering->node_count++] = node;
}

/* A bus, its functions, then what is behind its bridges. Bus numbers grow downward, so this ends. */
static void walk_bus(struct ordering *ordering, uint32_t bus_index, uint32_t host)
{
    struct topology_builder *builder = ordering->builder;
    const struct build_bus *bus = &builder->buses[bus_index];
    append_bus(ordering, bus_index, host);
    for (uint32_t i = 0; i < bus->count; i++) {
        uint32_t node = builder->sorted[bus->first + i];
        if (builder->nodes[node].pf_node == NONE)
            append_node(ordering, node);
    }
    for (uint32_t i = 0; i < bus->count; i++) {
        const struct pci_function *function = &builder->nodes[builder->sorted[bus->first + i]].function;
        if (owns_bus(function) && function->secondary_bus)
            walk_bus(ordering, build_find_bus(builder, function->segment, function->secondary_bus), host);
    }
}

/* VFs behind all others of their kind of segment, by PF, then number. */
static void append_vfs(struct ordering *ordering, uint32_t from, uint32_t to)
{
    struct topology_builder *builder = ordering->builder;
    for (uint32_t i = from; i < to; i++) {
        uint32_t pf_node = ordering->node_order[i];
        const struct pci_function *pf = &builder->nodes[pf_node].function;
        if (!pf->sriov.present || !pf->sriov.enabled)
            continue;
        for (uint32_t vf = 0; vf < pf->sriov.num_vfs; vf++) {
            uint64_t key = address_key(pf->segment, pf->bus, pf->devfn) + pf->sriov.first_vf_offset +
                           (uint64_t)pf->sriov.vf_stride * vf;
            uint32_t at = build_search(builder, key);
            if (at == builder->count)
                break;
            const struct build_node *found = &builder->nodes[builder->sorted[at]];
            if (found->pf_node == pf_node && found->function.vf_index == vf)
                append_node(ordering, builder->sorted[at]);
        }
    }
}

static bool is_emulated(const struct build_host *host)
{
    return host->vmd_node != NONE || host->host_bridge.segment >= FIRST_VMD_SEGMENT;
}

static void walk_hosts(struct ordering *ordering, bool emulated)
{
    struct topology_builder *builder = ordering->builder;
    uint32_t from = ordering->node_count;
    for (uint32_t i = 0; i < builder->host_count; i++) {
        const struct host_bridge *host = &builder->hosts[i].host_bridge;
        if (is_emulated(&builder->hosts[i]) != emulated)
            continue;
        uint32_t id = ordering->topology->host_bridge_count++;
        ordering->topology->host_bridges[id] = *host;
        ordering->topology->host_bridges[id].vmd_function_id = builder->hosts[i].vmd_node;
        walk_bus(ordering, build_find_bus(builder, host->segment, host->bus_start), id);
    }
    append_vfs(ordering, from, ordering->node_count);
}

/* Buses that only VFs sit on: they belong where their PF is. */
static void append_vf_buses(struct ordering *ordering)
{
    struct topology_builder *builder = ordering->builder;
    for (uint32_t i = 0; i < builder->bus_count; i++) {
        if (builder->buses[i].final_id == NONE)
            append_bus(ordering, i, builder->buses[builder->buses[i].parent].final_host);
    }
}

/* Linux sets the flag on every function > 0 it finds while it scans a slot; function 0 keeps its header bit
 * (drivers/pci/probe.c pci_scan_slot). Text without header bits: another function in the slot tells. */
static bool is_multifunction(const struct topology_builder *builder, const struct build_node *node,
                             const struct build_bus *bus)
{
    if (node->pf_node != NONE || node->function.is_vf)
        return false;
    if (pci_func(node->function.devfn) > 0 || node->function.multifunction)
        return true;
    if (node->placement.multifunction_known)
        return false;
    for (uint32_t i = 0; i < bus->count; i++) {
        const struct build_node *other = &builder->nodes[builder->sorted[bus->first + i]];
        if (other != node && other->pf_node == NONE &&
            pci_slot(other->function.devfn) == pci_slot(node->function.devfn))
            return true;
    }
    return false;
}

static void fill_functions(struct ordering *ordering)
{
    struct topology_builder *builder = ordering->builder;
    struct topology *topology = ordering->topology;
    topology->function_count = ordering->node_count;
    topology->functions = arena_array(topology->arena, ordering->node_count, sizeof(*topology->functions));
    for (uint32_t id = 0; id < ordering->node_count; id++) {
        const struct build_node *node = &builder->nodes[ordering->node_order[id]];
        struct pci_function *function = &topology->functions[id];
        const struct build_bus *bus =
            &builder->buses[build_find_bus(builder, node->function.segment, node->function.bus)];
        *function = node->function;
        function->id = id;
        function->bus_id = bus->final_id;
        function->multifunction = is_multifunction(builder, node, bus);
        function->secondary_bus_id = NONE;
        if (owns_bus(function) && function->secondary_bus)
            function->secondary_bus_id =
                builder->buses[build_find_bus(builder, function->segment, function->secondary_bus)].final_id;
        function->pf_id = node->pf_node == NONE ? NONE : builder->nodes[node->pf_node].final_id;
        uint32_t vmd = topology->host_bridges[bus->final_host].vmd_function_id;
        function->real_dma_id = vmd == NONE ? id : builder->nodes[vmd].final_id;
    }
}

static void fill_buses(struct ordering *ordering)
{
    struct topology_builder *builder = ordering->builder;
    struct topology *topology = ordering->topology;
    topology->bus_count = ordering->bus_count;
    topology->buses = arena_array(topology->arena, ordering->bus_count, sizeof(*topology->buses));
    for (uint32_t id = 0; id < ordering->bus_count; id++) {
        const struct build_bus *from = &builder->buses[ordering->bus_order[id]];
        uint32_t *functions = arena_array(topology->arena, from->count, sizeof(*functions));
        for (uint32_t i = 0; i < from->count; i++)
            functions[i] = builder->nodes[builder->sorted[from->first + i]].final_id;
        uint8_t subordinate = from->number;
        if (from->self != NONE && builder->nodes[from->self].function.subordinate_bus > subordinate)
            subordinate = builder->nodes[from->self].function.subordinate_bus;
        topology->buses[id] = (struct pci_bus){
            .id = id,
            .segment = from->segment,
            .number = from->number,
            .subordinate = subordinate,
            .self_id = from->self == NONE ? NONE : builder->nodes[from->self].final_id,
            .parent_id = from->parent == NONE ? NONE : builder->buses[from->parent].final_id,
            .host_bridge_id = from->final_host,
            .functions = functions,
            .function_count = from->count,
        };
    }
}

/* A host bridge that does not state where it ends, ends before the next one of its segment, or where the
 * bridges on its root bus end. */
static uint8_t derive_bus_end(const struct topology_builder *builder, const struct build_bus *root)
{
    unsigned end = 255;
    const struct build_bus *past = builder->buses + builder->bus_count;
    for (const struct build_bus *next = root + 1; next < past && next->segment == root->segment; next++) {
        if (next->host != NONE) {
            end = next->number - 1U;
            break;
        }
    }
    for (uint32_t i = 0; i < root->count; i++) {
        const struct pci_function *function = &builder->nodes[builder->sorted[root->first + i]].function;
        if (owns_bus(function) && function->secondary_bus && function->subordinate_bus > end)
            end = function->subordinate_bus;
    }
    return (uint8_t)end;
}

static void fill_host_bridges(struct ordering *ordering)
{
    struct topology_builder *builder = ordering->builder;
    struct topology *topology = ordering->topology;
    for (uint32_t id = 0; id < topology->host_bridge_count; id++) {
        struct host_bridge *host = &topology->host_bridges[id];
        const struct build_bus *root =
            &builder->buses[build_find_bus(builder, host->segment, host->bus_start)];
        host->id = id;
        host->root_bus_id = root->final_id;
        if (host->vmd_function_id != NONE)
            host->vmd_function_id = builder->nodes[host->vmd_function_id].final_id;
        if (host->bus_end == 0)
            host->bus_end = derive_bus_end(builder, root);
        topology->buses[host->root_bus_id].subordinate = host->bus_end;
    }
}

void build_order(struct topology_builder *builder)
{
    struct topology *topology = builder->topology;
    struct ordering ordering = {
        .builder = builder,
        .topology = topology,
        .bus_order = memory_array(builder->bus_count + 1U, sizeof(uint32_t)),
        .node_order = memory_array(builder->count + 1, sizeof(uint32_t)),
    };
    topology->host_bridges =
        arena_array(topology->arena, builder->host_count, sizeof(*topology->host_bridges));
    topology->host_bridge_count = 0;
    walk_hosts(&ordering, false);
    walk_hosts(&ordering, true);
    append_vf_buses(&ordering);
    fill_functions(&ordering);
    fill_buses(&ordering);
    fill_host_bridges(&ordering);
    free(ordering.bus_order);
    free(ordering.node_order);
}
