/* SPDX-License-Identifier: MIT */
/* What the kernel has before the run: memory, bounce buffers, domains with their addresses, devices, CPUs. */
#include "sim/base/arena.h"
#include "sim/base/status.h"
#include "sim/machine/machine_mapping.h"
#include "sim/machine/machine_state.h"

#include <stdlib.h>

enum { PAGE = 4096, LONGEST_ORDER = 5, SINGLE_PAGES = 16 };

/* Firmware's, and the kernel's for its own start (reserve_real_mode() of arch/x86/realmode/init.c). */
static const uint64_t low_memory = UINT64_C(1) << 20;

uint32_t mapping_domain_of_request(const struct machine *machine, uint32_t function_id, uint32_t pasid)
{
    uint32_t domain = machine_domain_of_request(machine, function_id, pasid);
    bool translated = domain != NONE && machine->root_complex.unit_of[function_id] != NO_UNIT;
    return translated && machine->mapping.domains[domain].dynamic ? domain : NONE;
}

uint32_t mapping_domain_of(const struct machine *machine, uint32_t function_id)
{
    return mapping_domain_of_request(machine, function_id, 0);
}

struct dma_device *mapping_device(const struct machine *machine, uint32_t function_id, uint32_t pasid)
{
    uint32_t d = pasid ? machine_domain_of_request(machine, function_id, pasid) : NONE, at = 0;
    if (d == NONE)
        return &machine->mapping.devices[function_id];
    while (machine->workload->domains[d].function_ids[at] != function_id)
        at++;
    return &machine->mapping.devices[machine->mapping.domains[d].first_device + at];
}

/* ---- memory and bounce buffers ---- */

/* Buffers are made during the run. */
static bool needs_memory(const struct workload *workload)
{
    for (uint32_t s = 0; s < workload->stream_count; s++) {
        if (stream_buffers_are_mapped(workload->streams[s].buffers) ||
            workload->streams[s].device_kind != DEVICE_NONE)
            return true;
    }
    return false;
}

static bool above_32_bits(const struct workload *workload)
{
    return workload->memory_count && workload->memory[workload->memory_count - 1].limit > UINT32_MAX;
}

static bool bounces_always(const struct workload *workload)
{
    for (uint32_t d = 0; d < workload->domain_count; d++) {
        if (workload->domains[d].bounce != BOUNCE_NEEDED)
            return true;
    }
    return false;
}

/* The highest place below 4 GiB, as memblock_alloc_low() finds it; it is taken out of @p memory, which has
 * room for one range more. @return 0 where there is none */
static uint64_t carve_pool(struct free_memory *memory, uint32_t *count, uint64_t bytes)
{
    for (uint32_t i = *count; i-- > 0;) {
        struct free_memory *range = &memory[i];
        uint64_t end = (range->limit < UINT32_MAX ? range->limit : UINT32_MAX) + 1;
        end &= ~(uint64_t)(PAGE - 1);
        if (range->base > UINT32_MAX || end < bytes || end - bytes < range->base)
            continue;
        struct free_memory rest = {end, range->limit, range->node};
        range->limit = end - bytes - 1;
        if (rest.base <= rest.limit && rest.limit >= end) {
            for (uint32_t j = (*count)++; j > i + 1; j--)
                memory[j] = memory[j - 1];
            memory[i + 1] = rest;
        }
        return end - bytes;
    }
    return 0;
}

/* The command line comes before the parameters. */
static void choose_bounce_parameters(struct machine *machine)
{
    struct swiotlb_parameters *parameters = &machine->mapping.bounce_parameters;
    *parameters = machine->input->parameters.swiotlb;
    if (machine->options.bounce_slots)
        parameters->pool_bytes = machine->options.bounce_slots * SWIOTLB_SLOT_BYTES;
    if (machine->options.bounce_areas)
        parameters->areas = machine->options.bounce_areas;
}

/* Where RAM has no room for the pool, half of it, down to 1 MiB (swiotlb_init_remap(), IO_TLB_MIN_SLABS). */
static uint64_t place_pool(struct mapping_state *state, struct free_memory *memory, uint32_t *count)
{
    const uint64_t least = UINT64_C(1) << 20;
    struct swiotlb_parameters *parameters = &state->bounce_parameters;
    uint64_t base;
    while ((base = carve_pool(memory, count, swiotlb_pool_bytes(parameters, state->cpu_count))) == 0 &&
           parameters->pool_bytes > least)
        parameters->pool_bytes /= 2;
    return base;
}

