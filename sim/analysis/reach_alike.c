/* SPDX-License-Identifier: MIT */
#include "sim/analysis/reach_alike.h"

#include "models/pcie/fabric_claims.h"
#include "sim/base/arena.h"

#include <stdlib.h>
#include <string.h>

/** What functions that are alike have in common. All bytes count: filled from zero. */
struct likeness {
    uint32_t alone; /**< function + 1 that is like no other, else 0 */
    uint32_t bus_id, segment;
    uint32_t root_claimant; /**< who claims its memory on the root buses; of VMD domains the endpoint */
    uint16_t acs_control, acs_capability;
    uint16_t egress_index; /**< where somebody on the bus selects by it */
    uint16_t slot;         /**< where the root complex tells devices apart */
    uint16_t bus;
    uint16_t flags; /**< below; no member leaves room before the next, so that bytes can be compared */
};

enum {
    ISSUES = 1,
    PCIX = 2,
    TRANSLATED = 4,
    ATS = 8,
    ACS_PRESENT = 0x10,
    ACS_HIDDEN = 0x20,
    PEER_DECODE_OFF = 0x40,
    HAS_BARS = 0x80,
    HAS_PORTS = 0x100,
};

_Static_assert(sizeof(struct likeness) == 28, "struct likeness has no padding");

struct lookup {
    const struct fabric *fabric;
    uint32_t *bridges; /**< functions with a bus below */
    uint32_t bridge_count;
    bool *egress;                 /**< [bus] some function there has Egress Control on */
    bool *overlaps, *io_overlaps; /**< [BAR of the fabric] it has the first address of another BAR, or another
                                     has its own */
};

/** A BAR while BARs are sorted by address. */
struct placed_bar {
    uint64_t base, limit;
    uint32_t index;
};

static int compare_placed(const void *left, const void *right)
{
    const struct placed_bar *a = left, *b = right;
    return (a->base > b->base) - (a->base < b->base);
}

/** Mark BARs that share a first address with another one. That of a VMD endpoint holds all of its domain's:
 * only where it begins counts. */
static bool *find_overlaps(const struct fabric *fabric, bool io)
{
    const struct topology *topology = fabric->topology;
    uint32_t count = 0, total = 0;
    for (uint32_t id = 0; id < topology->function_count; id++)
        total += io ? fabric->nodes[id].io_count : fabric->nodes[id].bar_count;
    struct placed_bar *bars = memory_array(total, sizeof(*bars));
    for (uint32_t id = 0; id < topology->function_count; id++) {
        const struct fabric_node *node = &fabric->nodes[id];
        uint32_t first = io ? node->io_first : node->bar_first;
        for (uint32_t b = 0; b < (io ? node->io_count : node->bar_count); b++) {
            const struct fabric_bar *bar = io ? &fabric->io_bars[first + b] : &fabric->bars[first + b];
            bars[count++] =
                (struct placed_bar){bar->base, node->kind == NODE_VMD ? bar->base : bar->limit, first + b};
        }
    }
    if (count)
        qsort(bars, count, sizeof(*bars), compare_placed);
    bool *overlaps = memory_array(total, sizeof(*overlaps));
    for (uint32_t i = 0, highest = 0; i < count; i++) {
        bool before = i && bars[highest].limit >= bars[i].base;
        overlaps[bars[i].index] = before || (i + 1 < count && bars[i + 1].base <= bars[i].limit);
        if (bars[i].limit >= bars[highest].limit)
            highest = i;
    }
    free(bars);
    return overlaps;
}

static bool in_range(const uint64_t range[2], uint64_t value)
{
    return value >= range[0] && value <= range[1];
}

static bool is_above(const struct fabric *fabric, uint32_t bridge_id, uint32_t function_id)
{
    uint32_t id = fabric->nodes[function_id].parent_id;
    while (id != NONE && id != bridge_id)
        id = fabric->nodes[id].parent_id;
    return id != NONE;
}

/** True where no bridge has @p value but those above the function, which all have it in a window. */
static bool in_windows_above_only(const struct lookup *lookup, uint32_t function_id, uint64_t value, bool io)
{
    const struct fabric *fabric = lookup->fabric;
    for (uint32_t i = 0; i < lookup->bridge_count; i++) {
        const struct fabric_node *node = &fabric->nodes[lookup->bridges[i]];
        bool window = io ? in_range(node->io_window, value)
                         : in_range(node->windows[0], value) || in_range(node->windows[1], value);
        if (node->kind != NODE_VMD && window != is_above(fabric, lookup->bridges[i], function_id))
            return false;
    }
    return true;
}

/** True where every bus from the function's up leads @p value towards it. */
static bool claimed_all_the_way(const struct fabric *fabric, uint32_t function_id, uint64_t value,
                                const struct fabric_claims *(*claims_of)(const struct fabric_bus *bus))
{
    for (uint32_t id = function_id; id != NONE; id = fabric->nodes[id].parent_id) {
        const struct fabric_bus *bus = &fabric->buses[fabric->nodes[id].bus_id];
        const struct fabric_claim *claim = claims_find(claims_of(bus), value);
        if (!claim || claim->function_id != id)
            return false;
    }
    return true;
}

