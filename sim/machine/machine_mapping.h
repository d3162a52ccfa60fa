/* SPDX-License-Identifier: MIT */
/**
 * @file machine_mapping.h
 * What CPUs do for drivers during the run: the kernel's DMA API (models/host/dma_api.h) in time, one job
 * after the other on each CPU, with locks and invalidation queues that they share; and what is reachable that
 * should not be.
 *
 * Who wants something of a CPU fills a struct mapping_job and calls mapping_add_job(); its @c done is called
 * when the CPU is through with it. Streams with buffers of their own do so in machine_requests.c, lines of
 * traces in machine_mapping_calls.c.
 */
#ifndef IOMMUSIM_MACHINE_MACHINE_MAPPING_H
#define IOMMUSIM_MACHINE_MACHINE_MAPPING_H

#include "models/device/dma_engine.h"
#include "models/host/page_allocator.h"
#include "models/host/scatter_list.h"
#include "models/host/viommu.h"
#include "models/iommu/invalidation_queue.h"
#include "models/ledger.h"
#include "sim/input/trace.h"
#include "sim/input/workload.h"
#include "sim/kernel/histogram.h"

struct device_buffer;
struct machine;

enum mapping_job_kind {
    JOB_MAP,
    JOB_UNMAP,
    JOB_SYNC_FOR_CPU,
    JOB_SYNC_FOR_DEVICE,
    JOB_INVALIDATE, /**< of a trace: a range, or the whole domain */
    JOB_FLUSH,      /**< lazy mode's timer */
    JOB_INTERRUPT,  /**< an interrupt entry was rewritten */
    JOB_CONTEXT,    /**< an entry of a guest's device was written or cleared (machine_guests.h) */
    JOB_HYPERVISOR, /**< work of a guest's hypervisor, then its units forget all of the guest's domain */
    JOB_WORK,       /**< something else, that takes work_ps */
};

/** How far an unmapping is. */
enum mapping_job_phase {
    PHASE_BEGUN, /**< tables are being cleared; of all other kinds: at work */
    PHASE_NEXT,  /**< what flushes have covered is being freed; an invalidation comes next */
    PHASE_ENDED, /**< addresses and copies are being given back */
};

/** A guest's job at its virtual IOMMU (machine_viommu.c). */
struct viommu_turn {
    enum viommu_request request;
    uint8_t step;
    uint64_t range, offset; /**< of what it is about: how far the hypervisor is */
    uint64_t iova, length;  /**< of its present call */
    uint64_t exit_ps;       /**< the guest was left */
};

/** Something a CPU does for a driver. */
struct mapping_job {
    enum mapping_job_kind kind;
    uint32_t cpu;
    uint32_t function_id;       /**< whose DMA; NONE: a flush, an interrupt entry, mere work */
    uint32_t pasid;             /**< with which its requests for it come, plus one; 0: none */
    uint32_t request;           /**< map, unmap, sync: buffers of a stream (machine_requests.c); NONE */
    struct dma_mapping mapping; /**< else of one buffer: to map, @c buffer, @c length and @c direction are
                                   set; afterwards as dma_map() filled it */
    bool fixed;                 /**< of a trace: @c iova, @c length and @c physical are given instead */
    uint64_t iova, length, physical;
    bool read, write;
    uint64_t work_ps; /**< JOB_WORK */
    /** The CPU is through with it: @c result says what came of a mapping. Called once, not from within
     * mapping_add_job(); may add jobs. NULL: nobody waits. */
    void (*done)(struct machine *machine, const struct mapping_job *job);
    uint32_t token;               /**< the caller's own */
    struct device_buffer *buffer; /**< JOB_MAP for a model of a device: filled */
    uint32_t stream;              /**< of a trace: whose line it is; NONE */
    uint64_t line;                /**< of the trace; 0: of none */
    enum dma_map_result result;   /**< JOB_MAP */
    /* Internal. */
    uint32_t domain; /**< of the workload; NONE: addresses are physical */
    uint32_t next;   /**< list link */
    enum mapping_job_phase phase;
    enum dma_invalidation invalidation; /**< that it makes */
    uint32_t piece, unit;               /**< range and unit whose invalidation it waits for */
    uint64_t covered;                   /**< a flush covers ranges unmapped before this one */
    uint64_t begin_ps;                  /**< asked for */
    struct viommu_turn turn;
    struct kernel_time time; /**< from its start on */
};

