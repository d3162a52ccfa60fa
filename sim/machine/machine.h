/* SPDX-License-Identifier: MIT */
/**
 * @file machine.h
 * A running machine: built from a description and a workload, run to its end, asked for its results.
 *
 *   machine_new() -> machine_run() -> machine_* results -> machine_free()
 *
 * A machine is a value: no globals, so many can run in one process, each on its own thread. Same inputs and
 * seed, same results, to the byte.
 */
#ifndef IOMMUSIM_MACHINE_MACHINE_H
#define IOMMUSIM_MACHINE_MACHINE_H

#include "models/device/dma_engine.h"
#include "sim/machine/machine_guests.h"
#include "sim/machine/machine_mapping.h"
#include "sim/machine/machine_migration.h"
#include "models/iommu/fault_log.h"
#include "models/iommu/interrupt_remapping.h"
#include "models/iommu/page_request_queue.h"
#include "models/pcie/root_complex.h"
#include "sim/input/machine_input.h"
#include "sim/input/workload.h"
#include "sim/kernel/histogram.h"
#include "sim/machine/machine_series.h"
#include "sim/machine/request_trace.h"

struct machine;

/** How the time of an operation that was submitted from outside splits. All together: from machine_submit()
 * to the call. */
struct machine_operation_time {
    uint64_t mapping_ps; /**< the driver: mapping the buffer before and unmapping it after the operation */
    uint64_t iommu_ps;   /**< ledger_translation_ps() */
    uint64_t fabric_ps;  /**< everything else: device, links, switches, root complex, memory */
};

/** Who drives a machine from outside (machine_begin()), and what he is told, in the machine's time. The calls
 * may use machine_submit(), machine_call_at() and machine_pause(). */
struct machine_outside {
    void *context;
    /** An operation is over, its buffer unmapped. @param failed  some of it was refused or lost */
    void (*operation_over)(void *context, uint32_t token, const struct machine_operation_time *time,
                           bool failed);
    /** The time of a machine_call_at() has come. */
    void (*called)(void *context, uint32_t token);
};

/** Addresses that are never mapped for a function. */
struct reserved_range {
    uint32_t function_id;
    uint64_t base, limit; /**< inclusive */
};

struct machine_options {
    uint64_t seed;
    const uint16_t *
        acs_control; /**< [function] ACS control bits in force (fabric_new()); NULL: as the topology stands */
    const uint32_t *unit_of;         /**< [function] index of the unit that translates it, or NO_UNIT */
    const bool *interrupt_remapping; /**< [unit] it remaps interrupts; NULL: none does */
    bool interrupts_any_source;      /**< entries of interrupt tables accept every requester id */
    uint64_t bounce_slots;           /**< of the pool of bounce buffers; 0: as the parameters say */
    uint32_t bounce_areas;           /**< likewise */
    bool bounce_all, bounce_none;    /**< all DMA of devices without translation bounces, or none does */
    bool bounce_none_for_reach;      /**< there is no pool for devices that do not reach all memory */
    const uint16_t *alias_of;        /**< struct root_complex */
    const uint32_t *group_of;        /**< [function] index of its group, NONE; NULL: not known */
    bool no_32_bit_addresses;        /**< IO virtual addresses below 4 GiB are not tried first */
    const struct reserved_range *reserved; /**< drivers' buffers are not mapped there */
    uint32_t reserved_count;
    uint32_t unit_count; /**< units to build; parameters.units has as many */
    /** Called now and then during the run with the share done in thousandths; return false to stop. May be
     * NULL. */
    bool (*progress)(void *context, unsigned thousandths);
    void *progress_context;
    uint64_t series_interval_ps;    /**< what happened in each interval of the run is kept; 0: it is not */
    struct request_trace *trace;    /**< follows chosen operations; NULL: none */
    struct machine_outside outside; /**< members NULL: nobody */
    uint32_t initial_events;        /**< room for events at first; 0: as much as is usual */
    bool no_memos; /**< route each TLP anew (route_memo.h); the run is the same, and takes longer */
};

