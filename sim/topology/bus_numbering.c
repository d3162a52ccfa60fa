/* SPDX-License-Identifier: MIT */
/*
 * Device numbers and bus numbers for what the input left open, as firmware gives them: depth first, bridges
 * of a bus in ascending device and function, bus numbers for the VFs of a bus kept free right behind it
 * (drivers/pci/probe.c, pci_scan_child_bus_extend). Numbers the input states are kept and walked around.
 */
#include "sim/base/arena.h"
#include "sim/topology/builder_internal.h"

#include <stdlib.h>
#include <string.h>

/* Bus numbers in use in one segment. */
struct segment_numbers {
    uint32_t segment;
    bool used[256];
    uint32_t host[256]; /* the host bridge with this root bus, plus 1; 0: none was added */
};

struct numbering {
    struct topology_builder *builder;
    struct segment_numbers *segments; /* ascending */
    size_t segment_count;
    uint32_t *child_start; /* children of node i: children[child_start[i] .. child_start[i + 1]), as added */
    uint32_t *children;
    bool exhausted; /* reported that numbers ran out */
};

/* One walk below a root bus. */
struct walk {
    struct numbering *numbering;
    struct segment_numbers *numbers;
    unsigned next, last; /* next number to give; highest this host bridge owns */
    unsigned depth;      /* bridges above */
};

static int compare_segments(const void *left, const void *right)
{
    uint32_t a = ((const struct segment_numbers *)left)->segment;
    uint32_t b = ((const struct segment_numbers *)right)->segment;
    return a < b ? -1 : a > b;
}

static struct segment_numbers *find_numbers(const struct numbering *numbering, uint32_t segment)
{
    struct segment_numbers key = {.segment = segment};
    return bsearch(&key, numbering->segments, numbering->segment_count, sizeof(key), compare_segments);
}

/* The topmost host bridge or known address above a node decides its segment; parents precede children. */
static void inherit_segments(struct topology_builder *builder)
{
    for (size_t i = 0; i < builder->count; i++) {
        struct build_node *node = &builder->nodes[i];
        if (node->placement.address_known)
            continue;
        if (node->placement.parent != NONE) {
            node->function.segment = builder->nodes[node->placement.parent].function.segment;
            continue;
        }
        if (node->placement.host_bridge == NONE) {
            if (builder->host_count == 0)
                topology_builder_add_host_bridge(builder, &(struct host_bridge){0});
            node->placement.host_bridge = 0;
        }
        node->function.segment = builder->hosts[node->placement.host_bridge].host_bridge.segment;
    }
}

static void collect_segments(struct numbering *numbering)
{
    struct topology_builder *builder = numbering->builder;
    size_t total = builder->count + builder->host_count, kept = 0;
    uint32_t *segments = memory_array(total + 1, sizeof(*segments));
    uint32_t previous = NONE;
    for (size_t i = 0; i < total; i++) {
        uint32_t segment = i < builder->count ? builder->nodes[i].function.segment
                                              : builder->hosts[i - builder->count].host_bridge.segment;
        if (kept == 0 || segment != previous)
            segments[kept++] = segment;
        previous = segment;
    }
    numbering->segments = memory_array(kept + 1, sizeof(*numbering->segments));
    for (size_t i = 0; i < kept; i++)
        numbering->segments[i].segment = segments[i];
    free(segments);
    qsort(numbering->segments, kept, sizeof(*numbering->segments), compare_segments);
    for (size_t i = 0; i < kept; i++) {
        if (numbering->segment_count == 0 ||
            numbering->segments[numbering->segment_count - 1].segment != numbering->segments[i].segment)
            numbering->segments[numbering->segment_count++].segment = numbering->segments[i].segment;
    }
}

