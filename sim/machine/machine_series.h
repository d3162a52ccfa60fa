/* SPDX-License-Identifier: MIT */
/**
 * @file machine_series.h
 * What a machine did in each interval of a run (struct machine_options, series_interval_ps). Sums are over
 * all streams and units; an interval without an event in it is there, too.
 */
#ifndef IOMMUSIM_MACHINE_MACHINE_SERIES_H
#define IOMMUSIM_MACHINE_MACHINE_SERIES_H

#include <stddef.h>
#include <stdint.h>

/** Intervals kept; what comes after the last of them is left out. */
enum { SERIES_ROWS_MAX = 1000000 };

/** One interval. */
struct series_row {
    uint64_t end_ps;
    uint64_t operations, bytes;        /**< that came to their end in it */
    uint64_t requests;                 /**< looked up by units */
    uint64_t iotlb_hits, iotlb_misses; /**< of them */
    uint64_t walks_waiting;            /**< for a walker, at its end */
    uint64_t outstanding;              /**< operations, at its end */
};

struct machine_series {
    uint64_t interval_ps; /**< 0: no series */
    struct series_row *rows;
    size_t count, capacity;
    struct series_row totals; /**< internal: at the end of the last interval */
};

struct machine;

/** Time has come to @p now_ps: close the intervals that are over. */
void machine_series_advance(struct machine *machine, uint64_t now_ps);

/** Close the last interval, which may be shorter. */
void machine_series_finish(struct machine *machine);

#endif
