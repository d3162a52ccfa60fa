/* SPDX-License-Identifier: MIT */
#include "sim/analysis/reach_destinations.h"

#include "models/pcie/fabric_claims.h"
#include "sim/analysis/reach_walk.h"
#include "sim/base/arena.h"

enum { MSI_BASE = 0xfee00000, MSI_LIMIT = 0xfeefffff, UNKNOWN_ROM_BYTES = 2048 };

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

/** Memory BARs and the ROM that do not decode. */
static void add_silent(struct list *list, const struct fabric *fabric, uint32_t id)
{
    const struct pci_function *function = &fabric->topology->functions[id];
    const struct fabric_node *node = &fabric->nodes[id];
    for (unsigned b = 0; b < BAR_COUNT; b++) {
        const struct bar *bar = &function->bars[b];
        bool decodes = false;
        for (uint32_t i = 0; i < node->bar_count; i++)
            decodes |= fabric->bars[node->bar_first + i].index == b;
        if (!bar->assigned || decodes || bar->kind == BAR_NONE || bar->kind == BAR_IO)
            continue;
        uint64_t limit = bar->address + ((bar->size ? bar->size : UNKNOWN_ROM_BYTES) - 1);
        add(list, b == BAR_ROM ? DESTINATION_ROM : DESTINATION_SILENT_BAR, id, (uint8_t)b, bar->address,
            limit < bar->address ? UINT64_MAX : limit);
    }
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
    add_silent(list, fabric, id);
    if (node->below_id == NONE)
        return;
    const struct fabric_bus *below = &fabric->buses[node->below_id];
    for (uint8_t w = 0; w < 2; w++)
        add_window(list, DESTINATION_WINDOW, id, w, &below->address, node->windows[w]);
    add_window(list, DESTINATION_IO_WINDOW, id, 0, &below->io, node->io_window);
}

/** Holes of host bridges' windows. */
static void add_hosts(struct list *list, const struct fabric *fabric)
{
    const struct topology *topology = fabric->topology;
    for (uint32_t h = 0; h < topology->host_bridge_count; h++) {
        const struct host_bridge *host = &topology->host_bridges[h];
        for (uint32_t w = 0; host->vmd_function_id == NONE && w < host->window_count && w <= UINT8_MAX; w++) {
            uint64_t at = host->windows[w].base;
            const struct fabric_claim *claim = claims_find(&fabric->root_address, at);
            /* Windows are claims of nobody in the table: the first of those inside is a hole. */
            while (claim && claim->function_id != NONE && claim->limit < host->windows[w].limit) {
                at = claim->limit + 1;
                claim = claims_find(&fabric->root_address, at);
            }
            if (claim && claim->function_id == NONE)
                add(list, DESTINATION_HOST_WINDOW, h, (uint8_t)w, at, host->windows[w].limit);
        }
    }
}

struct reach_destination *reach_destinations(struct arena *arena, const struct fabric *fabric,
                                             uint32_t *count)
{
    enum { WINDOWS = 3, OTHERS = 3 };
    const struct topology *topology = fabric->topology;
    uint64_t address;
    uint32_t most = OTHERS;
    for (uint32_t i = 0; i < topology->function_count; i++)
        most += BAR_COUNT + fabric->nodes[i].io_count + WINDOWS;
    for (uint32_t h = 0; h < topology->host_bridge_count; h++)
        most += topology->host_bridges[h].window_count;
    struct list list = {arena_array(arena, most, sizeof(list.items[0])), 0};
    for (uint32_t i = 0; i < topology->function_count; i++)
        add_function(&list, fabric, i);
    add_hosts(&list, fabric);
    address = reach_memory_address(fabric);
    add(&list, DESTINATION_MEMORY, NONE, 0, address, address);
    add(&list, DESTINATION_MSI, NONE, 0, MSI_BASE, MSI_LIMIT);
    if (find_unclaimed(fabric, &address))
        add(&list, DESTINATION_UNCLAIMED, NONE, 0, address, address);
    *count = list.count;
    return list.items;
}

/** Keep @p candidate where it has the address and is no larger than what was found (of equal ones the later,
 * which is the deeper one). */
static void keep_smaller(struct reach_destination *found, struct reach_destination candidate,
                         uint64_t address)
{
    bool has = address >= candidate.base && address <= candidate.limit;
    if (has &&
        (found->kind == DESTINATION_KINDS || candidate.limit - candidate.base <= found->limit - found->base))
        *found = candidate;
}

/** The smallest thing of a function at @p address; kind DESTINATION_KINDS where no function has it. */
static struct reach_destination find_owned(const struct fabric *fabric, uint64_t address, bool io)
{
    struct reach_destination found = {.kind = DESTINATION_KINDS, .limit = UINT64_MAX}, silent = found;
    struct reach_destination few[BAR_COUNT];
    for (uint32_t id = 0; id < fabric->topology->function_count; id++) {
        const struct fabric_node *node = &fabric->nodes[id];
        const struct fabric_bar *bars = &fabric->bars[node->bar_first];
        const struct fabric_bar *ports = &fabric->io_bars[node->io_first];
        for (uint32_t b = 0; b < (io ? node->io_count : node->bar_count); b++) {
            const struct fabric_bar *bar = io ? &ports[b] : &bars[b];
            keep_smaller(&found,
                         (struct reach_destination){io ? DESTINATION_IO_BAR : DESTINATION_BAR, id, bar->index,
                                                    bar->base, bar->limit},
                         address);
        }
        struct list list = {few, 0};
        if (!io)
            add_silent(&list, fabric, id);
        for (uint32_t i = 0; i < list.count; i++)
            keep_smaller(&silent, few[i], address);
        for (uint8_t w = 0; w < (io ? 1 : 2) && node->below_id != NONE; w++) {
            const uint64_t *window = io ? node->io_window : node->windows[w];
            keep_smaller(&found,
                         (struct reach_destination){io ? DESTINATION_IO_WINDOW : DESTINATION_WINDOW, id, w,
                                                    window[0], window[1]},
                         address);
        }
    }
    /* What does not decode is a name for a hole, at best. */
    bool named = found.kind == DESTINATION_KINDS || found.kind == DESTINATION_WINDOW;
    return named && silent.kind != DESTINATION_KINDS ? silent : found;
}

