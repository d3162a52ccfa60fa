/* SPDX-License-Identifier: MIT */
/* Bus numbers of bridges in dumps that do not print them (plain lspci, -n, -nn, -k, group listings).
 *
 * Firmware goes down depth first, so in that order the buses behind bridges have ascending numbers: of the
 * buses that are seen, each bridge leads to the next or to none. Among the ways to share them out the
 * cheapest is taken, in the currency of what firmware rarely does (enum surprise). */
#include "sim/input/lspci_guess.h"

#include "sim/base/arena.h"

#include <stdlib.h>
#include <string.h>

enum { BUSES = 256, CLASS_HOST_BRIDGE = 0x0600, VENDOR_AMD = 0x1022, VENDOR_INTEL = 0x8086 };

/* What each surprise costs. Most firmware gives every bridge the next number, whether anything is behind it
 * or not; some leaves room for devices to come. */
enum surprise {
    GAP_AT_ROOT = 10,    /* numbers are left out before a bus behind a root port */
    GAP_IN_SWITCH = 30,  /* or deeper, where there is less room to give */
    ROOT_BELOW_GAP = 50, /* a bus that looks like a root bus stands where numbers were left out */
    SWITCH_AT_ROOT = 30, /* a root port leads to a bus that looks like the inside of a switch */
    INTERNAL_EMPTY = 20, /* nothing is behind a port to functions of the same chip */
    NUMBER_TAKEN = 30,   /* a bridge has no number of its own */
    NO_BRIDGE = 100,     /* a bus that no bridge leads to */
    ROOT_AFTER_GAP = 15, /* it looks like a root bus, and numbers were left out before */
    IMPOSSIBLE = 1000000,
};

/* Beyond this many steps (bridges times buses squared) nothing is guessed: hostile input. */
enum { MAXIMUM_STEPS = 50000000 };

/* What the functions seen on a bus say of it. A link has one slot at its end, and the bus in a switch only
 * bridges. */
enum look { LIKE_LINK, LIKE_SWITCH, LIKE_ROOT };

/* One bridge of a place, or the end of its bridges. */
struct step {
    uint16_t *from;      /* [end] which end came before this bridge */
    bool *taken;         /* [end] the bridge leads to the bus at from */
    uint16_t *origin;    /* [end] the end before buses without bridge were passed over */
    unsigned start, end; /* as chosen */
    bool leads;
};

/* The buses seen below one root bus. Place 0 is the root bus itself; an end is the first place not covered.
 */
struct range {
    struct arena *arena;
    struct topology_builder *builder;
    const uint32_t *order; /* the segment's functions, ascending bus and devfn */
    const uint32_t *first; /* order[first[bus] .. first[bus + 1]) sit on a bus */
    unsigned limit;        /* highest number to give */
    unsigned count;        /* places */
    unsigned bus[BUSES];   /* [place] ascending */
    enum look look[BUSES]; /* [place] */
    uint32_t *cost[BUSES]; /* [place][end] of covering all places between by the bridges of a place's bus */
    uint16_t *next[BUSES]; /* [place][end] the number that follows those given */
    struct step *steps[BUSES]; /* [place][bridge], and one more */
};

static struct pci_function *function_at(const struct range *range, uint32_t place)
{
    return topology_builder_function(range->builder, range->order[place]);
}

/* A port of an AMD processor to its own functions, or of a Thunderbolt controller to its own two. */
static bool is_internal(const struct pci_function *bridge, bool at_root)
{
    static const uint16_t thunderbolt[] = {0x156b, 0x156d, 0x1576, 0x1578, 0x15c0, 0x15d3,
                                           0x15da, 0x15e7, 0x15ea, 0x1136, 0x5780, 0x5784};
    unsigned slot = pci_slot(bridge->devfn);
    if (at_root)
        return bridge->vendor == VENDOR_AMD && (slot == 7 || slot == 8) && (bridge->devfn & 7) != 0;
    for (size_t i = 0; i < sizeof(thunderbolt) / sizeof(thunderbolt[0]); i++) {
        if (bridge->vendor == VENDOR_INTEL && bridge->device == thunderbolt[i])
            return slot == 0 || slot == 2;
    }
    return false;
}

/* The cheapest ways to give the buses from a place on to the bridges of the bus before, so far: [end]. */
struct front {
    uint32_t cost[BUSES + 1];
    uint16_t next[BUSES + 1];
};

/* Pass over buses that no bridge leads to, with all below them. */
static void let_orphans(const struct range *range, struct front *front, struct step *step, unsigned start)
{
    for (unsigned end = start; end <= range->count; end++)
        step->origin[end] = (uint16_t)end;
    for (unsigned from = start; start == 1 && from < range->count; from++) {
        uint32_t cost = front->cost[from];
        cost += range->look[from] == LIKE_ROOT && front->next[from] < range->bus[from] ? ROOT_AFTER_GAP
                                                                                       : NO_BRIDGE;
        for (unsigned end = from + 1; end <= range->count; end++) {
            if (cost + range->cost[from][end] >= front->cost[end])
                continue;
            front->cost[end] = cost + range->cost[from][end];
            front->next[end] = front->next[from]; /* numbers of another root do not continue this one's */
            step->origin[end] = (uint16_t)from;
        }
    }
}

