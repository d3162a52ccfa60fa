/* SPDX-License-Identifier: MIT */
/**
 * @file iommu_parameters.h
 * The sizes and times of one remapping unit. VT-d, AMD-Vi and SMMUv3 are presets over the same parts.
 */
#ifndef IOMMUSIM_IOMMU_PARAMETERS_H
#define IOMMUSIM_IOMMU_PARAMETERS_H

#include "models/iommu/page_table_format.h"
#include "sim/base/field.h"

#include <stdbool.h>
#include <stdint.h>

enum replacement_policy { REPLACE_LRU, REPLACE_FIFO, REPLACE_RANDOM, REPLACE_PSEUDO_LRU, REPLACE_LFU };

enum prefetch_policy { PREFETCH_NONE, PREFETCH_NEXT_PAGE, PREFETCH_STRIDE, PREFETCH_TENANT };

/** Where VT-d records faults (parameter fault_logging): in registers, or in a log in memory (7.3). */
enum fault_logging { FAULT_LOGGING_PRIMARY, FAULT_LOGGING_ADVANCED };

/** Completion status of a refused read (parameter fault_completion). */
enum fault_completion { FAULT_UNSUPPORTED_REQUEST, FAULT_COMPLETER_ABORT };

/** Levels of tables, and of those the lowest that walk caches know pointers to. */
enum { WALK_LEVELS_MAX = 6, WALK_CACHE_LEVELS = 4, PREFETCH_WALKS_MAX = 64 };

