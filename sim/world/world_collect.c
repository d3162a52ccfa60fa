/* SPDX-License-Identifier: MIT */
/* From nodes to the result. */
#include "sim/base/arena.h"
#include "sim/base/text_buffer.h"
#include "sim/world/simgrid_compat.h"
#include "sim/world/software.h"
#include "sim/world/world_simulation.h"

/* ORDER: enum world_hop */
static void add_hops(struct world_hops *sum, const struct world_hops *hops)
{
    sum->segments += hops->segments;
    sum->bytes += hops->bytes;
    sum->total_ps += hops->total_ps;
    for (int i = 0; i < HOPS; i++)
        sum->ps[i] += hops->ps[i];
}

static void add_traffic(struct world_traffic_result *sum, const struct node_traffic *traffic)
{
    sum->done += traffic->done;
    sum->failed += traffic->failed;
    sum->messages += traffic->messages;
    sum->failed_messages += traffic->failed_messages;
    if (traffic->first_ps < sum->first_ps)
        sum->first_ps = traffic->first_ps;
    if (traffic->last_ps > sum->last_ps)
        sum->last_ps = traffic->last_ps;
    add_hops(&sum->network, &traffic->network);
    add_hops(&sum->local, &traffic->local);
    if (traffic->latency)
        histogram_merge(&sum->latency, traffic->latency);
}

static void add_machine(struct world_result *result, const struct node *node)
{
    const struct machine *machine = node->machine;
    result->machines_touched++;
    result->events += machine_events(machine);
    for (uint32_t s = 0; s < node->workload.stream_count; s++)
        result->operations += machine_stream_result(machine, s)->completed;
    for (uint32_t u = 0;
         u < node->simulation->groups[node->group - node->simulation->world->groups].options.unit_count; u++)
        result->faults += fault_log_seen(machine_fault_log(machine, u));
    if (machine_now_ps(machine) > result->end_ps)
        result->end_ps = machine_now_ps(machine);
}

/* Software that waits although nothing will happen any more. */
static void list_waiting(struct world_result *result, const struct world_simulation *simulation)
{
    result->waiting = arena_array(result->arena, simulation->software_count, sizeof(*result->waiting));
    for (uint32_t i = 0; i < simulation->software_count; i++) {
        const struct software *software = simulation->software[i];
        struct text_buffer what = {0};
        if (software->finished)
            continue;
        software_print_waiting(software, &what);
        result->waiting[result->waiting_count++] = (struct world_waiting){
            arena_string(result->arena, software->name), arena_string(result->arena, text_buffer_get(&what))};
        text_buffer_fini(&what);
    }
}

struct world_result *world_collect(struct world_simulation *simulation)
{
    const struct world *world = simulation->world;
    struct arena *arena = arena_new();
    struct world_result *result = arena_alloc(arena, sizeof(*result));
    result->arena = arena;
    result->world = world;
    result->simgrid_version = simgrid_compat_version();
    result->streams = arena_array(arena, simulation->traffic_count, sizeof(*result->streams));
    result->collectives = result->streams + world->stream_count;
    result->window_ps = simulation->window_ps;
    result->interrupted = atomic_load(&simulation->stopped);
    for (uint32_t t = 0; t < simulation->traffic_count; t++) {
        result->streams[t].expected = simulation->expected[t];
        result->streams[t].first_ps = UINT64_MAX;
    }
    for (uint32_t m = 0; m < world->machine_count; m++) {
        const struct node *node = simulation->nodes[m];
        if (!node)
            continue;
        add_machine(result, node);
        for (uint32_t t = 0; t < simulation->traffic_count; t++) {
            if (node->traffic[t].touched)
                add_traffic(&result->streams[t], &node->traffic[t]);
        }
    }
    for (uint32_t t = 0; t < simulation->traffic_count; t++) {
        if (result->streams[t].first_ps == UINT64_MAX)
            result->streams[t].first_ps = 0;
    }
    if (!result->interrupted)
        list_waiting(result, simulation);
    return result;
}

void world_result_free(struct world_result *result)
{
    if (result)
        arena_free(result->arena);
}
