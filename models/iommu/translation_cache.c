/* SPDX-License-Identifier: MIT */
/*
 * Sets of up to FEW_WAYS are searched way by way. Wider sets (fully associative caches) have a hash over all
 * entries and, for LRU, a list a set, so that a lookup costs the same whatever the width. Both give the same
 * answers (tests/unit/test_iommu.c).
 */
#include "models/iommu/translation_cache.h"

#include "sim/base/arena.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { FEW_WAYS = 16 };

#define NO_ENTRY UINT32_MAX

void translation_cache_init(struct translation_cache *cache, uint32_t entries, uint32_t ways,
                            enum replacement_policy policy, uint64_t seed, const char *name)
{
    *cache = (struct translation_cache){.policy = policy};
    random_init(&cache->random, seed, name);
    if (entries == 0)
        return;
    cache->ways = ways == 0 || ways > entries ? entries : ways;
    cache->sets = entries / cache->ways;
    assert(cache->sets * cache->ways == entries);
    cache->keys = memory_array(entries, sizeof(*cache->keys));
    cache->values = memory_array(entries, sizeof(*cache->values));
    cache->stamps = memory_array(entries, sizeof(*cache->stamps));
    cache->used = memory_array(cache->sets, sizeof(*cache->used));
    cache->next_way = memory_array(cache->sets, sizeof(*cache->next_way));
    cache->freed = memory_array(cache->sets, sizeof(*cache->freed));
    cache->chain = memory_array(entries, sizeof(*cache->chain));
    if (policy == REPLACE_LFU)
        cache->uses = memory_array(entries, sizeof(*cache->uses));
    if (policy == REPLACE_PSEUDO_LRU) {
        for (cache->tree_leaves = 1; cache->tree_leaves < cache->ways;)
            cache->tree_leaves *= 2;
        cache->tree_words = (cache->tree_leaves + 63) / 64;
        cache->tree = memory_array((size_t)cache->sets * cache->tree_words, sizeof(*cache->tree));
    }
    if (cache->ways > FEW_WAYS) {
        uint32_t hashes = 64;
        while (hashes < entries * 2)
            hashes *= 2;
        cache->hash_mask = hashes - 1;
        cache->heads = memory_array(hashes, sizeof(*cache->heads));
        cache->newer = memory_array(entries, sizeof(*cache->newer));
        cache->older = memory_array(entries, sizeof(*cache->older));
        cache->newest = memory_array(cache->sets, sizeof(*cache->newest));
        cache->oldest = memory_array(cache->sets, sizeof(*cache->oldest));
    }
    translation_cache_clear(cache);
}

void translation_cache_fini(struct translation_cache *cache)
{
    free(cache->keys);
    free(cache->values);
    free(cache->stamps);
    free(cache->used);
    free(cache->uses);
    free(cache->tree);
    free(cache->next_way);
    free(cache->freed);
    free(cache->heads);
    free(cache->chain);
    free(cache->newer);
    free(cache->older);
    free(cache->newest);
    free(cache->oldest);
    *cache = (struct translation_cache){0};
}

void translation_cache_partition(struct translation_cache *cache, uint32_t partitions)
{
    assert(partitions <= 1 || cache->sets % partitions == 0);
    cache->partitions = partitions;
}

void translation_cache_clear(struct translation_cache *cache)
{
    if (cache->sets == 0)
        return;
    memset(cache->keys, 0xff, (size_t)cache->sets * cache->ways * sizeof(*cache->keys));
    memset(cache->used, 0, cache->sets * sizeof(*cache->used));
    memset(cache->next_way, 0, cache->sets * sizeof(*cache->next_way));
    memset(cache->freed, 0xff, cache->sets * sizeof(*cache->freed));
    if (cache->heads) {
        memset(cache->heads, 0xff, ((size_t)cache->hash_mask + 1) * sizeof(*cache->heads));
        memset(cache->newest, 0xff, cache->sets * sizeof(*cache->newest));
        memset(cache->oldest, 0xff, cache->sets * sizeof(*cache->oldest));
    }
}

