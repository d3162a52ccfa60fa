/* SPDX-License-Identifier: MIT */
/**
 * @file page_allocator.h
 * Physical memory as drivers get it (mm/page_alloc.c): zones below 16 MiB (DMA), below 4 GiB (DMA32) and
 * above (Normal) of each NUMA node, and in each a buddy allocator of blocks of 4 KiB to 4 MiB.
 *
 * A request names the highest zone it may come from, and a node: the highest zone is tried first, on that
 * node; then lower zones of it; then other nodes in order of their numbers. A block is split from below, so
 * that pages asked for one after the other lie side by side on a machine that has just booted. What comes
 * back joins its free buddy and is given out again first.
 *
 * A machine that has run for some time is described by the share of pages that others hold: each page is
 * somebody else's with that probability. Memory is used up 4 MiB after 4 MiB, and within those free blocks
 * come in no order, small ones first. So the more pages others hold, the fewer neighbours a driver gets.
 * Where 4 MiB have no block as large as asked for, the kernel compacts the next ones (mm/compaction.c): what
 * is free there comes as blocks of that size, between pages of others. Runs beyond 4 MiB were set aside at
 * boot, as for CMA.
 *
 * Memory that nobody has come to yet is kept as ranges, so that its amount costs nothing.
 *
 * MODEL: no per-CPU lists of single pages, no migration types, no reclaim; others neither take nor give;
 * compaction takes no time.
 */
#ifndef IOMMUSIM_HOST_PAGE_ALLOCATOR_H
#define IOMMUSIM_HOST_PAGE_ALLOCATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum memory_zone { ZONE_DMA, ZONE_DMA32, ZONE_NORMAL, MEMORY_ZONES };

enum { PAGE_ORDERS = 11 }; /* MAX_PAGE_ORDER 10 */

/** RAM that may be given out. */
struct free_memory {
    uint64_t base, limit; /**< inclusive; whole pages */
    uint32_t node;        /**< NUMA */
};

/** A block that is free. */
struct page_block {
    uint64_t page;           /**< number of its first page */
    uint32_t previous, next; /**< in its list, or of unused entries */
    uint32_t zone;
    uint8_t order;
};

/** Memory that nobody has come to yet: whole blocks of 4 MiB. */
struct page_range {
    uint64_t first, end; /**< numbers of pages */
};

/** One zone of one node. */
struct page_zone {
    uint32_t node;
    enum memory_zone zone;
    uint32_t free[PAGE_ORDERS]; /**< first block of each order */
    uint64_t free_pages;        /**< in blocks */
    struct page_range *ranges;  /**< ascending: what comes when the blocks are used up */
    uint32_t range_count;
};

struct page_allocator {
    struct page_zone *zones; /**< ascending nodes, in them ascending zones */
    uint32_t zone_count;
    struct page_block *blocks;
    uint32_t block_count, block_unused;
    size_t block_capacity;
    uint32_t *table; /**< free blocks by their first page: open addressing, entry + 1, 0 empty */
    uint32_t table_size, table_used;
    const struct free_memory *memory;
    uint32_t memory_count;
    struct page_range *ranges; /**< of all zones */
    uint32_t fragmentation;    /**< thousandths */
    uint64_t seed;
    uint64_t taken_pages, taken_pages_high;
};

/**
 * @param memory         ascending ranges; must outlive the allocator
 * @param fragmentation  share of pages that others hold, in thousandths below 1000
 */
void page_allocator_init(struct page_allocator *allocator, const struct free_memory *memory, uint32_t count,
                         uint32_t fragmentation, uint64_t seed);
void page_allocator_fini(struct page_allocator *allocator);

/** Take 4 KiB << @p order. @param highest  zone it may come from @return false where there is none */
bool page_allocator_take(struct page_allocator *allocator, unsigned order, uint32_t node,
                         enum memory_zone highest, uint64_t *address);

/** Give back what was taken with the same order, or a part of it that is a block of @p order. */
void page_allocator_give(struct page_allocator *allocator, uint64_t address, unsigned order);

/** Take @p length bytes side by side: a block, with what is too much of it given back (alloc_pages_exact()).
 * At most 4 MiB. */
bool page_allocator_take_exact(struct page_allocator *allocator, uint64_t length, uint32_t node,
                               enum memory_zone highest, uint64_t *address);
/** Likewise of any length: beyond 4 MiB of neighbouring blocks, as contiguous allocations find them after
 * boot. Given back by page_allocator_give_exact(). */
bool page_allocator_take_run(struct page_allocator *allocator, uint64_t length, uint32_t node,
                             enum memory_zone highest, uint64_t *address);
void page_allocator_give_exact(struct page_allocator *allocator, uint64_t address, uint64_t length);

/** Free pages of all zones; of fragmented memory those that it has come to. */
uint64_t page_allocator_free_pages(const struct page_allocator *allocator);

/** The zone of an address. */
enum memory_zone memory_zone_of(uint64_t address);

#endif
