/* SPDX-License-Identifier: MIT */
/*
 * Addresses for memory BARs and bridge windows that have none, as firmware gives them: from the deepest buses
 * upward each bridge adds up what is on its secondary bus, largest first; then the host bridges place the
 * sums in the physical address map, and from there downward everything gets its address.
 *
 * Two spaces: 32-bit memory (memory windows), and 64-bit prefetchable memory (prefetchable windows), because
 * a bridge has one window for each (PCI-to-PCI Bridge Spec 3.2.5.8, 3.2.5.9). Addresses the input states are
 * kept; what they leave open below the same bridge goes right beside them.
 *
 * MODEL: what is behind a VMD is placed beside the VMD endpoint's own BARs, not inside them.
 */
#include "sim/base/arena.h"
#include "sim/base/units.h"
#include "sim/topology/builder_internal.h"
#include "sim/topology/range_set.h"

#include <stdlib.h>

enum space { SPACE_32, SPACE_64, SPACE_COUNT };

/* Where machines put it: below the interrupt controllers, and above RAM from 256 GiB (within the 39 address
 * bits of client machines). */
static const uint64_t low_start = 0xc0000000, low_second_start = 0x80000000, low_end = 0xfdffffff;
static const uint64_t high_start = 0x4000000000, high_end = (UINT64_C(1) << 52) - 1;
static const uint64_t window_grain = 1 << 20;
static const uint64_t largest_bar = UINT64_C(1) << 50;

/* Base of a block that found no room. */
#define NOWHERE UINT64_MAX

/* Something to place on a bus: a BAR, the BARs of all VFs of a function, or a bridge's window. */
struct block {
    enum { BLOCK_BAR, BLOCK_VF_BAR, BLOCK_WINDOW } kind;
    uint32_t function;
    unsigned bar;
    uint64_t size, align;
    uint64_t base; /* from the start of the window of its bus, until that is placed */
    uint32_t next; /* on the same bus, in the same space */
    uint32_t index;
};

/* What one bus holds in one space. */
struct bus_space {
    uint32_t head; /* its blocks */
    bool fixed;    /* something on it has an address already, from low to high */
    uint64_t low, high;
    bool absolute; /* blocks have final addresses */
};

struct address_map {
    struct topology_builder *builder;
    struct topology *topology;
    const bool *due; /* by function: what has no address gets one */
    struct block *blocks;
    size_t count, capacity;
    struct bus_space (*buses)[SPACE_COUNT];
    struct range_set taken; /* everything with an address */
};

/* In which kind of window an address that is stated has to be. */
static enum space address_space(bool prefetchable, uint64_t limit)
{
    return prefetchable || limit > UINT32_MAX ? SPACE_64 : SPACE_32;
}

static struct window *space_window(struct pci_function *bridge, enum space space)
{
    return space == SPACE_32 ? &bridge->memory_window : &bridge->prefetchable_window;
}

static void widen_fixed(struct address_map *map, uint32_t bus, enum space space, uint64_t low, uint64_t high)
{
    struct bus_space *part = &map->buses[bus][space];
    if (!part->fixed || low < part->low)
        part->low = low;
    if (!part->fixed || high > part->high)
        part->high = high;
    part->fixed = true;
}

static void add_fixed(struct address_map *map, uint32_t bus, enum space space, uint64_t low, uint64_t high)
{
    widen_fixed(map, bus, space, low, high);
    range_set_add(&map->taken, low, high);
}

static void add_block(struct address_map *map, uint32_t bus, enum space space, struct block block)
{
    map->blocks = memory_grow(map->blocks, map->count, &map->capacity, sizeof(*map->blocks));
    block.index = (uint32_t)map->count++;
    block.next = map->buses[bus][space].head;
    map->buses[bus][space].head = block.index;
    map->blocks[block.index] = block;
}

