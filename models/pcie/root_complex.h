/* SPDX-License-Identifier: MIT */
/**
 * @file root_complex.h
 * What the root complex adds between a root port and memory, and how much it keeps in flight.
 */
#ifndef IOMMUSIM_PCIE_ROOT_COMPLEX_H
#define IOMMUSIM_PCIE_ROOT_COMPLEX_H

#include "sim/base/field.h"

#include <stdint.h>

struct root_complex_parameters {
    uint64_t request_latency_ps; /**< request fully received at the root port to the memory side (translation
                                    not included) */
    uint64_t completion_latency_ps; /**< data ready to first bit of the completion on the link */
    uint64_t write_commit_ps; /**< posted write at the memory side to globally visible; its credits are held
                                 so long */
    uint64_t peer_latency_ps; /**< root port to root port, one way, where it routes peer-to-peer */
    uint32_t reads_in_flight; /**< non-posted requests being served at once; further ones wait */
    uint32_t read_completion_boundary; /**< RCB in bytes, 64 or 128: completions end on its multiples */
    uint32_t completion_payload;       /**< largest payload of a completion in bytes; 0 = the path's MPS */
};

extern const struct field_table root_complex_fields;

#endif
