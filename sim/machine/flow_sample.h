/* SPDX-License-Identifier: MIT */
/**
 * @file flow_sample.h
 * How fast streams of a workload are, found by short runs of the transaction engine: each by itself, and sets
 * of them together. What the flow engine takes for its ceilings.
 *
 * A sample begins with a few operations and doubles until two in a row agree, so that caches are warm. What
 * was measured is kept by content - functions, addresses, sizes, depths - and not measured twice.
 */
#ifndef IOMMUSIM_MACHINE_FLOW_SAMPLE_H
#define IOMMUSIM_MACHINE_FLOW_SAMPLE_H

#include "sim/machine/simulation.h"

/** A wire a stream uses. */
struct flow_hop {
    uint32_t channel;     /**< of the transport */
    uint64_t wire_bytes;  /**< of these, headers and framing included, ... */
    uint64_t per_bytes;   /**< ... for so many of the stream */
    uint64_t bytes_per_s; /**< wire bytes the channel can carry */
    uint64_t tlps;        /**< that those wire bytes came in */
};

/** A stream by itself. */
struct flow_alone {
    uint64_t bytes_per_s; /**< of operations that succeeded; 0: none did */
    uint64_t operations, failed;
    uint64_t latency_ps;      /**< mean of an operation */
    uint64_t misses, lookups; /**< of all IOTLBs */
    struct flow_hop *hops;
    uint32_t hop_count;
};

/** Streams together. */
struct flow_together {
    uint64_t *bytes_per_s; /**< [stream]; 0: not in the set, or too slow beside the others to be seen */
    uint64_t misses, lookups;
};

struct flow_sampler;

/**
 * @param simulation   simulation_init() is enough; must outlive the sampler
 * @param workload     generators only
 * @param diagnostics  of building the machine the first time
 */
struct flow_sampler *flow_sampler_new(const struct simulation *simulation, const struct workload *workload,
                                      struct diagnostics *diagnostics);
void flow_sampler_free(struct flow_sampler *sampler);

/** A stream by itself. @return 0, or as machine_new() and machine_run() */
int flow_sampler_alone(struct flow_sampler *sampler, uint32_t stream, const struct flow_alone **alone);

/** The streams with @p active set, together. @return as above */
int flow_sampler_together(struct flow_sampler *sampler, const bool *active,
                          const struct flow_together **together);

/** Machines run so far, and the DMA operations they did. */
void flow_sampler_work(const struct flow_sampler *sampler, uint64_t *runs, uint64_t *operations);

#endif