static bool mark_root_buses(struct numbering *numbering)
{
    struct topology_builder *builder = numbering->builder;
    bool good = true;
    for (uint32_t i = 0; i < builder->host_count; i++) {
        const struct host_bridge *host = &builder->hosts[i].host_bridge;
        struct segment_numbers *numbers = find_numbers(numbering, host->segment);
        uint32_t first = numbers->host[host->bus_start];
        if (first) {
            BUILD_ERROR(builder, host->pointer, "topology-duplicate-root-bus",
                        "two host bridges have the root bus %04x:%02x", host->segment, host->bus_start);
            BUILD_NOTE(builder, builder->hosts[first - 1].host_bridge.pointer, "topology-duplicate-root-bus",
                       "first used here");
            good = false;
            continue;
        }
        numbers->host[host->bus_start] = i + 1;
        numbers->used[host->bus_start] = true;
    }
    return good;
}

static void mark_known_numbers(struct numbering *numbering)
{
    struct topology_builder *builder = numbering->builder;
    for (size_t i = 0; i < builder->count; i++) {
        const struct build_node *node = &builder->nodes[i];
        struct segment_numbers *numbers = find_numbers(numbering, node->function.segment);
        if (node->placement.address_known)
            numbers->used[node->function.bus] = true;
        if (owns_bus(&node->function) && node->placement.bus_numbers_known) {
            for (unsigned bus = node->function.secondary_bus;
                 bus && (bus == node->function.secondary_bus || bus <= node->function.subordinate_bus); bus++)
                numbers->used[bus] = true;
        }
    }
}

static void collect_children(struct numbering *numbering)
{
    struct topology_builder *builder = numbering->builder;
    numbering->child_start = memory_array(builder->count + 2, sizeof(uint32_t));
    numbering->children = memory_array(builder->count + 1, sizeof(uint32_t));
    for (size_t i = 0; i < builder->count; i++) {
        if (builder->nodes[i].placement.parent != NONE)
            numbering->child_start[builder->nodes[i].placement.parent + 2]++;
    }
    for (size_t i = 2; i < builder->count + 2; i++)
        numbering->child_start[i] += numbering->child_start[i - 1];
    for (size_t i = 0; i < builder->count; i++) {
        uint32_t parent = builder->nodes[i].placement.parent;
        if (parent != NONE)
            numbering->children[numbering->child_start[parent + 1]++] = (uint32_t)i;
    }
}

/* Routing ids of VFs where the input does not state them: one PF's after the other's, behind the last slot of
 * the bus that is in use, as multifunction adapters lay them out. Members are in ascending devfn. */
static void default_vf_routing(struct topology_builder *builder, const uint32_t *members, uint32_t count)
{
    if (count == 0)
        return;
    unsigned next = pci_slot(builder->nodes[members[count - 1]].function.devfn) * 8 + 8;
    for (uint32_t i = 0; i < count; i++) {
        struct pci_function *function = &builder->nodes[members[i]].function;
        struct sriov *sriov = &function->sriov;
        if (!sriov->present || sriov->total_vfs == 0 || sriov->first_vf_offset != 0)
            continue;
        /* A dump of an adapter without enabled VFs may well read 0; text may have lost the line. */
        const struct placement *placement = &builder->nodes[members[i]].placement;
        if (placement->address_known && (!sriov->enabled || placement->addresses_known))
            continue;
        sriov->first_vf_offset = (uint16_t)(next - function->devfn);
        sriov->vf_stride = 1;
        next += sriov->total_vfs;
    }
}

/* Buses behind its own that the VFs of a function reach into, were all of them enabled. */
static unsigned vf_bus_count(const struct pci_function *function)
{
    const struct sriov *sriov = &function->sriov;
    if (!sriov->present || sriov->total_vfs == 0)
        return 0;
    return (function->devfn + sriov->first_vf_offset + sriov->vf_stride * (sriov->total_vfs - 1U)) >> 8;
}

/* How many bus numbers each bridge needs, children before parents. VFs are counted from the highest devfn:
 * only the search for a gap among stated numbers uses this. */
