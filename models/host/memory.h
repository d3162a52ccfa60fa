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

/** The memory of a machine in time. MODEL: one server for all channels and sockets; bandwidth in front,
 * latency behind. */
struct memory {
    struct memory_parameters parameters;
    uint64_t free_at_ps; /**< the next access may start */
    uint64_t bytes_read, bytes_written;
    uint64_t busy_ps;
};

/** Latency of a data read by parameters->data_source. */
uint64_t memory_read_latency_ps(const struct memory_parameters *parameters);

/**
 * Read @p bytes at @p now_ps: the time at which the data are there.
 */
uint64_t memory_read(struct memory *memory, uint64_t now_ps, uint32_t bytes);

/** Take @p bytes of a write at @p now_ps: the time at which memory has accepted them (latency not included).
 */
uint64_t memory_write(struct memory *memory, uint64_t now_ps, uint32_t bytes);

#endif
