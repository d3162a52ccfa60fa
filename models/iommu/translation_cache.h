/* SPDX-License-Identifier: MIT */
/**
 * @file translation_cache.h
 * A set-associative (or fully associative) cache of 64-bit values under 64-bit keys: the IOTLB, the walk
 * caches and the context cache are all one of these. Arrays, as in hardware; nothing is allocated after
 * translation_cache_init().
 */
#ifndef IOMMUSIM_IOMMU_TRANSLATION_CACHE_H
#define IOMMUSIM_IOMMU_TRANSLATION_CACHE_H

#include "models/iommu/iommu_parameters.h"
#include "sim/kernel/random.h"

#include <stdbool.h>
#include <stdint.h>

/** Key that marks an empty entry; no caller may use it. */
#define TRANSLATION_CACHE_EMPTY UINT64_MAX

struct translation_cache {
    uint32_t sets, ways; /**< sets 0: no cache, every lookup misses */
    enum replacement_policy policy;
    uint64_t *keys; /**< [entry], entry = set x ways + way */
    uint64_t *values;
    uint64_t *stamps;    /**< LRU, few ways: clock of last use */
    uint32_t *used;      /**< [set] entries filled so far */
    uint32_t *freed;     /**< [set] first of those emptied again by an invalidation, UINT32_MAX none */
    uint32_t partitions; /**< groups of sets */
    uint32_t *uses;      /**< LFU: [entry] times found since it was inserted */
    uint64_t *tree;      /**< pseudo-LRU: [set x tree_words] bit a node: the half to replace next */
    uint32_t tree_words, tree_leaves; /**< leaves: ways, rounded up to a power of two */
    uint32_t *next_way;               /**< FIFO: [set] way to replace next */
    uint64_t clock;
    struct random_stream random;
    /* Many ways: what hardware compares at once is found here by a hash; LRU order is a list. */
    uint32_t *heads; /**< [hash] first entry of a chain, UINT32_MAX none; NULL with few ways */
    uint32_t hash_mask;
    uint32_t *chain;           /**< [entry] next in the chain, or next of the set's freed ones */
    uint32_t *newer, *older;   /**< [entry] LRU list of its set */
    uint32_t *newest, *oldest; /**< [set] */
};

/**
 * Set up an empty cache.
 * @param entries  total entries; 0 for none
 * @param ways     ways of a set; 0 or >= entries: fully associative. Must divide entries (the reader checks).
 * @param seed, name  of the random stream of policy REPLACE_RANDOM
 */
void translation_cache_init(struct translation_cache *cache, uint32_t entries, uint32_t ways,
                            enum replacement_policy policy, uint64_t seed, const char *name);
void translation_cache_fini(struct translation_cache *cache);

/** Divide the sets into @p partitions groups, so that owners do not displace each other; 0 or 1: do not. The
 * number of sets must be a multiple (the reader checks). Once, while the cache is empty. */
void translation_cache_partition(struct translation_cache *cache, uint32_t partitions);

/** Index to give for @p index of @p owner: the set in the owner's group. */
static inline uint64_t translation_cache_index(const struct translation_cache *cache, uint64_t index,
                                               uint32_t owner)
{
    if (cache->partitions <= 1)
        return index;
    uint32_t sets = cache->sets / cache->partitions;
    return (uint64_t)(owner % cache->partitions) * sets + index % sets;
}

/** Drop every entry. */
void translation_cache_clear(struct translation_cache *cache);

/**
 * Look @p key up in the set chosen by @p index (taken modulo the number of sets).
 * @param value  filled on a hit, untouched on a miss
 * @return true on a hit; under LRU the entry becomes the most recent
 */
bool translation_cache_find(struct translation_cache *cache, uint64_t index, uint64_t key, uint64_t *value);

/** True where @p key is present; no effect on replacement. */
bool translation_cache_present(const struct translation_cache *cache, uint64_t index, uint64_t key);

/**
 * Insert an entry, replacing by policy where the set is full. Does not look for an equal key: whoever wants
 * none doubled asks translation_cache_present() first (parameter duplicate_fill).
 */
void translation_cache_insert(struct translation_cache *cache, uint64_t index, uint64_t key, uint64_t value);

/** Drop @p key, if it is there (all its copies). */
void translation_cache_remove(struct translation_cache *cache, uint64_t index, uint64_t key);

/** Drop every entry whose key agrees with @p value in the bits of @p mask. Looks at all entries. */
void translation_cache_remove_matching(struct translation_cache *cache, uint64_t mask, uint64_t value);

#endif
