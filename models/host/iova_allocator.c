/* SPDX-License-Identifier: MIT */
#include "models/host/iova_allocator.h"

#include "sim/base/arena.h"

#include <stdlib.h>

static const uint64_t depot_interval_ps = UINT64_C(100000000000); /* IOVA_DEPOT_DELAY */

/* ---- magazines ---- */

static struct iova_magazine *magazine_new(const struct iova_allocator *allocator)
{
    return memory_alloc(sizeof(struct iova_magazine) +
                        allocator->parameters->magazine_entries * sizeof(uint64_t));
}

static bool magazine_full(const struct iova_allocator *allocator, const struct iova_magazine *magazine)
{
    return magazine && magazine->count == allocator->parameters->magazine_entries;
}

static bool magazine_empty(const struct iova_magazine *magazine)
{
    return !magazine || magazine->count == 0;
}

/* The last entry whose range ends in time; the last of all takes its place. */
static bool magazine_pop(struct iova_magazine *magazine, uint64_t highest, uint64_t *page)
{
    for (uint32_t i = magazine->count; i-- > 0;) {
        if (magazine->pages[i] > highest)
            continue;
        *page = magazine->pages[i];
        magazine->pages[i] = magazine->pages[--magazine->count];
        return true;
    }
    return false;
}

/* All ranges of a magazine go into the tree. */
static void empty_magazine(struct iova_allocator *allocator, struct iova_magazine *magazine)
{
    for (uint32_t i = 0; magazine && i < magazine->count; i++)
        iova_tree_give(&allocator->tree, magazine->pages[i]);
    if (magazine)
        magazine->count = 0;
}

static void swap(struct iova_magazine **a, struct iova_magazine **b)
{
    struct iova_magazine *kept = *a;
    *a = *b;
    *b = kept;
}

/* ---- the depot ---- */

static struct iova_magazine *depot_pop(struct iova_cache *cache)
{
    struct iova_magazine *magazine = cache->depot;
    cache->depot = magazine->next;
    cache->depot_count--;
    return magazine;
}

static void depot_push(struct iova_allocator *allocator, struct iova_cache *cache,
                       struct iova_magazine *magazine, uint64_t now_ps)
{
    uint32_t limit = allocator->parameters->depot_magazines;
    if (limit && cache->depot_count == limit) {
        empty_magazine(allocator, magazine);
        free(magazine);
        return;
    }
    magazine->next = cache->depot;
    cache->depot = magazine;
    cache->depot_count++;
    if (!limit && cache->trim_ps == UINT64_MAX)
        cache->trim_ps = now_ps + depot_interval_ps;
}

/* What the worker has done by now: a magazine each 100 ms, as long as there are more than CPUs. */
static void trim(struct iova_allocator *allocator, uint64_t now_ps)
{
    for (;;) {
        struct iova_cache *next = &allocator->caches[0];
        for (int order = 1; order < IOVA_CACHED_ORDERS; order++) {
            if (allocator->caches[order].trim_ps < next->trim_ps)
                next = &allocator->caches[order];
        }
        if (next->trim_ps > now_ps)
            return;
        if (next->depot_count <= allocator->cpus) {
            next->trim_ps = UINT64_MAX;
            continue;
        }
        struct iova_magazine *magazine = depot_pop(next);
        empty_magazine(allocator, magazine);
        free(magazine);
        next->trim_ps += depot_interval_ps;
    }
}

static unsigned order_of(uint64_t pages)
{
    unsigned order = 0;
    while (UINT64_C(1) << order < pages)
        order++;
    return order;
}

