/* SPDX-License-Identifier: MIT */
/**
 * @file dma_engine.h
 * What an endpoint does with a DMA operation: split it at MPS, MRRS and 4 KiB boundaries, tag, pace,
 * complete.
 */
#ifndef IOMMUSIM_DEVICE_DMA_ENGINE_H
#define IOMMUSIM_DEVICE_DMA_ENGINE_H

#include "models/device/device_tlb.h"
#include "models/pcie/transport.h"
#include "sim/base/field.h"
#include "sim/kernel/busy_time.h"

#include <stdint.h>

/** Page requests a device can have outstanding at most. */
enum { PAGE_REQUESTS_MAX = 512 };

/** What a device does when a read of it is refused. */
enum device_error_reaction {
    ON_ERROR_IGNORE, /**< the operation failed; go on with the next */
    ON_ERROR_RETRY,  /**< issue the operation again */
    ON_ERROR_STOP,   /**< accept no further operations, as a driver that waits for a reset */
};

struct dma_engine_parameters {
    uint32_t tags;        /**< read requests in flight at most; FIELD_WORD: link_tags() */
    uint32_t bulk_reads;  /**< read operations of more than bulk_read_size at once, from accepted to
                             done: contexts of a bulk engine beside a faster way for small reads;
                             0: no limit but the tags */
    uint32_t read_window; /**< read operations at once, which end in order: one that is done keeps its place
                             until all before it are, as in a ring of commands; 0: no limit but the tags */
    uint64_t bulk_read_size;          /**< bytes */
    uint64_t read_issue_interval_ps;  /**< between read operations */
    uint64_t write_issue_interval_ps; /**< between write operations */
    uint64_t read_chunk_bytes;        /**< a read of up to chunked_read_bytes is handled in pieces of so much;
                                         0: as a whole */
    uint64_t read_chunk_interval_ps;  /**< each piece but the first holds the next read up so long */
    uint64_t chunked_read_bytes;      /**< larger reads are streamed: one interval */
    uint64_t write_chunk_bytes;       /**< a write is fetched from the device's memory in pieces of so much;
                                         0: at once */
    uint64_t write_chunk_interval_ps; /**< each piece but the first holds the next write up so long */
    uint64_t shared_rate_bytes_per_s; /**< reads and writes together begin no faster: what the device's
                                         memory takes and gives. 0: no limit */
    uint64_t issue_latency_ps;        /**< operation accepted to its first TLP ready for the link */
    uint64_t completion_latency_ps;   /**< last completion received to operation done */
    uint64_t data_rate_bytes_per_s;   /**< at which the data of one operation moves between the link and the
                                         device's memory; operations overlap. 0: at once */
    uint64_t completer_latency_ps;    /**< as target of a peer's read: request received to completion ready */
    uint64_t completion_timeout_ps;   /**< a read whose completion is lost has failed so long after it was
                                         issued (PCIe Base Spec 2.8); 0: at once */
    uint32_t device_tlb_entries;      /**< 0: no device TLB, ATS is not used */
    uint32_t device_tlb_ways;         /**< 0 = fully associative */
    uint32_t translation_requests;    /**< under way at most */
    uint32_t page_requests;           /**< outstanding at most, where PRI is used */
    uint32_t page_request_group;      /**< pages of a group of them at most */
    uint64_t page_request_timeout_ps; /**< a page request without response is given up; 0: never */
    uint64_t invalidation_answer_ps;  /**< ATS invalidation received to answered, reads under way apart */
    int on_error;                     /**< enum device_error_reaction */
    uint32_t retries;                 /**< ON_ERROR_RETRY: of one operation, at most */
    uint64_t retry_delay_ps;          /**< ON_ERROR_RETRY: refused to issued again */
    uint32_t traffic_class;           /**< of its requests, 0..7 */
    bool relaxed_ordering;            /**< its requests carry the RO attribute */
    bool id_based_ordering;           /**< its requests and completions carry the IDO attribute */
};

extern const struct field_table dma_engine_fields;

