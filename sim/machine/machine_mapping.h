/* SPDX-License-Identifier: MIT */
/**
 * @file machine_mapping.h
 * Mapping and unmapping during the run: what CPUs do for drivers (the kernel's dma-iommu.c), one job after
 * the other, and what is reachable that should not be.
 */
#ifndef IOMMUSIM_MACHINE_MACHINE_MAPPING_H
#define IOMMUSIM_MACHINE_MACHINE_MAPPING_H

#include "models/host/address_allocator.h"
#include "models/host/flush_queue.h"
#include "models/iommu/invalidation_queue.h"
#include "sim/input/trace.h"
#include "sim/input/workload.h"
#include "sim/kernel/histogram.h"

struct machine;

enum mapping_job_kind { JOB_MAP, JOB_UNMAP, JOB_INVALIDATE, JOB_FLUSH, JOB_INTERRUPT, JOB_WORK };

/** Something a CPU does for a driver. */
struct mapping_job {
    enum mapping_job_kind kind;
    uint32_t domain;    /**< of the workload */
    uint32_t stream;    /**< that waits for it; NONE: the flush timer */
    uint32_t operation; /**< whose buffer it is; NONE: of a trace */
    uint32_t cpu;
    uint32_t next;    /**< list link */
    uint32_t unit;    /**< whose invalidation it waits for */
    bool flushing;    /**< lazy: an unmapping that found its ring full */
    uint64_t covered; /**< a flush covers ranges unmapped before this one */
    uint64_t iova, length, physical;
    bool read, write, physical_given;
    uint64_t line;     /**< of the trace */
    uint64_t begin_ps; /**< asked for */
    bool of_device;    /**< asked for by the model of the stream's device, which is told with @c token */
    uint32_t token;
    struct device_buffer *buffer; /**< JOB_MAP of it: filled */
    uint64_t work_ps;             /**< JOB_WORK: takes so long */
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
    uint64_t unmapping_tlps,
        unmapping_bytes;     /**< accesses while unmapping was under way: not yet given back */
    struct histogram unmap;  /**< time a driver's unmap took */
    struct histogram window; /**< unmap returned to translation gone; none in strict mode */
};

struct mapping_domain {
    bool dynamic, lazy;
    struct address_allocator iova;
    struct flush_queue flush_queue;
    struct stale_range *stale; /**< in order of unmapping */
    uint32_t stale_count;
    size_t stale_capacity;
    uint64_t unmap_number;
    struct mapping_counters counters;
};

struct mapping_cpu {
    uint32_t first, last; /**< jobs; the first is under way */
    uint64_t busy_ps, spin_ps;
    uint64_t spin_from_ps;
};

/** All of it, inside a machine. */
struct mapping_state {
    struct mapping_domain *domains; /**< [domain of the workload] */
    uint32_t *domain_ids;           /**< [domain x unit] its number in the unit, NONE where it is in none */
    uint32_t *domain_of;            /**< [function], NONE */
    struct mapping_cpu *cpus;
    uint32_t cpu_count;
    struct mapping_job *jobs;
    uint32_t job_count, free_job, live_jobs;
    size_t job_capacity;
    struct invalidation *batch; /**< room for one of every function of a domain */
    struct address_allocator buffers;
    struct address_hole *holes; /**< never given out as IO virtual addresses */
    uint32_t hole_count;
};

/** Set up after the domains were built; @c domain_ids is filled already. */
void mapping_init(struct machine *machine);
void mapping_fini(struct machine *machine);

/** The operation needs a buffer of its own: map one, then submit. */
void mapping_begin_operation(struct machine *machine, uint32_t operation);
/** It is over for its device: unmap the buffer. @return false where there is none (any more) to unmap */
bool mapping_end_operation(struct machine *machine, uint32_t operation);
/** A model of a device has a CPU map or unmap a buffer, or work. */
void mapping_of_device(struct machine *machine, const struct mapping_job *what);
/** Memory for as long as the driver is bound, mapped at no cost before the device starts. @return its address
 * for the device, or 0 */
uint64_t mapping_coherent(struct machine *machine, uint32_t stream, uint64_t bytes, uint64_t page_bytes);
/** Make a peer's memory reachable for a stream's device. @return its address for the device, or 0 */
uint64_t mapping_peer(struct machine *machine, uint32_t stream, uint64_t physical, uint64_t bytes);

/** A line of a trace: map, unmap or invalidate. @return 0 or STATUS_BAD_INPUT after a diagnostic */
int mapping_of_trace(struct machine *machine, uint32_t stream, const struct trace_record *record);

/** Have a CPU invalidate an interrupt entry that was rewritten. */
void mapping_invalidate_interrupt(struct machine *machine, uint32_t cpu, uint32_t unit, uint32_t entry);

/** Events: a CPU is through with its part of a job; a flush timer; an invalidation was seen to be done. */
void mapping_on_cpu(struct machine *machine, uint32_t cpu);
void mapping_on_flush_timer(struct machine *machine, uint32_t domain);
void mapping_on_invalidated(void *machine, uint32_t unit, uint32_t job);

/* Inside (machine_mapping.c). */
/** Give a CPU something to do: @p what without begin_ps and next. */
void mapping_add_job(struct machine *machine, const struct mapping_job *what);
/** Report what stops a job. @return STATUS_BAD_INPUT */
int mapping_refuse(struct machine *machine, const struct mapping_job *job, const char *code,
                   const char *text);

/* Inside (machine_stale.c): ranges of a domain that were unmapped and may still be translated. */
/** The page-table entries of a job's range were cleared. */
void mapping_add_stale(struct mapping_domain *domain, const struct mapping_job *job);
/** Unmapping it returned to the driver. */
void mapping_return_stale(struct mapping_domain *domain, uint64_t iova, uint64_t length, uint64_t now_ps);
/** An invalidation is over, of the whole domain or a range of it: what was unmapped before number @p covered
 * is gone.
 */
void mapping_drop_covered(struct mapping_domain *domain, uint64_t covered, uint64_t now_ps);
void mapping_drop_range(struct mapping_domain *domain, uint64_t iova, uint64_t length, uint64_t covered,
                        uint64_t now_ps);

/** Is unmapping of @p iova under way? The access is counted then: the driver has not got its buffer back yet.
 */
bool mapping_is_unmapping(struct mapping_domain *domain, uint64_t iova, uint32_t bytes);

/** A unit translated a request: was it for something that software has taken back? */
void mapping_check_access(struct machine *machine, uint32_t tlp);

#endif
