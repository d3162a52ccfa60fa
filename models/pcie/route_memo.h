/* SPDX-License-Identifier: MIT */
/**
 * @file route_memo.h
 * Decisions of the routing function at a node, kept for the TLPs that follow.
 *
 * The fabric does not change in a run, and most TLPs at a node are like one before: of the same requester,
 * from the same side, to an address of the same region. What is decided then is the same. Nothing else than
 * time is saved; without memos (transport.h) each TLP is routed anew, and a test holds the two together.
 */
#ifndef IOMMUSIM_PCIE_ROUTE_MEMO_H
#define IOMMUSIM_PCIE_ROUTE_MEMO_H

#include "models/pcie/tlp.h"

struct arena;

/** Addresses between two neighbours are the same to routing: no BAR, window, claim of a bus, interrupt window
 * or end of what conventional PCI can reach begins or ends between them. Ascending; the first is 0. */
struct route_regions {
    uint64_t *begins;
    uint32_t count;
};

struct route_regions route_regions_new(struct arena *arena, const struct fabric *fabric);

/** What a TLP is to routing. */
struct route_memo_key {
    uint64_t place;   /**< function and side */
    uint64_t request; /**< kind, address type, RO, traffic class, segment */
    uint64_t ids;     /**< requester, original requester, origin */
};

/** One decision; zeroed: none. */
struct route_memo {
    bool valid;
    uint64_t low, high; /**< addresses it holds for */
    struct route_memo_key key;
    struct route_place next;
    uint32_t segment, egress, turned_at_id;
    uint16_t requester_id;
    uint8_t fate, rule, error, turn; /**< turn: RULE_COUNT where it was not turned */
    bool to_host;
};

enum { ROUTE_MEMOS = 8 }; /**< of a node */

/** The place among those of its node where the decision for @p tlp is kept; NULL: it is of a kind that is not
 * (messages, configuration, I/O ports). @param key  filled where it is not NULL */
struct route_memo *route_memo_find(struct route_memo *memos, const struct tlp *tlp,
                                   struct route_memo_key *key);

/** Does the memo hold for it? */
static inline bool route_memo_holds(const struct route_memo *memo, const struct tlp *tlp,
                                    const struct route_memo_key *key)
{
    return memo->valid && memo->key.place == key->place && memo->key.request == key->request &&
           memo->key.ids == key->ids && tlp->transaction.address >= memo->low &&
           tlp->transaction.address <= memo->high;
}

/** Do with the TLP what was decided. */
void route_memo_apply(const struct route_memo *memo, struct tlp *tlp);

/** Keep what was decided for a TLP. @param turned  it was turned by this decision */
void route_memo_keep(struct route_memo *memo, const struct route_regions *regions,
                     const struct route_memo_key *key, const struct tlp *tlp, bool turned);

#endif
