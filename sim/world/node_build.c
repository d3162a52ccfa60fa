/* SPDX-License-Identifier: MIT */
/* The machine of a node: its domains with what the transfers need mapped, and streams for what is submitted.
 */
#include "sim/world/node.h"

#include "sim/base/arena.h"
#include "sim/input/workload_reader.h"
#include "sim/kernel/random.h"
#include "sim/world/world_simulation.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Many machines take turns: each is to keep to few cache lines. */
enum { PAGE = 4096, PLACES_TRIED = 64, INITIAL_EVENTS = 256 };

/* Windows are used again and again; a larger one only fills more page tables. */
static const uint64_t window_maximum = UINT64_C(64) << 20;

static uint64_t round_up(uint64_t value, uint64_t unit)
{
    return (value + unit - 1) / unit * unit;
}

void node_use(struct node *node, uint32_t function_id, uint64_t bytes)
{
    struct node_window *window = NULL;
    for (uint32_t i = 0; i < node->window_count && !window; i++) {
        if (node->windows[i].function_id == function_id)
            window = &node->windows[i];
    }
    if (!window) {
        node->windows =
            memory_grow(node->windows, node->window_count, &node->window_capacity, sizeof(*node->windows));
        window = &node->windows[node->window_count++];
        *window = (struct node_window){.function_id = function_id};
    }
    /* Every route adds its share, so that transfers of several do not hit the same lines. */
    window->bytes += round_up(bytes, 64);
    if (window->bytes > window_maximum)
        window->bytes = window_maximum;
}

void node_touch(struct node *node, uint32_t traffic, uint32_t cpus)
{
    struct node_traffic *touched = &node->traffic[traffic];
    if (!touched->touched)
        touched->first_ps = UINT64_MAX;
    touched->touched = true;
    if (cpus > touched->cpus)
        touched->cpus = cpus;
}

const struct node_window *node_window(const struct node *node, uint32_t function_id)
{
    for (uint32_t i = 0; i < node->window_count; i++) {
        if (node->windows[i].function_id == function_id)
            return &node->windows[i];
    }
    world_broken("a transfer goes where there is no window for it");
}

/* ---- domains ---- */

static struct domain *one_domain(struct node *node)
{
    const struct topology *topology = node->group->input->topology;
    struct domain *domain = arena_alloc(node->arena, sizeof(*domain));
    *domain = (struct domain){.name = "machine", .mode = node->group->mode};
    domain->function_ids = arena_array(node->arena, topology->function_count, sizeof(uint32_t));
    for (uint32_t f = 0; f < topology->function_count; f++) {
        if (topology->functions[f].header_type == 0)
            domain->function_ids[domain->function_count++] = f;
    }
    return domain;
}

static void make_domains(struct node *node)
{
    struct workload *workload = &node->workload;
    const struct workload *own = node->group->workload;
    if (own) {
        workload->domains = arena_array(node->arena, own->domain_count, sizeof(*workload->domains));
        if (own->domain_count)
            memcpy(workload->domains, own->domains, own->domain_count * sizeof(*workload->domains));
        workload->domain_count = own->domain_count;
        workload->virtual_machines = own->virtual_machines;
        workload->virtual_machine_count = own->virtual_machine_count;
        workload->buffer_base = own->buffer_base;
        workload->buffer_bytes = own->buffer_bytes;
        workload->text = own->text;
    } else {
        workload->domains = one_domain(node);
        workload->domain_count = 1;
    }
    node->maps_each_use =
        arena_array(node->arena, node->group->input->topology->function_count, sizeof(*node->maps_each_use));
    for (uint32_t d = 0; d < workload->domain_count; d++) {
        const struct domain *domain = &workload->domains[d];
        for (uint32_t i = 0; i < domain->function_count; i++)
            node->maps_each_use[domain->function_ids[i]] = translation_mode_is_dynamic(domain->mode);
    }
}

/* ---- windows ---- */

static bool overlap(uint64_t a, uint64_t a_bytes, uint64_t b, uint64_t b_bytes)
{
    return a < b + b_bytes && b < a + a_bytes;
}

