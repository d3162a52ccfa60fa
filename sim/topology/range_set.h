/* SPDX-License-Identifier: MIT */
/**
 * @file range_set.h
 * A set of addresses as disjoint ranges, for placing things between other things.
 */
#ifndef IOMMUSIM_TOPOLOGY_RANGE_SET_H
#define IOMMUSIM_TOPOLOGY_RANGE_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Addresses from @c base to @c limit, both inside. */
struct address_range {
    uint64_t base, limit;
};

/** Zero-initialise to make an empty set. Ranges are ascending and disjoint once range_set_settle() was
 * called.
 */
struct range_set {
    struct address_range *ranges;
    size_t count, capacity;
};

/** Free the memory and make @p set empty again. */
void range_set_fini(struct range_set *set);

/** Add a range, base <= limit, in any order. Call range_set_settle() before asking. */
void range_set_add(struct range_set *set, uint64_t base, uint64_t limit);

/** Sort the ranges added so far; join those that overlap or touch. */
void range_set_settle(struct range_set *set);

/** As range_set_add() on a settled set, which stays settled. */
void range_set_insert(struct range_set *set, uint64_t base, uint64_t limit);

/**
 * The lowest free place in a settled set.
 * @param low, high  the place lies between these, both inside
 * @param size       bytes, at least 1
 * @param align      a power of two
 * @param base       first byte of the place; untouched where there is none
 * @return true where there is one
 */
bool range_set_gap(const struct range_set *set, uint64_t low, uint64_t high, uint64_t size, uint64_t align,
                   uint64_t *base);

#endif
