/* SPDX-License-Identifier: MIT */
/**
 * @file stream_limit.h
 * What sets a stream's rate: which of the things on its way is used up.
 *
 * Two kinds of them. One works and does one thing after the other (a link, memory, walkers): at work for nine
 * tenths of the time or more, it is the limit. Of the other there is a number, held for as long as an answer
 * takes (credits, tags, slots): all in use for four fifths of the time or more, it is the limit, at the rate
 * of number by time (Little's law). What works comes first, as those who wait for it hold the others
 * meanwhile; among the others, the one nearest to memory, for which those before it wait. Measured from
 * machine_measured_from_ps() to the end of the stream's steady window (machine.h); of an open loop, of a
 * device with its driver, and where that window is not after it, to the end of the stream, or else of the
 * run.
 *
 * On its way are the stream's device, the links between it and the root complex, of peers it reached those up
 * to them, the unit that translates for it, memory, and the CPUs where its buffers are mapped in the run.
 */
#ifndef IOMMUSIM_MACHINE_STREAM_LIMIT_H
#define IOMMUSIM_MACHINE_STREAM_LIMIT_H

#include "sim/machine/machine.h"

enum stream_limit_kind {
    /* At work. */
    LIMIT_LINK,        /**< id: channel; its wires, all virtual channels together */
    LIMIT_MEMORY,      /**< id: NONE; its bandwidth */
    LIMIT_WALKERS,     /**< id: unit */
    LIMIT_LOOKUPS,     /**< id: unit; lookup_interval */
    LIMIT_CPU,         /**< id: CPU; drivers and the kernel */
    LIMIT_PACE,        /**< id: function; read_issue_interval and write_issue_interval */
    LIMIT_SHARED_RATE, /**< id: function; shared_rate */
    LIMIT_MEDIA,       /**< id: function; flash of an NVMe device */
    LIMIT_WIRE,        /**< id: function; Ethernet of a network card, in one direction */
    /* In use. ORDER: from memory to the device. */
    LIMIT_POSTED_WALKS, /**< id: unit */
    LIMIT_READ_SLOTS,   /**< id: NONE; of the root complex */
    LIMIT_CREDITS,      /**< id: channel; of the class starved_flow */
    LIMIT_BULK_READS,   /**< id: function */
    LIMIT_READ_WINDOW,  /**< id: function */
    LIMIT_TAGS,         /**< id: function */
    /* Nothing on its way. */
    LIMIT_OFFERED, /**< an open loop gets what it asks for */
    LIMIT_DEPTH,   /**< a closed loop: its own queue depth by what an operation takes */
    LIMIT_DEVICE,  /**< what the device or its driver is made to do */
    LIMIT_NONE,    /**< it never ran: its device came to no guest in time */
};

struct stream_limit {
    enum stream_limit_kind kind;
    uint32_t id;
    uint64_t part_ps, whole_ps; /**< at work, or all in use, for so long of the time, of credits the time in
                                   which the wires are free; 0 of nothing on its way. Never more than that. */
};

/** What limits stream @p stream, after the run. */
struct stream_limit machine_stream_limit(const struct machine *machine, uint32_t stream);

/** What limited it until now, during the run. */
struct stream_limit stream_limit_now(const struct machine *machine, uint32_t stream);

/** The time has come at which it is found, unless it is known or nothing has been measured yet. */
void stream_limit_settle(struct machine *machine, uint32_t stream);

#endif
