/* SPDX-License-Identifier: MIT */
/**
 * @file busy_time.h
 * How long something that does one thing after the other was at work: lookups, the pace of a device. Never
 * more than the time that has passed, as work that is yet to be done does not count.
 */
#ifndef IOMMUSIM_KERNEL_BUSY_TIME_H
#define IOMMUSIM_KERNEL_BUSY_TIME_H

#include <stdint.h>

struct busy_time {
    uint64_t until_ps; /**< with what it was given so far */
    uint64_t busy_ps;  /**< up to then */
};

/** At @p now_ps it is given work of @p work_ps: done at once, or after what it has. */
static inline void busy_time_add(struct busy_time *busy, uint64_t now_ps, uint64_t work_ps)
{
    busy->until_ps = (busy->until_ps > now_ps ? busy->until_ps : now_ps) + work_ps;
    busy->busy_ps += work_ps;
}

/** Picoseconds up to @p now_ps, not before the last busy_time_add(). */
static inline uint64_t busy_time_ps(const struct busy_time *busy, uint64_t now_ps)
{
    return busy->busy_ps - (busy->until_ps > now_ps ? busy->until_ps - now_ps : 0);
}

/** Count from @p now_ps on. */
static inline void busy_time_restart(struct busy_time *busy, uint64_t now_ps)
{
    busy->busy_ps -= busy_time_ps(busy, now_ps);
}

#endif