/** One DMA operation: what a driver or a trace asks a device to do. */
struct dma_operation {
    uint64_t address;
    uint32_t length_bytes;
    uint32_t issued_bytes;    /**< already in TLPs */
    uint32_t ready_bytes;     /**< may be in TLPs: of a write, what has come from the device's memory */
    uint32_t remaining_bytes; /**< not yet read or visible */
    uint32_t pasid;           /**< that its requests carry, plus one; 0: none */
    uint32_t traffic_class;   /**< of its requests, plus one; 0: the engine's */
    uint32_t space;           /**< of the device TLB: what it calls that PASID */
    uint32_t stream;          /**< the owner's id; NONE: in no use */
    uint32_t engine;
    bool write;
    bool queued;          /**< some of its TLPs may go out now */
    uint32_t read_behind; /**< of a write: read that goes out behind its last TLP, plus one; 0: none */
    bool blocked;         /**< a read behind a write that is not all in TLPs yet */
    bool prepared;        /**< ... and could go out but for that */
    bool leads;           /**< a write that only goes before its read_behind: no result of its own */
    bool bulk;            /**< holds one of the engine's bulk_reads */
    bool windowed;        /**< holds a place of the engine's read_window */
    uint64_t place;       /**< that place, counted from the first read on */
    bool recorded;        /**< counts in the results (not warm-up) */
    bool failed;          /**< some piece was blocked or faulted */
    bool refused;         /**< the device knows: a completion said so */
    uint32_t attempts;    /**< times it was issued again */
    bool of_device;       /**< asked for by a model of a device, which is told with @c token */
    bool interrupt;       /**< an interrupt message */
    uint32_t token;
    bool forged;                /**< its addresses are sent as translated, although nobody translated them */
    uint32_t asked_bytes;       /**< device TLB: translations are asked for up to here */
    uint64_t translation_ps;    /**< device TLB: when the translation it last waited for came */
    bool late;                  /**< issued once more after its buffer was unmapped */
    uint32_t request;           /**< number plus one of what it is a part of, at its owner; 0: of nothing */
    uint64_t start_ps;          /**< first asked for, before its buffer was mapped */
    uint64_t submit_ps;         /**< submitted, the last time */
    uint64_t queued_ps;         /**< since when @c queued */
    uint64_t ready_ps;          /**< the engine is done with preparing its next TLPs */
    uint64_t moved_ps;          /**< read: what has arrived is in the device's memory */
    uint64_t number;            /**< for who follows it: in order of submission */
    uint64_t latency_ps;        /**< once over: submit_ps to done */
    uint64_t iommu_ps;          /**< once over: of latency_ps, what translation took */
    uint32_t outside_token;     /**< machine_submit(): its owner's */
    uint32_t trace;             /**< what its TLPs begin with (struct tlp) */
    uint32_t translation_trace; /**< of the translation request its next TLP waited for; 0: none */
    uint32_t next;              /**< list link */
    uint64_t translated_ps;     /**< what translation took of the packet for which it took longest */
};

/** All operations of a machine, by index; like the TLP pool it grows only between events. */
struct dma_operation_pool {
    struct dma_operation *items;
    uint32_t count, live, free_first;
};

void dma_operation_pool_init(struct dma_operation_pool *pool);
void dma_operation_pool_fini(struct dma_operation_pool *pool);
/** Make sure that @p spare more can be taken without moving memory. */
void dma_operation_pool_reserve(struct dma_operation_pool *pool, uint32_t spare);
uint32_t dma_operation_take(struct dma_operation_pool *pool);
void dma_operation_release(struct dma_operation_pool *pool, uint32_t index);

enum { READ_WINDOW_MAX = 1024 };

/** Reads that end in order (parameter read_window). */
struct read_window {
    uint64_t taken, given_back;          /**< places since the run began; what is between is in use */
    uint64_t done[READ_WINDOW_MAX / 64]; /**< of these, by place modulo the most there can be: over, but one
                                            before it is not */
    uint32_t first, last;                /**< reads that wait for a place */
    struct saturation full;              /**< all places in use */
};

