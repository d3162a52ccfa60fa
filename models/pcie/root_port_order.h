/* SPDX-License-Identifier: MIT */
/**
 * @file root_port_order.h
 * The ordering rules at one port of the root complex (PCIe Base Spec table 2-40): what came in by it,
 * wherever it goes, and who has to wait for whom.
 *
 * Posted requests become visible, or leave for a peer's port, in order of arrival; non-posted requests and
 * completions go on only when the posted requests that came before them have. The RO and IDO attributes make
 * the exceptions of the table (tlp_may_pass_posted()).
 * MODEL: relaxed ordering is made use of for writes to memory; writes to peers stay in order.
 */
#ifndef IOMMUSIM_PCIE_ROOT_PORT_ORDER_H
#define IOMMUSIM_PCIE_ROOT_PORT_ORDER_H

#include "models/pcie/tlp.h"

struct root_port_order {
    uint64_t arrivals;                  /**< TLPs that came in so far */
    uint32_t posted_first, posted_last; /**< posted requests by arrival, until they are through */
    uint32_t leaving;                   /**< posted request handed on to a peer's port, not out yet; NONE */
    uint32_t held_first, held_last;     /**< non-posted requests and completions that wait, by arrival */
    uint32_t held_id_ordered;           /**< of those, how many carry IDO */
    bool advancing;                     /**< the root complex lets go what may go, further up the stack */
};

void root_port_order_init(struct root_port_order *order);

/** A TLP came in: it gets its number; a posted request is kept until it is taken by one of the functions
 * below. */
void root_port_order_arrive(struct root_port_order *order, struct tlp_pool *pool, uint32_t tlp);

/** Must the TLP wait for a posted request that came before it? */
bool root_port_order_held_back(const struct root_port_order *order, const struct tlp_pool *pool,
                               uint32_t tlp);

/** Keep a non-posted request or a completion that is held back. */
void root_port_order_hold(struct root_port_order *order, struct tlp_pool *pool, uint32_t tlp);

/** Take one that is kept and held back no more, the first by arrival; NONE where there is none. */
uint32_t root_port_order_release(struct root_port_order *order, struct tlp_pool *pool);

/** Take the first posted request, where it is through (committed) and none is leaving; else NONE. */
uint32_t root_port_order_retire(struct root_port_order *order, struct tlp_pool *pool);

/** Take posted request @p tlp from among those before it, where it may pass them all. @return whether it was
 * taken */
bool root_port_order_retire_early(struct root_port_order *order, struct tlp_pool *pool, uint32_t tlp);

#endif