/** What a stream with buffers of its own had of them. */
struct buffer_counters {
    uint64_t pieces;        /**< buffers that were mapped */
    uint64_t joined;        /**< of them, after neighbours in physical memory were joined */
    uint64_t segments;      /**< operations of the device that they became */
    uint64_t retries;       /**< times a driver found no address or no bounce buffer, and waited */
    uint64_t bounced_bytes; /**< of buffers that the device could not or must not reach */
};

/**
 * The part of a generator's or trace's run that its rates are taken from, in which as many operations are
 * under way at the end as at the beginning: from when the warm-up is over and the queue has been through once
 * (without warm-up, from the first submission; in an open loop, from the first recorded one) until there is
 * nothing more to submit. What an operation has moved counts when it is there, TLP by TLP, and not when all
 * of it is: else what went over the link before the window would be counted in it. So no rate is above that
 * of the slowest link on the way, but for what a buffer behind it (a root port's, as large as its posted
 * credits) holds at the beginning of the window more than at its end.
 */
struct steady_window {
    bool submitted, begun, ended;
    uint64_t submitted_ps; /**< first submission */
    uint64_t begin_ps, end_ps;
    uint64_t begin_bytes, end_bytes; /**< moved until then, of the whole run */
};

/** What one stream did. Times in picoseconds. Latencies, ledger and bytes are those of recorded operations:
 * after the warm-up, and successful. */
struct stream_result {
    uint64_t submitted, completed,
        failed;                  /**< operations, warm-up included; failed ones are completed, too */
    uint64_t retried;            /**< times operations were issued again after a refusal */
    uint64_t timeouts;           /**< reads of which a completion was lost (endpoint/completion_timeout) */
    uint64_t late, late_refused; /**< accesses after unmapping; of them those that were refused */
    uint64_t left_out;           /**< operations of a trace whose device had stopped */
    struct buffer_counters buffers;
    uint64_t turned_away; /**< open loop: operations that found 65536 waiting, and were not submitted */
    bool overloaded;      /**< open loop: more is offered than gets through; latency grows without end */
    uint64_t recorded;    /**< operations in the histogram */
    uint64_t bytes;       /**< of recorded operations that succeeded */
    uint64_t first_ps, last_ps; /**< end of the last warm-up operation, or first submission without warm-up;
                                   last recorded completion */
    struct steady_window steady;
    uint64_t moved_bytes; /**< of all operations that were over and succeeded, warm-up included */
    struct histogram latency;
    struct histogram failed_latency; /**< of recorded operations that failed: until the device, or for writes
                                        the root complex, knew */
    __uint128_t
        ledger[LEDGER_PARTS]; /**< sums over recorded operations; all parts together = latency.total */
    __uint128_t hidden_ps;    /**< sum over recorded operations: by how much translation of some packet took
                                 longer    than of the one that ended last, whose time the ledger tells */
};

/** Bytes in a time: a stream's rate. */
struct stream_rate {
    uint64_t begin_ps, elapsed_ps; /**< 0 elapsed: no rate can be given */
    uint64_t bytes;
};

/**
 * A stream's rate over its steady window. Where less than a quarter of the recorded bytes were moved in it
 * (the queue is about as deep as there are operations): all of the run, warm-up included. Devices with
 * drivers, and what is submitted from outside, have no such window: what is recorded, from first_ps to
 * last_ps.
 */
struct stream_rate stream_result_rate(const struct stream_result *result);

/**
 * All streams together, from machine_measured_from_ps() to the end of the last one. The rates of streams do
 * not add up to it where one goes on when another has ended.
 */
struct stream_rate machine_rate_of_all(const struct machine *machine);

/** Operations a second: as many as those bytes are, by the mean size of the recorded ones; rounded to
 * nearest.
 */
uint64_t stream_result_operations_per_s(const struct stream_result *result);

