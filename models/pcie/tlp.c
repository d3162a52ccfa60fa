/* SPDX-License-Identifier: MIT */
#include "models/pcie/tlp.h"

#include "sim/base/arena.h"

#include <assert.h>
#include <stdlib.h>

void tlp_pool_init(struct tlp_pool *pool)
{
    *pool = (struct tlp_pool){.free_first = NONE};
}

void tlp_pool_fini(struct tlp_pool *pool)
{
    free(pool->items);
    free(pool->works);
    *pool = (struct tlp_pool){0};
}

bool tlp_pool_reserve(struct tlp_pool *pool, uint32_t spare)
{
    if (pool->count - pool->live >= spare)
        return false;
    uint32_t count = memory_doubled(pool->count ? pool->count : 256, (uint64_t)pool->live + spare);
    pool->items = memory_resize(pool->items, count, sizeof(*pool->items));
    pool->works = memory_resize(pool->works, count, sizeof(*pool->works));
    for (uint32_t i = count; i-- > pool->count;) {
        pool->items[i].next = pool->free_first;
        pool->free_first = i;
    }
    pool->count = count;
    return true;
}

uint32_t tlp_take(struct tlp_pool *pool)
{
    uint32_t index = pool->free_first;
    assert(index != NONE);
    pool->free_first = pool->items[index].next;
    pool->items[index] =
        (struct tlp){.next = NONE, .turn = RULE_COUNT, .stopped_by = RULE_COUNT, .stopped_at_id = NONE};
    pool->live++;
    return index;
}

void tlp_release(struct tlp_pool *pool, uint32_t index)
{
    pool->items[index].next = pool->free_first;
    pool->free_first = index;
    pool->live--;
}
