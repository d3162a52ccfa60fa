/* SPDX-License-Identifier: MIT */
/* Reach once more, straight from the texts and as slow as it likes: an oracle for sim/analysis/reach. */
#ifndef IOMMUSIM_TESTS_PLAIN_REACH_H
#define IOMMUSIM_TESTS_PLAIN_REACH_H

#include "sim/topology/topology.h"

enum plain_end { PLAIN_HOST, PLAIN_BLOCKED, PLAIN_DELIVERED };

struct plain_result {
    enum plain_end end;
    uint32_t function_id; /**< PLAIN_DELIVERED */
};

/**
 * Where a write of @p source to @p address ends.
 * @param control  [function] ACS control bits in force
 */
struct plain_result plain_reach(const struct topology *topology, const uint16_t *control, uint32_t source,
                                uint64_t address);

#endif