/* A way by which a bridge may end somewhere. */
struct way {
    unsigned from, end;
    uint32_t cost;
    unsigned next;
    bool taken;
};

static void offer(struct front *front, struct step *step, const struct way *way)
{
    if (way->cost >= front->cost[way->end])
        return;
    front->cost[way->end] = way->cost;
    front->next[way->end] = (uint16_t)way->next;
    step->from[way->end] = (uint16_t)way->from;
    step->taken[way->end] = way->taken;
}

static uint32_t surprise_to_lead(const struct range *range, bool at_root, unsigned next, unsigned place)
{
    uint32_t cost = at_root && range->look[place] == LIKE_SWITCH ? SWITCH_AT_ROOT : 0;
    if (next == range->bus[place])
        return cost;
    if (range->look[place] == LIKE_ROOT)
        return ROOT_BELOW_GAP;
    return cost + (at_root ? GAP_AT_ROOT : GAP_IN_SWITCH);
}

static void try_bridge(const struct range *range, const struct front *before, struct front *after,
                       struct step *step, bool internal, unsigned start)
{
    for (unsigned end = 0; end <= range->count; end++)
        after->cost[end] = IMPOSSIBLE;
    for (unsigned from = start; from <= range->count; from++) {
        if (before->cost[from] >= IMPOSSIBLE)
            continue;
        bool seen = from < range->count;
        unsigned next = before->next[from];
        bool room = next <= range->limit && (!seen || next < range->bus[from]);
        struct way empty = {from, from, before->cost[from], room ? next + 1 : next, false};
        empty.cost += (room ? 0U : NUMBER_TAKEN) + (internal ? INTERNAL_EMPTY : 0U);
        offer(after, step, &empty);
        if (!seen || next > range->bus[from])
            continue;
        for (unsigned end = from + 1; end <= range->count; end++) {
            struct way way = {from, end, before->cost[from] + range->cost[from][end], range->next[from][end],
                              true};
            way.cost += surprise_to_lead(range, start == 1, next, from);
            offer(after, step, &way);
        }
    }
}

static struct step *new_step(const struct range *range, struct step *step)
{
    *step = (struct step){
        .from = arena_array(range->arena, range->count + 1, sizeof(*step->from)),
        .taken = arena_array(range->arena, range->count + 1, sizeof(*step->taken)),
        .origin = arena_array(range->arena, range->count + 1, sizeof(*step->origin)),
    };
    return step;
}

/* All ends for the bus at a place, once all places after it are done. */
static void solve_place(struct range *range, unsigned place)
{
    struct front fronts[2];
    struct front *now = &fronts[0], *then = &fronts[1];
    unsigned bus = range->bus[place], start = place + 1;
    struct step *step = range->steps[place];
    memset(now, 0, sizeof(*now));
    for (unsigned end = 0; end <= range->count; end++)
        now->cost[end] = end == start ? 0 : IMPOSSIBLE;
    now->next[start] = (uint16_t)(bus + 1);
    for (uint32_t i = range->first[bus]; i < range->first[bus + 1]; i++) {
        const struct pci_function *function = function_at(range, i);
        if (!function_is_bridge(function))
            continue;
        let_orphans(range, now, new_step(range, step), start);
        try_bridge(range, now, then, step++, is_internal(function, place == 0), start);
        struct front *swap = now;
        now = then;
        then = swap;
    }
    let_orphans(range, now, new_step(range, step), start);
    range->cost[place] = arena_array(range->arena, range->count + 1, sizeof(uint32_t));
    range->next[place] = arena_array(range->arena, range->count + 1, sizeof(uint16_t));
    memcpy(range->cost[place], now->cost, (range->count + 1) * sizeof(uint32_t));
    memcpy(range->next[place], now->next, (range->count + 1) * sizeof(uint16_t));
}

static unsigned count_bridges(const struct range *range, unsigned bus)
{
    unsigned bridges = 0;
    for (uint32_t i = range->first[bus]; i < range->first[bus + 1]; i++)
        bridges += function_is_bridge(function_at(range, i));
    return bridges;
}

static unsigned number_below(const struct range *range, unsigned place, unsigned end, unsigned *guessed);

/* Buses that were passed over are roots of their own. @return the end before them */
static unsigned number_orphans(const struct range *range, const struct step *step, unsigned end,
                               unsigned *guessed)
{
    while (step->origin[end] != end) {
        unsigned place = step->origin[end];
        number_below(range, place, end, guessed);
        end = place;
    }
    return end;
}

/* Go back the cheapest way to an end. */
static void choose(const struct range *range, unsigned place, unsigned end, unsigned bridges,
                   unsigned *guessed)
{
    end = number_orphans(range, &range->steps[place][bridges], end, guessed);
    for (unsigned i = bridges; i-- > 0;) {
        struct step *step = &range->steps[place][i];
        step->end = end;
        step->start = step->from[end];
        step->leads = step->taken[end];
        end = number_orphans(range, step, step->start, guessed);
    }
}

