/* SPDX-License-Identifier: MIT */
/* Random machines in one line: every kind of bridge, multifunction devices, VFs, any ACS. */
#ifndef IOMMUSIM_TESTS_RANDOM_FABRIC_H
#define IOMMUSIM_TESTS_RANDOM_FABRIC_H

#include "sim/base/text_buffer.h"

#include <stdbool.h>
#include <stdint.h>

struct random_fabric {
    uint64_t seed;        /**< also the state of the generator */
    bool isolated;        /**< every port and function has ACS, with all on that the kernel sets */
    bool pcie_only;       /**< no conventional PCI, no functions but ports inside switches */
    bool enhanced_egress; /**< ACS Enhanced and Egress Control occur */
};

/** Append a machine for synthetic_parse() to @p out: up to about 40 functions. */
void random_fabric_write(struct random_fabric *random, struct text_buffer *out);

/** The next number below @p limit. */
uint32_t random_fabric_next(struct random_fabric *random, uint32_t limit);

#endif