/** A range that was unmapped, and that units may still translate. */
struct stale_range {
    uint64_t iova, length, physical;
    uint64_t number;      /**< of unmapping */
    uint64_t returned_ps; /**< when the driver got it back: the buffer may be something else's from then on;
                             UINT64_MAX while unmapping is under way */
};

/** What happened in a domain of mode strict or lazy. */
struct mapping_counters {
    uint64_t maps, unmaps, flushes, flush_timeouts;
    uint64_t bytes_unmapped;
    uint64_t stale_bytes, stale_bytes_high; /**< reachable after unmapping: now, and most at once */
    __uint128_t exposure;                   /**< bytes x picoseconds of it */
    __uint128_t exposure_before;            /**< of it, what was before counting began */
    uint64_t unmapping_tlps,
        unmapping_bytes;     /**< accesses while unmapping was under way: not yet given back */
    struct histogram unmap;  /**< time a driver's unmap took */
    struct histogram window; /**< unmap returned to translation gone; none in strict mode */
};

struct mapping_domain {
    bool dynamic;
    uint32_t first_device;    /**< of a PASID's: its functions' places in devices[] */
    struct dma_domain kernel; /**< where dynamic */
    struct viommu *viommu;    /**< of the guest whose kernel that is; NULL: the host's */
    struct mapping_tables {
        struct machine *machine;
        uint32_t domain;
    } tables;                  /**< context of kernel.tables */
    bool timer_set;            /**< lazy: a flush comes */
    struct stale_range *stale; /**< in order of unmapping */
    uint32_t stale_count;
    size_t stale_capacity;
    uint64_t unmap_number;
    struct mapping_counters counters;
};

struct mapping_cpu {
    uint32_t first, last; /**< jobs; the first is under way */
    uint64_t jobs;
    uint64_t spent_ps[KERNEL_WORKS];
    uint64_t spin_from_ps, idle_from_ps;
};

/** A stream's operation with buffers of its own (machine_requests.c). */
struct buffered_request {
    uint32_t stream, function_id, next;
    bool live, write, recorded, failed;
    bool late;                /**< the device gets at it once more, after it was unmapped */
    uint32_t operations_left; /**< of the device, under way */
    uint64_t start_ps;        /**< asked for */
    uint64_t done_ps;         /**< its slowest operation over */
    uint64_t length;          /**< bytes, in piece_count buffers of equal length */
    uint32_t piece_count, joined_count;
    struct scatter_element *pieces; /**< buffers in memory */
    struct scatter_element *joined; /**< neighbours joined */
    struct scatter_mapping mapping; /**< for the device */
    struct ledger ledger;           /**< so far: mapping, then its slowest operation, then unmapping */
    struct ledger before;           /**< what came before the device was told */
    struct ledger slowest;          /**< of the operation that ended last */
    uint64_t translated_ps;         /**< what translation took of the packet for which it took longest */
    uint64_t slowest_number;        /**< which one that is, for who follows it */
    bool mapped;
    uint32_t room;          /**< elements the arrays have room for */
    uint32_t outside_token; /**< of an operation from outside */
};