static void count_demand(struct topology_builder *builder)
{
    for (size_t i = builder->count; i-- > 0;) {
        struct build_node *node = &builder->nodes[i];
        struct pci_function at_end = node->function;
        at_end.devfn = 0xff;
        node->demand += owns_bus(&node->function) + vf_bus_count(&at_end);
        if (node->placement.parent != NONE)
            builder->nodes[node->placement.parent].demand += node->demand;
    }
}

static const char *place_text(const struct build_node *node, char *text)
{
    return bdf_print(text, node->function.segment, node->function.bus, node->function.devfn);
}

/* Which functions of a bus are taken. */
struct occupancy {
    bool function[256];
    uint8_t slot[32]; /* functions in it */
};

static void occupy(struct occupancy *taken, uint8_t devfn)
{
    taken->function[devfn] = true;
    taken->slot[pci_slot(devfn)]++;
}

static bool choose_same_slot(struct topology_builder *builder, struct build_node *node, uint32_t before,
                             const struct occupancy *taken)
{
    if (before == NONE) {
        BUILD_ERROR(
            builder, node->function.pointer, "topology-no-slot-before",
            "this function is to share the slot of the one before it, but it is the first on its bus");
        return false;
    }
    unsigned slot = pci_slot(builder->nodes[before].function.devfn);
    unsigned number = pci_func(builder->nodes[before].function.devfn) + 1;
    if (node->placement.devfn_known) {
        number = pci_func(node->function.devfn);
    } else {
        while (number < 8 && taken->function[slot * 8 + number])
            number++;
    }
    if (number >= 8) {
        BUILD_ERROR(builder, node->function.pointer, "topology-slot-full",
                    "slot %02x of bus %02x has no free function left: a slot has eight", slot,
                    node->function.bus);
        return false;
    }
    node->function.devfn = pci_devfn(slot, number);
    return true;
}

static bool choose_free_slot(struct topology_builder *builder, struct build_node *node, bool link,
                             const struct occupancy *taken)
{
    unsigned slot = 0, slots = link ? 1 : 32;
    char text[BDF_TEXT_SIZE];
    while (slot < slots && taken->slot[slot])
        slot++;
    if (slot < slots) {
        node->function.devfn = pci_devfn(slot, 0);
        return true;
    }
    if (link)
        BUILD_ERROR(builder, node->function.pointer, "topology-second-device-on-link",
                    "a second device below %s: a link leads to one device, of up to eight functions",
                    place_text(&builder->nodes[node->placement.parent], text));
    else
        BUILD_ERROR(builder, node->function.pointer, "topology-bus-full",
                    "no free slot is left on bus %02x: a bus has 32", node->function.bus);
    return false;
}

/* Device and function numbers of what sits on one bus. Members are in the order added; those stated are
 * taken first, so that none of the others can be in their way. */
static bool number_functions(struct topology_builder *builder, const uint32_t *members, uint32_t count,
                             uint8_t bus, bool link)
{
    struct occupancy taken = {0};
    for (uint32_t i = 0; i < count; i++) {
        struct build_node *node = &builder->nodes[members[i]];
        if (!node->placement.address_known)
            node->function.bus = bus;
        if (node->placement.address_known || (node->placement.devfn_known && !node->placement.same_slot))
            occupy(&taken, node->function.devfn);
    }
    bool good = true;
    uint32_t before = NONE;
    for (uint32_t i = 0; i < count; before = members[i++]) {
        struct build_node *node = &builder->nodes[members[i]];
        if (node->addressed)
            continue;
        node->addressed = true;
        if (node->placement.same_slot)
            good &= choose_same_slot(builder, node, before, &taken);
        else if (node->placement.devfn_known)
            continue;
        else
            good &= choose_free_slot(builder, node, link, &taken);
        occupy(&taken, node->function.devfn);
    }
    return good;
}

