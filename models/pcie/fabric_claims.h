/* SPDX-License-Identifier: MIT */
/**
 * @file fabric_claims.h
 * Sorted, disjoint tables of who claims what, and the search in them.
 */
#ifndef IOMMUSIM_PCIE_FABRIC_CLAIMS_H
#define IOMMUSIM_PCIE_FABRIC_CLAIMS_H

#include "models/pcie/fabric.h"

/** A table while it is filled. Zero-initialise all but @c scratch. */
struct claims_builder {
    struct arena *scratch; /**< for work; the table itself goes to another arena */
    struct fabric_claim *items;
    size_t count, capacity;
};

/** Add a range; nothing happens where @p base > @p limit (a closed window). */
void claims_add(struct claims_builder *builder, uint64_t base, uint64_t limit, uint32_t function_id);

/**
 * Sort and make disjoint. Where ranges overlap (a contradictory machine, or BARs of unknown size) the one
 * that begins later wins, as the more specific; of those that begin together the smaller one; then the
 * function with the lower id.
 * @return the table, in @p arena; @p builder is empty again and may be filled anew
 */
struct fabric_claims claims_finish(struct claims_builder *builder, struct arena *arena);

/** The function that claims @p value, or NULL where nobody does. The claim may be a hole (function NONE). */
static inline const struct fabric_claim *claims_find(const struct fabric_claims *claims, uint64_t value)
{
    const struct fabric_claim *items = claims->items;
    uint32_t count = claims->count;
    if (count == 0)
        return NULL;
    while (count > 1) {
        uint32_t half = count / 2;
        items += items[half].base <= value ? half : 0;
        count -= half;
    }
    return items->base <= value && value <= items->limit ? items : NULL;
}

#endif
