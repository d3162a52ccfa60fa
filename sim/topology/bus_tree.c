/* SPDX-License-Identifier: MIT */
/*
 * The tree of buses, from bus numbers alone: who leads to each. A bus that no bridge leads to is a root bus,
 * or a bus that only VFs sit on (drivers/pci/iov.c virtfn_add_bus: no bridge, the PF's bus above).
 */
#include "sim/base/arena.h"
#include "sim/topology/builder_internal.h"

#include <stdlib.h>
#include <string.h>

static int compare_buses(const void *left, const void *right)
{
    const struct build_bus *a = left, *b = right;
    if (a->segment != b->segment)
        return a->segment < b->segment ? -1 : 1;
    return a->number < b->number ? -1 : a->number > b->number;
}

uint32_t build_find_bus(const struct topology_builder *builder, uint32_t segment, uint8_t number)
{
    struct build_bus key = {.segment = segment, .number = number};
    const struct build_bus *found =
        bsearch(&key, builder->buses, builder->bus_count, sizeof(key), compare_buses);
    return found ? (uint32_t)(found - builder->buses) : NONE;
}

/* One entry for every bus number in use, ascending, with the functions on it. */
static void collect_buses(struct topology_builder *builder)
{
    size_t bound = builder->host_count + 2 * builder->count;
    builder->buses = memory_array(bound + 1, sizeof(*builder->buses));
    size_t count = 0;
    for (size_t i = 0; i < builder->host_count; i++) {
        const struct host_bridge *host = &builder->hosts[i].host_bridge;
        builder->buses[count++] = (struct build_bus){.segment = host->segment, .number = host->bus_start};
    }
    for (size_t i = 0; i < builder->count; i++) {
        const struct pci_function *function = &builder->nodes[i].function;
        builder->buses[count++] = (struct build_bus){.segment = function->segment, .number = function->bus};
        if (owns_bus(function) && function->secondary_bus)
            builder->buses[count++] =
                (struct build_bus){.segment = function->segment, .number = function->secondary_bus};
    }
    qsort(builder->buses, count, sizeof(*builder->buses), compare_buses);
    for (size_t i = 0; i < count; i++) {
        struct build_bus *bus = &builder->buses[i];
        if (builder->bus_count && compare_buses(&builder->buses[builder->bus_count - 1], bus) == 0)
            continue;
        bus->self = bus->host = bus->parent = bus->final_id = bus->final_host = NONE;
        bus->first = build_search(builder, address_key(bus->segment, bus->number, 0));
        bus->count = build_search(builder, address_key(bus->segment, bus->number, 0) + 0x100) - bus->first;
        builder->buses[builder->bus_count++] = *bus;
    }
}

static const char *node_text(const struct topology_builder *builder, uint32_t node, char *text)
{
    const struct pci_function *function = &builder->nodes[node].function;
    return bdf_print(text, function->segment, function->bus, function->devfn);
}

static void claim_root_buses(struct topology_builder *builder)
{
    for (uint32_t i = 0; i < builder->host_count; i++) {
        const struct host_bridge *host = &builder->hosts[i].host_bridge;
        builder->buses[build_find_bus(builder, host->segment, host->bus_start)].host = i;
    }
}

static void claim_secondary_buses(struct topology_builder *builder)
{
    for (size_t i = 0; i < builder->count; i++) {
        uint32_t node = builder->sorted[i];
        const struct pci_function *function = &builder->nodes[node].function;
        char text[BDF_TEXT_SIZE], other[BDF_TEXT_SIZE];
        if (!owns_bus(function) || !function->secondary_bus)
            continue;
        struct build_bus *bus =
            &builder->buses[build_find_bus(builder, function->segment, function->secondary_bus)];
        if (bus->host != NONE) {
            BUILD_ERROR(builder, function->pointer, "topology-duplicate-bus",
                        "bridge %s leads to bus %02x, which is the root bus of a host bridge",
                        node_text(builder, node, text), bus->number);
        } else if (bus->self != NONE) {
            BUILD_ERROR(builder, function->pointer, "topology-duplicate-bus",
                        "bridges %s and %s both lead to bus %02x", node_text(builder, bus->self, other),
                        node_text(builder, node, text), bus->number);
            BUILD_NOTE(builder, builder->nodes[bus->self].function.pointer, "topology-duplicate-bus",
                       "the other bridge");
        } else {
            bus->self = node;
            bus->parent = build_find_bus(builder, function->segment, function->bus);
        }
    }
}

/* True where VFs alone sit on the bus; their PF then says which bus is above. */
static bool has_only_vfs(const struct topology_builder *builder, const struct build_bus *bus)
{
    for (uint32_t i = 0; i < bus->count; i++) {
        if (builder->nodes[builder->sorted[bus->first + i]].pf_node == NONE)
            return false;
    }
    return bus->count > 0;
}

static void explain_other_buses(struct topology_builder *builder)
{
    for (uint32_t i = 0; i < builder->bus_count; i++) {
        struct build_bus *bus = &builder->buses[i];
        if (bus->host != NONE || bus->self != NONE)
            continue;
        if (has_only_vfs(builder, bus)) {
            const struct build_node *vf = &builder->nodes[builder->sorted[bus->first]];
            const struct pci_function *pf = &builder->nodes[vf->pf_node].function;
            bus->parent = build_find_bus(builder, pf->segment, pf->bus);
            continue;
        }
        struct host_bridge found = {.segment = bus->segment, .bus_start = bus->number, .found = true};
        bus->host = topology_builder_add_host_bridge(builder, &found);
    }
}

/* A bus that is above itself. Each bus is looked at once: whoever reaches a bus already known to be good, is
 * good. */
static bool check_cycles(struct topology_builder *builder)
{
    enum { NEW, ON_PATH, GOOD };
    uint8_t *state = memory_array(builder->bus_count + 1U, sizeof(*state));
    bool good = true;
    for (uint32_t i = 0; i < builder->bus_count; i++) {
        uint32_t at = i;
        while (at != NONE && state[at] == NEW) {
            state[at] = ON_PATH;
            at = builder->buses[at].parent;
        }
        if (at != NONE && state[at] == ON_PATH) {
            char text[BDF_TEXT_SIZE];
            uint32_t self = builder->buses[at].self;
            BUILD_ERROR(builder, builder->nodes[self].function.pointer, "topology-bus-cycle",
                        "bus %02x is above itself: the bridge %s that leads to it is below it",
                        builder->buses[at].number, node_text(builder, self, text));
            good = false;
        }
        for (at = i; at != NONE && state[at] == ON_PATH; at = builder->buses[at].parent)
            state[at] = GOOD;
    }
    free(state);
    return good;
}

static void check_number_order(struct topology_builder *builder)
{
    for (uint32_t i = 0; i < builder->bus_count; i++) {
        const struct build_bus *bus = &builder->buses[i];
        char text[BDF_TEXT_SIZE];
        if (bus->self == NONE || bus->number > builder->nodes[bus->self].function.bus)
            continue;
        BUILD_ERROR(builder, builder->nodes[bus->self].function.pointer, "topology-bus-order",
                    "bridge %s leads to bus %02x: a secondary bus number is higher than the primary's",
                    node_text(builder, bus->self, text), bus->number);
    }
}

bool build_tree(struct topology_builder *builder)
{
    unsigned errors = diagnostics_errors(builder->diagnostics);
    collect_buses(builder);
    claim_root_buses(builder);
    claim_secondary_buses(builder);
    explain_other_buses(builder);
    if (check_cycles(builder))
        check_number_order(builder);
    return diagnostics_errors(builder->diagnostics) == errors;
}
