/* SPDX-License-Identifier: MIT */
#include "sim/analysis/reach_destinations.h"

#include "models/pcie/fabric_claims.h"
#include "models/pcie/route.h"
#include "sim/base/arena.h"

enum { MSI_BASE = 0xfee00000 };

/** The first address from @p from to @p limit that nobody claims. @return false where there is none */
static bool find_hole(const struct fabric_claims *claims, uint64_t from, uint64_t limit, uint64_t *hole)
{
    for (uint32_t i = 0; i < claims->count && from <= limit; i++) {
        if (claims->items[i].limit < from)
            continue;
        if (claims->items[i].base > from)
            break;
        if (claims->items[i].limit == UINT64_MAX)
            return false;
        from = claims->items[i].limit + 1;
    }
    *hole = from;
    return from <= limit;
}

uint64_t reach_memory_address(const struct fabric *fabric)
{
    const struct topology *topology = fabric->topology;
    uint64_t address;
    for (uint32_t i = 0; i < topology->memory_count; i++) {
        const struct memory_range *range = &topology->memory[i];
        if (find_hole(&fabric->root_address, range->base, range->limit, &address))
            return address;
    }
    /* Not told: the first that is free. Page 0 is left alone, as kernels leave it. */
    return find_hole(&fabric->root_address, 0x1000, UINT64_MAX, &address) ? address : 0x1000;
}

/** An address that is neither claimed nor RAM. @return false where there is none, or nobody can tell */
static bool find_unclaimed(const struct fabric *fabric, uint64_t *address)
{
    const struct topology *topology = fabric->topology;
    uint64_t from = 0;
    for (uint32_t i = 0; i < topology->memory_count; i++) {
        const struct memory_range *range = &topology->memory[i];
        if (range->base > from && find_hole(&fabric->root_address, from, range->base - 1, address) &&
            !route_is_msi(*address))
            return true;
        from = range->limit + 1;
    }
    return topology->memory_count > 0 && find_hole(&fabric->root_address, from, UINT64_MAX, address) &&
           !route_is_msi(*address);
}

struct list {
    struct reach_destination *items;
    uint32_t count;
};

static void add(struct list *list, enum reach_destination_kind kind, uint32_t function_id, uint8_t index,
                uint64_t base, uint64_t limit)
{
    list->items[list->count++] = (struct reach_destination){kind, function_id, index, base, limit};
}

static void add_window(struct list *list, enum reach_destination_kind kind, uint32_t function_id,
                       uint8_t index, const struct fabric_claims *below, const uint64_t window[2])
{
    uint64_t hole;
    if (window[0] <= window[1] && find_hole(below, window[0], window[1], &hole))
        add(list, kind, function_id, index, hole, window[1]);
}

static void add_function(struct list *list, const struct fabric *fabric, uint32_t id)
{
    const struct fabric_node *node = &fabric->nodes[id];
    for (uint32_t b = 0; b < node->bar_count; b++) {
        const struct fabric_bar *bar = &fabric->bars[node->bar_first + b];
        add(list, DESTINATION_BAR, id, bar->index, bar->base, bar->limit);
    }
    for (uint32_t b = 0; b < node->io_count; b++) {
        const struct fabric_bar *bar = &fabric->io_bars[node->io_first + b];
        add(list, DESTINATION_IO_BAR, id, bar->index, bar->base, bar->limit);
    }
    if (node->below_id == NONE)
        return;
    const struct fabric_bus *below = &fabric->buses[node->below_id];
    for (uint8_t w = 0; w < 2; w++)
        add_window(list, DESTINATION_WINDOW, id, w, &below->address, node->windows[w]);
    add_window(list, DESTINATION_IO_WINDOW, id, 0, &below->io, node->io_window);
}

struct reach_destination *reach_destinations(struct arena *arena, const struct fabric *fabric,
                                             uint32_t *count)
{
    enum { WINDOWS = 3, OTHERS = 3 };
    const struct topology *topology = fabric->topology;
    uint64_t address;
    uint32_t most = OTHERS;
    for (uint32_t i = 0; i < topology->function_count; i++)
        most += fabric->nodes[i].bar_count + fabric->nodes[i].io_count + WINDOWS;
    struct list list = {arena_array(arena, most, sizeof(list.items[0])), 0};
    for (uint32_t i = 0; i < topology->function_count; i++)
        add_function(&list, fabric, i);
    address = reach_memory_address(fabric);
    add(&list, DESTINATION_MEMORY, NONE, 0, address, address);
    add(&list, DESTINATION_MSI, NONE, 0, MSI_BASE, MSI_BASE + 0xfffff);
    if (find_unclaimed(fabric, &address))
        add(&list, DESTINATION_UNCLAIMED, NONE, 0, address, address);
    *count = list.count;
    return list.items;
}

const char *reach_destination_name(enum reach_destination_kind kind)
{
    static const char *const names[] = {"bar",    "io-bar", "window",   "io-window",
                                        "memory", "msi",    "unclaimed"}; /* ORDER: the enum */
    return (unsigned)kind < sizeof(names) / sizeof(names[0]) ? names[kind] : "unknown";
}
