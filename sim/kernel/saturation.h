/* SPDX-License-Identifier: MIT */
/**
 * @file saturation.h
 * How long all there is of something was in use: tags, credits, slots, walkers. Its owner tells whenever that
 * may have changed; what was so before is no matter.
 */
#ifndef IOMMUSIM_KERNEL_SATURATION_H
#define IOMMUSIM_KERNEL_SATURATION_H

#include <stdbool.h>
#include <stdint.h>

struct saturation {
    bool full;         /**< all in use ... */
    uint64_t since_ps; /**< ... since then */
    uint64_t full_ps;  /**< and so long before */
};

/** From @p now_ps on all are in use, or some are not. */
static inline void saturation_note(struct saturation *saturation, bool full, uint64_t now_ps)
{
    if (saturation->full == full)
        return;
    if (saturation->full)
        saturation->full_ps += now_ps - saturation->since_ps;
    saturation->full = full;
    saturation->since_ps = now_ps;
}

/** Picoseconds up to @p now_ps in which all were in use. */
static inline uint64_t saturation_ps(const struct saturation *saturation, uint64_t now_ps)
{
    bool going_on = saturation->full && now_ps > saturation->since_ps;
    return saturation->full_ps + (going_on ? now_ps - saturation->since_ps : 0);
}

/** Count from @p now_ps on. */
static inline void saturation_restart(struct saturation *saturation, uint64_t now_ps)
{
    saturation->full_ps = 0;
    saturation->since_ps = now_ps;
}

#endif
