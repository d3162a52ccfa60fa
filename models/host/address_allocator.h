/* SPDX-License-Identifier: MIT */
/**
 * @file address_allocator.h
 * Hands out ranges of addresses and takes them back: IO virtual addresses of a domain (top down), physical
 * buffers (bottom up). What came back last goes out first, by size, as from the kernel's per-CPU magazines
 * (drivers/iommu/iova.c): so a buffer that was just unmapped is soon something else's.
 *
 * MODEL: sizes are rounded up to powers of two and naturally aligned, also above the 128 KiB up to which the
 * kernel keeps them in magazines; nothing is merged.
 */
#ifndef IOMMUSIM_HOST_ADDRESS_ALLOCATOR_H
#define IOMMUSIM_HOST_ADDRESS_ALLOCATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct address_hole {
    uint64_t base, limit; /**< inclusive */
};

struct address_stack {
    uint64_t *items;
    uint32_t count;
    size_t capacity;
};

enum { ADDRESS_ORDERS = 40 };

struct address_allocator {
    uint64_t base, limit; /**< inclusive */
    bool top_down;
    uint64_t next;                    /**< first address never given out; top down: the last plus one */
    const struct address_hole *holes; /**< never given out */
    uint32_t hole_count;
    struct address_stack returned[ADDRESS_ORDERS]; /**< [log2 of 4 KiB pages] */
};

/** @param holes  must outlive the allocator */
void address_allocator_init(struct address_allocator *allocator, uint64_t base, uint64_t limit, bool top_down,
                            const struct address_hole *holes, uint32_t hole_count);
void address_allocator_fini(struct address_allocator *allocator);

/** Take a range of @p length bytes (at least 1) and its address. @return false where nothing is left */
bool address_allocator_take(struct address_allocator *allocator, uint64_t length, uint64_t *address);

/** Give back a range taken with the same length. */
void address_allocator_give(struct address_allocator *allocator, uint64_t address, uint64_t length);

#endif