/** All of it, inside a machine. */
struct mapping_state {
    struct mapping_domain *domains; /**< [domain of the workload] */
    uint32_t *domain_ids;           /**< [domain x unit] its number in the unit, NONE where it is in none */
    uint32_t *domain_of;            /**< [function], NONE */
    uint64_t *table_pages;          /**< [domain] pages of its tables before the run, in its first unit */
    struct dma_device *devices;     /**< [function] */
    struct mapping_cpu *cpus;
    uint32_t cpu_count;
    uint32_t hypervisor_cpu; /**< first of those that migrate guests, one each */
    struct mapping_job *jobs;
    uint32_t job_count, free_job, live_jobs;
    size_t job_capacity;
    struct invalidation *batch;         /**< room for one of every function of a domain */
    struct page_allocator pages;        /**< for requests and drivers */
    struct page_allocator *guest_pages; /**< [virtual machine] likewise of its drivers: guest physical */
    struct viommu *viommus;             /**< [virtual machine] */
    struct page_allocator trace_pages;  /**< for buffers that traces name no place for */
    struct free_memory trace_memory;
    struct swiotlb_parameters bounce_parameters; /**< with what the command line says */
    struct swiotlb swiotlb;
    struct buffered_request *requests;
    uint32_t request_count, live_requests, mapped_requests;
    size_t request_capacity;
    uint32_t *pooled_requests;        /**< [stream] over, and mapped still */
    uint32_t *free_requests;          /**< [stream] */
    struct mapping_job *starved_jobs; /**< likewise of drivers of models, the oldest first */
    uint32_t starved_job_count;
    size_t starved_job_capacity;
    uint32_t starved_first, starved_last; /**< requests that wait for addresses or slots */
    uint64_t bounce_full;                 /**< times the pool of bounce buffers was full */
};

/** Set up after the domains were built; @c domain_ids is filled already. */
void mapping_init(struct machine *machine);
void mapping_fini(struct machine *machine);

/** Give a CPU something to do: @p what without what is internal. */
void mapping_add_job(struct machine *machine, const struct mapping_job *what);

/** Memory for a buffer of a function, on its node. @return false where there is none */
bool mapping_take_memory(struct machine *machine, uint32_t function_id, uint64_t length, uint64_t *physical);
void mapping_give_memory(struct machine *machine, uint32_t function_id, uint64_t physical, uint64_t length);
/** Likewise for dma_alloc_coherent() of a stream's device: where nothing translates, memory that it reaches.
 */
bool mapping_take_coherent_memory(struct machine *machine, uint32_t stream, uint64_t length,
                                  uint64_t *physical);

/* Guests' memory (machine_guest_memory.c). */
void mapping_init_guests(struct machine *machine);
void mapping_fini_guests(struct machine *machine);
/** The virtual machine a function is given to, or NONE. */
uint32_t mapping_guest_of(const struct machine *machine, uint32_t function_id);
/** Where the buffers of a function's driver come from: the host's RAM or its guest's. @param node  to ask
 * for */
struct page_allocator *mapping_pages_of(struct machine *machine, uint32_t function_id, uint32_t *node);
/** Where a guest physical address of a guest's domain lies. @return bytes from there on that lie side by
 * side; 0 where the guest has no RAM there */
uint64_t mapping_guest_physical(const struct domain *domain, uint64_t guest, uint64_t *physical);

/* For models of devices (machine_devices.c): devices_job_done() follows, with the token. */
/** Memory for @c buffer->length bytes, mapped; @p buffer is filled. @param write  the device writes it */
void mapping_map_for_device(struct machine *machine, uint32_t stream, uint32_t cpu,
                            struct device_buffer *buffer, bool write, uint32_t token);
/** Unmap it, and give its memory back. */
void mapping_unmap_for_device(struct machine *machine, uint32_t stream, uint32_t cpu,
                              const struct device_buffer *buffer, bool write, uint32_t token);
/** @p bytes of what the device wrote are the CPU's to read; the buffer stays mapped. */
void mapping_sync_for_device(struct machine *machine, uint32_t stream, uint32_t cpu,
                             const struct device_buffer *buffer, uint32_t bytes, uint32_t token);
void mapping_work_for_device(struct machine *machine, uint32_t stream, uint32_t cpu, uint64_t duration_ps,
                             uint32_t token);
/** Memory for as long as the driver is bound, mapped at no cost before the device starts: of a zone that the
 * device reaches. @return its address for the device, or 0 where there is none */
uint64_t mapping_coherent(struct machine *machine, uint32_t stream, uint64_t bytes, uint64_t page_bytes);
/** Take addresses for @p count buffers of @p bytes each for good, as far as there are any, at no cost before
 * the device starts. Nothing is mapped there. */
