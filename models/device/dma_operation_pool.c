/* SPDX-License-Identifier: MIT */
/* Operations under way, of all engines of a machine. */
#include "models/device/dma_engine.h"

#include "sim/base/arena.h"

#include <assert.h>
#include <stdlib.h>

void dma_operation_pool_init(struct dma_operation_pool *pool)
{
    *pool = (struct dma_operation_pool){.free_first = NONE};
}

void dma_operation_pool_fini(struct dma_operation_pool *pool)
{
    free(pool->items);
    *pool = (struct dma_operation_pool){0};
}

void dma_operation_pool_reserve(struct dma_operation_pool *pool, uint32_t spare)
{
    if (pool->count - pool->live >= spare)
        return;
    uint32_t count = memory_doubled(pool->count ? pool->count : 256, (uint64_t)pool->live + spare);
    pool->items = memory_resize(pool->items, count, sizeof(*pool->items));
    for (uint32_t i = count; i-- > pool->count;) {
        pool->items[i].next = pool->free_first;
        pool->items[i].stream = NONE;
        pool->free_first = i;
    }
    pool->count = count;
}

uint32_t dma_operation_take(struct dma_operation_pool *pool)
{
    uint32_t index = pool->free_first;
    assert(index != NONE);
    pool->free_first = pool->items[index].next;
    pool->items[index] = (struct dma_operation){.next = NONE};
    pool->live++;
    return index;
}

void dma_operation_release(struct dma_operation_pool *pool, uint32_t index)
{
    pool->items[index].next = pool->free_first;
    pool->items[index].stream = NONE;
    pool->free_first = index;
    pool->live--;
}
