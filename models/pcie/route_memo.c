/* SPDX-License-Identifier: MIT */
#include "models/pcie/route_memo.h"

#include "sim/base/arena.h"

#include <stdlib.h>

/* ---- regions ---- */

static void add_range(struct route_regions *regions, uint64_t base, uint64_t limit)
{
    if (base > limit)
        return;
    regions->begins[regions->count++] = base;
    if (limit < UINT64_MAX)
        regions->begins[regions->count++] = limit + 1;
}

static int compare(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

static size_t count_ranges(const struct fabric *fabric)
{
    size_t ranges = 0;
    for (uint32_t b = 0; b < fabric->topology->bus_count; b++)
        ranges += fabric->buses[b].address.count;
    for (uint32_t f = 0; f < fabric->topology->function_count; f++)
        ranges += 2 + fabric->nodes[f].bar_count;
    return ranges;
}

struct route_regions route_regions_new(struct arena *arena, const struct fabric *fabric)
{
    struct route_regions regions = {0};
    regions.begins = arena_array(arena, 2 * count_ranges(fabric) + 4, sizeof(uint64_t));
    regions.begins[regions.count++] = 0;
    add_range(&regions, ROUTE_MSI_BASE, ROUTE_MSI_LIMIT);
    for (uint32_t b = 0; b < fabric->topology->bus_count; b++) {
        const struct fabric_claims *claims = &fabric->buses[b].address;
        for (uint32_t i = 0; i < claims->count; i++)
            add_range(&regions, claims->items[i].base, claims->items[i].limit);
    }
    for (uint32_t f = 0; f < fabric->topology->function_count; f++) {
        const struct fabric_node *node = &fabric->nodes[f];
        for (int w = 0; w < 2; w++)
            add_range(&regions, node->windows[w][0], node->windows[w][1]);
        for (uint32_t i = node->bar_first; i < node->bar_first + node->bar_count; i++)
            add_range(&regions, fabric->bars[i].base, fabric->bars[i].limit);
    }
    qsort(regions.begins, regions.count, sizeof(uint64_t), compare);
    return regions;
}

/* The region of an address. The same begin may be there several times. */
static void find_region(const struct route_regions *regions, uint64_t address, uint64_t *low, uint64_t *high)
{
    uint32_t first = 0, count = regions->count;
    while (count > 1) {
        uint32_t half = count / 2;
        first += regions->begins[first + half] <= address ? half : 0;
        count -= half;
    }
    *low = regions->begins[first];
    *high = first + 1 < regions->count ? regions->begins[first + 1] - 1 : UINT64_MAX;
}

/* ---- memos ---- */

struct route_memo *route_memo_find(struct route_memo *memos, const struct tlp *tlp,
                                   struct route_memo_key *key)
{
    const struct transaction *transaction = &tlp->transaction;
    bool completion = transaction->kind == TRANSACTION_COMPLETION;
    if (!memos || (!completion && !transaction_is_memory(transaction->kind)))
        return NULL;
    key->place = (uint64_t)tlp->place.function_id << 8 | tlp->place.side;
    key->request = (uint64_t)transaction->segment << 32 | (uint64_t)transaction->kind << 24 |
                   (uint64_t)transaction->address_type << 16 | (uint64_t)tlp->traffic_class << 8 |
                   transaction->relaxed_ordering;
    key->ids = transaction->requester_id;
    if (completion) /* whose bridges put the old id back */
        key->ids |= (uint64_t)tlp->origin_id << 32 | (uint64_t)tlp->original_requester_id << 16;
    uint32_t hash = transaction->requester_id * 5U + transaction->kind + tlp->place.function_id;
    return &memos[(hash ^ hash >> 3) % ROUTE_MEMOS];
}

void route_memo_apply(const struct route_memo *memo, struct tlp *tlp)
{
    tlp->place = memo->next;
    tlp->transaction.segment = memo->segment;
    tlp->transaction.requester_id = memo->requester_id;
    tlp->fate = memo->fate;
    tlp->rule = memo->rule;
    tlp->to_host = memo->to_host;
    if (memo->fate == FATE_FORWARD)
        tlp->egress = memo->egress;
    if (memo->fate == FATE_DROP)
        tlp->error = memo->error;
    if (memo->turn != RULE_COUNT) {
        tlp->turn = memo->turn;
        tlp->turned_at_id = memo->turned_at_id;
    }
}

void route_memo_keep(struct route_memo *memo, const struct route_regions *regions,
                     const struct route_memo_key *key, const struct tlp *tlp, bool turned)
{
    *memo = (struct route_memo){.valid = true,
                                .high = UINT64_MAX,
                                .key = *key,
                                .next = tlp->place,
                                .segment = tlp->transaction.segment,
                                .requester_id = tlp->transaction.requester_id,
                                .egress = tlp->egress,
                                .turned_at_id = tlp->turned_at_id,
                                .fate = tlp->fate,
                                .rule = tlp->rule,
                                .error = tlp->error,
                                .turn = turned ? tlp->turn : RULE_COUNT,
                                .to_host = tlp->to_host};
    if (tlp->transaction.kind != TRANSACTION_COMPLETION)
        find_region(regions, tlp->transaction.address, &memo->low, &memo->high);
}
