/* SPDX-License-Identifier: MIT */
#include "sim/base/arena.h"
#include "sim/input/workload_reader.h"
#include "sim/topology/range_set.h"

#include <stdlib.h>

/* Where the topology tells no RAM: from 4 GiB up, as far as 48 address bits reach. */
static const uint64_t assumed_low = UINT64_C(1) << 32, assumed_high = (UINT64_C(1) << 48) - 1;

/* ... and where it tells none, buffers come from 2 GiB below that and 64 GiB from there on. */
static const struct memory_range assumed_memory[] = {
    {.base = UINT64_C(1) << 20, .limit = (UINT64_C(1) << 31) - 1},
    {.base = UINT64_C(1) << 32, .limit = (UINT64_C(68) << 30) - 1},
};

struct memory_placer {
    const struct topology *topology; /* may be NULL */
    struct range_set taken;
};

static void take_window(struct range_set *taken, const struct window *window)
{
    if (window->open && window->base <= window->limit)
        range_set_add(taken, window->base, window->limit);
}

static void take_bar(struct range_set *taken, const struct bar *bar, uint64_t count)
{
    enum { PAGE = 4096 }; /* a BAR of unknown size counts as one page, as in the fabric */
    uint64_t size = (bar->size ? bar->size : PAGE) * (count ? count : 1);
    if ((bar->kind == BAR_MEMORY32 || bar->kind == BAR_MEMORY64) && bar->assigned &&
        bar->address <= UINT64_MAX - (size - 1))
        range_set_add(taken, bar->address, bar->address + size - 1);
}

static void take_function(struct range_set *taken, const struct pci_function *function)
{
    take_window(taken, &function->memory_window);
    take_window(taken, &function->prefetchable_window);
    for (int i = 0; i < BAR_COUNT; i++)
        take_bar(taken, &function->bars[i], 1);
    for (int i = 0; i < 6 && function->sriov.present; i++)
        take_bar(taken, &function->sriov.vf_bars[i], function->sriov.num_vfs);
}

static void take_topology(struct range_set *taken, const struct topology *topology)
{
    for (uint32_t i = 0; i < topology->function_count; i++)
        take_function(taken, &topology->functions[i]);
    for (uint32_t i = 0; i < topology->host_bridge_count; i++) {
        for (uint32_t j = 0; j < topology->host_bridges[i].window_count; j++)
            take_window(taken, &topology->host_bridges[i].windows[j]);
    }
    for (uint32_t i = 0; i < topology->reserved_count; i++)
        range_set_add(taken, topology->reserved[i].base, topology->reserved[i].limit);
}

struct memory_placer *memory_placer_new(const struct topology *topology)
{
    struct memory_placer *placer = memory_alloc(sizeof(*placer));
    placer->topology = topology;
    range_set_add(&placer->taken, 0, 0xfffff); /* the first MiB is firmware's */
    if (topology)
        take_topology(&placer->taken, topology);
    range_set_settle(&placer->taken);
    return placer;
}

void memory_placer_free(struct memory_placer *placer)
{
    if (!placer)
        return;
    range_set_fini(&placer->taken);
    free(placer);
}

bool memory_placer_take(struct memory_placer *placer, uint64_t length, uint64_t alignment, uint64_t *base)
{
    const struct topology *topology = placer->topology;
    bool found = false;
    for (uint32_t i = 0; topology && i < topology->memory_count && !found; i++)
        found = range_set_gap(&placer->taken, topology->memory[i].base, topology->memory[i].limit, length,
                              alignment, base);
    if (!topology || !topology->memory_count)
        found = range_set_gap(&placer->taken, assumed_low, assumed_high, length, alignment, base);
    if (found)
        range_set_insert(&placer->taken, *base, *base + length - 1);
    return found;
}

/* The first gap of a range with room for a page. */
static uint64_t take_in(struct memory_placer *placer, const struct memory_range *range, uint64_t length,
                        uint64_t alignment, uint64_t *base)
{
    for (size_t i = 0; i <= placer->taken.count; i++) {
        uint64_t from = i ? placer->taken.ranges[i - 1].limit + 1 : 0,
                 to = i < placer->taken.count ? placer->taken.ranges[i].base : UINT64_MAX;
        from = from > range->base ? from : range->base;
        to = to <= range->limit ? to : range->limit + 1;
        from = (from + alignment - 1) & ~(alignment - 1);
        to &= ~(alignment - 1);
        if (from >= to)
            continue;
        *base = from;
        return to - from < length ? to - from : length;
    }
    return 0;
}

uint64_t memory_placer_take_some(struct memory_placer *placer, uint64_t length, uint64_t alignment,
                                 uint32_t node, uint64_t *base)
{
    static const struct memory_range assumed = {.base = assumed_low, .limit = assumed_high};
    const struct topology *topology = placer->topology;
    bool told = topology && topology->memory_count;
    const struct memory_range *ranges = told ? topology->memory : &assumed;
    uint32_t count = told ? topology->memory_count : 1;
    for (uint32_t i = 0; i < count; i++) {
        bool of_node = node == NONE || !told || ranges[i].numa_node == node;
        uint64_t taken = of_node ? take_in(placer, &ranges[i], length, alignment, base) : 0;
        if (taken) {
            range_set_insert(&placer->taken, *base, *base + taken - 1);
            return taken;
        }
    }
    return 0;
}

/* What of a range of RAM is not taken, in whole pages. */
static uint32_t free_in(const struct range_set *taken, const struct memory_range *range,
                        struct free_memory *memory)
{
    const uint64_t mask = 4095;
    uint64_t from = range->base;
    uint32_t count = 0;
    for (size_t i = 0; i <= taken->count && from <= range->limit; i++) {
        bool end = i == taken->count || taken->ranges[i].base > range->limit;
        if (!end && taken->ranges[i].limit < from)
            continue;
        uint64_t to = end ? range->limit : taken->ranges[i].base - 1, first = (from + mask) & ~mask;
        uint64_t last = ((to + 1) & ~mask) - 1;
        if ((end || taken->ranges[i].base > from) && first < last && last <= to)
            memory[count++] = (struct free_memory){first, last, range->numa_node};
        if (end || taken->ranges[i].limit == UINT64_MAX)
            break;
        from = taken->ranges[i].limit + 1;
    }
    return count;
}

uint32_t memory_placer_free_memory(const struct memory_placer *placer, struct arena *arena,
                                   struct free_memory **memory)
{
    const struct topology *topology = placer->topology;
    bool told = topology && topology->memory_count;
    const struct memory_range *ranges = told ? topology->memory : assumed_memory;
    uint32_t range_count = told ? topology->memory_count : 2, count = 0;
    *memory = arena_array(arena, range_count + placer->taken.count + 1, sizeof(**memory));
    for (uint32_t i = 0; i < range_count; i++)
        count += free_in(&placer->taken, &ranges[i], *memory + count);
    return count;
}