/* Give numbers as chosen. @return the last number given, or the bus's own */
static unsigned number_below(const struct range *range, unsigned place, unsigned end, unsigned *guessed)
{
    unsigned bus = range->bus[place], next = bus + 1;
    choose(range, place, end, count_bridges(range, bus), guessed);
    const struct step *step = range->steps[place];
    for (uint32_t i = range->first[bus]; i < range->first[bus + 1]; i++) {
        struct pci_function *function = function_at(range, i);
        if (!function_is_bridge(function))
            continue;
        unsigned secondary = step->leads ? range->bus[step->start] : next;
        bool room = next <= range->limit && (step->start == range->count || next < range->bus[step->start]);
        if (step->leads || room) {
            next = (step->leads ? number_below(range, step->start, step->end, guessed) : secondary) + 1;
            function->secondary_bus = (uint8_t)secondary;
            function->subordinate_bus = (uint8_t)(next - 1);
            ++*guessed;
        }
        step++;
    }
    return next - 1;
}

static enum look look_at(const struct range *range, unsigned bus)
{
    enum look look = LIKE_LINK;
    for (uint32_t i = range->first[bus]; i < range->first[bus + 1]; i++) {
        const struct pci_function *function = function_at(range, i);
        if (pci_slot(function->devfn) == 0)
            continue;
        if (!function_is_bridge(function))
            return LIKE_ROOT;
        look = LIKE_SWITCH;
    }
    return look;
}

static unsigned number_range(struct range *range, unsigned root, unsigned limit)
{
    unsigned guessed = 0;
    uint64_t bridges = 0;
    range->arena = arena_new();
    range->limit = limit;
    range->count = 0;
    for (unsigned bus = root; bus <= limit; bus++) {
        if (range->first[bus] == range->first[bus + 1])
            continue;
        range->bus[range->count] = bus;
        range->look[range->count] = look_at(range, bus);
        unsigned here = count_bridges(range, bus);
        range->steps[range->count++] = arena_array(range->arena, here + 1, sizeof(struct step));
        bridges += here + 1;
    }
    /* More would be more bridges than there are bus numbers. */
    if (bridges * range->count * range->count <= MAXIMUM_STEPS) {
        for (unsigned place = range->count; place-- > 0;)
            solve_place(range, place);
        number_below(range, 0, range->count, &guessed);
    }
    arena_free(range->arena);
    return guessed;
}

/* A host bridge as function 00.0 marks a root bus; so does being the first bus of the segment. */
static void find_roots(const struct range *range, bool root[BUSES])
{
    bool first = true;
    for (unsigned bus = 0; bus < BUSES; bus++) {
        if (range->first[bus] == range->first[bus + 1])
            continue;
        const struct pci_function *function = function_at(range, range->first[bus]);
        root[bus] = first || (function->devfn == 0 && function->class_code >> 8 == CLASS_HOST_BRIDGE);
        first = false;
    }
}

static unsigned number_segment(struct topology_builder *builder, const uint32_t *order, uint32_t count)
{
    uint32_t first[BUSES + 1] = {0};
    bool root[BUSES] = {false};
    unsigned guessed = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct pci_function *function = topology_builder_function(builder, order[i]);
        if (function->secondary_bus != 0)
            return 0; /* this dump prints them */
        first[function->bus + 1]++;
    }
    for (unsigned bus = 0; bus < BUSES; bus++)
        first[bus + 1] += first[bus];
    struct range range = {.builder = builder, .order = order, .first = first};
    find_roots(&range, root);
    for (unsigned bus = 0, end; bus < BUSES; bus = end) {
        for (end = bus + 1; end < BUSES && !root[end];)
            end++;
        if (root[bus])
            guessed += number_range(&range, bus, end - 1);
    }
    return guessed;
}

struct place {
    uint64_t key;
    uint32_t index;
};

static int compare_places(const void *left, const void *right)
{
    const struct place *a = left, *b = right;
    return a->key < b->key ? -1 : a->key > b->key;
}

unsigned lspci_guess_buses(struct topology_builder *builder)
{
    uint32_t count = topology_builder_count(builder);
    struct place *places = memory_array((size_t)count + 1, sizeof(*places));
    uint32_t *order = memory_array((size_t)count + 1, sizeof(*order));
    for (uint32_t i = 0; i < count; i++) {
        const struct pci_function *function = topology_builder_function(builder, i);
        places[i].key = (uint64_t)function->segment << 16 | pci_requester_id(function->bus, function->devfn);
        places[i].index = i;
    }
    qsort(places, count, sizeof(*places), compare_places);
    for (uint32_t i = 0; i < count; i++)
        order[i] = places[i].index;
    unsigned guessed = 0;
    for (uint32_t start = 0, end; start < count; start = end) {
        for (end = start; end < count && places[end].key >> 16 == places[start].key >> 16;)
            end++;
        guessed += number_segment(builder, order + start, end - start);
    }
    free(places);
    free(order);
    return guessed;
}
