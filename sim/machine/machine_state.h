/* SPDX-License-Identifier: MIT */
/**
 * @file machine_state.h
 * The inside of a machine, shared by the files of this folder only.
 */
#ifndef IOMMUSIM_MACHINE_MACHINE_STATE_H
#define IOMMUSIM_MACHINE_MACHINE_STATE_H

#include "models/iommu/fault_log.h"
#include "sim/input/trace.h"
#include "sim/kernel/random.h"
#include "sim/machine/machine.h"
#include "sim/machine/machine_guests.h"
#include "sim/machine/machine_mapping.h"
#include "sim/machine/machine_series.h"
#include "sim/machine/stream_limit.h"

/** Kinds of events; target and argument as said. */
enum machine_event {
    EVENT_ARRIVE,             /**< argument: TLP */
    EVENT_WAKE,               /**< target: channel */
    EVENT_READY,              /**< target: engine, argument: operation, or NONE: go on */
    EVENT_TRANSLATED,         /**< argument: TLP */
    EVENT_MEMORY,             /**< argument: TLP */
    EVENT_UNIT,               /**< target: unit, argument: the unit's own */
    EVENT_PEER_DATA,          /**< target: completer, argument: request TLP, or NONE: go on */
    EVENT_ISSUE,              /**< target: stream; open loop: submit the next operation */
    EVENT_OPERATION_DONE,     /**< argument: operation */
    EVENT_RETRY,              /**< target: engine, argument: operation; a refused operation goes out again */
    EVENT_INVALIDATION,       /**< target: unit, argument: the queue's own */
    EVENT_DEVICE_ANSWER,      /**< target: engine; it is ready to answer an invalidation of its device TLB */
    EVENT_PAGE_REQUEST,       /**< target: unit, argument: the queue's own */
    EVENT_PAGE_TIMEOUT,       /**< target: engine, argument: serial number of its page request */
    EVENT_AFFINITY,           /**< target: stream; its interrupt moves to another CPU */
    EVENT_CPU,                /**< target: CPU; it is through with the driver's work */
    EVENT_FLUSH_TIMER,        /**< target: domain */
    EVENT_COMPLETION_TIMEOUT, /**< argument: completion that was lost; its requester has waited long enough */
    EVENT_DEVICE,             /**< target: stream, argument: token; time its device asked for has passed */
    EVENT_VIRTUAL_CPU,        /**< target: CPU, argument: machine_virtual_cpus.c's own */
    EVENT_DOORBELL,           /**< target: stream, argument: what machine_devices.c knows it by */
    EVENT_GUEST,              /**< target: virtual machine, argument: its own */
    EVENT_MIGRATION,          /**< target: virtual machine, argument: machine_migration.c's own */
    EVENT_OUTSIDE,            /**< argument: token of a machine_call_at() */
    EVENT_STOP,               /**< the workload's duration is over */
};

/** A stream in time. */
struct traffic {
    const struct stream *stream;
    struct random_stream random;
    uint64_t position;          /**< sequential, strided: offset of the next operation in the window */
    uint64_t interrupt_address; /**< STREAM_MSI: where the function's messages go */
    uint64_t issued;            /**< operations submitted */
    uint64_t over_operations;   /**< what its driver asked for and got, failed or not */
    uint32_t outstanding;
    uint32_t backlog_at_half;    /**< open loop: the same at half time */
    struct queue_meter queue;    /**< operations submitted and not over */
    uint32_t driver_calls;       /**< closed loop: lines of the trace under way that later ones wait for */
    bool write_next;             /**< STREAM_ALTERNATE */
    struct device_model *device; /**< in place of a generator; NULL */
    union device_parameters parameters; /**< its own, in force */
    struct trace_reader *trace;
    struct trace_record pending; /**< trace: read ahead, not yet submitted */
    bool pending_valid;
    bool exhausted; /**< nothing more to submit */
    bool begun;     /**< its device was there: its first operation is submitted, or will be */
    bool over;      /**< has finished, and was counted */
    struct stream_result result;
    struct stream_limit limit; /**< at the end of its steady window */
    bool limit_known;
};

