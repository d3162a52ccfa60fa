/* SPDX-License-Identifier: MIT */
/* Random machines in one line: every kind of bridge, PCI-X, multifunction and ARI devices, VFs, any ACS. */
#ifndef IOMMUSIM_TESTS_RANDOM_FABRIC_H
#define IOMMUSIM_TESTS_RANDOM_FABRIC_H

#include "sim/base/text_buffer.h"
#include "sim/topology/topology.h"

#include <stdbool.h>
#include <stdint.h>

struct random_fabric {
    uint64_t seed;        /**< also the state of the generator */
    bool isolated;        /**< every port and function has ACS, with all on that the kernel sets */
    bool pcie_only;       /**< no conventional PCI, no functions but ports inside switches */
    bool enhanced_egress; /**< ACS Enhanced and Egress Control, with vectors and function groups, occur */
    bool platforms;       /**< host bridges that route differently, further segments and VMD domains occur */
};

/** Append a machine for synthetic_parse() to @p out: up to about 40 functions. With @c platforms
 * the BARs of VMD endpoints are left for random_fabric_finish(). */
void random_fabric_write(struct random_fabric *random, struct text_buffer *out);

/** Give each VMD endpoint a BAR that holds all behind it, as the kernel lays them out. */
void random_fabric_finish(struct topology *topology);

/** The next number below @p limit. */
uint32_t random_fabric_next(struct random_fabric *random, uint32_t limit);

#endif
