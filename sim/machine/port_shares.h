/* SPDX-License-Identifier: MIT */
/**
 * @file port_shares.h
 * How switches share links that are full: round robin, packet by packet, over the ports requests come in by
 * (PCIe Base Spec 6.3.3), not over flows. A link's packets are divided evenly among the links that feed it,
 * what one does not want among the others, and what one gets among those that feed it in turn, down to the
 * functions; so are the flows of one function.
 *
 * MODEL: whoever is entitled to more has some waiting; credits, and reads that share by what they have in
 * flight, are not in it.
 */
#ifndef IOMMUSIM_MACHINE_PORT_SHARES_H
#define IOMMUSIM_MACHINE_PORT_SHARES_H

#include <stdint.h>

struct port_flow {
    double ceiling;        /**< of its rate; 0: it is not there */
    double packet;         /**< amount in one packet; above 0 */
    uint32_t source;       /**< flows of one source come in by one port */
    const uint32_t *links; /**< in the order it passes them */
    uint32_t link_count;
    double rate; /**< the answer */
};

/** Divide @p capacity among demands in proportion to weights, but nobody gets more than he wants.
 * @param shares  [count], the answer */
void share_by_weight(double capacity, const double *demands, const double *weights, double *shares,
                     uint32_t count);

/** Share links of @p capacity [link] among @p flows; rates in the same unit. */
void port_shares(struct port_flow *flows, uint32_t flow_count, const double *capacity, uint32_t link_count);

#endif
