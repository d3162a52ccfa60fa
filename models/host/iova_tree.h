/* SPDX-License-Identifier: MIT */
/**
 * @file iova_tree.h
 * Ranges of IO virtual addresses that are taken, in page numbers, and the kernel's search for a free one
 * (drivers/iommu/iova.c: alloc_iova(), free_iova(), reserve_iova()): top down, first fit, from the place
 * where the last search ended.
 *
 * The addresses found are the kernel's, to the page. They follow from the order of ranges and from the two
 * places that searches begin at, not from the shape of the tree; so the ranges here are in an ordered list,
 * and in a treap (Seidel and Aragon 1996) where the kernel has a red-black tree.
 */
#ifndef IOMMUSIM_HOST_IOVA_TREE_H
#define IOMMUSIM_HOST_IOVA_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** A range that is taken. */
struct iova_node {
    uint64_t low, high;           /**< page numbers, inclusive */
    uint64_t priority;            /**< a parent's is higher than its children's */
    uint32_t parent, left, right; /**< IOVA_NONE where there is none */
    uint32_t below, above;        /**< neighbours in order */
};

#define IOVA_NONE UINT32_MAX

enum { IOVA_ANCHOR = 0 }; /* above all addresses; where searches begin at first */

struct iova_tree {
    struct iova_node *nodes;
    size_t capacity;
    uint32_t count, free_first; /**< nodes in memory; unused ones, linked by @c above */
    uint32_t root;
    uint32_t cached, cached_32; /**< where searches begin: above and below 4 GiB */
    uint64_t first_page;        /**< none below is ever found */
    uint64_t pages_32;          /**< first page number at 4 GiB */
    uint64_t too_large_32;      /**< requests of so many pages below 4 GiB failed before, and fail at once */
    uint64_t seed;              /**< of priorities */
    uint32_t ranges;            /**< taken at present, reserved ones included */
};

/** @param page_shift  log2 of the granule, the smallest page of the IOMMU */
void iova_tree_init(struct iova_tree *tree, unsigned page_shift, uint64_t first_page);
void iova_tree_fini(struct iova_tree *tree);

/** Take pages @p low to @p high away for good, as far as they are not taken. Before anything is allocated. */
void iova_tree_reserve(struct iova_tree *tree, uint64_t low, uint64_t high);

/**
 * Find and take @p pages at most up to page @p limit, aligned to the power of two that holds them.
 * @param visited  increased by the ranges that the search passed
 * @return false where there is no room
 */
bool iova_tree_take(struct iova_tree *tree, uint64_t pages, uint64_t limit, uint64_t *low, uint64_t *visited);

/** Give back the range that begins at page @p low, which must be taken. */
void iova_tree_give(struct iova_tree *tree, uint64_t low);

/** Do the structures agree with each other? For tests; costs time. */
bool iova_tree_check(const struct iova_tree *tree);

#endif
