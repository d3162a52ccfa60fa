/* SPDX-License-Identifier: MIT */
/**
 * @file world_result.h
 * What a world came to. Plain values: who prints them needs no SimGrid.
 */
#ifndef IOMMUSIM_WORLD_WORLD_RESULT_H
#define IOMMUSIM_WORLD_WORLD_RESULT_H

#include "sim/input/world.h"
#include "sim/kernel/histogram.h"

/**
 * Where the time of segments went, from the message handed to its NIC to the data visible at the other end.
 * A segment that stays in its machine has no network and no second side.
 */
enum world_hop {
    HOP_QUEUE,            /**< behind other segments of its message, for want of segments_in_flight */
    HOP_SOURCE_MAPPING,   /**< sender's driver: mapping and unmapping its buffer */
    HOP_SOURCE_IOMMU,     /**< sender: translation */
    HOP_SOURCE_FABRIC,    /**< sender: device, links, switches, root complex, memory */
    HOP_NETWORK_TRANSFER, /**< bytes over the bandwidth that other flows left */
    HOP_NETWORK_LATENCY,  /**< of the route */
    HOP_TARGET_MAPPING,
    HOP_TARGET_IOMMU,
    HOP_TARGET_FABRIC,
    HOPS,
};

/** Sums over the segments of a stream or collective. */
struct world_hops {
    uint64_t segments, bytes;
    __uint128_t total_ps;
    __uint128_t ps[HOPS]; /**< add up to total_ps */
};

/** How to run. */
struct world_options {
    unsigned threads; /**< 1 or more; no result depends on it */
    /** As in struct machine_options. */
    bool (*progress)(void *context, unsigned thousandths);
    void *progress_context;
};

/** A stream or collective. */
struct world_traffic_result {
    uint64_t expected, done, failed;    /**< messages or requests; collectives: rounds of ranks */
    uint64_t messages, failed_messages; /**< that were carried for it */
    uint64_t first_ps, last_ps;         /**< begun; last done */
    struct world_hops network;          /**< segments between machines */
    struct world_hops local;            /**< segments within one */
    struct histogram latency;           /**< of what @c done counts */
};

/** Software that never got what it waited for. */
struct world_waiting {
    const char *who, *what;
};

struct world_result {
    struct arena *arena;
    const struct world *world;
    const char *simgrid_version;
    struct world_traffic_result *streams;     /**< [stream of the world] */
    struct world_traffic_result *collectives; /**< [collective] */
    struct world_waiting *waiting;            /**< deadlock: who waits for what; none without */
    uint32_t waiting_count;
    bool interrupted;
    uint64_t end_ps;
    uint64_t window_ps;          /**< smallest latency: how far machines run ahead */
    uint64_t events, operations; /**< of the machines */
    uint32_t machines_touched;   /**< the others cost nothing */
    uint64_t faults;             /**< requests that remapping units refused */
};

#endif
