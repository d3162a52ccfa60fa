/* SPDX-License-Identifier: MIT */
#include "sim/world/world_simulation.h"

#include "sim/base/arena.h"
#include "sim/base/json_scan.h"
#include "sim/base/status.h"
#include "sim/base/text_buffer.h"
#include "sim/world/message.h"
#include "sim/world/platform_xml.h"
#include "sim/world/simgrid_compat.h"
#include "sim/world/software.h"

#include <inttypes.h>
#include <malloc.h>
#include <simgrid/engine.h>
#include <simgrid/host.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { FINDINGS_MAX = 20, LARGE_BYTES = 1 << 18 };

_Noreturn void world_broken(const char *law)
{
    fprintf(stderr, "iommusim: internal error: %s\n", law);
    abort();
}

int world_simulation_refuse(const struct world_simulation *simulation, const char *pointer, const char *code,
                            const char *text, struct diagnostics *diagnostics)
{
    const struct source_text *source = &simulation->world->source;
    diagnostics_report(diagnostics, DIAGNOSTIC_ERROR, source, json_locate_value(source, pointer), pointer,
                       code, "%s", text);
    return STATUS_BAD_INPUT;
}

/* ---- the network ---- */

static const char *host_name(const struct world_simulation *simulation, uint32_t host)
{
    const struct world_network *network = &simulation->world->network;
    return network->kind == NETWORK_PLATFORM ? network->hosts[host]
                                             : arena_format(simulation->arena, "h%" PRIu32, host);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(sg_host_get_name(*(const sg_host_t *)a), sg_host_get_name(*(const sg_host_t *)b));
}

/* Find the hosts of the NICs; actors are at the first. @return the first that is not there, or host_count */
static uint32_t find_hosts(struct world_simulation *simulation)
{
    const struct world *world = simulation->world;
    uint32_t found = 0;
    if (!world->host_count)
        simulation->hosts[0] = sg_host_by_name(host_name(simulation, 0));
    if (world->network.kind == NETWORK_PLATFORM && !world->network.hosts) {
        sg_host_t *all = sg_host_list();
        uint32_t count = (uint32_t)sg_host_count();
        qsort(all, count, sizeof(sg_host_t), by_name);
        for (; found < count && found < world->host_count; found++)
            simulation->hosts[found] = all[found];
        free(all);
        return found;
    }
    while (found < world->host_count &&
           (simulation->hosts[found] = sg_host_by_name(host_name(simulation, found))) != NULL)
        found++;
    return found;
}

/* @param asked  the route at hand; NULL: nobody wants to know */
static void fill_latencies(struct world_simulation *simulation, volatile uint32_t *asked)
{
    for (uint32_t i = 0; i < simulation->route_count; i++) {
        struct route *route = simulation->routes[i];
        if (asked)
            *asked = i;
        route->latency_ps = simgrid_compat_latency_ps(simulation->hosts[route->source_host],
                                                      simulation->hosts[route->target_host]);
    }
}

struct network_trial {
    struct world_simulation *simulation;
    const char *xml;
    size_t length;
    volatile uint32_t *asked; /* shared with the child: the route it asked for last; NONE */
};

enum { TRIAL_GOOD, TRIAL_HOSTS, TRIAL_ROUTE };

static const char *describe_route(const struct world_simulation *simulation, const char *what,
                                  const struct route *route)
{
    struct text_buffer text = {0};
    text_buffer_format(&text, "there is no %s between the hosts of ", what);
    world_end_print(simulation->world, (struct world_end){route->from.machine, route->source_nic}, &text);
    text_buffer_add(&text, " and ");
    world_end_print(simulation->world, (struct world_end){route->to.machine, route->target_nic}, &text);
    const char *kept = arena_string(simulation->arena, text_buffer_get(&text));
    text_buffer_fini(&text);
    return kept;
}

/* In a child: load the platform and ask for all that the run will ask for. */
static int try_network(void *context)
{
    struct network_trial *trial = context;
    struct world_simulation *simulation = trial->simulation;
    simgrid_compat_start(1, false);
    simgrid_compat_load(trial->xml, trial->length);
    uint32_t found = find_hosts(simulation);
    if (found < simulation->world->host_count) {
        fprintf(stderr, "%" PRIu32, found);
        return TRIAL_HOSTS;
    }
    fill_latencies(simulation, trial->asked);
    *trial->asked = NONE;
    for (uint32_t i = 0; i < simulation->route_count; i++) {
        const struct route *route = simulation->routes[i];
        uint64_t latency_ps = route->latency_ps;
        if (latency_ps != 0 && latency_ps != UINT64_MAX)
            continue;
        fputs(describe_route(simulation, latency_ps ? "route" : "latency", route), stderr);
        return TRIAL_ROUTE;
    }
    return TRIAL_GOOD;
}