/** What the device of a stream did, or NULL where the stream is a generator or a trace. */
const struct device_model *machine_device_model(const struct machine *machine, uint32_t stream);
/** Its parameters in force. */
const union device_parameters *machine_device_parameters(const struct machine *machine, uint32_t stream);

/** What the operations of one function came to, over all streams; counted as in struct stream_result. */
struct device_result {
    uint64_t recorded, failed, bytes;
    __uint128_t latency_total_ps;
    uint64_t latency_maximum_ps;
    uint64_t first_ps, last_ps; /**< first recorded submission, last recorded completion */
};

/**
 * Build a machine.
 * @param input     description; must outlive the machine
 * @param workload  checked by its reader; must outlive the machine
 * @param machine   filled on success; free with machine_free()
 * @return 0, or STATUS_BAD_INPUT with diagnostics (mapping conflicts that only the page tables show, one
 * requester id in two domains), STATUS_LIMIT
 */
int machine_new(const struct machine_input *input, const struct workload *workload,
                const struct machine_options *options, struct machine **machine,
                struct diagnostics *diagnostics);

/**
 * Run to the end of the workload.
 * @return 0; STATUS_INTERRUPTED when progress() said so; STATUS_BAD_INPUT or STATUS_FILE_READ from a trace
 * (diagnostics) Aborts with a report when bytes or picoseconds are not conserved: that is a bug of the
 * simulator.
 */
int machine_run(struct machine *machine, struct diagnostics *diagnostics);

void machine_free(struct machine *machine);

/* ---- in pieces: a machine that is a node of something larger ----
 *
 *   machine_begin() -> machine_submit(), machine_call_at(), machine_run_until(), ... -> machine_finish()
 */

/** Start the clock: streams of the workload begin. @param diagnostics  must outlive the run */
void machine_begin(struct machine *machine, struct diagnostics *diagnostics);

/**
 * Handle all events before @p limit_ps.
 * @return 0 when they are handled; 1 where machine_pause() stopped it earlier; STATUS_BAD_INPUT or
 * STATUS_FILE_READ from a trace
 */
int machine_run_until(struct machine *machine, uint64_t limit_ps);

/** Have machine_run_until() return after the present event. */
void machine_pause(struct machine *machine);

/** Time of the last event handled: what is submitted now is submitted then. */
uint64_t machine_now_ps(const struct machine *machine);

/** Time of the next event, UINT64_MAX without any. */
uint64_t machine_next_ps(struct machine *machine);

/** Streams of the workload with something left to do; those of source STREAM_SUBMITTED are not counted. */
uint32_t machine_streams_left(const struct machine *machine);

/** Have outside.called() called with @p token at @p time_ps, which has not passed, before anything else that
 * happens then. */
void machine_call_at(struct machine *machine, uint64_t time_ps, uint32_t token);

/** A DMA operation from outside. */
struct machine_operation {
    uint32_t function_id; /**< who issues it: an endpoint */
    uint32_t stream;      /**< of the workload, of source STREAM_SUBMITTED: where it counts, its buffers and
                             CPU */
    uint64_t address;     /**< as the device issues it; not used with BUFFERS_PER_USE */
    uint32_t length_bytes;
    bool write;
    uint32_t token; /**< for outside.operation_over() */
};

/** Submit an operation at machine_now_ps(). */
void machine_submit(struct machine *machine, const struct machine_operation *operation);

/** Run to the end of what is left, and check the laws as machine_run() does. @return as machine_run_until()
 */
int machine_finish(struct machine *machine);

/* ---- results; valid after machine_run() until machine_free() ---- */

/** Simulated time at the end. */
uint64_t machine_end_ps(const struct machine *machine);
/**
 * From when on units, links, memory, queues, mappings, buffers and CPUs are counted: the end of the last
 * stream's warm-up; 0 without warm-up, or where it was not over when the run ended. Faults, dropped requests,
 * interrupts and observed peers are those of the whole run. What is unmapped when the run ends is followed
 * until nothing reaches it: the flush that closes its window is counted, its CPU time is not.
 */