/* The lowest run of free numbers that holds a bridge and all below it, or else the lowest free number. */
static unsigned choose_bus_number(const struct walk *walk, uint32_t demand)
{
    for (unsigned start = walk->next; start + demand - 1 <= walk->last; start++) {
        unsigned length = 0;
        while (length < demand && !walk->numbers->used[start + length])
            length++;
        if (length == demand)
            return start;
        start += length;
    }
    unsigned lowest = walk->next;
    while (lowest <= walk->last && walk->numbers->used[lowest])
        lowest++;
    return lowest;
}

static bool number_bus(struct walk *walk, uint32_t *members, uint32_t count, uint8_t bus, bool link);

/* Bus numbers of one bridge, its device number being known, and of all below it. */
static bool number_bridge(struct walk *walk, uint32_t index)
{
    struct numbering *numbering = walk->numbering;
    struct topology_builder *builder = numbering->builder;
    struct build_node *node = &builder->nodes[index];
    uint32_t *children = numbering->children + numbering->child_start[index];
    uint32_t count = numbering->child_start[index + 1] - numbering->child_start[index];
    char text[BDF_TEXT_SIZE];

    if (!node->placement.bus_numbers_known) {
        unsigned number = choose_bus_number(walk, node->demand);
        /* A child whose address is stated says where the bus is. */
        for (uint32_t i = 0; i < count; i++) {
            if (builder->nodes[children[i]].placement.address_known) {
                number = builder->nodes[children[i]].function.bus;
                break;
            }
        }
        if (number > walk->last) {
            if (!numbering->exhausted)
                BUILD_ERROR(builder, node->function.pointer, "topology-bus-numbers-exhausted",
                            "no bus number is left for what is below %s: its host bridge ends at bus %02x",
                            place_text(node, text), walk->last);
            numbering->exhausted = true;
            return false;
        }
        node->function.secondary_bus = (uint8_t)number;
    } else if (node->function.secondary_bus == 0) {
        if (count == 0)
            return true;
        BUILD_ERROR(builder, node->function.pointer, "topology-bus-unassigned",
                    "functions are below %s, which has no secondary bus number", place_text(node, text));
        return false;
    }
    if (walk->depth >= 256) {
        BUILD_ERROR(builder, node->function.pointer, "topology-too-deep",
                    "more than 256 bridges one below the other: there are 256 bus numbers");
        return false;
    }
    uint8_t secondary = node->function.secondary_bus;
    walk->numbers->used[secondary] = true;
    if (walk->next <= secondary)
        walk->next = secondary + 1U;
    walk->depth++;
    bool good = number_bus(walk, children, count, secondary, leads_to_link(&node->function));
    walk->depth--;
    if (!node->placement.bus_numbers_known || node->function.subordinate_bus == 0)
        node->function.subordinate_bus = (uint8_t)(walk->next - 1 < secondary ? secondary : walk->next - 1);
    if (walk->next <= node->function.subordinate_bus)
        walk->next = node->function.subordinate_bus + 1U;
    return good;
}

/* Bridges are descended in ascending devfn. */
static void sort_by_devfn(const struct topology_builder *builder, uint32_t *members, uint32_t count)
{
    uint32_t start[257] = {0};
    uint32_t *old = memory_array(count + 1, sizeof(*old));
    memcpy(old, members, count * sizeof(*old));
    for (uint32_t i = 0; i < count; i++)
        start[builder->nodes[old[i]].function.devfn + 1]++;
    for (unsigned devfn = 1; devfn < 257; devfn++)
        start[devfn] += start[devfn - 1];
    for (uint32_t i = 0; i < count; i++)
        members[start[builder->nodes[old[i]].function.devfn]++] = old[i];
    free(old);
}

