/* SPDX-License-Identifier: MIT */
/* Bus numbers of bridges in dumps that do not print them (plain lspci, -n, -nn, -k). */
#include "sim/input/lspci_guess.h"

#include "sim/base/arena.h"

#include <stdlib.h>

enum { BUSES = 256, CLASS_HOST_BRIDGE = 0x0600 };

/* One segment being numbered. */
struct numbering {
    struct topology_builder *builder;
    const uint32_t *order;     /* the segment's functions, ascending bus and devfn */
    uint32_t first[BUSES + 1]; /* order[first[bus] .. first[bus + 1]) sit on a bus */
    bool root[BUSES];
    unsigned last;  /* number given last */
    unsigned limit; /* the next root bus begins after it */
    unsigned guessed;
};

static struct pci_function *function_at(const struct numbering *numbering, uint32_t place)
{
    return topology_builder_function(numbering->builder, numbering->order[place]);
}

/* Firmware goes down depth first and gives every bridge the next number, whether anything is behind it or
 * not. */
static void number_below(struct numbering *numbering, unsigned bus)
{
    for (uint32_t i = numbering->first[bus]; i < numbering->first[bus + 1]; i++) {
        struct pci_function *function = function_at(numbering, i);
        if (!function_is_bridge(function) || numbering->last >= numbering->limit)
            continue;
        unsigned secondary = ++numbering->last;
        number_below(numbering, secondary);
        function->secondary_bus = (uint8_t)secondary;
        function->subordinate_bus = (uint8_t)numbering->last;
        numbering->guessed++;
    }
}

/* A host bridge as function 00.0 marks a root bus; so does being the first bus of the segment. */
static void find_roots(struct numbering *numbering)
{
    bool first = true;
    for (unsigned bus = 0; bus < BUSES; bus++) {
        if (numbering->first[bus] == numbering->first[bus + 1])
            continue;
        const struct pci_function *function = function_at(numbering, numbering->first[bus]);
        numbering->root[bus] =
            first || (function->devfn == 0 && function->class_code >> 8 == CLASS_HOST_BRIDGE);
        first = false;
    }
}

static unsigned number_segment(struct topology_builder *builder, const uint32_t *order, uint32_t count)
{
    struct numbering numbering = {.builder = builder, .order = order};
    for (uint32_t i = 0; i < count; i++) {
        const struct pci_function *function = topology_builder_function(builder, order[i]);
        if (function->secondary_bus != 0)
            return 0; /* this dump prints them */
        numbering.first[function->bus + 1]++;
    }
    for (unsigned bus = 0; bus < BUSES; bus++)
        numbering.first[bus + 1] += numbering.first[bus];
    find_roots(&numbering);
    for (unsigned bus = 0; bus < BUSES; bus++) {
        if (!numbering.root[bus])
            continue;
        numbering.last = numbering.limit = bus;
        while (numbering.limit + 1 < BUSES && !numbering.root[numbering.limit + 1])
            numbering.limit++;
        number_below(&numbering, bus);
    }
    return numbering.guessed;
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