static void init_memory(struct machine *machine)
{
    struct mapping_state *state = &machine->mapping;
    const struct workload *workload = machine->workload;
    if (workload->buffer_bytes) {
        state->trace_memory =
            (struct free_memory){workload->buffer_base, workload->buffer_base + (workload->buffer_bytes - 1),
                                 memory_node(&machine->root_complex.memory, workload->buffer_base)};
        page_allocator_init(&state->trace_pages, &state->trace_memory, 1, 0, machine->options.seed);
    }
    if (!needs_memory(workload))
        return;
    struct free_memory *memory =
        arena_array(machine->arena, (size_t)workload->memory_count + 1, sizeof(*memory));
    uint32_t count = 0;
    for (uint32_t i = 0; i < workload->memory_count; i++) {
        memory[count] = workload->memory[i];
        if (memory[count].base < low_memory)
            memory[count].base = low_memory;
        count += memory[count].base <= memory[count].limit;
    }
    uint64_t base = 0;
    choose_bounce_parameters(machine);
    bool for_reach = above_32_bits(workload) && !machine->options.bounce_none_for_reach;
    if (!machine->options.bounce_none &&
        (for_reach || bounces_always(workload) || machine->options.bounce_all))
        base = place_pool(state, memory, &count);
    if (base)
        swiotlb_init(&state->swiotlb, &state->bounce_parameters, base, state->cpu_count);
    state->swiotlb.memory = &machine->root_complex.memory;
    page_allocator_init(&state->pages, memory, count, workload->fragmentation, machine->options.seed);
}

bool mapping_take_memory(struct machine *machine, uint32_t function_id, uint64_t length, uint64_t *physical)
{
    uint32_t node;
    struct page_allocator *pages = mapping_pages_of(machine, function_id, &node);
    return page_allocator_take_run(pages, length, node, ZONE_NORMAL, physical);
}

/* dma_direct_alloc_pages() of kernel/dma/direct.c: the zone by what the device reaches, lower ones where what
 * comes of it lies too high. What is translated may lie anywhere (iommu_dma_alloc()). */
bool mapping_take_coherent_memory(struct machine *machine, uint32_t stream_id, uint64_t length,
                                  uint64_t *physical)
{
    const struct stream *stream = &machine->workload->streams[stream_id];
    const struct dma_device *device = mapping_device(machine, stream->function_id, stream->pasid);
    uint32_t node;
    struct page_allocator *pages = mapping_pages_of(machine, stream->function_id, &node);
    uint64_t highest = device->domain ? UINT64_MAX : device->mask;
    for (int zone = (int)memory_zone_of(highest); zone >= 0; zone--) {
        if (!page_allocator_take_run(pages, length, node, (enum memory_zone)zone, physical))
            continue;
        if (*physical + (length - 1) <= highest)
            return true;
        page_allocator_give_exact(pages, *physical, length);
    }
    return false;
}

void mapping_give_memory(struct machine *machine, uint32_t function_id, uint64_t physical, uint64_t length)
{
    uint32_t node;
    page_allocator_give_exact(mapping_pages_of(machine, function_id, &node), physical, length);
}

/* ---- domains ---- */

static void reserve_bridge(struct iova_allocator *iova, const struct host_bridge *bridge, uint64_t aperture)
{
    for (uint32_t w = 0; w < bridge->window_count; w++) {
        const struct window *window = &bridge->windows[w];
        if (window->open && window->base <= aperture)
            iova_allocator_reserve(iova, window->base, window->limit < aperture ? window->limit : aperture);
    }
}

/* Addresses the kernel never hands out: the windows of the devices' host bridges
 * (iova_reserve_pci_windows() of drivers/iommu/dma-iommu.c), what the devices' groups reserve, what is mapped
 * before the run. */
static void reserve_addresses(const struct machine *machine, uint32_t index, struct dma_domain *kernel)
{
    const struct topology *topology = machine->input->topology;
    const struct domain *domain = &machine->workload->domains[index];
    for (uint32_t i = 0; i < domain->function_count; i++) {
        const struct pci_bus *bus = &topology->buses[topology->functions[domain->function_ids[i]].bus_id];
        if (bus->host_bridge_id < topology->host_bridge_count)
            reserve_bridge(&kernel->iova, &topology->host_bridges[bus->host_bridge_id], kernel->aperture);
    }
    for (uint32_t i = 0; i < machine->options.reserved_count; i++) {
        const struct reserved_range *range = &machine->options.reserved[i];
        if (machine->mapping.domain_of[range->function_id] == index && range->base <= kernel->aperture)
            iova_allocator_reserve(&kernel->iova, range->base,
                                   range->limit < kernel->aperture ? range->limit : kernel->aperture);
    }
    for (uint32_t i = 0; i < domain->mapping_count && !domain->virtual_machine; i++)
        iova_allocator_reserve(&kernel->iova, domain->mappings[i].iova,
                               domain->mappings[i].iova + (domain->mappings[i].length - 1));
}

/* Bytes of addresses that were in use before: as the workload says, else the machine, and no less than the
 * rings of the domain's devices hold, which have been opened and closed before, too. */