/** An interrupt that was posted to a virtual CPU, and not taken yet. */
struct held_interrupt {
    uint64_t submit_ps;
    uint32_t stream, token; /**< of a device that waits for it; token NONE: nobody does */
    enum interrupt_outcome outcome;
    enum guest_phase phase; /**< it was posted in */
};

/** A CPU as a guest has it. */
struct guest_cpu {
    uint32_t guest; /**< NONE: the host's own */
    struct virtual_cpu virtual_cpu;
    struct random_stream random;
    bool elsewhere;            /**< its physical CPU is the other of the two it is moved between */
    uint32_t load;             /**< number of the load that is to come, or came last */
    uint64_t off_ps, entry_ps; /**< left its physical CPU; its guest runs, from then on */
    bool busy;                 /**< at a part of its job, begun at part_ps; else the job waits for others */
    uint64_t part_ps;
    bool due;                 /**< the part would have come to its end at due_ps */
    uint64_t due_ps, owed_ps; /**< owed: time its job was not worked at, yet to be added */
    struct held_interrupt *held;
    uint32_t held_count;
    size_t held_capacity;
};

struct machine {
    const struct machine_input *input;
    const struct workload *workload;
    struct machine_options options;
    struct arena *arena;
    struct event_queue events;
    struct tlp_pool pool;
    struct dma_operation_pool operations;
    struct transport transport;
    struct root_complex root_complex;
    struct remapping_unit *units;
    struct fault_log *fault_logs;             /**< [unit] */
    struct invalidation_queue *queues;        /**< [unit] */
    struct page_request_queue *page_requests; /**< [unit] */
    uint32_t unit_count;
    struct dma_engine *engines;
    uint32_t engine_count;
    struct device_result *device_results; /**< [engine] */
    uint32_t *engine_of;                  /**< [function], NONE where it has none */
    struct completer *completers;
    uint32_t completer_count;
    uint32_t *peer_completer_of;  /**< [function] completer for requests of peers to it */
    uint32_t *path_payload;       /**< [function] machine_path_payload() */
    struct traffic *traffic;      /**< [stream] */
    uint32_t active_streams;      /**< with something left to do */
    uint32_t warming_streams;     /**< whose warm-up is not over */
    uint64_t measured_from_ps;    /**< counters and queues are measured from here on */
    uint64_t measured_from_bytes; /**< all streams had moved until then */
    bool stopped;
    bool paused; /**< machine_pause() */
    int status;
    struct diagnostics *diagnostics; /**< during machine_run() only */
    struct refusal *refusals;
    uint32_t refusal_count;
    size_t refusal_capacity;
    struct observed_peer *peers;
    uint32_t
        *latest_peer; /**< [function] the one of @c peers that its last observed request was counted in */
    uint32_t peer_count;
    size_t peer_capacity;
    struct mapping_state mapping;
    struct guests_state guests;
    struct interrupt_remapping *interrupts; /**< [unit] */
    struct interrupt_counters interrupt_counters;
    struct guest_cpu *guest_cpus;              /**< [CPU] */
    struct guest_interrupts *guest_interrupts; /**< [virtual machine] */
    struct guest_migration *migrations;        /**< [virtual machine] */
    struct machine_series series;
    uint64_t streams_end_ps;                  /**< when the last stream was over */
    uint64_t bytes_submitted, bytes_finished; /**< of all operations, for the conservation check */
};

/** Build nodes, channels, ingresses, engines, completers (machine_build.c). @return 0 or STATUS_BAD_INPUT */
int machine_build_transport(struct machine *machine, struct diagnostics *diagnostics);

/** Warn of streams whose device has a larger one. */
void machine_warn_of_payloads(const struct machine *machine, struct diagnostics *diagnostics);

/** Domains, page tables, contexts (machine_domains.c). @return 0 or STATUS_BAD_INPUT */
int machine_build_domains(struct machine *machine, struct diagnostics *diagnostics);