static const char *explain_trial(const struct network_trial *trial, int answer, const char *said)
{
    const struct world_simulation *simulation = trial->simulation;
    const struct world_network *network = &simulation->world->network;
    struct arena *arena = simulation->arena;
    if (answer == TRIAL_ROUTE)
        return arena_format(arena, "%s", said);
    if (answer == TRIAL_HOSTS && network->hosts)
        return arena_format(arena, "the platform has no host \"%s\"",
                            network->hosts[strtoul(said, NULL, 10)]);
    if (answer == TRIAL_HOSTS)
        return arena_format(arena, "the platform has %s hosts for %" PRIu32 " NICs", said,
                            simulation->world->host_count);
    if (answer < 0 && *trial->asked != NONE)
        return describe_route(simulation, "route", simulation->routes[*trial->asked]);
    return arena_format(arena, "SimGrid does not take the platform: %s",
                        *said ? said : "it ended without a word");
}

static int open_network(struct world_simulation *simulation, struct diagnostics *diagnostics)
{
    const struct world_network *network = &simulation->world->network;
    struct text_buffer xml = {0}, said = {0};
    if (network->kind == NETWORK_PLATFORM)
        text_buffer_append(&xml, network->platform.text, network->platform.length);
    else
        platform_xml_write(network, &xml);
    struct network_trial trial = {
        .simulation = simulation, .xml = text_buffer_get(&xml), .length = xml.length};
    void *shared =
        mmap(NULL, sizeof(*trial.asked), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        return STATUS_MEMORY;
    trial.asked = shared;
    *trial.asked = NONE;
    int answer = simgrid_compat_try(try_network, &trial, &said), status = 0;
    if (answer != TRIAL_GOOD) {
        status = world_simulation_refuse(simulation, network->pointer, "world-platform",
                                         explain_trial(&trial, answer, text_buffer_get(&said)), diagnostics);
    } else {
        simgrid_compat_start(simulation->options.threads, true);
        simgrid_compat_load(trial.xml, trial.length);
        find_hosts(simulation);
        fill_latencies(simulation, NULL);
    }
    munmap(shared, sizeof(*trial.asked));
    text_buffer_fini(&xml);
    text_buffer_fini(&said);
    return status;
}

/* ---- nodes ---- */

struct node *world_simulation_node(struct world_simulation *simulation, uint32_t machine)
{
    if (!simulation->nodes[machine])
        simulation->nodes[machine] = node_new(simulation, machine);
    return simulation->nodes[machine];
}

const struct simulation *world_simulation_group(struct world_simulation *simulation,
                                                const struct world_machines *group)
{
    struct simulation *shared = &simulation->groups[group - simulation->world->groups];
    enum iommu_choice choice = IOMMU_CHOICE_AUTO;
    iommu_choice_parse(group->scenario->iommu, &choice);
    if (!shared->input)
        simulation_init(shared, group->input, choice, group->scenario->cmdline, simulation->run_diagnostics);
    return shared;
}

void world_simulation_add_route(struct world_simulation *simulation, struct route *route)
{
    simulation->routes = memory_grow(simulation->routes, simulation->route_count, &simulation->route_capacity,
                                     sizeof(struct route *));
    simulation->routes[simulation->route_count++] = route;
}

/* A driver that waits for the end of what its machine does beside. */
static void wait_for_background(struct software *software)
{
    (void)software; /* it gets its turn once that is over */
}

static void add_background(struct world_simulation *simulation)
{
    const struct world *world = simulation->world;
    for (uint32_t g = 0; g < world->group_count; g++) {
        for (uint32_t i = 0; i < world->groups[g].count && world->groups[g].workload; i++) {
            struct node *node = world_simulation_node(simulation, world->groups[g].first + i);
            struct text_buffer name = {0};
            text_buffer_add(&name, "workload of ");
            world_machine_print(world, node->number, &name);
            node->background = software_new(node, arena_string(simulation->arena, text_buffer_get(&name)),
                                            wait_for_background, NULL);
            text_buffer_fini(&name);
        }
    }
}

/* Machines that are alike are warned of once. */
static int build_nodes(struct world_simulation *simulation, struct diagnostics *diagnostics)
{
    const struct world_machines *before = NULL;
    for (uint32_t m = 0; m < simulation->world->machine_count; m++) {
        struct node *node = simulation->nodes[m];
        if (!node)
            continue;
        struct diagnostics *unheard = node->group == before ? diagnostics_new(FINDINGS_MAX) : NULL;
        int status = node_build(node, unheard ? unheard : diagnostics);
        diagnostics_free(unheard);
        if (status < 0)
            return status;
        before = node->group;
    }
    return 0;
}

/* ---- the run ---- */

static uint64_t smallest_latency(const struct world_simulation *simulation)
{
    uint64_t smallest_ps = UINT64_C(1000000000000); /* machines that do not talk need no windows */
    for (uint32_t i = 0; i < simulation->route_count; i++) {
        if (simulation->routes[i]->latency_ps < smallest_ps)
            smallest_ps = simulation->routes[i]->latency_ps;
    }
    return smallest_ps;
}

bool world_simulation_goes_on(struct world_simulation *simulation)
{
    const struct world_options *options = &simulation->options;
    if (simulation->status < 0)
        atomic_store(&simulation->stopped, true);
    if (options->progress && !atomic_flag_test_and_set(&simulation->asking)) {
        unsigned finished = atomic_load(&simulation->finished_count);
        if (!options->progress(options->progress_context, finished * 1000 / simulation->software_count))
            atomic_store(&simulation->stopped, true);
        atomic_flag_clear(&simulation->asking);
    }
    return !atomic_load(&simulation->stopped);
}

static bool all_finished(const struct world_simulation *simulation)
{
    for (uint32_t i = 0; i < simulation->software_count; i++) {
        if (!simulation->software[i]->finished)
            return false;
    }
    return true;
}

/* Let every machine come to rest, and hold it to its laws. */
static int finish_machines(struct world_simulation *simulation)
{
    for (uint32_t m = 0; m < simulation->world->machine_count; m++) {
        int status = simulation->nodes[m] ? machine_finish(simulation->nodes[m]->machine) : 0;
        if (status < 0)
            return status;
    }
    return 0;
}

static int run(struct world_simulation *simulation)
{
    simulation->window_ps = smallest_latency(simulation);
    for (uint32_t m = 0; m < simulation->world->machine_count; m++) {
        if (simulation->nodes[m])
            node_start(simulation->nodes[m]);
    }
    for (uint32_t i = 0; i < simulation->software_count; i++)
        software_start(simulation->software[i]);
    simgrid_run();
    simulation->ended_ps = simgrid_compat_now_ps();
    if (simulation->status < 0)
        return simulation->status;
    if (atomic_load(&simulation->stopped))
        return STATUS_INTERRUPTED;
    return all_finished(simulation) ? finish_machines(simulation) : 0;
}

/* ---- life ---- */

static void prepare(struct world_simulation *simulation)
{
    const struct world *world = simulation->world;
    simulation->arena = arena_new();
    simulation->traffic_count = world->stream_count + world->collective_count;
    simulation->groups = memory_array(world->group_count, sizeof(*simulation->groups));
    simulation->nodes = memory_array(world->machine_count, sizeof(struct node *));
    simulation->hosts = memory_array(world->host_count + 1, sizeof(sg_host_t));
    simulation->expected = memory_array(simulation->traffic_count, sizeof(uint64_t));
    atomic_flag_clear(&simulation->asking);
    make_stream_software(simulation);
    make_collective_software(simulation);
    add_background(simulation);
}

static void release(struct world_simulation *simulation)
{
    for (uint32_t m = 0; m < simulation->world->machine_count; m++)
        node_free(simulation->nodes[m]);
    for (uint32_t i = 0; i < simulation->software_count; i++)
        software_free(simulation->software[i]);
    for (uint32_t g = 0; g < simulation->world->group_count; g++) {
        if (simulation->groups[g].input)
            simulation_fini(&simulation->groups[g]);
    }
    free(simulation->software);
    free(simulation->routes);
    free(simulation->expected);
    free(simulation->hosts);
    free(simulation->nodes);
    free(simulation->groups);
    arena_free(simulation->arena);
}

int world_simulation_run(const struct world *world, const struct world_options *options,
                         struct world_result **result, struct diagnostics *diagnostics)
{
    struct world_simulation simulation = {
        .world = world, .options = *options, .run_diagnostics = diagnostics};
    /* Tables of which little is used come from the kernel, zeroed and without memory behind most of them;
     * else malloc(3) takes to filling them with zeros itself once one of them was freed. */
    mallopt(M_MMAP_THRESHOLD, LARGE_BYTES);
    prepare(&simulation);
    int status = open_network(&simulation, diagnostics);
    if (status == 0)
        status = build_nodes(&simulation, diagnostics);
    if (status == 0)
        status = run(&simulation);
    if (status == 0 || status == STATUS_INTERRUPTED)
        *result = world_collect(&simulation);
    release(&simulation);
    return status;
}
