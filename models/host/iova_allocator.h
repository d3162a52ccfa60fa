/* SPDX-License-Identifier: MIT */
/**
 * @file iova_allocator.h
 * The IO virtual addresses of one domain as the kernel hands them out (drivers/iommu/iova.c): small sizes
 * from each CPU's magazines, then from a depot of full magazines, and what is left from the ordered ranges
 * (iova_tree.h). Addresses are the kernel's to the page, since they decide sets of the IOTLB and how close
 * page-table entries lie to each other.
 *
 * - Sizes of 1, 2, 4 .. 32 pages have magazines (IOVA_RANGE_CACHE_MAX_SIZE 6); below 32 pages sizes are
 * rounded up to a power of two. Each CPU has two of a size, "loaded" and "previous", of IOVA_MAG_SIZE
 * entries.
 * - What is given back goes into the loaded one; is it full, into the previous; are both full, the loaded one
 *   goes to the depot.
 * - The depot has no limit since Linux 6.7, and one magazine too many, more than there are CPUs, is emptied
 * into the tree each 100 ms; before, it took 32 magazines (then of 128 entries) and what came after them went
 * into the tree.
 * - Where nothing is found all magazines are emptied into the tree, and it is searched once more.
 *
 * Time: the tree and each depot have a lock. MODEL: the depot's worker takes time of no CPU.
 */
#ifndef IOMMUSIM_HOST_IOVA_ALLOCATOR_H
#define IOMMUSIM_HOST_IOVA_ALLOCATOR_H

#include "models/host/iova_tree.h"
#include "models/host/spin_lock.h"

enum { IOVA_CACHED_ORDERS = 6 };

struct iova_parameters {
    uint64_t magazine_ps;      /**< taking from or putting into a magazine */
    uint64_t tree_ps;          /**< searching, inserting and removing, lock held; ranges passed apart */
    uint64_t tree_step_ps;     /**< for each range that a search passes */
    uint64_t lock_handoff_ps;  /**< a lock's way from another CPU */
    uint32_t magazine_entries; /**< of one magazine */
    uint32_t depot_magazines;  /**< older kernels: that fit into a depot; 0: no limit, but trimmed */
};

/** Page numbers given back, last in first out. */
struct iova_magazine {
    struct iova_magazine *next; /**< in the depot */
    uint32_t count;
    uint64_t pages[];
};

/** One size's cache. */
struct iova_cache {
    struct iova_magazine **loaded, **previous; /**< [cpu]; NULL: never used, as good as empty */
    struct iova_magazine *depot;
    uint32_t depot_count;
    uint64_t trim_ps; /**< when the worker looks next; UINT64_MAX: it does not */
    struct spin_lock lock;
};

struct iova_counters {
    uint64_t magazine_hits, depot_hits; /**< requests served so */
    uint64_t tree_takes, tree_gives;
    uint64_t visited;  /**< ranges that searches passed */
    uint64_t emptied;  /**< times all magazines were emptied, for want of addresses */
    uint64_t failures; /**< requests not served */
};

struct iova_allocator {
    const struct iova_parameters *parameters;
    unsigned page_shift;
    uint32_t cpus;
    struct iova_tree tree;
    struct spin_lock tree_lock;
    struct iova_cache caches[IOVA_CACHED_ORDERS];
    struct iova_counters counters;
    uint64_t live_bytes, live_bytes_high; /**< handed out at present, and most at once */
};

/**
 * An allocator with nothing taken but page 0.
 * @param parameters  must outlive it
 * @param page_shift  log2 of the smallest page of the IOMMU
 * @param cpus        that use it: kernel_time.cpu is below
 */
void iova_allocator_init(struct iova_allocator *allocator, const struct iova_parameters *parameters,
                         unsigned page_shift, uint32_t cpus);
void iova_allocator_fini(struct iova_allocator *allocator);

/** Never hand out addresses @p base to @p limit, both inside. Before anything is taken. */
void iova_allocator_reserve(struct iova_allocator *allocator, uint64_t base, uint64_t limit);

/**
 * Take @p length bytes that end at or below @p limit (alloc_iova_fast()).
 * @param empty_magazines  before giving up, empty all magazines (the last try)
 * @return false where there is no room
 */
bool iova_allocator_take(struct iova_allocator *allocator, struct kernel_time *time, uint64_t length,
                         uint64_t limit, bool empty_magazines, uint64_t *address);

/** Give back a range taken with the same length (free_iova_fast()). */
void iova_allocator_give(struct iova_allocator *allocator, struct kernel_time *time, uint64_t address,
                         uint64_t length);

/** Locks are free and nothing has been counted: the run begins here. */
void iova_allocator_restart(struct iova_allocator *allocator);

/** Count anew; nothing else changes. */
void iova_allocator_restart_counters(struct iova_allocator *allocator);

/** Bring everything in magazines and depots back into the tree, as before the device's driver is gone. */
void iova_allocator_empty(struct iova_allocator *allocator);

#endif
