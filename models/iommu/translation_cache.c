/* SPDX-License-Identifier: MIT */
#include "models/iommu/translation_cache.h"

#include "sim/base/arena.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

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
    cache->next_way = memory_array(cache->sets, sizeof(*cache->next_way));
    translation_cache_clear(cache);
}

void translation_cache_fini(struct translation_cache *cache)
{
    free(cache->keys);
    free(cache->values);
    free(cache->stamps);
    free(cache->next_way);
    *cache = (struct translation_cache){0};
}

void translation_cache_clear(struct translation_cache *cache)
{
    if (cache->sets)
        memset(cache->keys, 0xff, (size_t)cache->sets * cache->ways * sizeof(*cache->keys));
}

/* Sets are usually a power of two: spare the division then. */
static inline size_t first_of_set(const struct translation_cache *cache, uint64_t index)
{
    uint64_t set = (cache->sets & (cache->sets - 1)) == 0 ? index & (cache->sets - 1) : index % cache->sets;
    return (size_t)set * cache->ways;
}

static inline uint32_t find_way(const uint64_t *keys, uint32_t ways, uint64_t key)
{
    uint32_t way = 0;
    for (; way + 8 <= ways; way += 8) { /* eight at a time: the compiler makes it a few vector compares */
        unsigned any = 0;
        for (uint32_t i = 0; i < 8; i++)
            any |= keys[way + i] == key;
        if (any)
            break;
    }
    while (way < ways && keys[way] != key)
        way++;
    return way;
}

bool translation_cache_find(struct translation_cache *cache, uint64_t index, uint64_t key, uint64_t *value)
{
    if (cache->sets == 0)
        return false;
    size_t first = first_of_set(cache, index);
    uint32_t way = find_way(cache->keys + first, cache->ways, key);
    if (way == cache->ways)
        return false;
    cache->stamps[first + way] = ++cache->clock;
    *value = cache->values[first + way];
    return true;
}

bool translation_cache_present(const struct translation_cache *cache, uint64_t index, uint64_t key)
{
    if (cache->sets == 0)
        return false;
    return find_way(cache->keys + first_of_set(cache, index), cache->ways, key) < cache->ways;
}

static uint32_t victim_way(struct translation_cache *cache, size_t first)
{
    if (cache->policy ==
        REPLACE_FIFO) { /* empty ways come first by themselves: the pointer starts at way 0 */
        uint32_t *next = &cache->next_way[first / cache->ways];
        uint32_t way = *next;
        *next = way + 1 == cache->ways ? 0 : way + 1;
        return way;
    }
    uint32_t empty = find_way(cache->keys + first, cache->ways, TRANSLATION_CACHE_EMPTY);
    if (empty < cache->ways)
        return empty;
    if (cache->policy == REPLACE_RANDOM)
        return (uint32_t)random_below(&cache->random, cache->ways);
    uint32_t oldest = 0;
    for (uint32_t way = 1; way < cache->ways; way++) {
        if (cache->stamps[first + way] < cache->stamps[first + oldest])
            oldest = way;
    }
    return oldest;
}

void translation_cache_insert(struct translation_cache *cache, uint64_t index, uint64_t key, uint64_t value)
{
    if (cache->sets == 0)
        return;
    size_t first = first_of_set(cache, index);
    size_t entry = first + victim_way(cache, first);
    cache->keys[entry] = key;
    cache->values[entry] = value;
    cache->stamps[entry] = ++cache->clock;
}