/* Take from the caches: __iova_rcache_get(). @param highest  page the range may begin at */
static bool cache_take(struct iova_allocator *allocator, struct iova_cache *cache, struct kernel_time *time,
                       uint64_t highest, uint64_t *page)
{
    struct iova_magazine **loaded = &cache->loaded[time->cpu], **previous = &cache->previous[time->cpu];
    bool from_depot = false;
    kernel_time_spend(time, KERNEL_IOVA, allocator->parameters->magazine_ps);
    if (magazine_empty(*loaded) && !magazine_empty(*previous))
        swap(loaded, previous);
    if (magazine_empty(*loaded)) {
        spin_lock_take(&cache->lock, time, allocator->parameters->lock_handoff_ps);
        from_depot = cache->depot != NULL;
        if (from_depot) {
            free(*loaded);
            *loaded = depot_pop(cache);
        }
        spin_lock_release(&cache->lock, time);
    }
    if (magazine_empty(*loaded) || !magazine_pop(*loaded, highest, page))
        return false;
    *(from_depot ? &allocator->counters.depot_hits : &allocator->counters.magazine_hits) += 1;
    return true;
}

/* Put into the caches: __iova_rcache_insert(). */
static void cache_give(struct iova_allocator *allocator, struct iova_cache *cache, struct kernel_time *time,
                       uint64_t page)
{
    struct iova_magazine **loaded = &cache->loaded[time->cpu], **previous = &cache->previous[time->cpu];
    kernel_time_spend(time, KERNEL_IOVA, allocator->parameters->magazine_ps);
    if (magazine_full(allocator, *loaded) && !magazine_full(allocator, *previous))
        swap(loaded, previous);
    if (magazine_full(allocator, *loaded)) {
        spin_lock_take(&cache->lock, time, allocator->parameters->lock_handoff_ps);
        depot_push(allocator, cache, *loaded, time->now_ps);
        spin_lock_release(&cache->lock, time);
        *loaded = NULL;
    }
    if (!*loaded)
        *loaded = magazine_new(allocator);
    (*loaded)->pages[(*loaded)->count++] = page;
}

void iova_allocator_empty(struct iova_allocator *allocator)
{
    for (uint32_t cpu = 0; cpu < allocator->cpus; cpu++) {
        for (int order = 0; order < IOVA_CACHED_ORDERS; order++) {
            empty_magazine(allocator, allocator->caches[order].loaded[cpu]);
            empty_magazine(allocator, allocator->caches[order].previous[cpu]);
        }
    }
    for (int order = 0; order < IOVA_CACHED_ORDERS; order++) {
        struct iova_cache *cache = &allocator->caches[order];
        while (cache->depot) {
            struct iova_magazine *magazine = depot_pop(cache);
            empty_magazine(allocator, magazine);
            free(magazine);
        }
    }
}

/* ---- the tree, under its lock ---- */

static bool tree_take(struct iova_allocator *allocator, struct kernel_time *time, uint64_t pages,
                      uint64_t last, uint64_t *page)
{
    const struct iova_parameters *costs = allocator->parameters;
    uint64_t visited = 0;
    spin_lock_take(&allocator->tree_lock, time, costs->lock_handoff_ps);
    bool found = iova_tree_take(&allocator->tree, pages, last, page, &visited);
    kernel_time_spend(time, KERNEL_IOVA, costs->tree_ps + visited * costs->tree_step_ps);
    spin_lock_release(&allocator->tree_lock, time);
    allocator->counters.visited += visited;
    allocator->counters.tree_takes += found;
    return found;
}

static bool take_pages(struct iova_allocator *allocator, struct kernel_time *time, uint64_t pages,
                       uint64_t last, bool empty_magazines, uint64_t *page)
{
    unsigned order = order_of(pages);
    trim(allocator, time->now_ps);
    if (order < IOVA_CACHED_ORDERS && pages <= last + 1 &&
        cache_take(allocator, &allocator->caches[order], time, last + 1 - pages, page))
        return true;
    if (tree_take(allocator, time, pages, last, page))
        return true;
    if (!empty_magazines)
        return false;
    allocator->counters.emptied++;
    iova_allocator_empty(allocator);
    return tree_take(allocator, time, pages, last, page);
}

/* ---- the interface ---- */

static uint64_t pages_of(const struct iova_allocator *allocator, uint64_t length)
{
    uint64_t pages = (length + (UINT64_C(1) << allocator->page_shift) - 1) >> allocator->page_shift;
    unsigned order = order_of(pages);
    return order < IOVA_CACHED_ORDERS ? UINT64_C(1) << order : pages;
}