void mapping_occupy(struct machine *machine, uint32_t stream, uint64_t bytes, uint64_t count);
/** Make a peer's memory reachable for a stream's device. @return its address for the device, or 0 where that
 * is beyond its mask */
uint64_t mapping_peer(struct machine *machine, uint32_t stream, uint64_t physical, uint64_t bytes);

/** A line of a trace: map, unmap or invalidate. @return 0 or STATUS_BAD_INPUT after a diagnostic */
int mapping_of_trace(struct machine *machine, uint32_t stream, const struct trace_record *record);

/** Have a stream's CPU invalidate its interrupt entry, which was rewritten; interrupts_moved() follows. */
void mapping_invalidate_interrupt(struct machine *machine, uint32_t stream, uint32_t unit, uint32_t entry);

/** Events: a CPU is through with a part of a job; a flush timer; an invalidation was seen to be done. */
void mapping_on_cpu(struct machine *machine, uint32_t cpu);
void mapping_on_flush_timer(struct machine *machine, uint32_t domain);
void mapping_on_invalidated(void *machine, uint32_t unit, uint32_t job);

/* Requests of streams with buffers of their own (machine_requests.c). */
/** Begin one: buffers, mapping, then the device's operations. */
void requests_begin(struct machine *machine, const struct buffered_request *what);
/** An operation of one will be over at @p done_ps, with this ledger. */
void requests_note(struct machine *machine, const struct dma_operation *operation,
                   const struct ledger *ledger, uint64_t done_ps);
/** It is over. The operation is released. */
void requests_operation_done(struct machine *machine, uint32_t operation);
/** Map its buffers at a job's time, for machine_mapping.c. */
enum dma_map_result requests_map(struct machine *machine, uint32_t request, struct kernel_time *time);
/** The first that waits for addresses or slots may try again, be it a request or a driver of a model. */
void requests_retry(struct machine *machine);
/** Nothing happens any more: does a driver still wait for what nobody gives back? @return 0, or
 * STATUS_BAD_INPUT after a diagnostic */
int requests_end(struct machine *machine);
/** Did mapping fail for good, since nothing that could be unmapped holds what is missing? */
bool requests_hopeless(const struct machine *machine, const struct mapping_job *job);

/* Inside (machine_mapping.c). */
/** The domain whose page tables the function's requests with a PASID (plus one; 0: without) go through; NONE
 * where they go through none that change during the run. */
uint32_t mapping_domain_of_request(const struct machine *machine, uint32_t function_id, uint32_t pasid);
/** The same of requests without PASID. */
uint32_t mapping_domain_of(const struct machine *machine, uint32_t function_id);
/** The function as the DMA API sees it in the address space of a PASID (likewise). */
struct dma_device *mapping_device(const struct machine *machine, uint32_t function_id, uint32_t pasid);

/* Inside (machine_mapping_counters.c). */
/** Everything is counted from now on. What was unmapped before and is still reachable remains so; its time
 * up to now is left out. */
void mapping_restart_counters(struct machine *machine);
/** A CPU is through with a job: its time counts, unless all streams are over. */
void mapping_count_job(struct machine *machine, const struct mapping_job *job);

/* Inside (machine_mapping_refusals.c). */
/** Report what stops a job. @return STATUS_BAD_INPUT */
int mapping_refuse(struct machine *machine, const struct mapping_job *job, const char *code,
                   const char *text);
/** ... a mapping of a buffer of @p length bytes at @p physical, by the job's result, when there is no hope
 * for it: the run ends. */
void mapping_refuse_buffer(struct machine *machine, const struct mapping_job *job, uint64_t physical,
                           uint64_t length);
/** ... a trace's line, since its place in the tables is taken, or beyond them. @return STATUS_BAD_INPUT */
int mapping_refuse_fixed(struct machine *machine, const struct mapping_job *job);

/* Inside (machine_mapping_tables.c): struct dma_tables of a domain, in all units that it is in. */
uint32_t mapping_tables_map(void *tables, uint64_t iova, uint64_t physical, uint64_t length, bool read,
                            bool write);
