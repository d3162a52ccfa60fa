/* SPDX-License-Identifier: MIT */
/**
 * @file switch.h
 * What crossing a switch costs. Forwarding itself (arbitration, ordering, credits) is the fabric engine's.
 */
#ifndef IOMMUSIM_PCIE_SWITCH_H
#define IOMMUSIM_PCIE_SWITCH_H

#include "sim/base/field.h"

#include <stdbool.h>
#include <stdint.h>

struct switch_parameters {
    uint64_t latency_ps;    /**< first bit in to first bit out, cut-through, empty switch */
    bool store_and_forward; /**< wait for the last bit before forwarding, always */
};

extern const struct field_table switch_fields;

#endif
