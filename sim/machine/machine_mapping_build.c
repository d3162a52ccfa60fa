/* SPDX-License-Identifier: MIT */
/* Where buffers and their addresses come from: domains, CPUs and allocators before the run. */
#include "sim/base/arena.h"
#include "sim/machine/machine_mapping.h"
#include "sim/machine/machine_state.h"

#include <stdlib.h>

enum { LONGEST_ORDER = 5 };

/* Addresses the kernel never hands out: the interrupt window and the windows of the host bridges
 * (iova_reserve_pci_windows() of drivers/iommu/dma-iommu.c). */
static void find_holes(struct machine *machine)
{
    const struct topology *topology = machine->input->topology;
    struct mapping_state *state = &machine->mapping;
    state->holes =
        arena_array(machine->arena, 1 + (size_t)topology->function_count * BAR_COUNT, sizeof(*state->holes));
    state->holes[state->hole_count++] = (struct address_hole){0xfee00000, 0xfeefffff};
    for (uint32_t f = 0; f < topology->function_count; f++) {
        const struct pci_function *function = &topology->functions[f];
        const struct window *windows[] = {&function->memory_window, &function->prefetchable_window};
        for (int w = 0; w < 2; w++) {
            if (function->header_type == 1 && windows[w]->open)
                state->holes[state->hole_count++] =
                    (struct address_hole){windows[w]->base, windows[w]->limit};
        }
        for (int b = 0; function->header_type == 0 && b < BAR_COUNT; b++) {
            const struct bar *bar = &function->bars[b];
            if ((bar->kind == BAR_MEMORY32 || bar->kind == BAR_MEMORY64) && bar->assigned && bar->size)
                state->holes[state->hole_count++] =
                    (struct address_hole){bar->address, bar->address + (bar->size - 1)};
        }
    }
}

/* The addresses that were in use on a machine that has run for some time: ranges of one page as often as
 * longer ones of up to 32, taken one after the other and given back in no order. */
static void age(struct machine *machine, uint32_t index)
{
    struct address_allocator *iova = &machine->mapping.domains[index].iova;
    uint64_t left = machine->workload->domains[index].aged_bytes;
    struct address_hole *ranges = NULL;
    size_t capacity = 0;
    uint32_t count = 0;
    struct random_stream random;
    random_init(&random, machine->options.seed, machine->workload->domains[index].name);
    while (left) {
        uint64_t order = random_below(&random, 2) ? 0 : 1 + random_below(&random, LONGEST_ORDER), first,
                 length = UINT64_C(4096) << order;
        if (!address_allocator_take(iova, length, &first))
            break;
        ranges = memory_grow(ranges, count, &capacity, sizeof(*ranges));
        ranges[count++] = (struct address_hole){first, first + (length - 1)};
        left = length < left ? left - length : 0;
    }
    while (count) {
        uint32_t drawn = (uint32_t)random_below(&random, count);
        address_allocator_give(iova, ranges[drawn].base, ranges[drawn].limit - ranges[drawn].base + 1);
        ranges[drawn] = ranges[--count];
    }
    free(ranges);
}

static void init_domain(struct machine *machine, uint32_t index)
{
    struct mapping_state *state = &machine->mapping;
    struct mapping_domain *domain = &state->domains[index];
    enum translation_mode mode = machine->workload->domains[index].mode;
    domain->dynamic = translation_mode_is_dynamic(mode);
    domain->lazy = mode == TRANSLATION_LAZY;
    if (!domain->dynamic)
        return;
    /* MODEL: below 4 GiB only, where the kernel looks first; page 0 is never used. */
    address_allocator_init(&domain->iova, 4096, UINT32_MAX, true, state->holes, state->hole_count);
    age(machine, index);
    if (domain->lazy)
        flush_queue_init(&domain->flush_queue, machine->input->parameters.dma_api.flush_queue_entries,
                         state->cpu_count);
    machine->root_complex.translated = machine_translated;
}

void mapping_init(struct machine *machine)
{
    struct mapping_state *state = &machine->mapping;
    const struct workload *workload = machine->workload;
    state->free_job = NONE;
    state->cpu_count = 1;
    for (uint32_t s = 0; s < workload->stream_count; s++) {
        uint32_t end = workload->streams[s].cpu + devices_cpus(machine, s);
        if (end > state->cpu_count)
            state->cpu_count = end;
    }
    state->cpus = arena_array(machine->arena, state->cpu_count, sizeof(*state->cpus));
    for (uint32_t i = 0; i < state->cpu_count; i++)
        state->cpus[i].first = state->cpus[i].last = NONE;
    state->domains = arena_array(machine->arena, workload->domain_count, sizeof(*state->domains));
    find_holes(machine);
    state->batch = arena_array(machine->arena, 1 + (size_t)machine->input->topology->function_count,
                               sizeof(*state->batch));
    for (uint32_t d = 0; d < workload->domain_count; d++)
        init_domain(machine, d);
    address_allocator_init(&state->buffers, workload->buffer_base,
                           workload->buffer_base + (workload->buffer_bytes ? workload->buffer_bytes - 1 : 0),
                           false, NULL, 0);
}

void mapping_fini(struct machine *machine)
{
    struct mapping_state *state = &machine->mapping;
    for (uint32_t d = 0; state->domains && d < machine->workload->domain_count; d++) {
        address_allocator_fini(&state->domains[d].iova);
        flush_queue_fini(&state->domains[d].flush_queue);
        free(state->domains[d].stale);
    }
    address_allocator_fini(&state->buffers);
    free(state->jobs);
}