uint64_t machine_measured_from_ps(const struct machine *machine);

/** What happened in each interval; no rows unless options asked for it. */
const struct machine_series *machine_series_result(const struct machine *machine);

/** Events handled. */
uint64_t machine_events(const struct machine *machine);
const struct stream_result *machine_stream_result(const struct machine *machine, uint32_t stream);
/** Unit @p unit with its counters. */
const struct remapping_unit *machine_unit(const struct machine *machine, uint32_t unit);
/** What was mapped and unmapped in domain @p domain of the workload. NULL unless its mode is strict or lazy.
 */
const struct mapping_counters *machine_mapping_counters(const struct machine *machine, uint32_t domain);
/** Invalidations of unit @p unit. */
const struct invalidation_queue *machine_invalidation_queue(const struct machine *machine, uint32_t unit);
/** Page requests at unit @p unit. */
const struct page_request_queue *machine_page_requests(const struct machine *machine, uint32_t unit);
/** Time of CPU @p cpu by what it was spent on, from the end of the warm-up to that of the run, in jobs that
 * ended then. */
const uint64_t *machine_cpu_time(const struct machine *machine, uint32_t cpu);
uint32_t machine_cpu_count(const struct machine *machine);
/** CPU time of drivers, in all and of it waiting for invalidations. */
void machine_driver_time(const struct machine *machine, uint64_t *busy_ps, uint64_t *spin_ps);
/** The pool of bounce buffers; NULL where there is none. */
const struct swiotlb *machine_swiotlb(const struct machine *machine);
/** The IO virtual addresses of domain @p domain; NULL unless its mode is strict or lazy. */
const struct iova_allocator *machine_iova_allocator(const struct machine *machine, uint32_t domain);
/** The virtual IOMMU that the buffers of domain @p domain are mapped by; NULL: no guest's. */
const struct viommu *machine_viommu(const struct machine *machine, uint32_t domain);
/** Bytes x picoseconds during which unmapped buffers of domain @p domain could be reached. */
__uint128_t machine_exposure(const struct machine *machine, uint32_t domain);
/** Virtual machine @p index of the workload: how it started, its memory, its devices. */
const struct guest *machine_guest(const struct machine *machine, uint32_t index);
/** Interrupt messages of the run. sent = sum of outcomes, when all are over. */
struct interrupt_counters {
    uint64_t sent, outcomes[INTERRUPT_OUTCOMES];
    uint64_t moves;                               /**< to another CPU */
    struct histogram latency[INTERRUPT_OUTCOMES]; /**< device's write submitted to the CPU in its handler */
};
const struct interrupt_counters *machine_interrupts(const struct machine *machine);

/** When an interrupt was posted, seen from the guest's migration. */
enum guest_phase { GUEST_BEFORE, GUEST_MIGRATING, GUEST_AFTER, GUEST_PHASES };
/** Interrupts posted to the virtual CPUs of virtual machine @p guest. */
struct guest_interrupts {
    struct histogram latency[GUEST_PHASES]; /**< device's write submitted to the guest's handler */
};
/** NULL where the virtual machine's CPUs are not modelled. */
const struct guest_interrupts *machine_guest_interrupts(const struct machine *machine, uint32_t guest);
/** Its live migration; NULL where there is none. */
const struct guest_migration *machine_migration(const struct machine *machine, uint32_t guest);
/** One of its CPUs. */
const struct virtual_cpu *machine_virtual_cpu(const struct machine *machine, uint32_t guest, uint32_t cpu);

/** What unit @p unit refused. */
const struct fault_log *machine_fault_log(const struct machine *machine, uint32_t unit);
const struct root_complex *machine_root_complex(const struct machine *machine);
const struct transport *machine_transport(const struct machine *machine);
/** DMA engine of a function, or NULL where it has none (nothing in the workload uses it). */
const struct dma_engine *machine_engine(const struct machine *machine, uint32_t function_id);