static uint64_t aged_bytes_of(const struct machine *machine, uint32_t index)
{
    const struct domain *domain = &machine->workload->domains[index];
    uint64_t aged = domain->aged_given ? domain->aged_bytes : machine->input->parameters.dma_api.aged_bytes,
             rings = 0;
    for (uint32_t s = 0; s < machine->workload->stream_count; s++) {
        uint32_t function_id = machine->workload->streams[s].function_id;
        if (function_id != NONE && machine->mapping.domain_of[function_id] == index)
            rings += devices_ring_bytes(machine, s);
    }
    return aged && aged < rings ? rings : aged;
}

/* The addresses that were in use on a machine that has run for some time: single pages, after one in
 * SINGLE_PAGES a longer range of up to 32, taken one after the other and given back in no order, by any CPU.
 */
static void age(struct machine *machine, uint32_t index)
{
    struct iova_allocator *iova = &machine->mapping.domains[index].kernel.iova;
    uint64_t left = aged_bytes_of(machine, index);
    struct scatter_element *ranges = NULL;
    size_t capacity = 0;
    uint32_t count = 0;
    struct random_stream random;
    struct kernel_time time = {0}; /* long ago */
    random_init(&random, machine->options.seed, machine->workload->domains[index].name);
    while (left) {
        uint64_t order = random_below(&random, SINGLE_PAGES) ? 0 : 1 + random_below(&random, LONGEST_ORDER),
                 first, length = (uint64_t)PAGE << order;
        if (!iova_allocator_take(iova, &time, length, UINT32_MAX, false, &first))
            break;
        ranges = memory_grow(ranges, count, &capacity, sizeof(*ranges));
        ranges[count++] = (struct scatter_element){first, length};
        if (order == 0)
            left = length < left ? left - length : 0;
    }
    while (count) {
        uint32_t drawn = (uint32_t)random_below(&random, count);
        time.cpu = (uint32_t)random_below(&random, iova->cpus);
        iova_allocator_give(iova, &time, ranges[drawn].address, ranges[drawn].length);
        ranges[drawn] = ranges[--count];
    }
    free(ranges);
    iova_allocator_restart(iova);
}

static void init_viommus(struct machine *machine)
{
    struct mapping_state *state = &machine->mapping;
    const struct workload *workload = machine->workload;
    state->viommus = arena_array(machine->arena, workload->virtual_machine_count, sizeof(*state->viommus));
    for (uint32_t i = 0; i < workload->virtual_machine_count; i++)
        viommu_init(&state->viommus[i], &machine->input->parameters.viommu,
                    workload->virtual_machines[i].viommu, state->cpu_count);
}

static void init_domain(struct machine *machine, uint32_t index)
{
    struct mapping_state *state = &machine->mapping;
    struct mapping_domain *domain = &state->domains[index];
    enum translation_mode mode = machine->workload->domains[index].mode;
    uint32_t unit = mapping_next_unit(machine, index, 0);
    domain->dynamic = translation_mode_is_dynamic(mode) && unit != NONE;
    if (!domain->dynamic)
        return;
    domain->tables = (struct mapping_tables){machine, index};
    uint32_t guest = machine->workload->domains[index].virtual_machine;
    domain->viommu = guest ? &state->viommus[guest - 1] : NULL;
    bool follows = domain->viommu && domain->viommu->kind != VIOMMU_NESTED;
    unsigned width = 12 + 9 * machine->units[unit].parameters.levels;
    struct dma_tables tables = {&domain->tables, mapping_tables_map,
                                follows ? mapping_tables_count : mapping_tables_unmap};
    dma_domain_init(&domain->kernel, &machine->input->parameters.dma_api, mode == TRANSLATION_LAZY,
                    PAGE_SHIFT_4K, width < 64 ? width : 64, state->cpu_count, tables);
    reserve_addresses(machine, index, &domain->kernel);
    age(machine, index);
    machine->root_complex.translated = machine_translated;
}

/* ---- devices and CPUs ---- */

/* @param own  domain of the workload; NONE */
static void init_device(struct machine *machine, uint32_t function_id, uint32_t pasid, uint32_t own)
{
    struct mapping_state *state = &machine->mapping;
    const struct pci_function *function = &machine->input->topology->functions[function_id];
    uint32_t index = mapping_domain_of_request(machine, function_id, pasid);
    struct dma_device *device = mapping_device(machine, function_id, pasid);
    dma_device_init(device, index == NONE ? NULL : &state->domains[index].kernel,
                    state->swiotlb.slot_count && mapping_guest_of(machine, function_id) == NONE
                        ? &state->swiotlb
                        : NULL, /* MODEL: guests' kernels have none */
                    function->dma_mask_bits ? function->dma_mask_bits : 64);
    device->untrusted = function->untrusted;
    enum bounce_mode bounce = own == NONE ? BOUNCE_NEEDED : machine->workload->domains[own].bounce;
    device->bounces_all = bounce != BOUNCE_NEEDED || (machine->options.bounce_all && index == NONE);
    device->tries_32_bit = !machine->options.no_32_bit_addresses;
    device->bounces_twice = bounce == BOUNCE_TWICE;
    device->encrypts = bounce == BOUNCE_ENCRYPTED;
}

