/* SPDX-License-Identifier: MIT */
/**
 * @file reach_destinations.h
 * What there is on a machine to send requests to, functions or not: BARs, holes of windows, memory, the
 * interrupt window, and addresses that nobody has; and what becomes of requests to them.
 */
#ifndef IOMMUSIM_ANALYSIS_REACH_DESTINATIONS_H
#define IOMMUSIM_ANALYSIS_REACH_DESTINATIONS_H

#include "sim/analysis/reach.h"

enum reach_destination_kind {
    DESTINATION_BAR,        /**< memory BAR @c index of the function */
    DESTINATION_IO_BAR,     /**< I/O BAR @c index of the function */
    DESTINATION_ROM,        /**< expansion ROM of the function; it does not decode (see fabric.h) */
    DESTINATION_SILENT_BAR, /**< memory BAR @c index that does not decode: the function's memory is disabled
                             */
    DESTINATION_WINDOW, /**< hole in a window of a bridge (0 memory, 1 prefetchable): nobody below claims it
                         */
    DESTINATION_IO_WINDOW,   /**< the same of its I/O window */
    DESTINATION_HOST_WINDOW, /**< hole in window @c index of host bridge @c function_id */
    DESTINATION_MEMORY,    /**< RAM, or where the input does not tell what RAM there is what nobody claims */
    DESTINATION_MSI,       /**< the interrupt window */
    DESTINATION_UNCLAIMED, /**< neither a function's nor RAM; only where the input tells what RAM there is */
    DESTINATION_IO_UNCLAIMED, /**< an I/O port of nobody */
    DESTINATION_KINDS,
};

struct reach_destination {
    enum reach_destination_kind kind;
    uint32_t function_id; /**< of BARs and windows (a host bridge's number for its windows); else NONE */
    uint8_t index;
    uint64_t base, limit; /**< inclusive; the part that nobody else has begins at @c base */
};

/** All destinations, functions in order of ids; the array is @p arena's. Fully claimed windows are left out.
 */
struct reach_destination *reach_destinations(struct arena *arena, const struct fabric *fabric,
                                             uint32_t *count);

/**
 * What is at a memory address (or @p io port), from that address on: of what overlaps the smallest.
 * @return @c base is @p address, @c limit the end of what it is in
 */
struct reach_destination reach_destination_at(const struct fabric *fabric, uint64_t address, bool io);

/**
 * A request of @p source_id to the first byte of a destination.
 *
 * Outcomes as of reach_pair_by() for BARs; elsewhere REACH_REACHES tells in @c end_id who got it (NONE:
 * memory, or as an interrupt the processors), REACH_REDIRECTED that the IOMMU did.
 * @param way  a request for memory, or for I/O ports where the destination is one; anything else is
 * REACH_ABSENT_KIND. REACH_AS_TARGET needs a function that has the destination: else REACH_ABSENT_OWNER
 */
struct reach_result reach_destination_by(const struct reach *reach, uint32_t source_id,
                                         const struct reach_destination *destination, struct reach_way way);

/** The request that reach_destination_by() sends. */
struct reach_request reach_destination_request(const struct reach *reach, uint32_t source_id,
                                               const struct reach_destination *destination,
                                               struct reach_way way);

/** True for destinations in I/O space. */
bool reach_destination_is_io(enum reach_destination_kind kind);

/** The function that has the destination, NONE for memory and the like. */
uint32_t reach_destination_owner(const struct reach_destination *destination);

/** An address of RAM that no function claims. */
uint64_t reach_memory_address(const struct fabric *fabric);

/** Stable word, e.g. "io-bar". Never NULL. */
const char *reach_destination_name(enum reach_destination_kind kind);

#endif