static void collect_bar(struct address_map *map, const struct pci_function *function, const struct bar *bar,
                        unsigned index, unsigned copies, bool of_vfs)
{
    if (!is_memory_bar(bar) || copies == 0)
        return;
    if (bar->assigned) {
        uint64_t limit = bar_limit(bar, copies, 1);
        add_fixed(map, function->bus_id, address_space(bar->prefetchable, limit), bar->address, limit);
        return;
    }
    if (!map->due[function->id] || bar->size == 0)
        return;
    if ((bar->size & (bar->size - 1)) || bar->size > largest_bar / copies)
        return; /* topology_check() says so */
    enum space space = bar->kind == BAR_MEMORY64 && bar->prefetchable ? SPACE_64 : SPACE_32;
    add_block(map, function->bus_id, space,
              (struct block){
                  .kind = of_vfs ? BLOCK_VF_BAR : BLOCK_BAR,
                  .function = function->id,
                  .bar = index,
                  .size = bar->size * copies,
                  .align = bar->size,
              });
}

static void collect_function(struct address_map *map, struct pci_function *function)
{
    if (function->is_vf)
        return; /* its BARs follow from the PF's */
    for (unsigned i = 0; i < BAR_COUNT; i++)
        collect_bar(map, function, &function->bars[i], i, 1, false);
    for (unsigned i = 0; i < 6 && function->sriov.present; i++)
        collect_bar(map, function, &function->sriov.vf_bars[i], i, function->sriov.total_vfs, true);
    for (unsigned space = 0; space < SPACE_COUNT && function_is_bridge(function); space++) {
        const struct window *window = space_window(function, space);
        if (window->open && window->base <= window->limit)
            add_fixed(map, function->bus_id, space, window->base, window->limit);
    }
}

