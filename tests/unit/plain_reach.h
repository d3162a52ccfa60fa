/* SPDX-License-Identifier: MIT */
/**
 * @file plain_reach.h
 * Routing and reach once more, straight from the texts and as slow as it likes: an oracle for
 * models/pcie/route and sim/analysis/reach. It shares no code with them but the ACS bits in force.
 */
#ifndef IOMMUSIM_TESTS_PLAIN_REACH_H
#define IOMMUSIM_TESTS_PLAIN_REACH_H

#include "models/pcie/route.h"

enum plain_end {
    PLAIN_UNIT,      /**< for the IOMMU, or for the root complex itself */
    PLAIN_MEMORY,    /**< memory, or an interrupt that nobody remaps */
    PLAIN_BLOCKED,   /**< @c error */
    PLAIN_DELIVERED, /**< to @c function_id */
};

struct plain_result {
    enum plain_end end;
    enum route_error error;
    uint32_t function_id;
    uint16_t requester_id; /**< under which it ended */
    bool redirected;       /**< the first port that had a say in it sent it upward instead of to a peer */
};

/** The machine, and how its host stands to everyone on it. */
struct plain_machine {
    const struct topology *topology;
    const uint16_t *control; /**< [function] ACS control bits in force */
    bool translated, ats;
};

/** Where @p transaction of @p source ends. Its segment is looked at for completions only. */
struct plain_result plain_reach(const struct plain_machine *machine, uint32_t source,
                                const struct transaction *transaction);

#endif