uint32_t mapping_tables_unmap(void *tables, uint64_t iova, uint64_t length);
/** Likewise, but nothing is cleared: a guest's tables, which only its hypervisor reads. */
uint32_t mapping_tables_count(void *tables, uint64_t iova, uint64_t length);
/** The domain's number in a unit; NONE where it is not in it. */
uint32_t mapping_domain_id(const struct machine *machine, uint32_t domain, uint32_t unit);
/** The next unit the domain is in, from @p unit on; NONE after the last. */
uint32_t mapping_next_unit(const struct machine *machine, uint32_t domain, uint32_t unit);
/** What the domain maps @p iova to; 0 where to nothing. @param shift  of the page */
uint64_t mapping_tables_find(const struct machine *machine, uint32_t domain, uint64_t iova, unsigned *shift);

/* Inside (machine_invalidate.c): invalidations of a job, in one unit after the other. */
/** Begin with the range @p job->piece, or the whole domain; mapping_invalidated() follows. */
void mapping_invalidate(struct machine *machine, uint32_t job);
void mapping_invalidated(struct machine *machine, uint32_t job);
/** The range of IO virtual addresses that piece @p piece of an unmapping covers. @return false: there is none
 * such */
bool mapping_piece(const struct machine *machine, const struct mapping_job *job, uint32_t piece,
                   uint64_t *iova, uint64_t *length);

/** Submit the invalidation of the job's present piece, of what its hypervisor unmapped just now, or of its
 * domain, to one unit after the other. */
void mapping_submit(struct machine *machine, uint32_t job);
/** Begin a guest's submission for the next piece of an unmapping. @return false: there is none */
bool mapping_next_submission(struct machine *machine, uint32_t job);
/** Descriptors that invalidating the job's present piece takes in its domain's first unit, without the wait
 * descriptor. */
uint32_t mapping_descriptors(const struct machine *machine, const struct mapping_job *job);

/* Inside (machine_viommu.c): a guest's job at its virtual IOMMU. mapping_turn_over() follows. */
void viommu_begin(struct machine *machine, uint32_t job, enum viommu_request request);
bool viommu_has_turn(const struct mapping_job *job);
/** Its CPU is through with a part of it. */
void viommu_on_cpu(struct machine *machine, uint32_t job);
/** The host's unit has forgotten what it was told to. */
void viommu_invalidated(struct machine *machine, uint32_t job);
/** The job's CPU is busy up to the job's time, then mapping_on_cpu() goes on with it (machine_mapping.c). */
void mapping_work(struct machine *machine, const struct mapping_job *job);
/** The turn is over (machine_mapping.c). */
void mapping_turn_over(struct machine *machine, uint32_t job);

/* Inside (machine_stale.c): ranges of a domain that were unmapped and may still be translated. */
/** The page-table entries of a range are being cleared. */
void mapping_add_stale(struct mapping_domain *domain, uint64_t iova, uint64_t length, uint64_t physical);
/** Unmapping of what lies in a range returned to the driver. */
void mapping_return_stale(struct mapping_domain *domain, uint64_t iova, uint64_t length, uint64_t now_ps);
/** An invalidation is over, of the whole domain or a range of it: what was unmapped before number @p covered
 * is gone.
 */
void mapping_drop_covered(struct mapping_domain *domain, uint64_t covered, uint64_t now_ps);
void mapping_drop_range(struct mapping_domain *domain, uint64_t iova, uint64_t length, uint64_t covered,
                        uint64_t now_ps);
/** Bytes x picoseconds during which what was unmapped could be reached, up to now. */
__uint128_t mapping_exposure(const struct mapping_domain *domain, uint64_t now_ps);

/** Is unmapping of @p iova under way? The access is counted then: the driver has not got its buffer back yet.
 */
bool mapping_is_unmapping(struct mapping_domain *domain, uint64_t iova, uint32_t bytes);

/** A unit translated a request: was it for something that software has taken back? */
void mapping_check_access(struct machine *machine, uint32_t tlp);

#endif