static bool is_free(const struct workload *own, uint64_t base, uint64_t bytes)
{
    if (!own)
        return true;
    if (own->buffer_bytes && overlap(base, bytes, own->buffer_base, own->buffer_bytes))
        return false;
    for (uint32_t d = 0; d < own->domain_count; d++) {
        for (uint32_t m = 0; m < own->domains[d].mapping_count; m++) {
            const struct mapping *mapping = &own->domains[d].mappings[m];
            if (overlap(base, bytes, mapping->iova, mapping->length) ||
                overlap(base, bytes, mapping->physical, mapping->length))
                return false;
        }
    }
    return true;
}

/* Memory has the same address for CPU and device: so the window is where it is in every mode. */
static bool place_memory(struct node *node, struct memory_placer *placer, struct node_window *window)
{
    uint64_t page = node->group->page_bytes;
    window->bytes = round_up(window->bytes, page);
    for (int i = 0; i < PLACES_TRIED; i++) {
        if (!memory_placer_take(placer, window->bytes, page, &window->base))
            return false;
        if (is_free(node->group->workload, window->base, window->bytes))
            return true;
    }
    return false;
}

static void place_bar(const struct node *node, struct node_window *window)
{
    const struct bar *bar = world_target_bar(&node->group->input->topology->functions[window->function_id]);
    uint64_t size = bar->size ? bar->size : PAGE, wanted = round_up(window->bytes, node->group->page_bytes);
    window->base = bar->address;
    window->bytes = wanted < size ? wanted : size;
}

/* What is left of memory where a window was placed in it; the array has room for one range more. */
static void remove_window(struct workload *workload, const struct node_window *window)
{
    uint64_t end = window->base + window->bytes;
    for (uint32_t i = workload->memory_count; i-- > 0;) {
        struct free_memory *range = &workload->memory[i];
        struct free_memory rest = {end, range->limit, range->node};
        if (end <= range->base || window->base > range->limit)
            continue;
        range->limit = window->base > range->base ? window->base - 1 : range->base;
        if (rest.base > rest.limit)
            continue;
        for (uint32_t j = workload->memory_count++; j > i + 1; j--)
            workload->memory[j] = workload->memory[j - 1];
        workload->memory[i + 1] = rest;
    }
}

/* Memory for what is mapped for each use: all that neither the workload nor the windows have. */
static void place_buffers(struct node *node, const struct memory_placer *placer)
{
    struct workload *workload = &node->workload;
    const struct workload *own = node->group->workload;
    if (!own) {
        workload->memory_count = memory_placer_free_memory(placer, node->arena, &workload->memory);
        return;
    }
    workload->memory =
        arena_array(node->arena, own->memory_count + node->window_count, sizeof(*workload->memory));
    for (uint32_t i = 0; i < own->memory_count; i++)
        workload->memory[i] = own->memory[i];
    workload->memory_count = own->memory_count;
    workload->fragmentation = own->fragmentation;
    for (uint32_t i = 0; i < node->window_count; i++) {
        if (node->windows[i].function_id == NONE)
            remove_window(workload, &node->windows[i]);
    }
}

static bool place_windows(struct node *node)
{
    struct memory_placer *placer = memory_placer_new(node->group->input->topology);
    bool good = true;
    for (uint32_t i = 0; i < node->window_count && good; i++) {
        if (node->windows[i].function_id == NONE)
            good = place_memory(node, placer, &node->windows[i]);
        else
            place_bar(node, &node->windows[i]);
    }
    if (good)
        place_buffers(node, placer);
    memory_placer_free(placer);
    return good;
}

/* In every domain that translates, at the same address: a peer's BAR is reached by it with and without a way
 * over the root complex. */
static void map_windows(struct node *node)
{
    for (uint32_t d = 0; d < node->workload.domain_count; d++) {
        struct domain *domain = &node->workload.domains[d];
        uint32_t count = domain->mapping_count;
        if (!translation_mode_translates(domain->mode))
            continue;
        struct mapping *mappings = arena_array(node->arena, count + node->window_count, sizeof(*mappings));
        if (count)
            memcpy(mappings, domain->mappings, count * sizeof(*mappings));
        for (uint32_t i = 0; i < node->window_count; i++) {
            const struct node_window *window = &node->windows[i];
            uint64_t page = node->group->page_bytes;
            if (window->base % page || window->bytes % page)
                page = PAGE;
            mappings[count + i] = (struct mapping){.iova = window->base,
                                                   .physical = window->base,
                                                   .length = round_up(window->bytes, page),
                                                   .page_bytes = page,
                                                   .read = true,
                                                   .write = true};
        }
        domain->mappings = mappings;
        domain->mapping_count = count + node->window_count;
    }
}

