/* SPDX-License-Identifier: MIT */
/**
 * @file request_trace.h
 * The life of chosen operations, step by step: what a run tells when struct machine_options has a trace.
 *
 * A TLP of a chosen operation is looked at whenever an event of its own comes up: what its ledger has gained
 * since is a step of its life. A completion goes on where its request was. So the steps of the TLP that ends
 * an operation add up to the operation's latency. Runs are repeatable: a first run finds the slowest
 * operations, a second one follows them.
 */
#ifndef IOMMUSIM_MACHINE_REQUEST_TRACE_H
#define IOMMUSIM_MACHINE_REQUEST_TRACE_H

#include "models/pcie/transport.h"
#include "models/device/dma_engine.h"

enum { REQUEST_TRACE_SLOWEST_MAX = 1000 };

/** One operation that was followed to its end. */
struct traced_request {
    uint64_t number; /**< of the operation: in order of submission, from 0, over all streams */
    uint32_t stream, function_id;
    uint64_t address;
    uint32_t length_bytes;
    uint32_t pasid; /**< that its requests carry, plus one; 0: none */
    bool write, failed;
    enum iommu_fault fault;        /**< of the request that ended it */
    bool unsent;                   /**< that one never left the device: no translation permits it */
    bool answered;                 /**< that one was refused by a completion, with @c status */
    enum completion_status status; /**< UR or CA, where @c answered */
    enum route_rule stopped_by;    /**< that let it go no further; RULE_COUNT: none did */
    uint32_t stopped_at_id;        /**< and the function that applied it; NONE: the root complex */
    uint64_t submit_ps, done_ps; /**< as its latency counts: the driver's, where buffers are mapped for it */
    uint64_t device_ps;          /**< the device was told: submit_ps, unless a driver mapped first */
    struct ledger before,
        after;     /**< what the driver's CPU did for it before, and after the device was done */
    uint32_t last; /**< internal: its last step */
};

/** A part of a request's life. */
struct traced_step {
    uint64_t begin_ps, ps;
    enum ledger_part part;
    uint32_t function_id; /**< where it is, or arrives by this; NONE: in the root complex */
    enum route_rule rule; /**< that sent it there */
    bool driver;          /**< a CPU does it, before or after the device's part */
    bool reads_context;   /**< its context entry was not cached */
    bool translating;     /**< the lookup missed: a walk belongs to it */
    bool of_translation;  /**< of the translation request that the device waited for, beside its time */
    bool is_walk;         /**< a step of the walk before it, whose time that one contains; begin_ps is 0 */
    struct walk_step walk;
};

/** An operation and how long it took. */
struct slow_operation {
    uint64_t number, latency_ps;
};

struct request_trace {
    /* Which operations to follow: those of numbers[], or the first @c block of each @c every until limit of
     * them are followed. */
    const uint64_t *numbers; /**< ascending */
    uint32_t number_count;
    uint64_t every; /**< 0: by numbers */
    uint32_t block;
    uint32_t limit;
    uint32_t slowest_wanted; /**< keep so many in slowest[] */
    struct slow_operation
        slowest[REQUEST_TRACE_SLOWEST_MAX]; /**< latency descending; of recorded operations */
    uint32_t slowest_count;

    bool slowest_first; /**< order of requests[]: latency descending, else as they ended */
    struct traced_request *requests;
    uint32_t request_count;
    size_t request_capacity;

    /* internal */
    struct trace_node *nodes;
    uint32_t node_count;
    size_t node_capacity;
    uint64_t submitted; /**< operations numbered so far */
    uint32_t followed;
    const struct tlp_pool *pool; /**< of the machine, while it lives */
};

void request_trace_init(struct request_trace *trace);
void request_trace_fini(struct request_trace *trace);

/* ---- called by the machine ---- */

/** An operation is submitted: number it, and follow it if it is a chosen one. */
void request_trace_begin(struct request_trace *trace, struct dma_operation *operation);

/** The TLP's own event comes up; @p memory: its data are there, or visible. */
void request_trace_note(struct request_trace *trace, struct tlp *tlp, bool memory);

/** Its unit walks (remapping_unit.on_walk_step). */
void request_trace_walk(void *trace, const struct translation_work *work, const struct walk_step *step);

/** The operation is over, by this TLP. */
void request_trace_end(struct request_trace *trace, const struct dma_operation *operation, struct tlp *tlp,
                       uint32_t function_id, uint64_t done_ps);

/**
 * An operation of a driver is over, of which operation @p number of the device was the slowest: from now on
 * that one's life is the whole of it.
 * @param before, after  what CPUs did for it; with the device's operation they add up to done - start
 */
void request_trace_enclose(struct request_trace *trace, uint64_t number, bool recorded,
                           const struct ledger *before, const struct ledger *after, uint64_t start_ps,
                           uint64_t done_ps);

/* ---- results ---- */

/**
 * Steps of a request in order, malloc'ed. Those that are no walk steps, and not of a translation request, add
 * up to its latency.
 * @return their number
 */
uint32_t request_trace_steps(const struct request_trace *trace, const struct traced_request *request,
                             struct traced_step **steps);

#endif
