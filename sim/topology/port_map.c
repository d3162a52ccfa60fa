/* SPDX-License-Identifier: MIT */
/*
 * I/O ports for I/O BARs that have none, and the I/O windows of the bridges above them: from 0x1000 on, bus
 * by bus, what is stated left where it is. A bridge passes on 4 KiB of ports at least (PCI-to-PCI Bridge Spec
 * 3.2.5.6), so that there is room below 15 bridges; BARs that find none stay without an address, as kernels
 * leave them.
 *
 * MODEL: a bridge whose I/O window is stated gets nothing placed below it that it has not.
 */
#include "sim/topology/builder_internal.h"

enum { PORTS_FROM = 0x1000, PORTS_END = 0x10000, WINDOW_GRAIN = 0x1000, UNKNOWN_PORTS = 4 };

struct port_map {
    struct topology_builder *builder;
    struct topology *topology;
    const bool *due; /* by function: what has no address gets one */
    uint64_t next;   /* first port that is free from here on */
    uint32_t left;   /* BARs that found no room */
    const char *left_pointer;
};

static bool is_port_bar(const struct bar *bar)
{
    return bar->kind == BAR_IO;
}

static uint64_t round_up(uint64_t value, uint64_t align)
{
    return (value + align - 1) & ~(align - 1);
}

/* Nothing is placed before what has an address. */
static void pass_stated(struct port_map *map)
{
    for (uint32_t i = 0; i < map->topology->function_count; i++) {
        const struct pci_function *function = &map->topology->functions[i];
        for (unsigned b = 0; b < BAR_COUNT; b++) {
            const struct bar *bar = &function->bars[b];
            uint64_t limit = bar_limit(bar, 1, UNKNOWN_PORTS);
            if (is_port_bar(bar) && bar->assigned && limit < PORTS_END && limit >= map->next)
                map->next = limit + 1;
        }
        if (function_is_bridge(function) && function->io_window.open &&
            function->io_window.limit < PORTS_END && function->io_window.limit >= map->next)
            map->next = function->io_window.limit + 1;
    }
}

static void place_function(struct port_map *map, struct pci_function *function)
{
    for (unsigned b = 0; b < BAR_COUNT; b++) {
        struct bar *bar = &function->bars[b];
        if (!is_port_bar(bar) || bar->assigned || bar->size == 0 || (bar->size & (bar->size - 1)))
            continue;
        uint64_t base = round_up(map->next, bar->size);
        if (base + bar->size > PORTS_END) {
            map->left++;
            map->left_pointer = function->pointer;
            continue;
        }
        bar->assigned = true;
        bar->address = base;
        map->next = base + bar->size;
    }
}

/* Depth first: what is below a bridge stands together. */
static void place_bus(struct port_map *map, uint32_t bus_id)
{
    const struct pci_bus *bus = &map->topology->buses[bus_id];
    for (uint32_t i = 0; i < bus->function_count; i++) {
        struct pci_function *function = &map->topology->functions[bus->functions[i]];
        if (function->is_vf)
            continue;
        if (map->due[function->id])
            place_function(map, function);
        if (!function_is_bridge(function) || function->secondary_bus_id == NONE || !map->due[function->id] ||
            function->io_window.open)
            continue;
        uint64_t before = map->next, base = round_up(before, WINDOW_GRAIN);
        map->next = base;
        place_bus(map, function->secondary_bus_id);
        if (map->next == base) { /* nobody wants ports */
            map->next = before;
            continue;
        }
        map->next = round_up(map->next, WINDOW_GRAIN);
        function->io_window = (struct window){true, base, map->next - 1};
    }
}

void build_place_ports(struct topology_builder *builder, const bool *due)
{
    struct topology *topology = builder->topology;
    struct port_map map = {.builder = builder, .topology = topology, .due = due, .next = PORTS_FROM};
    pass_stated(&map);
    for (uint32_t h = 0; h < topology->host_bridge_count; h++)
        place_bus(&map, topology->host_bridges[h].root_bus_id);
    if (map.left)
        BUILD_WARNING(builder, map.left_pointer, "topology-no-port-space",
                      "no room for %u I/O BAR%s below port 0x10000: %s without an address", map.left,
                      map.left == 1 ? "" : "s", map.left == 1 ? "it stays" : "they stay");
}
