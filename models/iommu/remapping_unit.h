/* SPDX-License-Identifier: MIT */
/**
 * @file remapping_unit.h
 * One remapping unit in time: context cache, IOTLB, walk caches, walkers with their queue.
 *
 * A request is looked up at once (remapping_unit_translate). A hit returns with the time at which the answer
 * is ready and costs no event. A miss occupies a walker, or waits for one; the unit posts events to the
 * machine's queue and the machine hands them back (remapping_unit_event); finished requests come out one by
 * one (remapping_unit_finished).
 *
 * Sources: VT-d specification rev 4.1 chapters 3 (remapping), 6 (caching); Neugebauer et al. SIGCOMM 2018 for
 * what concurrent misses do (parameters merge_inflight, duplicate_fill). Translation is done per TLP (Agarwal
 * et al. SOSP 2024, 2.1).
 */
#ifndef IOMMUSIM_IOMMU_REMAPPING_UNIT_H
#define IOMMUSIM_IOMMU_REMAPPING_UNIT_H

#include "models/host/memory.h"
#include "models/iommu/dirty_log.h"
#include "models/iommu/iommu_parameters.h"
#include "models/iommu/page_table.h"
#include "models/iommu/pasid_table.h"
#include "models/iommu/tenant_predictor.h"
#include "models/iommu/translation_cache.h"
#include "models/iommu/walks_in_flight.h"
#include "models/ledger.h"
#include "sim/kernel/busy_time.h"
#include "sim/kernel/event_queue.h"
#include "sim/kernel/histogram.h"
#include "sim/kernel/queue_meter.h"
#include "sim/kernel/saturation.h"

/** Why a translation failed; the numbers are VT-d fault reasons (VT-d spec chapter 7.1.3). */
enum iommu_fault {
    IOMMU_NO_FAULT = 0,
    IOMMU_FAULT_CONTEXT_NOT_PRESENT = 0x2,
    IOMMU_FAULT_ADDRESS_BEYOND_WIDTH = 0x4,
    IOMMU_FAULT_WRITE_NOT_PERMITTED = 0x5,
    IOMMU_FAULT_READ_NOT_PERMITTED = 0x6,
    IOMMU_FAULT_TRANSLATION_BLOCKED =
        0xd, /**< translated or translation request of a requester without ATS */
    IOMMU_FAULT_PASID_IN_LEGACY_MODE = 0x31,  /**< a request with PASID, and the unit has no PASID tables */
    IOMMU_FAULT_PASID_NOT_PRESENT = 0x59,     /**< no entry for the PASID, or for requests without one */
    IOMMU_FAULT_INTERRUPT_NOT_PRESENT = 0x22, /**< interrupt remapping: no such entry */
    IOMMU_FAULT_INTERRUPT_SOURCE = 0x26,      /**< interrupt remapping: the entry is another function's */
};

#define IOMMU_NO_WORK UINT32_MAX

/** What is asked of the unit, by the address type of the request. */
enum work_kind {
    WORK_UNTRANSLATED,
    WORK_TRANSLATION_REQUEST, /**< of a device TLB: nothing mapped is an answer, not a fault */
    WORK_TRANSLATED,          /**< only whether the requester may send it */
};