/* Sets are usually a power of two: spare the division then. */
static inline uint32_t set_of(const struct translation_cache *cache, uint64_t index)
{
    return (uint32_t)((cache->sets & (cache->sets - 1)) == 0 ? index & (cache->sets - 1)
                                                             : index % cache->sets);
}

static inline uint32_t hash_of(const struct translation_cache *cache, uint64_t key)
{
    return (uint32_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 32) & cache->hash_mask;
}

/* Entry of the set that holds the key, NO_ENTRY where none does. A key always comes with the same set. */
static inline uint32_t find_entry(const struct translation_cache *cache, uint32_t set, uint64_t key)
{
    if (cache->heads) {
        uint32_t entry = cache->heads[hash_of(cache, key)];
        while (entry != NO_ENTRY && cache->keys[entry] != key)
            entry = cache->chain[entry];
        return entry;
    }
    uint32_t first = set * cache->ways, end = first + cache->used[set];
    for (uint32_t entry = first; entry < end; entry++) {
        if (cache->keys[entry] == key)
            return entry;
    }
    return NO_ENTRY;
}

/* ---- LRU list of a wide set ---- */

static void list_remove(struct translation_cache *cache, uint32_t set, uint32_t entry)
{
    uint32_t newer = cache->newer[entry], older = cache->older[entry];
    if (newer == NO_ENTRY)
        cache->newest[set] = older;
    else
        cache->older[newer] = older;
    if (older == NO_ENTRY)
        cache->oldest[set] = newer;
    else
        cache->newer[older] = newer;
}

static void list_add_newest(struct translation_cache *cache, uint32_t set, uint32_t entry)
{
    cache->newer[entry] = NO_ENTRY;
    cache->older[entry] = cache->newest[set];
    if (cache->newest[set] == NO_ENTRY)
        cache->oldest[set] = entry;
    else
        cache->newer[cache->newest[set]] = entry;
    cache->newest[set] = entry;
}

static inline void touch(struct translation_cache *cache, uint32_t set, uint32_t entry)
{
    if (!cache->heads) {
        cache->stamps[entry] = ++cache->clock;
    } else if (cache->newest[set] != entry) {
        list_remove(cache, set, entry);
        list_add_newest(cache, set, entry);
    }
}

/* ---- pseudo-LRU: a binary tree a set; each node points to the half that was used longer ago ---- */

static void tree_touch(struct translation_cache *cache, uint32_t set, uint32_t way)
{
    uint64_t *tree = &cache->tree[(size_t)set * cache->tree_words];
    uint32_t node = 1;
    for (uint32_t half = cache->tree_leaves / 2; half; half /= 2) {
        bool right = way & half;
        uint64_t bit = UINT64_C(1) << (node % 64);
        tree[node / 64] = right ? tree[node / 64] & ~bit : tree[node / 64] | bit; /* points away from it */
        node = 2 * node + right;
    }
}

static uint32_t tree_victim(const struct translation_cache *cache, uint32_t set)
{
    const uint64_t *tree = &cache->tree[(size_t)set * cache->tree_words];
    uint32_t node = 1, way = 0;
    for (uint32_t half = cache->tree_leaves / 2; half; half /= 2) {
        bool right = tree[node / 64] >> (node % 64) & 1;
        right &= way + half < cache->ways; /* no ways on that side: the tree is not full */
        way += right ? half : 0;
        node = 2 * node + right;
    }
    return way;
}

static void note_use(struct translation_cache *cache, uint32_t set, uint32_t entry)
{
    if (cache->policy == REPLACE_LRU)
        touch(cache, set, entry);
    else if (cache->policy == REPLACE_PSEUDO_LRU)
        tree_touch(cache, set, entry - set * cache->ways);
    else if (cache->policy == REPLACE_LFU)
        cache->uses[entry]++;
}

/* ---- public ---- */

bool translation_cache_find(struct translation_cache *cache, uint64_t index, uint64_t key, uint64_t *value)
{
    if (cache->sets == 0)
        return false;
    uint32_t set = set_of(cache, index), entry = find_entry(cache, set, key);
    if (entry == NO_ENTRY)
        return false;
    note_use(cache, set, entry);
    *value = cache->values[entry];
    return true;
}

bool translation_cache_present(const struct translation_cache *cache, uint64_t index, uint64_t key)
{
    return cache->sets && find_entry(cache, set_of(cache, index), key) != NO_ENTRY;
}

