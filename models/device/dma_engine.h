/* SPDX-License-Identifier: MIT */
/**
 * @file dma_engine.h
 * What an endpoint does with a DMA operation: split it at MPS, MRRS and 4 KiB boundaries, tag, pace,
 * complete.
 */
#ifndef IOMMUSIM_DEVICE_DMA_ENGINE_H
#define IOMMUSIM_DEVICE_DMA_ENGINE_H

#include "sim/base/field.h"

#include <stdint.h>

struct dma_engine_parameters {
    uint32_t tags;                    /**< read requests in flight at most */
    uint64_t read_issue_interval_ps;  /**< between read operations */
    uint64_t write_issue_interval_ps; /**< between write operations */
    uint64_t issue_latency_ps;        /**< operation accepted to its first TLP ready for the link */
    uint64_t completion_latency_ps;   /**< last completion received to operation done */
    uint64_t completer_latency_ps;    /**< as target of a peer's read: request received to completion ready */
};

extern const struct field_table dma_engine_fields;

#endif
