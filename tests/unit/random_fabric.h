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
    bool conforming; /**< ports and devices as the rework of the group rule takes them to be: those with ACS
                        implement what the specification demands, ports have no BARs, devices with several
                        functions or VFs say by an ACS capability that they send nothing to peers, or
                        redirect it */
    bool platforms;  /**< host bridges that route differently, further segments and VMD domains occur */
};

/** Append a machine for synthetic_parse() to @p out: up to about 40 functions. */
void random_fabric_write(struct random_fabric *random, struct text_buffer *out);

/**
 * The machine of a line with what a line cannot say, all by @p seed: I/O ports, functions whose memory does
 * not decode, aliases, RAM, whether the root complex routes between ports; VMD domains get addresses of their
 * own. What happens to a function depends on the seed and its address only, so that it stays as it is while
 * others are taken away (shrink.h).
 * @return NULL where the line is no machine
 */
struct topology *random_fabric_build(const char *line, uint64_t seed);

/** random_fabric_build() for a line that is parsed already. */
void random_fabric_embellish(struct topology *topology, uint64_t seed);

/** A number below @p limit that depends on nothing but the seed, the function's address and @p salt. */
uint32_t random_fabric_dice(uint64_t seed, const struct pci_function *function, uint32_t salt,
                            uint32_t limit);

/** The next number below @p limit. */
uint32_t random_fabric_next(struct random_fabric *random, uint32_t limit);

#endif
