/* SPDX-License-Identifier: MIT */
/**
 * @file flow_result.h
 * What a run of the flow engine (`iommusim run --engine flow`) has to say, as text and as a document.
 *
 * `iommusim-flow/1` has, in this order (times are whole picoseconds, rates whole bytes a second of payload):
 *
 * - `format`, `program`, `model`, `name`, `machine`, `seed`
 * - `engine`: `sharing` ("sampled", "ports" or "max-min"), `simgrid` (its version), `samples` (short runs of
 * the transaction engine), `sampled_operations` (DMA operations in them), `unsampled_sets`
 * - `run`: `complete`, `simulated_ps`
 * - `streams[]`: as in `iommusim-result/1` `name`, `device`, `operation`, `recorded` (operations after the
 * warm-up), `bytes`, `first_ps` (end of the warm-up), `last_ps`, `bytes_per_s`, `bits_per_s`,
 * `operations_per_s`; `finished`, `alone_bytes_per_s`, `alone_latency_ps` (by itself)
 * - `sets[]`, who was under way together, as it changed: `from_ps`, `sampled`, `differs` (why max-min sharing
 * cannot say it, "" where it can), `streams[]` with `name`, `bytes_per_s`, `max_min_bytes_per_s`,
 * `port_bytes_per_s`
 * - `links[]`: `function`, `direction`, `wire_bytes_per_s`, `utilisation` (mean over the run)
 * - `approximations[]`: what the engine leaves out, in words
 */
#ifndef IOMMUSIM_OUTPUT_FLOW_RESULT_H
#define IOMMUSIM_OUTPUT_FLOW_RESULT_H

#include "sim/base/text_buffer.h"
#include "sim/machine/flow_sample.h"

/** Whose shares the flows get where they compete. */
enum flow_sharing {
    FLOW_SHARING_SAMPLED, /**< those of a short run of the transaction engine with the same streams; of sets
                             too large for that as FLOW_SHARING_PORTS */
    FLOW_SHARING_PORTS,   /**< by the ports of switches, below each one's own ceiling (port_shares.h) */
    FLOW_SHARING_MAX_MIN, /**< SimGrid's: max-min by flow, below each one's own ceiling */
    FLOW_SHARINGS,
};

/** "sampled", "ports", "max-min"; ends with NULL. */
extern const char *const flow_sharing_names[];

/** Why sampled shares are not max-min's. */
enum flow_difference {
    DIFFERENCE_NONE,
    DIFFERENCE_IOTLB,     /**< more misses together than by themselves */
    DIFFERENCE_PORTS,     /**< a link is full, and shared by port, packet by packet */
    DIFFERENCE_IN_FLIGHT, /**< a link is full, and shared as much as each has in flight, or by who blocks whom
                           */
    DIFFERENCE_NO_LINK,   /**< no link is full: credits, ordering, walkers, memory or buffers are */
    FLOW_DIFFERENCES,
};

/** A word for the document: "", "iotlb", "arbitration", "in-flight", "not-links"; and a sentence. */
extern const char *const flow_difference_words[];
extern const char *const flow_difference_texts[];

struct flow_stream_result {
    const struct stream *stream;
    const struct flow_alone *alone;
    uint64_t operations, bytes;
    uint64_t first_ps, last_ps;
    bool started, finished;
};

/** Streams under way at the same time. */
struct flow_set {
    uint64_t from_ps;
    bool *active;                  /**< [stream] */
    uint64_t *bytes_per_s;         /**< [stream] ceilings in force */
    uint64_t *max_min_bytes_per_s; /**< [stream] what max-min below the own ceilings gives */
    uint64_t *port_bytes_per_s;    /**< [stream] what arbitration by port below them gives */
    bool sampled;
    enum flow_difference difference;
};

struct flow_link {
    uint32_t function_id; /**< below it */
    bool up;
    uint64_t wire_bytes_per_s;
    double wire_bytes; /**< moved over it */
};

struct flow_result {
    const char *name; /**< of the scenario; may be NULL */
    const struct simulation *simulation;
    const struct workload *workload;
    enum flow_sharing sharing;
    const char *simgrid_version;
    uint64_t end_ps, samples, sampled_operations;
    bool measured; /**< all streams have been sampled by themselves: there is something to say */
    bool interrupted;
    struct flow_stream_result *streams; /**< [stream] */
    struct flow_set *sets;
    uint32_t set_count, unsampled_sets; /**< of them too large to sample */
    struct flow_link *links;
    uint32_t link_count;
};

void flow_result_text(const struct flow_result *result, struct text_buffer *out);
void flow_result_json(const struct flow_result *result, struct text_buffer *out);

#endif