static bool number_bus(struct walk *walk, uint32_t *members, uint32_t count, uint8_t bus, bool link)
{
    struct topology_builder *builder = walk->numbering->builder;
    if (!number_functions(builder, members, count, bus, link))
        return false;

    sort_by_devfn(builder, members, count);
    default_vf_routing(builder, members, count);
    unsigned reserved = 0;
    for (uint32_t i = 0; i < count; i++) {
        unsigned buses = vf_bus_count(&builder->nodes[members[i]].function);
        reserved = buses > reserved ? buses : reserved;
    }
    for (unsigned i = 1; i <= reserved && bus + i <= walk->last; i++)
        walk->numbers->used[bus + i] = true;
    if (walk->next <= bus + reserved)
        walk->next = bus + reserved + 1;

    bool good = true;
    for (uint32_t i = 0; i < count; i++) {
        if (owns_bus(&builder->nodes[members[i]].function))
            good &= number_bridge(walk, members[i]);
    }
    return good;
}

/* The last bus number a host bridge may use: what it states, or up to the next host bridge. */
static unsigned last_bus(const struct segment_numbers *numbers, const struct host_bridge *host)
{
    if (host->bus_end)
        return host->bus_end;
    for (unsigned bus = host->bus_start + 1U; bus < 256; bus++) {
        if (numbers->host[bus])
            return bus - 1;
    }
    return 255;
}

/* The host bridge on whose root bus a node sits, or NONE: below a bridge, or only the tree will explain. */
static uint32_t host_of_node(const struct numbering *numbering, const struct build_node *node)
{
    if (node->placement.parent != NONE)
        return NONE;
    if (node->placement.host_bridge != NONE)
        return node->placement.host_bridge;
    return find_numbers(numbering, node->function.segment)->host[node->function.bus] - 1U;
}

static bool number_host(struct numbering *numbering, uint32_t host_index, uint32_t *members, uint32_t count)
{
    const struct host_bridge *host = &numbering->builder->hosts[host_index].host_bridge;
    struct segment_numbers *numbers = find_numbers(numbering, host->segment);
    struct walk walk = {numbering, numbers, host->bus_start + 1U, last_bus(numbers, host), 0};
    return number_bus(&walk, members, count, host->bus_start, false);
}

static bool number_hosts(struct numbering *numbering)
{
    struct topology_builder *builder = numbering->builder;
    uint32_t *start = memory_array(builder->host_count + 2, sizeof(*start));
    uint32_t *members = memory_array(builder->count + 1, sizeof(*members));
    bool good = true;
    for (uint32_t i = 0; i < builder->count; i++) {
        uint32_t host = host_of_node(numbering, &builder->nodes[i]);
        if (host != NONE)
            start[host + 2]++;
    }
    for (size_t host = 2; host < builder->host_count + 2; host++)
        start[host] += start[host - 1];
    for (uint32_t i = 0; i < builder->count; i++) {
        uint32_t host = host_of_node(numbering, &builder->nodes[i]);
        if (host != NONE)
            members[start[host + 1]++] = i;
    }
    for (uint32_t host = 0; host < builder->host_count; host++)
        good &= number_host(numbering, host, members + start[host], start[host + 1] - start[host]);

    /* Functions of a dump on buses that only the tree will explain: what is below them may need numbers. */
    for (uint32_t i = 0; i < builder->count; i++) {
        const struct build_node *node = &builder->nodes[i];
        if (node->placement.parent != NONE || !owns_bus(&node->function) ||
            host_of_node(numbering, node) != NONE)
            continue;
        struct walk walk = {numbering, find_numbers(numbering, node->function.segment),
                            node->function.bus + 1U, 255, 0};
        good &= number_bridge(&walk, i);
    }
    free(start);
    free(members);
    return good;
}

bool build_number_buses(struct topology_builder *builder)
{
    struct numbering numbering = {.builder = builder};
    inherit_segments(builder);
    collect_segments(&numbering);
    bool good = mark_root_buses(&numbering);
    if (good) {
        mark_known_numbers(&numbering);
        collect_children(&numbering);
        count_demand(builder);
        good = number_hosts(&numbering);
    }
    free(numbering.segments);
    free(numbering.child_start);
    free(numbering.children);
    return good;
}
