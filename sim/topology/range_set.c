/* SPDX-License-Identifier: MIT */
#include "sim/topology/range_set.h"

#include "sim/base/arena.h"

#include <stdlib.h>
#include <string.h>

void range_set_fini(struct range_set *set)
{
    free(set->ranges);
    *set = (struct range_set){0};
}

void range_set_add(struct range_set *set, uint64_t base, uint64_t limit)
{
    set->ranges = memory_grow(set->ranges, set->count, &set->capacity, sizeof(*set->ranges));
    set->ranges[set->count++] = (struct address_range){base, limit};
}

static int compare_ranges(const void *left, const void *right)
{
    const struct address_range *a = left, *b = right;
    if (a->base != b->base)
        return a->base < b->base ? -1 : 1;
    return a->limit < b->limit ? -1 : a->limit > b->limit;
}

/* True where next overlaps or touches before it, next beginning no earlier. */
static bool joins(const struct address_range *before, const struct address_range *next)
{
    return before->limit == UINT64_MAX || next->base <= before->limit + 1;
}

void range_set_settle(struct range_set *set)
{
    size_t kept = 0;
    if (set->count == 0)
        return;
    qsort(set->ranges, set->count, sizeof(*set->ranges), compare_ranges);
    for (size_t i = 1; i < set->count; i++) {
        struct address_range *last = &set->ranges[kept];
        if (!joins(last, &set->ranges[i]))
            set->ranges[++kept] = set->ranges[i];
        else if (set->ranges[i].limit > last->limit)
            last->limit = set->ranges[i].limit;
    }
    set->count = kept + 1;
}

/* Index of the first range that ends at or behind an address. */
static size_t first_from(const struct range_set *set, uint64_t address)
{
    size_t low = 0, high = set->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (set->ranges[middle].limit < address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void range_set_insert(struct range_set *set, uint64_t base, uint64_t limit)
{
    size_t first = first_from(set, base == 0 ? 0 : base - 1), end = first;
    struct address_range joined = {base, limit};
    while (end < set->count && (limit == UINT64_MAX || set->ranges[end].base <= limit + 1)) {
        if (set->ranges[end].base < joined.base)
            joined.base = set->ranges[end].base;
        if (set->ranges[end].limit > joined.limit)
            joined.limit = set->ranges[end].limit;
        end++;
    }
    if (end == first)
        set->ranges = memory_grow(set->ranges, set->count, &set->capacity, sizeof(*set->ranges));
    memmove(set->ranges + first + 1, set->ranges + end, (set->count - end) * sizeof(*set->ranges));
    set->ranges[first] = joined;
    set->count = set->count - (end - first) + 1;
}

bool range_set_gap(const struct range_set *set, uint64_t low, uint64_t high, uint64_t size, uint64_t align,
                   uint64_t *base)
{
    for (size_t i = first_from(set, low);; i++) {
        uint64_t start = (low + align - 1) & ~(align - 1);
        if (start < low || start > high || high - start < size - 1)
            return false;
        if (i == set->count || set->ranges[i].base > start + (size - 1)) {
            *base = start;
            return true;
        }
        if (set->ranges[i].limit == UINT64_MAX)
            return false;
        if (set->ranges[i].limit >= low)
            low = set->ranges[i].limit + 1;
    }
}