/** The pages that a mapping of a domain is made of: a guest's are of the largest size that both the host's
 * pages and the (first) unit have. */
uint64_t machine_page_bytes(const struct machine *machine, uint32_t domain, const struct mapping *mapping);

/** The CPU has written the buffers of the workload before the run (machine_domains.c). */
void machine_warm_memory(struct machine *machine);
/** The warm-up is over: all counters and queues begin anew (machine_queues.c). */
void machine_measure_from_now(struct machine *machine);

/** For the steady window of a stream (machine_rates.c): it submits an operation, or one of a closed loop is
 * over; there is nothing more to submit. */
void steady_window_begin(struct machine *machine, uint32_t stream);
void steady_window_end(struct machine *machine, uint32_t stream);
/** The rate of all streams is taken from now on. */
void rate_of_all_begin(struct machine *machine);

/** Does Little's law hold for every queue (machine_queues.c)? */
bool machine_queues_hold(const struct machine *machine);

/** Open traces, seed generators, submit the first operations (traffic.c). */
int traffic_open(struct machine *machine, struct diagnostics *diagnostics);
void traffic_start(struct machine *machine);
void traffic_close(struct machine *machine);
/** The function's device is its guest's now: streams that waited for it begin. */
void traffic_start_function(struct machine *machine, uint32_t function_id);
/** The device is not its guest's any more: a model of a device and its driver ends. Generators go on. */
void traffic_device_gone(struct machine *machine, uint32_t function_id);
/** Something of a stream with a device was begun, or is over. */
void traffic_device_begins(struct machine *machine, uint32_t stream);
void traffic_device_ends(struct machine *machine, uint32_t stream);
/** Event EVENT_ISSUE of a stream. */
void traffic_on_issue(struct machine *machine, uint32_t stream);
/** An operation is over, its buffer unmapped: let its stream go on. The operation is released. */
void traffic_operation_done(struct machine *machine, uint32_t operation);
/** An operation of machine_submit() is over: tell its owner, release it (machine_outside.c). */
void outside_operation_done(struct machine *machine, uint32_t operation);
/** Likewise one with a buffer of its own. */
void outside_request_done(struct machine *machine, const struct buffered_request *request);
/** All streams have ended; what goes on is what they left behind. Never where operations come from outside.
 */
bool traffic_is_over(const struct machine *machine);
/** Likewise what its driver asked for at @p start_ps (machine_requests.c). */
void traffic_request_done(struct machine *machine, uint32_t stream, uint64_t start_ps);
/** A line of the stream's trace that is no DMA was carried out. */
void traffic_job_done(struct machine *machine, uint32_t stream);

/** Account a part of an operation that arrived (or failed) with the ledger of the TLP that brought it
 * (machine.c). */
void machine_operation_progress(struct machine *machine, struct tlp *tlp, uint32_t bytes, bool failed);
/** What a driver asked for is over (machine_arrivals.c). */
void machine_record_request(struct machine *machine, const struct buffered_request *request,
                            uint64_t done_ps);
/** An operation is over for its engine, some of it refused: do what the device does then (machine_faults.c).
 * @return true where it goes out once more */
bool machine_operation_refused(struct machine *machine, uint32_t operation);
/** Count a request that reached a peer although it should not, or need not have (machine_leaks.c). */
void machine_observe_peer(struct machine *machine, const struct tlp *tlp);
/** A request of an operation was refused; @p answered: by the completion that @p tlp is. */
void machine_note_refusal(struct machine *machine, const struct tlp *tlp, bool answered);

/** A request came to the host: note it where units are in use, but none for its function. */
void machine_observe_bypass(struct machine *machine, const struct tlp *tlp);

/** Likewise memory at @p physical; requests for peers are counted when they arrive. */
void machine_observe_memory(struct machine *machine, const struct tlp *tlp, enum observed_kind kind,
                            uint64_t physical);
/** Domain of the workload that requests of a function belong to, @p pasid as in struct tlp; NONE where none
 * is (machine_domains.c). */
