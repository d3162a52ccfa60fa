/* SPDX-License-Identifier: MIT */
/**
 * @file dirty_log.h
 * Pages that devices have written: the dirty bits of leaf entries (VT-d second stage: SSADE, bit 9; AMD-Vi:
 * HD; SMMUv3: HTTU and DBM), kept beside the tables. While a domain has one, its unit notes in it each page
 * that it translates a write for. A translation that the IOTLB holds from a read, or from before the bit was
 * cleared, does not do for a write: the entry is walked to again, as hardware must to set the bit.
 *
 * Software reads and clears the bits, and has the IOTLB forget: until then writes through old entries set
 * none, but their pages were just reported.
 */
#ifndef IOMMUSIM_IOMMU_DIRTY_LOG_H
#define IOMMUSIM_IOMMU_DIRTY_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Of a leaf in the IOTLB: its page counts as written already. */
enum { LEAF_DIRTY = 4 };

/** A set of pages of any size. */
struct dirty_log {
    struct dirty_page {
        uint64_t address; /**< and its log2 of bytes in the low bits; 0: free */
        bool set;
    } * slots;
    size_t size, used; /**< slots: a power of two; taken */
    uint64_t pages;    /**< that are set, in units of 4 KiB */
    uint64_t updates;  /**< bits set, whole run */
};

void dirty_log_init(struct dirty_log *log);
void dirty_log_fini(struct dirty_log *log);

/** A page of 1 << @p shift bytes was written. @return it was clean so far */
bool dirty_log_set(struct dirty_log *log, uint64_t address, unsigned shift);
/** It is clean. @return it was dirty */
bool dirty_log_clear(struct dirty_log *log, uint64_t address, unsigned shift);
bool dirty_log_is_set(const struct dirty_log *log, uint64_t address, unsigned shift);

/** Move all to @p reported, which was empty. */
void dirty_log_report(struct dirty_log *log, struct dirty_log *reported);

/** Go through what is set: begin with @p place 0. @return false: no more */
bool dirty_log_next(const struct dirty_log *log, size_t *place, uint64_t *address, unsigned *shift);

#endif