/** The DMA engine of one function in time. Reads and writes are issued independently, each kind in order. */
struct dma_engine {
    struct dma_engine_parameters parameters;
    struct transport *transport;
    struct dma_operation_pool *operations;
    uint32_t function_id, ingress, node, segment;
    uint16_t requester_id;
    uint32_t max_payload, max_read_request;
    uint32_t event_ready; /**< kind of its events: an operation is ready to go out; argument is the operation,
                             or NONE: just go on */
    uint32_t id;          /**< target of its events */
    uint64_t next_issue_ps[2];              /**< [write] */
    uint32_t ready_first[2], ready_last[2]; /**< [write] operations whose TLPs are being made */
    struct queue_meter ready_queue;         /**< those */
    uint64_t slot_free_ps[2]; /**< [write] when the last TLP left the ingress: until then the link held the
                                 next one up */
    bool tlp_waits[2];        /**< [write] a TLP is in the ingress */
    bool pumping;             /**< dma_engine_pump() is at work further up the stack */
    struct device_tlb *device_tlb; /**< NULL: ATS is off */
    uint32_t translate_next[2]; /**< [write] first operation whose translations are not all asked for; NONE */
    bool stopped;               /**< accepts no more operations (ON_ERROR_STOP) */
    bool paused;                /**< sends nothing new: its guest is being migrated */
    bool resuming;              /**< an event to go on is under way */
    uint64_t shared_free_ps;    /**< shared_rate: the next operation may begin */
    struct read_window window;
    uint32_t bulk_active;           /**< bulk reads accepted and not done */
    uint32_t bulk_first, bulk_last; /**< those that wait for their turn */
    uint32_t tags_used;
    uint32_t tags_high;
    struct saturation tags_full, bulk_full; /**< all tags, all bulk_reads in use */
    struct busy_time shared;                /**< with what shared_rate makes of operations */
    struct busy_time paced[2]; /**< [write] with the issue intervals; both issue_latency after they pass */
    uint64_t tlps;
};

/** A prepared operation is ready: its issue interval, and its part of shared_rate, count from now on. */
void dma_engine_count_pace(struct dma_engine *engine, const struct dma_operation *operation);

/** Accept an operation (address, length, write filled in) at the present time. */
void dma_engine_submit(struct dma_engine *engine, uint32_t operation);

/** An operation is done, or failed: what waited for its place begins. Once for each dma_engine_submit(). */
void dma_engine_operation_over(struct dma_engine *engine, struct dma_operation *operation);

/** Its event. Pump afterwards. */
void dma_engine_on_ready(struct dma_engine *engine, uint32_t operation);

/**
 * Make TLPs while there is work, a tag and room. A call from within a call does nothing: the outer one goes
 * on.
 * @return a TLP that fails at its source (blocked inside the device), for the caller to end; NONE otherwise.
 * Call again after ending it.
 */
uint32_t dma_engine_pump(struct dma_engine *engine);

/**
 * Data of a read arrived at the present time.
 * @return when it is in the device's memory (completion_latency not included): arrivals of one operation move
 * one after the other at data_rate
 */
uint64_t dma_engine_data_arrived(const struct dma_engine *engine, struct dma_operation *operation,
                                 uint32_t bytes);

/** After a TLP left the engine's ingress: whether that of kind @p write is out. Pump afterwards. */
void dma_engine_sent(struct dma_engine *engine, bool write, bool out);

/** A completion of a translation request came, or the request failed (@p leaf 0). Pump afterwards.
 * @param trace  of that completion */
void dma_engine_translation_arrived(struct dma_engine *engine, uint32_t space, uint64_t iova, uint64_t leaf,
                                    unsigned shift, uint32_t trace);

/**
 * After device_tlb_page_response(): ask for translations once more whose pages are there. Pump afterwards.
 * @return a translation request that fails at its source, for the caller to end before it calls again; NONE
 * otherwise
 */
uint32_t dma_engine_ask_again(struct dma_engine *engine);

/** The last completion of a read request arrived, or the request failed: its tag is free. Pump afterwards. */
void dma_engine_tag_free(struct dma_engine *engine);

/** Count from the present time on. */
void dma_engine_restart_counters(struct dma_engine *engine);

#endif
