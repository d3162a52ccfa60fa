/* SPDX-License-Identifier: MIT */
/* Buffers of guests' drivers: they come from the guest's RAM, and their addresses are guest physical. Where
 * they lie in the host is for the tables of the domain, or of its second stage, to say. */
#include "sim/machine/machine_mapping.h"
#include "sim/machine/machine_state.h"

#include "sim/base/arena.h"

/* A PC's first megabyte has holes, and firmware. */
static const uint64_t low_memory = UINT64_C(1) << 20;

uint32_t mapping_guest_of(const struct machine *machine, uint32_t function_id)
{
    uint32_t domain = machine->mapping.domain_of[function_id];
    return domain == NONE ? NONE : machine->workload->domains[domain].virtual_machine - 1;
}

/* The RAM of a guest as it sees it: mappings that follow each other are one range. */
static void init_guest(struct machine *machine, uint32_t guest_id)
{
    const struct virtual_machine *guest = &machine->workload->virtual_machines[guest_id];
    const struct domain *domain = &machine->workload->domains[guest->domain];
    struct free_memory *memory =
        arena_array(machine->arena, (size_t)domain->mapping_count + 1, sizeof(*memory));
    uint32_t count = 0;
    for (uint32_t i = 0; i < domain->mapping_count; i++) {
        const struct mapping *mapping = &domain->mappings[i];
        uint64_t base = mapping->iova > low_memory ? mapping->iova : low_memory,
                 limit = mapping->iova + (mapping->length - 1);
        if (base > limit)
            continue;
        if (count && memory[count - 1].limit + 1 == base)
            memory[count - 1].limit = limit;
        else
            memory[count++] = (struct free_memory){.base = base, .limit = limit};
    }
    page_allocator_init(&machine->mapping.guest_pages[guest_id], memory, count,
                        machine->workload->fragmentation, machine->options.seed);
}

void mapping_init_guests(struct machine *machine)
{
    uint32_t count = machine->workload->virtual_machine_count;
    machine->mapping.guest_pages = arena_array(machine->arena, count, sizeof(*machine->mapping.guest_pages));
    for (uint32_t i = 0; i < count; i++)
        init_guest(machine, i);
}

void mapping_fini_guests(struct machine *machine)
{
    for (uint32_t i = 0; machine->mapping.guest_pages && i < machine->workload->virtual_machine_count; i++)
        page_allocator_fini(&machine->mapping.guest_pages[i]);
}

struct page_allocator *mapping_pages_of(struct machine *machine, uint32_t function_id, uint32_t *node)
{
    uint32_t guest = mapping_guest_of(machine, function_id);
    *node = guest == NONE ? machine->root_complex.node_of[function_id] : 0;
    return guest == NONE ? &machine->mapping.pages : &machine->mapping.guest_pages[guest];
}

uint64_t mapping_guest_physical(const struct domain *domain, uint64_t guest, uint64_t *physical)
{
    uint32_t low = 0, high = domain->mapping_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (domain->mappings[middle].iova + (domain->mappings[middle].length - 1) < guest)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == domain->mapping_count || domain->mappings[low].iova > guest)
        return 0;
    uint64_t offset = guest - domain->mappings[low].iova;
    *physical = domain->mappings[low].physical + offset;
    return domain->mappings[low].length - offset;
}