uint32_t machine_domain_of_request(const struct machine *machine, uint32_t function_id, uint32_t pasid);
/** The requester id that arrives at the root complex for requests of a function (machine_domains.c). */
uint16_t machine_requester_id(const struct machine *machine, uint32_t function_id);

/* Models of devices (machine_devices.c). */
/** CPUs that drivers of a stream use, from its own on; 1 for generators and traces. */
uint32_t devices_cpus(const struct machine *machine, uint32_t stream);
/** Bytes of buffers that the rings of its driver hold, as far as it has such. */
uint64_t devices_ring_bytes(const struct machine *machine, uint32_t stream);
/** Give a stream its device. @return 0 or STATUS_BAD_INPUT */
int devices_open(struct machine *machine, uint32_t stream, struct diagnostics *diagnostics);
void devices_start(struct machine *machine, uint32_t stream);
/** EVENT_DOORBELL: a CPU's write to a register of a device goes down from the root complex. */
void devices_on_doorbell(struct machine *machine, uint32_t stream, uint32_t token);
/** It is at the device. */
void devices_doorbell_arrived(struct machine *machine, const struct tlp *tlp);
/** EVENT_DEVICE. */
void devices_on_event(struct machine *machine, uint32_t stream, uint32_t token);
/** A DMA operation of a device is over; it is released. */
void devices_operation_done(struct machine *machine, uint32_t operation);
/** A CPU has done what a device's driver asked for. */
void devices_job_done(struct machine *machine, const struct mapping_job *job);
/** An interrupt message of a device is visible; its CPU is in the handler at @p taken_ps. */
void devices_interrupted(struct machine *machine, struct dma_operation *operation, uint64_t taken_ps);
/** Likewise, but when is not known yet. @return its token, to be handed over by an EVENT_DEVICE; NONE where
 * no device waits for that */
uint32_t devices_interrupt_held(struct machine *machine, struct dma_operation *operation);

/* Virtual CPUs (machine_virtual_cpus.c). */
void virtual_cpus_init(struct machine *machine);
void virtual_cpus_fini(struct machine *machine);
/** A stream in a guest works on CPUs of the guest. @return 0 or STATUS_BAD_INPUT */
int virtual_cpus_check(const struct machine *machine, uint32_t stream, struct diagnostics *diagnostics);
/** A CPU begins with a part of its job. */
void virtual_cpus_begin(struct machine *machine, uint32_t cpu);
/** A CPU is through with a part of its job: must it wait, since its guest's CPU is or was away? */
bool virtual_cpus_hold(struct machine *machine, uint32_t cpu);
/** A message is in the descriptor of a virtual CPU, @p held without outcome and phase. @return whether
 * somebody was notified: INTERRUPT_POSTED or INTERRUPT_SUPPRESSED */
enum interrupt_outcome virtual_cpus_post(struct machine *machine, uint32_t cpu,
                                         const struct held_interrupt *held, bool urgent);
/** EVENT_VIRTUAL_CPU. */
void virtual_cpus_on_event(struct machine *machine, uint32_t cpu, uint32_t argument);
/** All of a guest's stop. */
void virtual_cpus_stop(struct machine *machine, uint32_t guest);
/** @return messages that waited in their descriptors */
uint32_t virtual_cpus_resume(struct machine *machine, uint32_t guest);

/* Live migration (machine_migration.c). */
void migrations_init(struct machine *machine);
void migrations_fini(struct machine *machine);
/** EVENT_MIGRATION. */
void migration_on_event(struct machine *machine, uint32_t guest, uint32_t what);
/** A write of a device has reached memory. */
void migration_note_write(struct machine *machine, const struct tlp *tlp);
/** Before, in or after the guest's migration. */
enum guest_phase machine_guest_phase(const struct machine *machine, uint32_t guest);
/** Build the tables of a guest's memory in a unit anew, in pages of at most @p largest bytes
 * (machine_domains.c). */
void machine_remap_guest(struct machine *machine, uint32_t domain, uint32_t unit, uint64_t largest);