static const struct fabric_claims *address_claims(const struct fabric_bus *bus)
{
    return &bus->address;
}

static const struct fabric_claims *port_claims(const struct fabric_bus *bus)
{
    return &bus->io;
}

static const struct fabric_claims *id_claims(const struct fabric_bus *bus)
{
    return &bus->id;
}

/** True where what is sent to the function finds it as it would find its like. */
static bool is_ordinary(const struct lookup *lookup, const struct pci_function *function)
{
    const struct fabric *fabric = lookup->fabric;
    const struct fabric_node *node = &fabric->nodes[function->id];
    uint64_t id = (uint64_t)function->segment << 16 | node->requester_id;
    bool shared = fabric->buses[node->bus_id].kind == BUS_SHARED;
    if (node->kind != NODE_ENDPOINT || node->below_id != NONE || function->alias_count || shared ||
        node->acs_control & ACS_EGRESS_CONTROL || !claimed_all_the_way(fabric, function->id, id, id_claims))
        return false;
    for (uint32_t b = 0; b < node->bar_count; b++) {
        uint64_t base = fabric->bars[node->bar_first + b].base;
        if (lookup->overlaps[node->bar_first + b] || route_is_msi(base) ||
            !claimed_all_the_way(fabric, function->id, base, address_claims) ||
            !in_windows_above_only(lookup, function->id, base, false))
            return false;
    }
    for (uint32_t b = 0; b < node->io_count; b++) {
        uint64_t base = fabric->io_bars[node->io_first + b].base;
        if (lookup->io_overlaps[node->io_first + b] ||
            !claimed_all_the_way(fabric, function->id, base, port_claims) ||
            !in_windows_above_only(lookup, function->id, base, true))
            return false;
    }
    return true;
}

static void describe(const struct lookup *lookup, const struct reach *reach,
                     const struct pci_function *function, struct likeness *likeness)
{
    const struct fabric *fabric = lookup->fabric;
    const struct fabric_node *node = &fabric->nodes[function->id];
    memset(likeness, 0, sizeof(*likeness));
    if (!is_ordinary(lookup, function)) {
        likeness->alone = function->id + 1;
        return;
    }
    const struct fabric_claim *claim =
        node->bar_count ? claims_find(&fabric->root_address, fabric->bars[node->bar_first].base) : NULL;
    likeness->root_claimant = claim ? claim->function_id : NONE;
    if (claim && claim->function_id == function->id)
        likeness->root_claimant = NONE - 1; /* itself, on a root bus */
    likeness->bus_id = node->bus_id;
    likeness->segment = function->segment;
    likeness->acs_control = node->acs_control;
    likeness->acs_capability = node->acs_capability;
    likeness->egress_index = lookup->egress[node->bus_id] ? node->egress_index : 0;
    likeness->slot = fabric->buses[node->bus_id].kind == BUS_ROOT ? node->slot : 0;
    likeness->bus = function->bus;
    likeness->flags = (uint16_t)((reach_issues(function) ? ISSUES : 0) | (function->pcix ? PCIX : 0) |
                                 (!reach->translated || reach->translated[function->id] ? TRANSLATED : 0) |
                                 (reach->ats && reach->ats[function->id] ? ATS : 0) |
                                 (node->acs_present ? ACS_PRESENT : 0) | (node->acs_hidden ? ACS_HIDDEN : 0) |
                                 (node->peer_decode_off ? PEER_DECODE_OFF : 0) |
                                 (node->bar_count ? HAS_BARS : 0) | (node->io_count ? HAS_PORTS : 0));
}

/** A function while functions are sorted by likeness. */
struct described {
    struct likeness likeness;
    uint32_t function_id;
};

static int compare_described(const void *left, const void *right)
{
    const struct described *a = left, *b = right;
    int order = memcmp(&a->likeness, &b->likeness, sizeof(a->likeness));
    return order ? order : (a->function_id > b->function_id) - (a->function_id < b->function_id);
}

static void look_around(struct lookup *lookup)
{
    const struct fabric *fabric = lookup->fabric;
    for (uint32_t id = 0; id < fabric->topology->function_count; id++) {
        const struct fabric_node *node = &fabric->nodes[id];
        if (node->kind != NODE_ENDPOINT || node->below_id != NONE)
            lookup->bridges[lookup->bridge_count++] = id;
        if (node->acs_control & ACS_EGRESS_CONTROL)
            lookup->egress[node->bus_id] = true;
    }
}

