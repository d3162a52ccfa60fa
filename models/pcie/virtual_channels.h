/* SPDX-License-Identifier: MIT */
/**
 * @file virtual_channels.h
 * Which virtual channel of a link a traffic class goes by, and whose turn on the wires it is (PCIe Base
 * Spec 6.3.3): strict priority, round robin, or a VC arbitration table of 32, 64 or 128 phases, each of which
 * names a channel.
 */
#ifndef IOMMUSIM_PCIE_VIRTUAL_CHANNELS_H
#define IOMMUSIM_PCIE_VIRTUAL_CHANNELS_H

#include "models/pcie/link.h"

enum { VC_PHASES_MAX = 128 };

/** The table of one direction of a link, and how far the arbiter is in it. */
struct vc_arbiter {
    uint8_t phases[VC_PHASES_MAX];
    uint32_t count; /**< 0: strict priority */
    uint32_t at;    /**< phase served last */
};

/** The virtual channel of a traffic class: what the map says, or the class's number, as far as the link has
 * so many. */
unsigned link_channel_of_class(const struct link_parameters *link, unsigned traffic_class);

/** Phases of the table that VC @p channel has: what the parameter says, or its part of what others leave. */
unsigned link_channel_phases(const struct link_parameters *link, unsigned channel);

/** Phases of the table of an arbitration: 32, 64, 128; round robin: one a channel; 0: strict. */
unsigned link_phases(const struct link_parameters *link);

/** Fill in the table, each channel's phases spread evenly. */
void vc_arbiter_init(struct vc_arbiter *arbiter, const struct link_parameters *link);

/**
 * The next phase whose channel is ready has its turn; others are passed over, the wires are never idle for
 * them.
 * @param ready  [VC] has something that may go
 * @return the channel, which must be one of those; TRAFFIC_CLASSES where none is ready
 */
unsigned vc_arbiter_next(struct vc_arbiter *arbiter, const bool ready[TRAFFIC_CLASSES]);

#endif
