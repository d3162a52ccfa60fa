/* SPDX-License-Identifier: MIT */
#include "models/pcie/root_port_order.h"

void root_port_order_init(struct root_port_order *order)
{
    *order = (struct root_port_order){
        .posted_first = NONE, .posted_last = NONE, .leaving = NONE, .held_first = NONE, .held_last = NONE};
}

/* ---- lists, by arrival ---- */

/* Behind those that came before it: at the end, most often. */
static void insert(struct tlp_pool *pool, uint32_t *first, uint32_t *last, uint32_t index)
{
    struct tlp *items = pool->items;
    uint32_t before = *last;
    if (before != NONE && items[before].arrival > items[index].arrival) {
        before = NONE;
        for (uint32_t i = *first; items[i].arrival < items[index].arrival; i = items[i].next)
            before = i;
    }
    uint32_t next = before == NONE ? *first : items[before].next;
    items[index].next = next;
    if (before == NONE)
        *first = index;
    else
        items[before].next = index;
    if (next == NONE)
        *last = index;
}

static void take(struct tlp_pool *pool, uint32_t *first, uint32_t *last, uint32_t before, uint32_t index)
{
    uint32_t next = pool->items[index].next;
    if (before == NONE)
        *first = next;
    else
        pool->items[before].next = next;
    if (*last == index)
        *last = before;
}

/* ---- the rules ---- */

void root_port_order_arrive(struct root_port_order *order, struct tlp_pool *pool, uint32_t index)
{
    struct tlp *tlp = &pool->items[index];
    tlp->arrival = order->arrivals++;
    if (tlp->flow == FLOW_POSTED)
        insert(pool, &order->posted_first, &order->posted_last, index);
}

bool root_port_order_held_back(const struct root_port_order *order, const struct tlp_pool *pool,
                               uint32_t index)
{
    const struct tlp *tlp = &pool->items[index];
    if (order->leaving != NONE) {
        const struct tlp *posted = &pool->items[order->leaving];
        if (posted->arrival < tlp->arrival && !tlp_may_pass_posted(tlp, posted->transaction.requester_id))
            return true;
    }
    for (uint32_t i = order->posted_first; i != NONE; i = pool->items[i].next) {
        const struct tlp *posted = &pool->items[i];
        if (posted->arrival >= tlp->arrival)
            return false;
        if (!tlp_may_pass_posted(tlp, posted->transaction.requester_id))
            return true;
    }
    return false;
}

void root_port_order_hold(struct root_port_order *order, struct tlp_pool *pool, uint32_t index)
{
    order->held_id_ordered += pool->items[index].id_ordered;
    insert(pool, &order->held_first, &order->held_last, index);
}

uint32_t root_port_order_release(struct root_port_order *order, struct tlp_pool *pool)
{
    uint32_t before = NONE;
    for (uint32_t i = order->held_first; i != NONE; before = i, i = pool->items[i].next) {
        if (!root_port_order_held_back(order, pool, i)) {
            order->held_id_ordered -= pool->items[i].id_ordered;
            take(pool, &order->held_first, &order->held_last, before, i);
            return i;
        }
        if (!order->held_id_ordered)
            return NONE; /* what holds the first holds all behind it */
    }
    return NONE;
}

uint32_t root_port_order_retire(struct root_port_order *order, struct tlp_pool *pool)
{
    uint32_t index = order->posted_first;
    if (index == NONE || order->leaving != NONE || !pool->items[index].committed)
        return NONE;
    take(pool, &order->posted_first, &order->posted_last, NONE, index);
    return index;
}

bool root_port_order_retire_early(struct root_port_order *order, struct tlp_pool *pool, uint32_t index)
{
    const struct tlp *tlp = &pool->items[index];
    uint32_t before = NONE;
    if (!tlp->committed || tlp->fate == FATE_FORWARD || tlp->fate == FATE_DELIVER ||
        (!tlp->id_ordered && !tlp->transaction.relaxed_ordering) ||
        root_port_order_held_back(order, pool, index))
        return false;
    for (uint32_t i = order->posted_first; i != index; i = pool->items[i].next)
        before = i;
    take(pool, &order->posted_first, &order->posted_last, before, index);
    return true;
}