bool iova_allocator_take(struct iova_allocator *allocator, struct kernel_time *time, uint64_t length,
                         uint64_t limit, bool empty_magazines, uint64_t *address)
{
    uint64_t pages = pages_of(allocator, length), page;
    if (!take_pages(allocator, time, pages, limit >> allocator->page_shift, empty_magazines, &page)) {
        allocator->counters.failures++;
        return false;
    }
    *address = page << allocator->page_shift;
    allocator->live_bytes += pages << allocator->page_shift;
    if (allocator->live_bytes > allocator->live_bytes_high)
        allocator->live_bytes_high = allocator->live_bytes;
    return true;
}

void iova_allocator_give(struct iova_allocator *allocator, struct kernel_time *time, uint64_t address,
                         uint64_t length)
{
    const struct iova_parameters *costs = allocator->parameters;
    uint64_t pages = pages_of(allocator, length), page = address >> allocator->page_shift;
    unsigned order = order_of(pages);
    allocator->live_bytes -= pages << allocator->page_shift;
    trim(allocator, time->now_ps);
    if (order < IOVA_CACHED_ORDERS) {
        cache_give(allocator, &allocator->caches[order], time, page);
        return;
    }
    spin_lock_take(&allocator->tree_lock, time, costs->lock_handoff_ps);
    iova_tree_give(&allocator->tree, page);
    kernel_time_spend(time, KERNEL_IOVA, costs->tree_ps);
    spin_lock_release(&allocator->tree_lock, time);
    allocator->counters.tree_gives++;
}

void iova_allocator_restart_counters(struct iova_allocator *allocator)
{
    allocator->counters = (struct iova_counters){0};
    allocator->live_bytes_high = allocator->live_bytes;
    allocator->tree_lock.taken = allocator->tree_lock.waited_for = allocator->tree_lock.wait_ps = 0;
}

void iova_allocator_restart(struct iova_allocator *allocator)
{
    iova_allocator_restart_counters(allocator);
    allocator->tree_lock = (struct spin_lock){0};
    for (int order = 0; order < IOVA_CACHED_ORDERS; order++) {
        allocator->caches[order].lock = (struct spin_lock){0};
        if (allocator->caches[order].trim_ps != UINT64_MAX)
            allocator->caches[order].trim_ps = depot_interval_ps;
    }
}

void iova_allocator_reserve(struct iova_allocator *allocator, uint64_t base, uint64_t limit)
{
    iova_tree_reserve(&allocator->tree, base >> allocator->page_shift, limit >> allocator->page_shift);
}

void iova_allocator_init(struct iova_allocator *allocator, const struct iova_parameters *parameters,
                         unsigned page_shift, uint32_t cpus)
{
    *allocator = (struct iova_allocator){.parameters = parameters, .page_shift = page_shift, .cpus = cpus};
    iova_tree_init(&allocator->tree, page_shift, 1);
    for (int order = 0; order < IOVA_CACHED_ORDERS; order++) {
        struct iova_cache *cache = &allocator->caches[order];
        cache->loaded = memory_array(cpus, sizeof(struct iova_magazine *));
        cache->previous = memory_array(cpus, sizeof(struct iova_magazine *));
        cache->trim_ps = UINT64_MAX;
    }
}

void iova_allocator_fini(struct iova_allocator *allocator)
{
    if (!allocator->parameters)
        return;
    for (int order = 0; order < IOVA_CACHED_ORDERS; order++) {
        struct iova_cache *cache = &allocator->caches[order];
        for (uint32_t cpu = 0; cpu < allocator->cpus; cpu++) {
            free(cache->loaded[cpu]);
            free(cache->previous[cpu]);
        }
        while (cache->depot)
            free(depot_pop(cache));
        free(cache->loaded);
        free(cache->previous);
    }
    iova_tree_fini(&allocator->tree);
    *allocator = (struct iova_allocator){0};
}