/** A translation in progress. The caller owns an array of them and names each by its index ("ticket"). */
struct translation_work {
    uint64_t iova;
    uint32_t pasid; /**< plus one; 0: the request carries none */
    uint16_t requester_id;
    bool write;
    enum work_kind kind;
    bool posted_walk;                    /* internal: counts in posted_walking */
    bool overtaken;                      /* internal: an invalidation came while the walk was under way */
    uint8_t phase;                       /* internal */
    uint8_t start_level;                 /* internal: level of the table at which the walk began */
    uint8_t leaf_shift;                  /* internal: log2 of the page size; 0 where the walk found nothing */
    bool context_missing, pasid_missing; /* internal: what a context walk reads */
    uint8_t known_leaf;                  /* internal: log2 of the page start_table maps; 0: it is a table */
    bool held, looked_up;                /* internal: counted already */
    uint64_t start_table;                /* internal: address of the table and access so far; 0: the root */
    uint64_t leaf;                       /* internal: page and access found */
    uint64_t reserved;                   /* internal: key of the IOTLB entry kept for it; 0: none */
    uint64_t tables[WALK_LEVELS_MAX];    /* internal: [level - 1] tables gone through, with access; 0 none */
    uint32_t domain;                     /* internal; known after the context lookup */
    uint32_t next;                       /* internal list link */
    uint32_t merged;                     /* internal: works waiting for this walk */
    uint32_t same_hash;                  /* internal: link of walks_in_flight */
    uint64_t queued_ps;                  /* internal: since when it waits for a walker */
    uint64_t mark_ps;                    /* internal: time up to which the ledger is charged */
    uint64_t ready_ps;                   /**< out: when the answer is there */
    uint64_t physical;                   /**< out */
    uint64_t found;                      /**< out: page and access; 0: nothing is mapped there */
    uint8_t found_shift;                 /**< out: log2 of the page size */
    enum iommu_fault fault;              /**< out */
    uint64_t context_ps, iotlb_ps, walker_queueing_ps, walk_caches_ps,
        walk_memory_ps; /**< out: sum = ready - asked */
};

/** What a walk does, one after the other. */
enum walk_step_kind {
    WALK_CACHE_HIT,     /**< begins at a table a walk cache knew */
    WALK_STAGE_1,       /**< reads an entry of the domain's table (of the guest's where nested) */
    WALK_STAGE_2,       /**< reads an entry of the second stage of a nested domain */
    WALK_NESTED_HIT,    /**< a guest physical address is in the cache of such pages */
    WALK_NESTED_MISS,   /**< ... is not: a second-stage walk follows */
    WALK_CONTEXT_TABLE, /**< before it: reads an entry of the context tables (device, stream table) */
    WALK_PASID_TABLE,   /**< ... of the PASID tables */
};

struct walk_step {
    enum walk_step_kind kind;
    uint8_t level;    /**< of the table; nested hit: of the page */
    uint64_t address; /**< read; or the guest physical address looked up */
    uint64_t entry;   /**< found there */
    uint64_t ps;      /**< it took */
};

/** Counters, named after the VT-d and RISC-V IOMMU performance events where one exists. */
struct iommu_counters {
    uint64_t requests;                     /**< requests of all kinds */
    uint64_t translated_requests;          /**< of them translated ones (TRQ) */
    uint64_t translation_requests;         /**< of them translation requests (ATS_RQ) */
    uint64_t context_hits, context_misses; /**< misses are DD_WALK */
    uint64_t iotlb_hits, iotlb_misses;     /**< misses are TLB_MISS */
    uint64_t merged; /**< requests that joined a running walk: misses with merge_inflight; hits, as looked up
                        again, of TLPs that wait for the walk of the one before (merge_consecutive) */
    uint64_t duplicate_fills;  /**< insertions of a page that was present */
    uint64_t walks;            /**< page walks done (S_VS_WALKS) */
    uint64_t page_table_reads; /**< entries read from memory by page walks */
    uint64_t context_table_reads;
    uint64_t pasid_hits, pasid_misses;   /**< misses are PD_WALK */
    uint64_t nested_hits, nested_misses; /**< guest physical addresses looked up; misses are G_WALKS */
    uint64_t prefetches;                 /**< pages walked ahead */
    uint64_t prefetch_hits;              /**< IOTLB hits that the prefetch buffer had */
    uint64_t walk_cache_hits[WALK_LEVELS_MAX +
                             1]; /**< [level of the table pointed to]; [0] counts walks from the root */
    uint64_t faults;
    uint64_t held;            /**< posted requests that waited for the walks of others */
    uint64_t walk_queue_high; /**< most walks waiting at once */
};

struct iommu_domain {
    struct page_table table;
    struct page_table stage2; /**< where nested */
    bool nested;              /**< table is a guest's: what it puts out goes through stage2 */
    bool passthrough;         /**< context says pass-through: no table */
    struct dirty_log *dirty;  /**< pages written are noted here; NULL: they are not. The caller's */
};

/** Does the unit look into PASID tables for requests with @p pasid (plus one; 0: without)? */
static inline bool iommu_uses_pasid_table(const struct iommu_parameters *parameters, uint32_t pasid)
{
    return parameters->pasid_reads && (pasid || parameters->rid_pasid);
}

