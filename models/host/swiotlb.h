/* SPDX-License-Identifier: MIT */
/**
 * @file swiotlb.h
 * Bounce buffers as the kernel has them (kernel/dma/swiotlb.c): a pool of low memory in slots of 2 KiB, given
 * out in runs that never cross a segment of 128 slots. So no mapping is longer than 256 KiB. The pool is
 * divided into areas with a lock and a place to begin searching each; a CPU begins with its own area and goes
 * on with the others.
 *
 * What is bounced is copied in full when it is mapped, whichever way the data go, and copied back when it is
 * unmapped, or synchronised for the CPU, where the device may have written.
 *
 * MODEL: one pool; the kernel's optional growth in further pools (CONFIG_SWIOTLB_DYNAMIC) is not there.
 */
#ifndef IOMMUSIM_HOST_SWIOTLB_H
#define IOMMUSIM_HOST_SWIOTLB_H

#include "models/host/memory.h"
#include "models/host/spin_lock.h"
#include "sim/base/field.h"

enum {
    SWIOTLB_SLOT_BYTES = 2048,   /**< IO_TLB_SIZE */
    SWIOTLB_SEGMENT_SLOTS = 128, /**< IO_TLB_SEGSIZE */
};

#define SWIOTLB_NOTHING UINT32_MAX /**< no slot */

struct swiotlb_parameters {
    uint64_t pool_bytes; /**< swiotlb=SLOTS of the command line, 64 MiB without it */
    uint32_t areas;      /**< 0: as many as CPUs, up to a power of two */
    uint64_t search_ps;  /**< finding and marking slots, and freeing them: the area's lock is held */
    uint64_t slot_ps;    /**< for each slot that a search passes, and each that is written */
    uint64_t lock_handoff_ps;
    uint64_t copy_ps; /**< of a copy, beside its bytes */
    uint64_t copy_bytes_per_s;
    uint64_t encrypt_bytes_per_s; /**< of copies that encrypt */
};

extern const struct field_table swiotlb_fields;

/** What a device wants of its slots. */
struct swiotlb_request {
    uint64_t physical;       /**< the buffer */
    uint64_t length;         /**< bytes to copy */
    uint64_t alignment_mask; /**< of the whole run: the IOMMU's granule less one, or 0 */
    uint64_t min_align_mask; /**< bits of the buffer's address that its copy must have, too */
    uint64_t boundary_mask;  /**< the run does not cross a multiple of it plus one */
};

/** A copy between a buffer and its slots. */
struct swiotlb_copy {
    uint64_t buffer, slots; /**< physical addresses */
    uint64_t length;        /**< bytes */
    bool out;               /**< from the slots to the buffer */
    bool encrypted;         /**< what is in the slots is: copied at the rate of encryption */
    bool again;             /**< the second one of what bounces twice; only counted apart */
};

struct swiotlb_area {
    struct spin_lock lock;
    uint32_t index, used; /**< where the next search begins; slots in use */
};

struct swiotlb_counters {
    uint64_t maps, failures;                  /**< failures: the pool was full, or had no run that long */
    uint64_t bytes_in, bytes_out;             /**< copied to the slots, and back */
    uint64_t bytes_in_again, bytes_out_again; /**< by second copies */
    uint32_t used_high;                       /**< most slots in use at once */
    uint64_t other_area;                      /**< maps that did not find room in their CPU's own area */
};

struct swiotlb {
    const struct swiotlb_parameters *parameters;
    struct memory *memory; /**< whose bandwidth copies take; NULL: that has no end */
    uint64_t base;         /**< physical address of the first slot */
    uint32_t slot_count, area_count, area_slots;
    uint8_t *free_run; /**< [slot] free slots from here to the segment's end, 0: in use */
    uint8_t *run;      /**< [first slot of a run] its slots */
    struct swiotlb_area *areas;
    uint32_t used;
    struct swiotlb_counters counters;
};

/** An empty pool at physical address @p base, which is a multiple of the page size. @p parameters must
 * outlive it; @c memory is the caller's to set. @param cpus  on the machine */
void swiotlb_init(struct swiotlb *pool, const struct swiotlb_parameters *parameters, uint64_t base,
                  uint32_t cpus);
void swiotlb_fini(struct swiotlb *pool);

/** Bytes of the pool that swiotlb_init() makes with these parameters: a power of two of slots, and a segment
 * for each area. */
uint64_t swiotlb_pool_bytes(const struct swiotlb_parameters *parameters, uint32_t cpus);

/** Longest mapping of a device (swiotlb_max_mapping_size()). */
uint64_t swiotlb_longest(uint64_t min_align_mask);

/**
 * Find slots for a copy of a buffer, and mark them taken.
 * @param physical  where the copy's first byte is
 * @return the first slot, or SWIOTLB_NOTHING: there the kernel says
 * "swiotlb buffer is full (sz: N bytes), total N (slots), used N (slots)" and the driver has to try later
 */
uint32_t swiotlb_take(struct swiotlb *pool, struct kernel_time *time, const struct swiotlb_request *request,
                      uint64_t *physical);

/** Copy between a buffer and its slots, on the CPU, at its rate or what memory has left. */
void swiotlb_copy(struct swiotlb *pool, struct kernel_time *time, const struct swiotlb_copy *copy);

/** Free the run that swiotlb_take() gave. What is to be copied back was copied before. */
void swiotlb_give(struct swiotlb *pool, struct kernel_time *time, uint32_t slot);

/** Do lists and counts agree? For tests. */
bool swiotlb_check(const struct swiotlb *pool);

#endif