static int compare_blocks(const void *left, const void *right)
{
    const struct block *a = left, *b = right;
    if (a->align != b->align)
        return a->align > b->align ? -1 : 1;
    if (a->size != b->size)
        return a->size > b->size ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

/* Copies of the blocks of one bus and space, largest alignment first, so that no room is lost between them.
 * The caller frees them. */
static struct block *sorted_blocks(const struct address_map *map, const struct bus_space *part, size_t *count)
{
    *count = 0;
    for (uint32_t i = part->head; i != NONE; i = map->blocks[i].next)
        ++*count;
    struct block *blocks = memory_array(*count + 1, sizeof(*blocks));
    size_t filled = 0;
    for (uint32_t i = part->head; i != NONE; i = map->blocks[i].next)
        blocks[filled++] = map->blocks[i];
    qsort(blocks, *count, sizeof(*blocks), compare_blocks);
    return blocks;
}

static uint64_t round_up(uint64_t value, uint64_t align)
{
    return (value + align - 1) & ~(align - 1);
}

/* Lay the blocks of a bus out from `start`; returns the first byte behind them, saturating, so that absurd
 * sums fail to find a place instead of wrapping. */
static uint64_t lay_out(struct address_map *map, const struct bus_space *part, uint64_t start,
                        uint64_t *align)
{
    size_t count;
    struct block *blocks = sorted_blocks(map, part, &count);
    uint64_t at = start;
    *align = window_grain;
    for (size_t i = 0; i < count; i++) {
        if (blocks[i].align > *align)
            *align = blocks[i].align;
        at = round_up(at, blocks[i].align);
        map->blocks[blocks[i].index].base = at;
        at += blocks[i].size;
        if (at > high_end)
            at = high_end + 1;
    }
    free(blocks);
    return round_up(at, window_grain);
}

static void report_no_room(struct address_map *map, const struct block *block, const char *where)
{
    const struct pci_function *function = &map->topology->functions[block->function];
    char text[BDF_TEXT_SIZE], size[32];
    bdf_print(text, function->segment, function->bus, function->devfn);
    unit_print(size, sizeof(size), block->size, UNIT_BYTES);
    if (block->kind == BLOCK_WINDOW)
        BUILD_ERROR(map->builder, function->pointer, "topology-no-address-space",
                    "no room for the %s below the bridge %s in %s", size, text, where);
    else
        BUILD_ERROR(map->builder, function->pointer, "topology-no-address-space",
                    "no room for BAR %u of %s (%s) in %s", block->bar, text, size, where);
}

/* A bridge whose window is stated: what is below and has no address, between what has one. */
static void fill_window(struct address_map *map, uint32_t bus_id, enum space space,
                        const struct window *window)
{
    const struct pci_bus *bus = &map->topology->buses[bus_id];
    struct range_set taken = {0};
    for (uint32_t i = 0; i < bus->function_count; i++) {
        struct pci_function *function = &map->topology->functions[bus->functions[i]];
        for (unsigned b = 0; b < BAR_COUNT; b++) {
            const struct bar *bar = &function->bars[b];
            if (is_memory_bar(bar) && bar->assigned)
                range_set_add(&taken, bar->address, bar_limit(bar, 1, 1));
        }
        for (unsigned s = 0; s < SPACE_COUNT && function_is_bridge(function); s++) {
            const struct window *below = space_window(function, s);
            if (below->open && below->base <= below->limit)
                range_set_add(&taken, below->base, below->limit);
        }
    }
    range_set_settle(&taken);

    size_t count;
    struct block *blocks = sorted_blocks(map, &map->buses[bus_id][space], &count);
    for (size_t i = 0; i < count; i++) {
        uint64_t base;
        if (!range_set_gap(&taken, window->base, window->limit, blocks[i].size, blocks[i].align, &base)) {
            report_no_room(map, &blocks[i], "the window of the bridge above");
            map->blocks[blocks[i].index].base = NOWHERE;
            continue;
        }
        range_set_insert(&taken, base, base + blocks[i].size - 1);
        map->blocks[blocks[i].index].base = base;
    }
    free(blocks);
    range_set_fini(&taken);
    map->buses[bus_id][space].absolute = true;
}

/* A bridge without a window, below which some have addresses and others not: the others go right behind
 * them, or right before. */
static void extend_fixed(struct address_map *map, uint32_t bus_id, enum space space, struct window *window)
{
    struct bus_space *part = &map->buses[bus_id][space];
    uint64_t align, base, low = part->low & ~(window_grain - 1), high = part->high | (window_grain - 1);
    uint64_t size = lay_out(map, part, 0, &align);
    if (size > 0) {
        uint64_t after = round_up(high + 1, align), before = (low - size) & ~(align - 1);
        uint64_t end = space == SPACE_32 ? UINT32_MAX : high_end;
        if (high < end && range_set_gap(&map->taken, after, end, size, align, &base) && base == after) {
            high = base + size - 1;
        } else if (low >= size && range_set_gap(&map->taken, before, low - 1, size, align, &base) &&
                   base == before) {
            low = base;
        } else {
            report_no_room(map, &map->blocks[part->head],
                           "the addresses beside those stated below the same bridge");
            return;
        }
        lay_out(map, part, base, &align);
    }
    part->absolute = true;
    *window = (struct window){true, low, high};
    range_set_insert(&map->taken, low, high);
}

/* Windows of the bridge above a bus, everything below being known or added up. */
static void close_bus(struct address_map *map, uint32_t bus_id, enum space space)
{
    const struct pci_bus *bus = &map->topology->buses[bus_id];
    struct bus_space *part = &map->buses[bus_id][space];
    struct pci_function *bridge = &map->topology->functions[bus->self_id];
    struct window *window = space_window(bridge, space);
    uint64_t align;
    if (!function_is_bridge(bridge))
        return;
    if (window->open) {
        fill_window(map, bus_id, space, window);
    } else if (!map->due[bridge->id]) {
        if (part->head != NONE)
            report_no_room(map, &map->blocks[part->head], "the closed window of the bridge above");
    } else if (part->fixed) {
        extend_fixed(map, bus_id, space, window);
        if (window->open)
            widen_fixed(map, bridge->bus_id, space, window->base, window->limit);
    } else if (part->head != NONE) {
        uint64_t size = lay_out(map, part, 0, &align);
        add_block(map, bridge->bus_id, space,
                  (struct block){.kind = BLOCK_WINDOW, .function = bridge->id, .size = size, .align = align});
    }
}

/* One block of a root bus: in the host bridge's windows where it states any, else in the address map. */
static bool place_at_root(struct address_map *map, const struct host_bridge *host, const struct block *block,
                          enum space space, uint64_t high_from, uint64_t *base)
{
    const struct range_set *taken = &map->taken;
    for (uint32_t i = 0; i < host->window_count; i++) {
        const struct window *window = &host->windows[i];
        uint64_t end = space == SPACE_32 && window->limit > UINT32_MAX ? UINT32_MAX : window->limit;
        if (window->base <= end && (space == SPACE_32 || window->limit > UINT32_MAX) &&
            range_set_gap(taken, window->base, end, block->size, block->align, base))
            return true;
    }
    for (uint32_t i = 0; space == SPACE_64 && i < host->window_count; i++) {
        if (range_set_gap(taken, host->windows[i].base, host->windows[i].limit, block->size, block->align,
                          base))
            return true;
    }
    if (host->window_count)
        return false;
    if (space == SPACE_64)
        return range_set_gap(taken, high_from, high_end, block->size, block->align, base);
    if (range_set_gap(taken, low_start, low_end, block->size, block->align, base) ||
        range_set_gap(taken, low_second_start, low_start - 1, block->size, block->align, base))
        return true;
    /* On a root bus no 32-bit window stands above a 64-bit BAR. */
    const struct pci_function *function = &map->topology->functions[block->function];
    return block->kind == BLOCK_BAR && function->bars[block->bar].kind == BAR_MEMORY64 &&
           range_set_gap(taken, high_from, high_end, block->size, block->align, base);
}

static void place_host(struct address_map *map, const struct host_bridge *host, enum space space,
                       uint64_t high_from)
{
    static const char *const places[SPACE_COUNT] = {"32-bit address space", "the address map"};
    struct bus_space *part = &map->buses[host->root_bus_id][space];
    size_t count;
    struct block *blocks = sorted_blocks(map, part, &count);
    for (size_t i = 0; i < count; i++) {
        uint64_t base;
        if (!place_at_root(map, host, &blocks[i], space, high_from, &base)) {
            report_no_room(map, &blocks[i],
                           host->window_count ? "the windows of the host bridge" : places[space]);
            map->blocks[blocks[i].index].base = NOWHERE;
            continue;
        }
        map->blocks[blocks[i].index].base = base;
        range_set_insert(&map->taken, base, base + blocks[i].size - 1);
    }
    part->absolute = true;
    free(blocks);
}

/* Hand the final addresses of the blocks of a bus to the functions, and downward. Parents come first. */
static void settle_bus(struct address_map *map, uint32_t bus_id, enum space space)
{
    struct pci_function *functions = map->topology->functions;
    struct bus_space *part = &map->buses[bus_id][space];
    uint64_t start = 0;
    if (!part->absolute && map->topology->buses[bus_id].self_id != NONE) {
        const struct window *window = space_window(&functions[map->topology->buses[bus_id].self_id], space);
        if (!window->open)
            return; /* found no room */
        start = window->base;
    }
    for (uint32_t i = part->head; i != NONE; i = map->blocks[i].next) {
        const struct block *block = &map->blocks[i];
        struct pci_function *function = &functions[block->function];
        if (block->base == NOWHERE)
            continue;
        if (block->kind == BLOCK_WINDOW) {
            *space_window(function, space) =
                (struct window){true, start + block->base, start + block->base + block->size - 1};
            continue;
        }
        struct bar *bar =
            block->kind == BLOCK_BAR ? &function->bars[block->bar] : &function->sriov.vf_bars[block->bar];
        bar->assigned = true;
        bar->address = start + block->base;
    }
}

static void place_all(struct address_map *map)
{
    struct topology *topology = map->topology;
    for (uint32_t i = 0; i < topology->function_count; i++)
        collect_function(map, &topology->functions[i]);
    for (uint32_t i = 0; i < topology->memory_count; i++)
        range_set_add(&map->taken, topology->memory[i].base, topology->memory[i].limit);
    range_set_settle(&map->taken);

    for (uint32_t bus = topology->bus_count; bus-- > 0;) {
        for (unsigned space = 0; space < SPACE_COUNT && topology->buses[bus].self_id != NONE; space++)
            close_bus(map, bus, space);
    }
    uint64_t high_from = high_start;
    for (uint32_t i = 0; i < topology->memory_count; i++) {
        if (topology->memory[i].limit >= high_from && topology->memory[i].limit < high_end)
            high_from = topology->memory[i].limit + 1;
    }
    for (uint32_t host = 0; host < topology->host_bridge_count; host++) {
        for (unsigned space = 0; space < SPACE_COUNT; space++)
            place_host(map, &topology->host_bridges[host], space, high_from);
    }
    for (uint32_t bus = 0; bus < topology->bus_count; bus++) {
        for (unsigned space = 0; space < SPACE_COUNT; space++)
            settle_bus(map, bus, space);
    }
}

/* BARs of VFs lie one after another from what the PF states (PCIe Base Spec 9.2.1.1.1). */
static void place_vf_bars(struct topology *topology)
{
    for (uint32_t i = 0; i < topology->function_count; i++) {
        struct pci_function *vf = &topology->functions[i];
        if (vf->pf_id == NONE)
            continue;
        for (unsigned b = 0; b < 6; b++) {
            const struct bar *first = &topology->functions[vf->pf_id].sriov.vf_bars[b];
            struct bar *bar = &vf->bars[b];
            if (bar->assigned || bar->kind == BAR_NONE || !first->assigned || first->size == 0)
                continue;
            bar->assigned = true;
            bar->address = first->address + first->size * vf->vf_index;
        }
    }
}

/* What a host bridge routes to where it does not say: what is below it. */
static void derive_host_windows(struct topology *topology, struct host_bridge *host)
{
    const struct pci_bus *bus = &topology->buses[host->root_bus_id];
    struct range_set below = {0};
    for (uint32_t i = 0; i < bus->function_count; i++) {
        struct pci_function *function = &topology->functions[bus->functions[i]];
        for (unsigned b = 0; b < BAR_COUNT + 6; b++) {
            bool own = b < BAR_COUNT;
            const struct bar *bar = own ? &function->bars[b] : &function->sriov.vf_bars[b - BAR_COUNT];
            unsigned copies = own ? 1 : function->sriov.total_vfs;
            if (!is_memory_bar(bar) || !bar->assigned || copies == 0)
                continue;
            /* A BAR of unknown size is somewhere in its page. */
            range_set_add(&below, bar->address, bar_limit(bar, copies, 4096 - (bar->address & 4095)));
        }
        for (unsigned s = 0; s < SPACE_COUNT && function_is_bridge(function); s++) {
            const struct window *window = space_window(function, s);
            if (window->open && window->base <= window->limit)
                range_set_add(&below, window->base, window->limit);
        }
    }
    range_set_settle(&below);
    host->windows = arena_array(topology->arena, below.count, sizeof(*host->windows));
    host->window_count = (uint32_t)below.count;
    for (size_t i = 0; i < below.count; i++)
        host->windows[i] = (struct window){true, below.ranges[i].base, below.ranges[i].limit};
    range_set_fini(&below);
}

void build_place_addresses(struct topology_builder *builder)
{
    struct topology *topology = builder->topology;
    bool *due = memory_array(topology->function_count + 1U, sizeof(*due));
    for (size_t i = 0; i < builder->count; i++) {
        const struct build_node *node = &builder->nodes[i];
        due[node->final_id] = !node->placement.addresses_known;
    }
    struct address_map map = {.builder = builder, .topology = topology, .due = due};
    map.buses = memory_array(topology->bus_count + 1U, sizeof(*map.buses));
    for (uint32_t bus = 0; bus < topology->bus_count; bus++)
        map.buses[bus][SPACE_32].head = map.buses[bus][SPACE_64].head = NONE;
    place_all(&map);
    place_vf_bars(topology);
    for (uint32_t i = 0; i < topology->host_bridge_count; i++) {
        if (topology->host_bridges[i].window_count == 0)
            derive_host_windows(topology, &topology->host_bridges[i]);
    }
    build_place_ports(builder, due);
    free(due);
    free(map.blocks);
    free(map.buses);
    range_set_fini(&map.taken);
}