/** Smallest MPS on the way of a function to the root complex, in bytes: what it uses. Any time after
 * machine_new(). */
uint32_t machine_path_payload(const struct machine *machine, uint32_t function_id);

/** What a function did, or NULL where it has no DMA engine. */
const struct device_result *machine_device_result(const struct machine *machine, uint32_t function_id);

/** Where something waits in a machine; what the id of a struct machine_queue is. */
enum machine_queue_kind {
    QUEUE_STREAM,  /**< stream: operations submitted and not over */
    QUEUE_ENGINE,  /**< function: operations whose TLPs are not all made, for want of a tag or of the link */
    QUEUE_CHANNEL, /**< channel of the transport: TLPs that are to go out by it */
    QUEUE_WALKERS, /**< unit: misses that wait for a walker */
    QUEUE_PAGE_REQUESTS, /**< unit: page requests that nobody serves yet */
    QUEUE_COMPLETER,     /**< completer: reads with data that are not answered completely */
    QUEUE_READ_SLOTS,    /**< root complex: reads that wait for a slot */
    QUEUE_ORDER,         /**< root complex: what waits for posted requests before it */
    QUEUE_KINDS,
};

struct machine_queue {
    enum machine_queue_kind kind;
    uint32_t id;
    const struct queue_meter *meter;
};

/** Area under a queue's length in item-picoseconds: mean length = area / measured time. */
__uint128_t machine_queue_area(const struct machine *machine, const struct queue_meter *meter);

/** The function a completer answers for; towards which it answers, for one of the root complex. */
uint32_t machine_completer_function(const struct machine *machine, uint32_t completer);

/** All queues of a machine. For each, at the end of each run, Little's law has been checked. */
uint32_t machine_queue_count(const struct machine *machine);
struct machine_queue machine_queue(const struct machine *machine, uint32_t index);

/** Why a request that arrived counts. */
enum observed_kind {
    OBSERVED_UNTRANSLATED,     /**< the IOMMU did not see it */
    OBSERVED_STALE_IOTLB,      /**< translated by an entry of the IOTLB that software had taken back */
    OBSERVED_STALE_DEVICE_TLB, /**< translated by the device itself, by what software had taken back */
    OBSERVED_OTHER_DOMAIN, /**< translated by the domain of another function, which has the same requester id
                            */
    OBSERVED_FORGED,       /**< sent as translated, to an address nobody granted the device */
    OBSERVED_KINDS,
};

/** Requests of one kind from a function to another, or to memory. */
struct observed_peer {
    enum observed_kind kind;
    uint32_t source_id;
    uint32_t target_id;   /**< NONE: memory */
    enum route_rule rule; /**< that turned it; RULE_TO_HOST for memory */
    uint32_t at_id;       /**< function that turned it; memory: where it entered the root complex */
    uint64_t tlps, bytes, first_ps, last_ps;
};

/** Requests of operations that were refused, of one function for one reason. */
struct refusal {
    uint32_t source_id;
    bool write;
    bool answered;                 /**< the device got a completion with @c status; posted writes get none */
    enum completion_status status; /**< UR or CA, where @c answered */
    enum iommu_fault fault;        /**< why the remapping unit refused them; 0: it did not */
    bool unsent;          /**< the device itself, whose device TLB got no translation that permits them */
    enum route_rule rule; /**< else that let them go no further; RULE_COUNT: their target did not take
                             them */
    uint32_t at_id;       /**< function that refused them; NONE: root complex or unit */
    uint64_t requests;
};

/** What was refused over the whole run, in order of first occurrence. @return their number */
uint32_t machine_refusals(const struct machine *machine, const struct refusal **refusals);

/** Stable name of a kind: "untranslated", "stale-iotlb", "stale-device-tlb", "other-domain",
 * "forged-translation". */
const char *observed_kind_name(enum observed_kind kind);

/** What was reached that should not be during the run, in order of first occurrence. @return their number */
uint32_t machine_observed_peers(const struct machine *machine, const struct observed_peer **peers);

#endif
