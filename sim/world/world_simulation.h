/* SPDX-License-Identifier: MIT */
/**
 * @file world_simulation.h
 * A world in time: from its description to its result.
 *
 *     world_simulation_run() does all of it. The rest is for the parts.
 *
 * What no traffic touches is not built: machines cost nothing until something begins, ends or runs there.
 * Machines that are alike share the loaded input, the groups and the decisions of the kernel.
 */
#ifndef IOMMUSIM_WORLD_WORLD_SIMULATION_H
#define IOMMUSIM_WORLD_WORLD_SIMULATION_H

#include "sim/machine/simulation.h"
#include "sim/world/node.h"
#include "sim/world/world_result.h"

#include <stdatomic.h>

struct route;

struct world_simulation {
    const struct world *world;
    struct world_options options;
    struct arena *arena;
    struct simulation *groups; /**< [group]; input NULL until a machine of it is built */
    struct node **nodes;       /**< [machine], NULL where nothing touches it */
    uint32_t traffic_count;    /**< streams and collectives */
    uint64_t *expected;        /**< [traffic] */
    sg_host_t *hosts;          /**< [host of the network] */
    struct route **routes;     /**< between machines, for their latencies */
    uint32_t route_count;
    size_t route_capacity;
    struct software **software;
    uint32_t software_count;
    atomic_uint finished_count; /**< of software */
    atomic_uint active;         /**< nodes that are (struct node), and packets under way */
    size_t software_capacity;
    uint64_t window_ps;
    atomic_flag asking; /**< one thread at a time asks options.progress */
    atomic_bool stopped;
    int status;
    struct diagnostics *run_diagnostics; /**< of machines while they run */
    uint64_t ended_ps;                   /**< SimGrid's clock */
};

/**
 * Run a world to its end. SimGrid is started: once a process.
 * @param result  filled after 0 and STATUS_INTERRUPTED; free with world_result_free()
 * @return 0 (a deadlock is told in the result), STATUS_INTERRUPTED, STATUS_BAD_INPUT after diagnostics
 */
int world_simulation_run(const struct world *world, const struct world_options *options,
                         struct world_result **result, struct diagnostics *diagnostics);

void world_result_free(struct world_result *result);

/* ---- for the parts ---- */

/** The node of a machine, made at its first use. */
struct node *world_simulation_node(struct world_simulation *simulation, uint32_t machine);
/** What machines of a group share. */
const struct simulation *world_simulation_group(struct world_simulation *simulation,
                                                const struct world_machines *group);
/** A route whose latency is wanted once the network is there. */
void world_simulation_add_route(struct world_simulation *simulation, struct route *route);
/** Between windows: false when the user wants an end, or something is wrong. */
bool world_simulation_goes_on(struct world_simulation *simulation);
/** Report what is wrong with a part of the document. @return STATUS_BAD_INPUT */
int world_simulation_refuse(const struct world_simulation *simulation, const char *pointer, const char *code,
                            const char *text, struct diagnostics *diagnostics);
/** A law is broken: say which, and abort. */
_Noreturn void world_broken(const char *law);

/** Make the software of all streams (stream_software.c) and collectives (collective_software.c). */
void make_stream_software(struct world_simulation *simulation);
void make_collective_software(struct world_simulation *simulation);

/** Gather the result (world_collect.c). */
struct world_result *world_collect(struct world_simulation *simulation);

#endif