/** A context entry that leads to PASID tables without an entry for requests that carry no PASID. */
#define CONTEXT_PASID_ONLY UINT32_MAX

enum { PREFETCH_HISTORIES = 64 };

/** What the stride prefetcher remembers of a domain. */
struct prefetch_history {
    uint32_t domain; /**< + 1; 0: none */
    uint64_t page;   /**< that missed last */
    int64_t stride;  /**< pages from the miss before */
};

enum { PREFETCH_WANTED_MAX = 128 };

struct prefetch_wish {
    uint64_t iova;
    uint32_t domain;
};

/** Walks ahead of demand (prefetcher.h). */
struct prefetcher {
    struct translation_cache buffer;
    struct tenant_predictor tenants;
    struct prefetch_history histories[PREFETCH_HISTORIES];
    struct prefetch_wish wanted[PREFETCH_WANTED_MAX]; /**< ring */
    uint32_t wanted_first, wanted_count;
    struct translation_work walks[PREFETCH_WALKS_MAX];
    bool busy[PREFETCH_WALKS_MAX];
    uint32_t busy_count;
};

struct remapping_unit {
    struct iommu_parameters parameters;
    struct event_queue *events;
    uint32_t event_kind, id;        /**< events are posted as (event_kind, id, ticket) */
    struct translation_work *works; /**< the caller's array; to be set again whenever it moves */

    struct memory *host_memory; /**< that table reads go to; NULL: the last-level cache serves all */
    struct page_table_memory memory;
    struct iommu_domain *domains;
    uint32_t domain_count;
    size_t domain_capacity;
    bool *ats;          /**< [requester id] may send translation requests and translated requests */
    uint32_t *contexts; /**< [requester id]: domain + 1; 0: not present; CONTEXT_PASID_ONLY */
    struct pasid_table pasids;

    struct translation_cache context_cache, pasid_cache, iotlb,
        walk_caches[WALK_LEVELS_MAX + 1];    /**< [level of the table pointed to] */
    struct translation_cache iotlb_large[2]; /**< of 2 MiB and 1 GiB pages, where not shared */
    struct translation_cache nested_cache;   /**< guest physical to physical pages */
    struct translation_cache stage2_caches[WALK_LEVELS_MAX + 1]; /**< walk caches of the second stage */
    void (*on_walk_step)(void *context, const struct translation_work *work,
                         const struct walk_step *step); /**< told of each step of a walk; may be NULL */
    void *on_walk_context;
    struct busy_time looking_up; /**< with lookups, lookup_interval each */
    uint32_t walkers_busy;
    uint32_t waiting_first, waiting_last, waiting_count; /**< works waiting for a walker */
    struct queue_meter waiting_queue;                    /**< those */
    struct queue_meter walking; /**< walkers that are busy, recovery included: its area is their busy time */
    uint32_t stalled_first, stalled_last; /**< works held back because the walk queue is full */
    uint32_t held_first, held_last;       /**< posted works held back because posted_walks walk already */
    struct saturation posted_full;        /**< all of posted_walks walk */
    uint32_t posted_walking;              /**< posted works that missed and are not answered yet */
    struct walks_in_flight in_flight;     /**< with merge_inflight, merge_consecutive */
    uint64_t reservations;                /**< entries of the IOTLB kept for walks so far (reserve_entry) */
    uint32_t *running;                    /**< [walker] ticket of its page walk, or IOMMU_NO_WORK */
    uint32_t finished_first, finished_last;
    struct prefetcher prefetcher;
    struct iommu_counters counters;
    struct histogram latency; /**< of requests: arrival at the unit to the answer, refusals included */
};

/**
 * Set up a unit.
 * @param table_base  simulated physical address of its page tables
 * @param event_kind  kind of the events it posts with target @p id
 */
void remapping_unit_init(struct remapping_unit *unit, const struct iommu_parameters *parameters,
                         struct event_queue *events, uint32_t event_kind, uint32_t id, uint64_t table_base,
                         uint64_t seed);
void remapping_unit_fini(struct remapping_unit *unit);

/** Add a domain; returns its number in this unit. Set-up only. */
uint32_t remapping_unit_add_domain(struct remapping_unit *unit, bool passthrough);