/* The functions, then those of each domain of a PASID once more: what is mapped there are other addresses. */
static void init_devices(struct machine *machine)
{
    struct mapping_state *state = &machine->mapping;
    const struct workload *workload = machine->workload;
    uint32_t functions = machine->input->topology->function_count, count = functions;
    for (uint32_t d = 0; d < workload->domain_count; d++) {
        state->domains[d].first_device = count;
        count += workload->domains[d].pasid ? workload->domains[d].function_count : 0;
    }
    state->devices = arena_array(machine->arena, count, sizeof(*state->devices));
    for (uint32_t f = 0; f < functions; f++)
        init_device(machine, f, 0, state->domain_of[f]);
    for (uint32_t d = 0; d < workload->domain_count; d++) {
        const struct domain *domain = &workload->domains[d];
        for (uint32_t i = 0; i < domain->function_count && domain->pasid; i++)
            init_device(machine, domain->function_ids[i], domain->pasid, d);
    }
    for (uint32_t s = 0; s < workload->stream_count; s++) {
        const struct stream *stream = &workload->streams[s];
        if (stream->function_id != NONE && stream->longest_segment)
            mapping_device(machine, stream->function_id, stream->pasid)->longest_segment =
                stream->longest_segment;
    }
}

static void init_cpus(struct machine *machine)
{
    struct mapping_state *state = &machine->mapping;
    const struct workload *workload = machine->workload;
    state->cpu_count = 1;
    for (uint32_t s = 0; s < workload->stream_count; s++) {
        uint32_t end = workload->streams[s].cpu + devices_cpus(machine, s);
        if (end > state->cpu_count)
            state->cpu_count = end;
    }
    for (uint32_t g = 0; g < workload->virtual_machine_count; g++) {
        const struct virtual_cpus *cpus = &workload->virtual_machines[g].cpus;
        if (cpus->first + cpus->count > state->cpu_count)
            state->cpu_count = cpus->first + cpus->count;
        if (workload->virtual_machines[g].cpu >= state->cpu_count)
            state->cpu_count = workload->virtual_machines[g].cpu + 1;
    }
    bool migrates = false;
    for (uint32_t g = 0; g < workload->virtual_machine_count; g++)
        migrates |= workload->virtual_machines[g].migration.wanted;
    state->hypervisor_cpu = state->cpu_count;
    state->cpu_count += migrates ? workload->virtual_machine_count : 0;
    state->cpus = arena_array(machine->arena, state->cpu_count, sizeof(*state->cpus));
    for (uint32_t i = 0; i < state->cpu_count; i++)
        state->cpus[i].first = state->cpus[i].last = NONE;
}

void mapping_init(struct machine *machine)
{
    struct mapping_state *state = &machine->mapping;
    const struct workload *workload = machine->workload;
    state->free_job = state->starved_first = NONE;
    init_cpus(machine);
    init_memory(machine);
    state->domains = arena_array(machine->arena, workload->domain_count, sizeof(*state->domains));
    state->batch = arena_array(machine->arena, 1 + (size_t)machine->input->topology->function_count,
                               sizeof(*state->batch));
    mapping_init_guests(machine);
    init_viommus(machine);
    for (uint32_t d = 0; d < workload->domain_count; d++)
        init_domain(machine, d);
    init_devices(machine);
    state->free_requests = arena_array(machine->arena, workload->stream_count, sizeof(*state->free_requests));
    state->pooled_requests =
        arena_array(machine->arena, workload->stream_count, sizeof(*state->pooled_requests));
    for (uint32_t s = 0; s < workload->stream_count; s++)
        state->free_requests[s] = state->pooled_requests[s] = NONE;
}

void mapping_fini(struct machine *machine)
{
    struct mapping_state *state = &machine->mapping;
    for (uint32_t d = 0; state->domains && d < machine->workload->domain_count; d++) {
        dma_domain_fini(&state->domains[d].kernel);
        free(state->domains[d].stale);
    }
    for (uint32_t i = 0; state->viommus && i < machine->workload->virtual_machine_count; i++)
        viommu_fini(&state->viommus[i]);
    mapping_fini_guests(machine);
    page_allocator_fini(&state->pages);
    page_allocator_fini(&state->trace_pages);
    swiotlb_fini(&state->swiotlb);
    free(state->jobs);
    free(state->requests);
    free(state->starved_jobs);
}