/* ---- streams ---- */

static const char *traffic_name(const struct world *world, uint32_t traffic)
{
    return traffic < world->stream_count ? world->streams[traffic].name
                                         : world->collectives[traffic - world->stream_count].name;
}

/* For whose domain the window of memory was written before the run. */
static uint32_t first_endpoint(const struct topology *topology)
{
    uint32_t function_id = 0;
    while (topology->functions[function_id].header_type != 0)
        function_id++;
    return function_id;
}

static void add_stream(struct node *node, uint32_t traffic, enum stream_buffers buffers, uint32_t cpu)
{
    const struct world *world = node->simulation->world;
    const struct node_window *memory = NULL;
    for (uint32_t i = 0; i < node->window_count; i++)
        memory = node->windows[i].function_id == NONE ? &node->windows[i] : memory;
    node->workload.streams[node->workload.stream_count++] = (struct stream){
        .name = traffic_name(world, traffic),
        .source = STREAM_SUBMITTED,
        .function_id = node->group->network_function_count ? node->group->network_functions[0]
                                                           : first_endpoint(node->group->input->topology),
        .operation = STREAM_WRITE,
        .base = memory ? memory->base : 0,
        .window_bytes = memory ? memory->bytes : 0,
        .size_bytes = world->software.segment_bytes,
        .queue_depth = 1,
        .cpu = cpu,
        .buffers = buffers,
        .pieces = 1,
        .zone = ZONE_NORMAL};
}

static void make_streams(struct node *node)
{
    const struct workload *own = node->group->workload;
    uint32_t count = own ? own->stream_count : 0, traffics = node->simulation->traffic_count;
    for (uint32_t i = 0; i < traffics; i++)
        count += node->traffic[i].touched ? 1 + node->traffic[i].cpus : 0;
    node->workload.streams = arena_array(node->arena, count, sizeof(*node->workload.streams));
    if (own) {
        memcpy(node->workload.streams, own->streams, own->stream_count * sizeof(*own->streams));
        node->workload.stream_count = own->stream_count;
    }
    for (uint32_t i = 0; i < traffics; i++) {
        if (!node->traffic[i].touched)
            continue;
        node->traffic[i].first_stream = node->workload.stream_count;
        add_stream(node, i, BUFFERS_PERSISTENT, 0);
        for (uint32_t cpu = 0; cpu < node->traffic[i].cpus; cpu++)
            add_stream(node, i, BUFFERS_PER_USE, cpu);
    }
}

/* The first machine has the world's; the others draw theirs, so that worlds of neighbouring seeds have no
 * machine in common. */
static uint64_t seed_of(const struct node *node)
{
    struct random_stream stream;
    char name[32];
    if (node->number == 0)
        return node->simulation->world->seed;
    snprintf(name, sizeof(name), "machine %" PRIu32, node->number);
    random_init(&stream, node->simulation->world->seed, name);
    return random_next(&stream);
}

int node_build(struct node *node, struct diagnostics *diagnostics)
{
    const struct simulation *shared = world_simulation_group(node->simulation, node->group);
    struct machine_options options = shared->options;
    node->workload.name = node->group->name;
    make_domains(node);
    if (!place_windows(node))
        return world_simulation_refuse(node->simulation, node->group->pointer, "world-memory",
                                       "there is no room in RAM for the transfers' buffers", diagnostics);
    map_windows(node);
    make_streams(node);
    options.seed = seed_of(node);
    options.outside = node_outside(node);
    options.initial_events = INITIAL_EVENTS;
    int status = machine_new(&shared->in_force, &node->workload, &options, &node->machine, diagnostics);
    if (status == 0)
        machine_begin(node->machine, node->simulation->run_diagnostics);
    return status;
}