/** Make the table of a domain without mappings one of the guest format, as address spaces of PASIDs have.
 * Set-up only. */
void remapping_unit_use_guest_format(struct remapping_unit *unit, uint32_t domain);

/**
 * Make a domain without mappings a nested one: its table becomes a guest's, whose table pointers are guest
 * physical. Map stage2 afterwards, the guest's tables included. Set-up only.
 * @param guest_offset  guest physical minus simulated physical address of the guest's tables
 */
void remapping_unit_nest(struct remapping_unit *unit, uint32_t domain, uint64_t guest_offset);

/** Context (device table) entry: requests of @p requester_id belong to @p domain. During the run software
 * invalidates what the unit may have cached. */
void remapping_unit_attach(struct remapping_unit *unit, uint16_t requester_id, uint32_t domain);

/** Take the entry out again. What the unit has cached of it stays until it is invalidated. */
void remapping_unit_detach(struct remapping_unit *unit, uint16_t requester_id);

/** PASID table entry: requests of @p requester_id with @p pasid belong to @p domain. Set-up only. */
void remapping_unit_attach_pasid(struct remapping_unit *unit, uint16_t requester_id, uint32_t pasid,
                                 uint32_t domain);

/** Let a requester use ATS (translation type of its context entry, VT-d specification 9.3). Set-up only. */
void remapping_unit_allow_ats(struct remapping_unit *unit, uint16_t requester_id);

/** Domain that requests of a requester without PASID belong to, or IOMMU_NO_WORK. */
uint32_t remapping_unit_domain_of(const struct remapping_unit *unit, uint16_t requester_id);

/** Domain of any request: @p pasid as in struct translation_work. IOMMU_NO_WORK where there is none. */
uint32_t remapping_unit_domain_of_request(const struct remapping_unit *unit, uint16_t requester_id,
                                          uint32_t pasid);

/**
 * Ask for the translation of works[ticket] (iova, requester_id and write filled in) at the queue's present
 * time.
 * @return true: done, outputs filled, ready_ps may lie in the future; false: it will come out of
 * remapping_unit_finished()
 */
bool remapping_unit_translate(struct remapping_unit *unit, uint32_t ticket);

/** Handle an event the unit posted; @p argument is the event's. Then ask remapping_unit_finished() until it
 * is empty. */
void remapping_unit_event(struct remapping_unit *unit, uint32_t argument);

/** What an invalidation concerns. */
enum invalidation_scope { INVALIDATE_GLOBAL, INVALIDATE_DOMAIN, INVALIDATE_PAGES };

/**
 * Drop cached translations (VT-d specification 6.5.2: IOTLB invalidation). Walks under way for what is
 * dropped answer from the tables as they are when they end.
 * @param domain     of the unit; not for INVALIDATE_GLOBAL
 * @param iova       INVALIDATE_PAGES: first address, a multiple of 4 KiB << @p order
 * @param order      INVALIDATE_PAGES: log2 of the number of 4 KiB pages
 * @param leaf_only  keep the walk caches (invalidation hint)
 */
void remapping_unit_invalidate(struct remapping_unit *unit, enum invalidation_scope scope, uint32_t domain,
                               uint64_t iova, unsigned order, bool leaf_only);

/** What chooses the set of the context cache: bus folded into device and function, as devices of different
 * ports have the same of these. MODEL: no unit's own way is published. */
static inline uint64_t remapping_unit_context_index(uint16_t requester_id)
{
    return requester_id ^ requester_id >> 8;
}

/** Drop the cached context of a requester (context-cache invalidation, VT-d specification 6.5.2.1). */
void remapping_unit_invalidate_context(struct remapping_unit *unit, uint16_t requester_id);

/** Next finished ticket, or IOMMU_NO_WORK. Its outputs are filled; ready_ps may lie a lookup time ahead of
 * now. */
uint32_t remapping_unit_finished(struct remapping_unit *unit);

/** Short text of a fault, with its VT-d reason code. Never NULL. */
const char *iommu_fault_text(enum iommu_fault fault);

/** Count from the present time on. */
void remapping_unit_restart_counters(struct remapping_unit *unit);

/** Verify counters and lists. @return true if all hold. */
bool remapping_unit_check(const struct remapping_unit *unit);

#endif