/* Interrupts (machine_interrupts.c). */
void interrupts_init(struct machine *machine);
void interrupts_fini(struct machine *machine);
/** struct root_complex.interrupted. */
uint64_t interrupts_arrived(void *machine, uint32_t tlp);
/** A message that was not blocked is visible. */
void interrupts_visible(struct machine *machine, const struct tlp *tlp);
void interrupts_on_affinity(struct machine *machine, uint32_t stream);
/** The unit has forgotten the entry as it was, and whoever moved the interrupt goes on. */
void interrupts_moved(struct machine *machine, const struct mapping_job *job);
/** struct invalidation_queue.interrupt. */
void interrupts_invalidated(void *machine, uint32_t unit, uint32_t entry);

/* ATS (machine_ats.c). */
/** Give devices with ATS their device TLBs. @return 0 or STATUS_BAD_INPUT */
int ats_init(struct machine *machine, struct diagnostics *diagnostics);
void ats_fini(struct machine *machine);
/** Send an invalidation to a function's device TLB: struct invalidation_queue.send. */
void ats_send_invalidation(void *machine, uint32_t unit, const struct invalidation *invalidation);
/** What a message to or from a function has (machine_ats.c): the caller fills in the rest. */
uint32_t machine_make_message(struct machine *machine, enum transaction_kind kind, uint32_t function_id);
/** Send it down from the root complex. @return false where no link leads there: it stays the caller's */
bool machine_send_down(struct machine *machine, uint32_t tlp, uint32_t function_id);
/** A message arrived at a device, or at the host. The TLP stays the caller's. */
void ats_message_at_device(struct machine *machine, const struct tlp *tlp);
void ats_message_at_host(struct machine *machine, const struct tlp *tlp);
/** The device has forgotten what it was told to forget. */
void ats_on_answer(struct machine *machine, uint32_t engine);
/** struct page_request_queue.respond. */
void ats_send_page_response(void *machine, uint32_t unit, const struct page_request *request,
                            enum page_response response);
/** A page request of the engine was not answered in time. */
void ats_on_page_timeout(struct machine *machine, uint32_t engine, uint32_t serial);
/** struct page_request_queue.serve: map what the domain says (machine_domains.c). */
enum page_response machine_serve_page(void *machine, uint32_t unit, const struct page_request *request);
/** A completion, or its absence, for a translation request. */
void ats_translation_arrived(struct machine *machine, const struct tlp *tlp, bool failed);
/** A read of the function is over: answers may have waited for it. */
void ats_read_over(struct machine *machine, const struct tlp *tlp);
/** Why a request with a translated address should not get where it goes; OBSERVED_KINDS where it may. */
enum observed_kind ats_judge(struct machine *machine, const struct tlp *tlp);

/** What the root complex tells of every translation. */
void machine_translated(void *machine, uint32_t tlp);
/** A unit refused the request: write it down (machine_faults.c). */
void machine_log_fault(struct machine *machine, uint32_t tlp);
/** The function accepts nothing more: its generators end, and traces leave its operations out (traffic.c). */
void traffic_stop_function(struct machine *machine, uint32_t function_id);
/** A requester has waited for a lost completion long enough (machine_arrivals.c). */
void machine_on_completion_timeout(struct machine *machine, uint32_t tlp);
/** The models tell the machine of arrivals (machine_arrivals.c). */
void machine_connect_models(struct machine *machine);
/** Let a completer put its completions into its ingress. */
void machine_pump_completer(struct machine *machine, uint32_t completer);
/** Make room for what events may create; between events, or after a submission from outside (machine.c). */
void machine_make_room(struct machine *machine);
/** A law of the simulator is broken: say which, with @p tlp where it is about one, and abort (machine.c). */
_Noreturn void machine_broken(const struct machine *machine, const char *law, const struct tlp *tlp);
/** Let an engine issue, ending TLPs that fail at their source. */
void machine_pump_engine(struct machine *machine, uint32_t engine);

#endif
