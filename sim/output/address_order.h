/* SPDX-License-Identifier: MIT */
/**
 * @file address_order.h
 * Functions as lists of devices show them.
 */
#ifndef IOMMUSIM_OUTPUT_ADDRESS_ORDER_H
#define IOMMUSIM_OUTPUT_ADDRESS_ORDER_H

#include "sim/topology/topology.h"

struct arena;

/** Ids of all functions by segment, bus, device and function; from @p arena. */
uint32_t *address_order(const struct topology *topology, struct arena *arena);

#endif
