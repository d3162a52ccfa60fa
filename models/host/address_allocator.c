/* SPDX-License-Identifier: MIT */
#include "models/host/address_allocator.h"

#include "sim/base/arena.h"

#include <assert.h>
#include <stdlib.h>

enum { PAGE_SHIFT = 12 };

void address_allocator_init(struct address_allocator *allocator, uint64_t base, uint64_t limit, bool top_down,
                            const struct address_hole *holes, uint32_t hole_count)
{
    *allocator = (struct address_allocator){.base = base,
                                            .limit = limit,
                                            .top_down = top_down,
                                            .next = top_down ? limit + 1 : base,
                                            .holes = holes,
                                            .hole_count = hole_count};
}

void address_allocator_fini(struct address_allocator *allocator)
{
    for (int order = 0; order < ADDRESS_ORDERS; order++)
        free(allocator->returned[order].items);
    *allocator = (struct address_allocator){0};
}

static unsigned order_of(uint64_t length)
{
    uint64_t pages = (length + (UINT64_C(1) << PAGE_SHIFT) - 1) >> PAGE_SHIFT;
    unsigned order = 0;
    while (UINT64_C(1) << order < pages)
        order++;
    assert(order < ADDRESS_ORDERS);
    return order;
}

/* The hole that the range touches, or NULL. */
static const struct address_hole *hole_at(const struct address_allocator *allocator, uint64_t first,
                                          uint64_t size)
{
    for (uint32_t i = 0; i < allocator->hole_count; i++) {
        const struct address_hole *hole = &allocator->holes[i];
        if (first <= hole->limit && first + (size - 1) >= hole->base)
            return hole;
    }
    return NULL;
}

static bool take_below(struct address_allocator *allocator, uint64_t size, uint64_t *address)
{
    const struct address_hole *hole;
    uint64_t end = allocator->next;
    for (;;) {
        if (end < size || ((end - size) & ~(size - 1)) < allocator->base)
            return false;
        uint64_t first = (end - size) & ~(size - 1);
        hole = hole_at(allocator, first, size);
        if (!hole) {
            *address = allocator->next = first;
            return true;
        }
        end = hole->base;
    }
}

static bool take_above(struct address_allocator *allocator, uint64_t size, uint64_t *address)
{
    const struct address_hole *hole;
    uint64_t from = allocator->next;
    for (;;) {
        uint64_t first = (from + (size - 1)) & ~(size - 1);
        if (first < from || first > allocator->limit || size - 1 > allocator->limit - first)
            return false;
        hole = hole_at(allocator, first, size);
        if (!hole) {
            *address = first;
            allocator->next = first + size;
            return true;
        }
        from = hole->limit + 1;
    }
}

bool address_allocator_take(struct address_allocator *allocator, uint64_t length, uint64_t *address)
{
    unsigned order = order_of(length);
    struct address_stack *stack = &allocator->returned[order];
    if (stack->count) {
        *address = stack->items[--stack->count];
        return true;
    }
    uint64_t size = UINT64_C(1) << (PAGE_SHIFT + order);
    return allocator->top_down ? take_below(allocator, size, address) : take_above(allocator, size, address);
}

void address_allocator_give(struct address_allocator *allocator, uint64_t address, uint64_t length)
{
    struct address_stack *stack = &allocator->returned[order_of(length)];
    stack->items = memory_grow(stack->items, stack->count, &stack->capacity, sizeof(*stack->items));
    stack->items[stack->count++] = address;
}
