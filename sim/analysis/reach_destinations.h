/* SPDX-License-Identifier: MIT */
/**
 * @file reach_destinations.h
 * What there is on a machine to send requests to: BARs, holes of bridge windows, memory, the interrupt
 * window, and addresses that nobody has.
 */
#ifndef IOMMUSIM_ANALYSIS_REACH_DESTINATIONS_H
#define IOMMUSIM_ANALYSIS_REACH_DESTINATIONS_H

#include "models/pcie/fabric.h"

enum reach_destination_kind {
    DESTINATION_BAR,    /**< memory BAR @c index of the function */
    DESTINATION_IO_BAR, /**< I/O BAR @c index of the function */
    DESTINATION_WINDOW, /**< hole in a window of a bridge (0 memory, 1 prefetchable): nobody below claims it
                         */
    DESTINATION_IO_WINDOW, /**< the same of its I/O window */
    DESTINATION_MEMORY,    /**< RAM */
    DESTINATION_MSI,       /**< the interrupt window */
    DESTINATION_UNCLAIMED, /**< neither a function's nor RAM; only where the input tells what RAM there is */
};

struct reach_destination {
    enum reach_destination_kind kind;
    uint32_t function_id; /**< BARs and windows; else NONE */
    uint8_t index;
    uint64_t base, limit; /**< inclusive; the part that nobody else has begins at @c base */
};

/** All destinations, functions in order of ids; the array is @p arena's. Fully claimed windows are left out.
 */
struct reach_destination *reach_destinations(struct arena *arena, const struct fabric *fabric,
                                             uint32_t *count);

/** An address of RAM that no function claims. */
uint64_t reach_memory_address(const struct fabric *fabric);

/** Stable word, e.g. "io-bar". Never NULL. */
const char *reach_destination_name(enum reach_destination_kind kind);

#endif
