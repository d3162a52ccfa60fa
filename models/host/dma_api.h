/* SPDX-License-Identifier: MIT */
/**
 * @file dma_api.h
 * What mapping and unmapping a buffer costs a CPU, invalidation apart, and how lazily it is done.
 */
#ifndef IOMMUSIM_HOST_DMA_API_H
#define IOMMUSIM_HOST_DMA_API_H

#include "sim/base/field.h"

#include <stdint.h>

struct dma_api_parameters {
    uint64_t map_ps;              /**< an address found, page-table entries written */
    uint64_t unmap_ps;            /**< page-table entries cleared, the address given back or queued */
    uint32_t flush_queue_entries; /**< lazy: ring of each CPU */
    uint64_t flush_timeout_ps;    /**< lazy: first range queued to the timer's flush */
};

extern const struct field_table dma_api_fields;

#endif