struct reach_alike *reach_alike_new(struct arena *arena, const struct reach *reach)
{
    const struct topology *topology = reach->fabric->topology;
    uint32_t count = topology->function_count;
    struct reach_alike *alike = arena_alloc(arena, sizeof(*alike));
    struct lookup lookup = {.fabric = reach->fabric,
                            .bridges = memory_array(count, sizeof(*lookup.bridges)),
                            .egress = memory_array(topology->bus_count, sizeof(*lookup.egress)),
                            .overlaps = find_overlaps(reach->fabric, false),
                            .io_overlaps = find_overlaps(reach->fabric, true)};
    struct described *all = memory_array(count, sizeof(*all));
    uint32_t *first = memory_array(count, sizeof(*first)); /* [function] the first that is like it */
    look_around(&lookup);
    for (uint32_t id = 0; id < count; id++) {
        describe(&lookup, reach, &topology->functions[id], &all[id].likeness);
        all[id].function_id = id;
    }
    if (count)
        qsort(all, count, sizeof(*all), compare_described);
    for (uint32_t i = 0; i < count; i++) {
        bool like = i && memcmp(&all[i].likeness, &all[i - 1].likeness, sizeof(all[i].likeness)) == 0;
        first[all[i].function_id] = like ? first[all[i - 1].function_id] : all[i].function_id;
    }
    alike->class_of = arena_array(arena, count, sizeof(*alike->class_of));
    for (uint32_t id = 0; id < count; id++)
        alike->class_of[id] = first[id] == id ? alike->count++ : alike->class_of[first[id]];
    free(first);
    free(all);
    free(lookup.bridges);
    free(lookup.egress);
    free(lookup.overlaps);
    free(lookup.io_overlaps);
    return alike;
}

/** The answer about a pair, for all pairs of its classes. */
struct kept {
    uint32_t generation; /**< of the table when it was kept; else it is of another source */
    uint32_t source_id, target_id;
    struct reach_result result;
};

struct reach_table {
    const struct reach *reach;
    const struct reach_alike *alike;
    struct reach_way way;
    uint32_t generation, source_class;
    struct kept *kept; /**< [class of the target] */
};

struct reach_table *reach_table_new(struct arena *arena, const struct reach *reach,
                                    const struct reach_alike *alike, struct reach_way way)
{
    struct reach_table *table = arena_alloc(arena, sizeof(*table));
    *table = (struct reach_table){.reach = reach, .alike = alike, .way = way, .source_class = NONE};
    table->kept = arena_array(arena, alike->count, sizeof(*table->kept));
    return table;
}

struct reach_table *reach_table_of_writes(struct arena *arena, const struct reach *reach)
{
    return reach_table_new(arena, reach, reach_alike_new(arena, reach),
                           (struct reach_way){.kind = TRANSACTION_MEMORY_WRITE});
}

static uint32_t renamed(const struct kept *kept, uint32_t id, uint32_t source_id, uint32_t target_id)
{
    return id == kept->source_id ? source_id : id == kept->target_id ? target_id : id;
}

/** Put the names of another pair of the same classes into an answer. */
static struct reach_result rename_pair(const struct reach_table *table, const struct kept *kept,
                                       uint32_t source_id, uint32_t target_id)
{
    const struct fabric *fabric = table->reach->fabric;
    const struct fabric_node *target = &fabric->nodes[target_id];
    struct reach_result result = kept->result;
    result.at_id = renamed(kept, result.at_id, source_id, target_id);
    result.turn_id = renamed(kept, result.turn_id, source_id, target_id);
    result.end_id = renamed(kept, result.end_id, source_id, target_id);
    const struct fabric_bar *bar = NULL;
    if (result.outcome == REACH_NOT_APPLICABLE)
        return result;
    if (transaction_routing(table->way.kind) == ROUTED_BY_ADDRESS)
        bar = &fabric->bars[target->bar_first];
    else if (transaction_routing(table->way.kind) == ROUTED_BY_PORT)
        bar = &fabric->io_bars[target->io_first];
    if (bar) {
        result.bar = bar->index;
        result.address = bar->base;
    }
    return result;
}

/** True where the answer about a pair holds for those like them. */
static bool is_shared(const struct reach_table *table, uint32_t source_id, uint32_t target_id)
{
    return source_id != target_id &&
           (table->way.identity != REACH_AS_TARGET ||
            reach_alike_forgeable(table->reach->fabric->topology, source_id, target_id));
}

/** The answer kept for the classes of a pair of different functions, worked out where there is none yet. */
static const struct kept *look_up(struct reach_table *table, uint32_t source_id, uint32_t target_id)
{
    uint32_t source_class = table->alike->class_of[source_id];
    struct kept *kept = &table->kept[table->alike->class_of[target_id]];
    if (source_class != table->source_class) {
        table->source_class = source_class;
        table->generation++;
    }
    if (kept->generation != table->generation) {
        *kept = (struct kept){table->generation, source_id, target_id,
                              reach_pair_by(table->reach, source_id, target_id, table->way)};
        kept->result.requester_id = 0;
    }
    return kept;
}

enum reach_outcome reach_table_outcome(struct reach_table *table, uint32_t source_id, uint32_t target_id)
{
    if (is_shared(table, source_id, target_id))
        return look_up(table, source_id, target_id)->result.outcome;
    return reach_pair_by(table->reach, source_id, target_id, table->way).outcome;
}

struct reach_result reach_table_ask(struct reach_table *table, uint32_t source_id, uint32_t target_id)
{
    if (is_shared(table, source_id, target_id))
        return rename_pair(table, look_up(table, source_id, target_id), source_id, target_id);
    struct reach_result alone = reach_pair_by(table->reach, source_id, target_id, table->way);
    alone.requester_id = 0;
    return alone;
}
