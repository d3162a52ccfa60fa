/* SPDX-License-Identifier: MIT */
/**
 * @file bridge.h
 * PCIe-to-PCI bridges and the conventional bus below them: one shared medium, one transaction at a time.
 */
#ifndef IOMMUSIM_PCIE_BRIDGE_H
#define IOMMUSIM_PCIE_BRIDGE_H

#include "sim/base/field.h"

#include <stdint.h>

struct bridge_parameters {
    uint64_t latency_ps;           /**< through the bridge, each way */
    uint64_t bus_rate_bytes_per_s; /**< data phases: 4 bytes a clock at 33 MHz is 133 MB/s */
    uint64_t bus_transaction_ps;   /**< arbitration, address phase, turn-around of a transaction */
};

extern const struct field_table bridge_fields;

#endif
