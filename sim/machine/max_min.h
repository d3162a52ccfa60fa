/* SPDX-License-Identifier: MIT */
/**
 * @file max_min.h
 * Max-min fair sharing of links by flows (Bertsekas and Gallager, Data Networks, 6.5.2): all rates rise
 * together; who meets its own ceiling, or a link that is full, stays there. What SimGrid does with flows.
 */
#ifndef IOMMUSIM_MACHINE_MAX_MIN_H
#define IOMMUSIM_MACHINE_MAX_MIN_H

#include <stdint.h>

struct max_min_flow {
    double ceiling;        /**< of its rate; 0: it is not there */
    const uint32_t *links; /**< it passes */
    uint32_t link_count;
    double rate; /**< the answer */
};

/** Share links of @p capacity [link] among @p flows; rates in the same unit. */
void max_min_share(struct max_min_flow *flows, uint32_t flow_count, const double *capacity,
                   uint32_t link_count);

#endif