/** What the root complex has at @p address, which no function has. */
static struct reach_destination find_in_host(const struct fabric *fabric, uint64_t address)
{
    const struct topology *topology = fabric->topology;
    struct reach_destination found = {DESTINATION_UNCLAIMED, NONE, 0, address, address};
    for (uint32_t i = 0; i < topology->memory_count; i++) {
        if (address >= topology->memory[i].base && address <= topology->memory[i].limit)
            return (struct reach_destination){DESTINATION_MEMORY, NONE, 0, address,
                                              topology->memory[i].limit};
    }
    for (uint32_t h = 0; h < topology->host_bridge_count; h++) {
        const struct host_bridge *host = &topology->host_bridges[h];
        for (uint32_t w = 0; host->vmd_function_id == NONE && w < host->window_count && w <= UINT8_MAX; w++) {
            if (address >= host->windows[w].base && address <= host->windows[w].limit)
                return (struct reach_destination){DESTINATION_HOST_WINDOW, h, (uint8_t)w, address,
                                                  host->windows[w].limit};
        }
    }
    if (topology->memory_count == 0)
        found.kind = DESTINATION_MEMORY;
    return found;
}

struct reach_destination reach_destination_at(const struct fabric *fabric, uint64_t address, bool io)
{
    if (!io && route_is_msi(address))
        return (struct reach_destination){DESTINATION_MSI, NONE, 0, address, MSI_LIMIT};
    struct reach_destination found = find_owned(fabric, address, io);
    if (found.kind != DESTINATION_KINDS) {
        found.base = address;
        return found;
    }
    if (io)
        return (struct reach_destination){DESTINATION_IO_UNCLAIMED, NONE, 0, address, address};
    return find_in_host(fabric, address);
}

bool reach_destination_is_io(enum reach_destination_kind kind)
{
    return kind == DESTINATION_IO_BAR || kind == DESTINATION_IO_WINDOW || kind == DESTINATION_IO_UNCLAIMED;
}

uint32_t reach_destination_owner(const struct reach_destination *destination)
{
    return destination->kind == DESTINATION_HOST_WINDOW ? NONE : destination->function_id;
}

struct reach_request reach_destination_request(const struct reach *reach, uint32_t source_id,
                                               const struct reach_destination *destination,
                                               struct reach_way way)
{
    uint32_t owner_id = reach_destination_owner(destination);
    struct reach_request request =
        reach_way_request(reach, source_id, owner_id == NONE ? source_id : owner_id, way);
    request.transaction.address = destination->base;
    return request;
}

struct reach_result reach_destination_by(const struct reach *reach, uint32_t source_id,
                                         const struct reach_destination *destination, struct reach_way way)
{
    uint32_t owner_id = reach_destination_owner(destination);
    bool io = reach_destination_is_io(destination->kind);
    struct reach_result none = {.absence = reach_source_absence(reach->fabric, source_id, way),
                                .address = destination->base,
                                .rule = RULE_COUNT,
                                .turn_rule = RULE_COUNT,
                                .turn_id = NONE,
                                .at_id = NONE,
                                .end_id = NONE};
    if (transaction_routing(way.kind) != (io ? ROUTED_BY_PORT : ROUTED_BY_ADDRESS))
        none.absence = REACH_ABSENT_KIND;
    else if (way.identity == REACH_AS_TARGET && owner_id == NONE)
        none.absence = REACH_ABSENT_OWNER;
    else if (owner_id == source_id)
        none.absence = REACH_ABSENT_SELF;
    if (none.absence != REACH_ABSENT_NOTHING)
        return none;
    struct reach_request request = reach_destination_request(reach, source_id, destination, way);
    struct reach_result result = reach_follow(reach, &request, NULL, 0);
    bool bar = destination->kind == DESTINATION_BAR || destination->kind == DESTINATION_IO_BAR;
    if (bar && result.outcome == REACH_REACHES && result.end_id != owner_id)
        result.outcome = REACH_MISDELIVERED;
    result.bar = destination->index;
    return result;
}

const char *reach_destination_name(enum reach_destination_kind kind)
{
    static const char *const names[DESTINATION_KINDS] = {
        [DESTINATION_BAR] = "bar",
        [DESTINATION_IO_BAR] = "io-bar",
        [DESTINATION_ROM] = "rom",
        [DESTINATION_SILENT_BAR] = "silent-bar",
        [DESTINATION_WINDOW] = "window",
        [DESTINATION_IO_WINDOW] = "io-window",
        [DESTINATION_HOST_WINDOW] = "host-window",
        [DESTINATION_MEMORY] = "ram",
        [DESTINATION_MSI] = "msi",
        [DESTINATION_UNCLAIMED] = "unclaimed",
        [DESTINATION_IO_UNCLAIMED] = "io-unclaimed",
    };
    return (unsigned)kind < DESTINATION_KINDS ? names[kind] : "unknown";
}