struct iommu_parameters {
    uint32_t context_entries,
        context_ways;                   /**< context cache (device table cache); 0 ways = fully associative */
    uint32_t iotlb_entries, iotlb_ways; /**< entries = 0: no IOTLB */
    uint32_t iotlb_entries_2m, iotlb_entries_1g; /**< of their own for these pages; 0: they share the IOTLB */
    uint32_t iotlb_partitions;  /**< groups of its sets, chosen by the low bits of the domain; 1: none */
    uint32_t iotlb_index_shift; /**< address bits from here on choose the set; 0: from the page number on */
    int iotlb_replacement;      /**< enum replacement_policy */
    bool merge_inflight;        /**< a miss on a page whose walk is running waits for it instead of walking */
    bool merge_consecutive;     /**< ... and if it is the walk of its requester's miss before: TLPs of one
                                   operation */
    bool overtaken_fill;        /**< a walk that an invalidation overtook is cached, read anew; else not */
    bool reserve_entry;  /**< a miss takes its entry of the IOTLB when its walk is asked for, not when it
                            returns: what waits for walks is missing from the IOTLB */
    bool duplicate_fill; /**< a returning walk inserts although the page is already there */
    uint32_t walk_cache_entries_l2;    /**< caches the pointer to a leaf (level 1) table; 0 = none */
    uint32_t walk_cache_entries_l3;    /**< ... to a level 2 table */
    uint32_t walk_cache_entries_l4;    /**< ... to a level 3 table */
    uint32_t walk_cache_entries_l5;    /**< ... to a level 4 table */
    uint32_t walk_cache_partitions_l2; /**< groups of the sets of that cache, chosen as iotlb_partitions */
    uint32_t walk_cache_partitions_l3;
    bool walk_cache_leaves; /**< they hold entries that map large pages as well as those that point to tables
                             */
    uint32_t walk_cache_ways; /**< 0 = fully associative */
    uint32_t walkers;         /**< walks in progress at once */
    uint32_t walk_queue;      /**< walks waiting for a walker; 0 = unlimited */
    uint32_t posted_walks; /**< walks for posted requests at once, in order behind them the others wait; 0 =
                              no limit */
    int table_format;      /**< enum page_table_format of a domain's tables */
    int guest_format;      /**< ... of a guest's tables in nested domains, and of address spaces of PASIDs */
    int stage2_format;     /**< enum page_table_format of the second stage of nested domains */
    uint32_t stage2_levels;
    uint32_t nested_entries, nested_ways; /**< cache of guest physical to physical pages; 0 = none */
    uint32_t stage2_walk_cache_entries_l2, stage2_walk_cache_entries_l3, stage2_walk_cache_entries_l4;
    uint64_t nested_hit_ps;             /**< one lookup of that cache */
    uint32_t pasid_entries, pasid_ways; /**< PASID cache (SMMU: context descriptors); 0 = none */
    uint32_t pasid_reads; /**< memory reads of a PASID cache miss; 0: there are no PASID tables */
    bool rid_pasid; /**< requests without PASID have an entry there, too (VT-d: RID_PASID; SMMU: substream 0)
                     */
    uint64_t pasid_hit_ps;
    int prefetch;               /**< enum prefetch_policy */
    uint32_t prefetch_degree;   /**< next page, stride: pages ahead of a miss */
    uint32_t prefetch_walks;    /**< walks ahead at once */
    uint32_t prefetch_buffer;   /**< entries of a buffer for what is walked ahead; 0: the IOTLB takes it */
    uint32_t prefetch_distance; /**< tenant: accesses ahead */
    uint32_t prefetch_history;  /**< tenant: pages remembered of each */
    uint32_t levels;            /**< levels of the page table: 3, 4 or 5; AMD: 6, too */
    bool superpages_2m, superpages_1g; /**< leaf entries above level 1 */
    bool superpages_any;               /**< ... and of any other power of two */
    uint64_t iotlb_hit_ps;             /**< lookup that hits */
    uint64_t context_hit_ps;
    uint64_t lookup_interval_ps; /**< one lookup each so often; 0 = no limit */
    uint64_t walk_fixed_ps;      /**< part of a walk that does not depend on its reads */
    uint64_t walk_read_ps;       /**< a page-table or context read served by the last-level cache */
    uint64_t walk_cache_hit_ps;  /**< lookup of the walk caches */
    uint64_t walker_recovery_ps; /**< a walker stays busy so long after its result is out */
    uint32_t context_reads;      /**< memory reads of a context miss: 2 root + context, 1 device table */
    uint64_t
        invalidation_submit_ps; /**< a CPU writes a batch and the tail register, holding the queue's lock */
    uint64_t invalidation_descriptor_ps; /**< the unit fetches and carries out one descriptor */
    uint64_t invalidation_completion_ps; /**< an IOTLB invalidation was carried out to its being complete in
                                            all caches: a wait descriptor is not done before */
    uint64_t invalidation_wait_ps; /**< status write of a wait descriptor to the CPU that polls seeing it */
    uint64_t invalidation_poll_ps; /**< a look at the status with the queue's lock held, and the lock's
                                      handoff; 0: CPUs look without the lock */
    uint64_t invalidation_timeout_ps; /**< a device that does not answer an invalidation is given up */
    uint32_t invalidation_max_order;  /**< a page-selective invalidation covers up to 2^this pages of 4 KiB */
    bool caching_mode;      /**< software invalidates after mapping, too, and after a context entry is made
                               (VT-d: CM, of a virtual unit; the others of entries for devices) */
    bool snooped_tables;    /**< walkers see page tables in the CPU's caches (VT-d: ECAP.C) */
    bool invalidation_hint; /**< where no table is freed the driver spares the walk caches (VT-d: IH) */
    uint32_t interrupt_entries;    /**< interrupt entry cache; fully associative */
    uint64_t interrupt_hit_ps;     /**< lookup in it; a miss reads the table (walk_read) as well */
    uint64_t dirty_update_ps;      /**< a leaf entry's dirty bit set atomically */
    uint64_t posted_update_ps;     /**< posted interrupts: the descriptor's atomic update */
    uint32_t page_requests;        /**< entries of the page request queue (AMD: PPR log) */
    uint64_t page_request_wake_ps; /**< first page request to a handler having it */
    uint64_t page_fault_ps;        /**< a handler makes one page present */
    uint32_t page_fault_handlers;  /**< at work at once */
    uint32_t fault_records;        /**< fault recording registers, or entries of the event log */
    int fault_logging;             /**< enum fault_logging */
    uint32_t fault_log_entries;    /**< FAULT_LOGGING_ADVANCED: records the log in memory has room for */
    bool fault_collapse;           /**< a record nobody read yet takes in further faults of its source id */
    uint64_t fault_service_ps;     /**< first record to the handler having read all */
    int fault_completion;          /**< enum fault_completion: status of a read that is refused */
};

extern const struct field_table iommu_fields;

/** Has the unit pages of 1 << @p shift bytes in tables of a format? */
bool iommu_has_page(const struct iommu_parameters *parameters, enum page_table_format format, unsigned shift);

/** Of the pages it has in tables of a format the largest that fits: both addresses are multiples of it and @p
 * left bytes hold it (iommu_pgsize() of drivers/iommu/iommu.c). @return log2 of its size */
unsigned iommu_largest_page(const struct iommu_parameters *parameters, enum page_table_format format,
                            uint64_t iova, uint64_t physical, uint64_t left);

#endif
