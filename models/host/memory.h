/* SPDX-License-Identifier: MIT */
/**
 * @file memory.h
 * Host memory as DMA sees it: a latency and a bandwidth; served by the last-level cache or by DRAM.
 */
#ifndef IOMMUSIM_HOST_MEMORY_H
#define IOMMUSIM_HOST_MEMORY_H

#include "sim/base/field.h"

#include <stdint.h>

enum memory_source { MEMORY_LLC, MEMORY_DRAM };

struct memory_parameters {
    int data_source;                /**< enum memory_source: where DMA buffers are found */
    uint64_t llc_latency_ps;        /**< read served by the last-level cache */
    uint64_t dram_latency_ps;       /**< read served by DRAM */
    uint64_t bandwidth_bytes_per_s; /**< all DMA together */
};

extern const struct field_table memory_fields;

#endif
