/* SPDX-License-Identifier: MIT */
/**
 * @file device_move.h
 * The same machine with a device in another slot: taken out of the port it is below and put below another.
 *
 * The machine is built anew. Bus numbers stay where the buses below the new port hold the device (with its
 * switches and the VFs it has enabled); else all below that host bridge is numbered anew, as firmware would
 * at the next boot. The device keeps its registers, its link trains to what both ends can, and units, direct
 * regions and aliases follow functions that are numbered anew. A unit's entry for the device itself is
 * dropped: such entries name what is soldered, and the new place decides.
 *
 * MODEL: BARs and windows are given anew on the whole machine, so bridges lose room that firmware had kept
 * free; regions stated for bus ranges stay as they are.
 */
#ifndef IOMMUSIM_TOPOLOGY_DEVICE_MOVE_H
#define IOMMUSIM_TOPOLOGY_DEVICE_MOVE_H

#include "sim/base/diagnostic.h"
#include "sim/topology/topology.h"

/** Why a device cannot be moved somewhere. */
enum move_obstacle {
    MOVE_POSSIBLE,
    MOVE_NOT_IN_SLOT,  /**< no root or downstream port is above the function: it is integrated, soldered to
                          a shared bus, part of a switch, or virtual */
    MOVE_NO_PORT,      /**< the goal is no root or downstream port */
    MOVE_PORT_TAKEN,   /**< another device is below the goal */
    MOVE_BELOW_ITSELF, /**< the goal is part of what is to be moved */
};

/** The port a device is below: the parent of @p function, where that is a root or downstream port; else NULL.
 * All functions on the port's secondary bus, and all below them, are the device. */
const struct pci_function *device_move_slot(const struct topology *topology,
                                            const struct pci_function *function);

/** Could the device of @p function be put below @p port? To the place where it is, too. */
enum move_obstacle device_move_check(const struct topology *topology, const struct pci_function *function,
                                     const struct pci_function *port);

/** A clause for an obstacle, e.g. "another device is below it". Never NULL. */
const char *move_obstacle_text(enum move_obstacle obstacle);

/**
 * Move the device of @p device_id below @p port_id.
 * @param topology  unchanged; strings are shared, so it must outlive the result
 * @param known     filled: [id] id in the result, from the result's arena
 * @return the machine, or NULL after errors (device_move_check() says MOVE_POSSIBLE, but numbers or addresses
 * ran out). Warnings are those of the machine as it was and not repeated.
 */
struct topology *device_move(const struct topology *topology, uint32_t device_id, uint32_t port_id,
                             const uint32_t **known, struct diagnostics *diagnostics);

#endif
