/* SPDX-License-Identifier: MIT */
/**
 * @file isochronous.h
 * A device that moves a little data at fixed times: sound, or an isochronous endpoint of USB. Each period it
 * moves its pieces evenly spread; a piece whose data is not there within @c slack is late (a click, a lost
 * frame). At the end of a period it raises an interrupt; the driver takes the period's buffer, unmaps it, and
 * submits a new one, or goes round in one that is mapped once. Such devices often have small DMA masks, so
 * that without an IOMMU their buffers bounce.
 */
#ifndef IOMMUSIM_DEVICE_ISOCHRONOUS_H
#define IOMMUSIM_DEVICE_ISOCHRONOUS_H

#include "models/device/device_host.h"
#include "sim/base/arena.h"
#include "sim/base/field.h"

enum isochronous_direction { ISOCHRONOUS_CAPTURE, ISOCHRONOUS_PLAYBACK };
enum isochronous_buffers { ISOCHRONOUS_CYCLIC, ISOCHRONOUS_PER_PERIOD };

struct isochronous_parameters {
    int direction; /**< enum isochronous_direction */
    uint64_t period_ps;
    uint64_t period_bytes;
    uint32_t pieces;   /**< of a period */
    uint32_t depth;    /**< periods submitted ahead */
    int buffers;       /**< enum isochronous_buffers */
    uint64_t slack_ps; /**< a piece may take so long */
};

extern const struct field_table isochronous_fields;

struct isochronous;

/** As nic_new(), nic_start(), nic_event(), nic_is_done(); a unit is a period. */
struct isochronous *isochronous_new(struct arena *arena, const struct isochronous_parameters *parameters,
                                    const struct driver_parameters *driver, const struct device_host *host,
                                    struct device_counters *counters, uint32_t cpu, uint64_t units,
                                    uint64_t warmup);
bool isochronous_start(struct isochronous *isochronous);
void isochronous_event(struct isochronous *isochronous, uint32_t token);
bool isochronous_is_done(const struct isochronous *isochronous);

#endif