/* The entry found least often; of several the one inserted first. */
static uint32_t least_used(const struct translation_cache *cache, uint32_t first)
{
    uint32_t least = first;
    for (uint32_t entry = first + 1; entry < first + cache->ways; entry++) {
        if (cache->uses[entry] < cache->uses[least] ||
            (cache->uses[entry] == cache->uses[least] && cache->stamps[entry] < cache->stamps[least]))
            least = entry;
    }
    return least;
}

static uint32_t victim(struct translation_cache *cache, uint32_t set)
{
    uint32_t first = set * cache->ways;
    if (cache->policy == REPLACE_FIFO) {
        uint32_t way = cache->next_way[set];
        cache->next_way[set] = way + 1 == cache->ways ? 0 : way + 1;
        return first + way;
    }
    if (cache->policy == REPLACE_RANDOM)
        return first + (uint32_t)random_below(&cache->random, cache->ways);
    if (cache->policy == REPLACE_PSEUDO_LRU)
        return first + tree_victim(cache, set);
    if (cache->policy == REPLACE_LFU)
        return least_used(cache, first);
    if (cache->heads)
        return cache->oldest[set];
    uint32_t oldest = first;
    for (uint32_t entry = first + 1; entry < first + cache->ways; entry++) {
        if (cache->stamps[entry] < cache->stamps[oldest])
            oldest = entry;
    }
    return oldest;
}

static void unchain(struct translation_cache *cache, uint32_t entry)
{
    uint32_t *link = &cache->heads[hash_of(cache, cache->keys[entry])];
    while (*link != entry)
        link = &cache->chain[*link];
    *link = cache->chain[entry];
}

void translation_cache_insert(struct translation_cache *cache, uint64_t index, uint64_t key, uint64_t value)
{
    if (cache->sets == 0)
        return;
    uint32_t set = set_of(cache, index), entry;
    if (cache->freed[set] != NO_ENTRY) {
        entry = cache->freed[set];
        cache->freed[set] = cache->chain[entry];
    } else if (cache->used[set] < cache->ways) {
        entry = set * cache->ways + cache->used[set]++;
    } else {
        entry = victim(cache, set);
        if (cache->heads) {
            unchain(cache, entry);
            list_remove(cache, set, entry);
        }
    }
    cache->keys[entry] = key;
    cache->values[entry] = value;
    if (cache->policy == REPLACE_PSEUDO_LRU)
        tree_touch(cache, set, entry - set * cache->ways);
    if (cache->policy == REPLACE_LFU) {
        cache->uses[entry] = 0;
        cache->stamps[entry] = ++cache->clock;
    }
    if (cache->heads) {
        uint32_t *head = &cache->heads[hash_of(cache, key)];
        cache->chain[entry] = *head;
        *head = entry;
        list_add_newest(cache, set, entry);
    } else if (cache->policy != REPLACE_LFU) {
        cache->stamps[entry] = ++cache->clock;
    }
}

static void drop(struct translation_cache *cache, uint32_t set, uint32_t entry)
{
    if (cache->heads) {
        unchain(cache, entry);
        list_remove(cache, set, entry);
    }
    cache->keys[entry] = TRANSLATION_CACHE_EMPTY;
    cache->chain[entry] = cache->freed[set];
    cache->freed[set] = entry;
}

void translation_cache_remove(struct translation_cache *cache, uint64_t index, uint64_t key)
{
    if (cache->sets == 0)
        return;
    uint32_t set = set_of(cache, index);
    for (uint32_t entry; (entry = find_entry(cache, set, key)) != NO_ENTRY;)
        drop(cache, set, entry);
}

void translation_cache_remove_matching(struct translation_cache *cache, uint64_t mask, uint64_t value)
{
    for (uint32_t set = 0; set < cache->sets; set++) {
        uint32_t first = set * cache->ways;
        for (uint32_t entry = first; entry < first + cache->used[set]; entry++) {
            if (cache->keys[entry] != TRANSLATION_CACHE_EMPTY &&
                (cache->keys[entry] & mask) == (value & mask))
                drop(cache, set, entry);
        }
    }
}
