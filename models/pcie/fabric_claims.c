/* SPDX-License-Identifier: MIT */
#include "models/pcie/fabric_claims.h"

#include "sim/base/arena.h"

#include <stdlib.h>
#include <string.h>

void claims_add(struct claims_builder *builder, uint64_t base, uint64_t limit, uint32_t function_id)
{
    if (base > limit)
        return;
    if (builder->count == builder->capacity) {
        size_t capacity = builder->capacity ? 2 * builder->capacity : 16;
        struct fabric_claim *items = arena_array(builder->scratch, capacity, sizeof(items[0]));
        if (builder->count > 0)
            memcpy(items, builder->items, builder->count * sizeof(items[0]));
        builder->items = items;
        builder->capacity = capacity;
    }
    builder->items[builder->count++] = (struct fabric_claim){base, limit, function_id};
}

/** Ascending by base; among equals the one that is to win comes last. */
static int compare(const void *left, const void *right)
{
    const struct fabric_claim *a = left, *b = right;
    if (a->base != b->base)
        return a->base < b->base ? -1 : 1;
    if (a->limit != b->limit)
        return a->limit > b->limit ? -1 : 1;
    return (a->function_id < b->function_id) - (a->function_id > b->function_id);
}

struct flattening {
    struct fabric_claim *out;
    uint32_t count;
    uint64_t next;  /**< everything below is written */
    bool exhausted; /**< the last address is written */
};

/** Give all that is not written yet of @p claim, up to @p limit, to it. */
static void write_part(struct flattening *flattening, const struct fabric_claim *claim, uint64_t limit)
{
    uint64_t base = claim->base > flattening->next ? claim->base : flattening->next;
    if (flattening->exhausted || base > limit)
        return;
    flattening->out[flattening->count++] = (struct fabric_claim){base, limit, claim->function_id};
    flattening->next = limit + 1;
    flattening->exhausted = limit == UINT64_MAX;
}

struct fabric_claims claims_finish(struct claims_builder *builder, struct arena *arena)
{
    size_t count = builder->count;
    if (count > 1)
        qsort(builder->items, count, sizeof(builder->items[0]), compare);

    /* A stack of ranges that contain the current address, the one that began last on top. */
    struct fabric_claim *stack = arena_array(builder->scratch, count + 1, sizeof(stack[0]));
    struct flattening flattening = {.out = arena_array(arena, 2 * count, sizeof(stack[0]))};
    size_t depth = 0;
    for (size_t i = 0; i < count; i++) {
        const struct fabric_claim *claim = &builder->items[i];
        while (depth > 0 && stack[depth - 1].limit < claim->base) {
            depth--;
            write_part(&flattening, &stack[depth], stack[depth].limit);
        }
        if (depth > 0 && claim->base > stack[depth - 1].base)
            write_part(&flattening, &stack[depth - 1], claim->base - 1);
        stack[depth++] = *claim;
    }
    while (depth > 0) {
        depth--;
        write_part(&flattening, &stack[depth], stack[depth].limit);
    }
    builder->count = 0;
    return (struct fabric_claims){flattening.out, flattening.count};
}
