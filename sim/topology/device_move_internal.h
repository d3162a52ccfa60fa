/* SPDX-License-Identifier: MIT */
/**
 * @file device_move_internal.h
 * A move in progress, and its steps. Everything goes through the builder once more: what it is to decide anew
 * is taken out before, what it does not carry is put back afterwards; a function is recognised by its pointer
 * string, of which each gets a copy of its own. Only device_move*.c include it.
 */
#ifndef IOMMUSIM_TOPOLOGY_DEVICE_MOVE_INTERNAL_H
#define IOMMUSIM_TOPOLOGY_DEVICE_MOVE_INTERNAL_H

#include "sim/topology/builder_internal.h"

struct move {
    const struct topology *from;
    const struct pci_function *slot; /**< the port the device leaves */
    const struct pci_function *port; /**< and the one it goes to */
    const bool *moved;               /**< [id] part of the device */
    bool renumber;                   /**< buses below the new port's host bridge */
    uint32_t host;                   /**< that host bridge */
    struct topology_builder *builder;
    uint32_t *index; /**< [id] in the builder; NONE: left to it (VFs) */
    char **tags;     /**< [id] pointer strings, ascending in memory */
    struct topology *to;
    uint32_t *known; /**< [id] id in @c to */
};

/** Give the builder the host bridges and functions as they are to be: device_move_build.c. */
void device_move_build(struct move *move);

/** Put back into the finished machine what the builder does not carry, functions first, then what firmware
 * says about them; fills known: device_move_restore.c. */
void device_move_restore(struct move *move);

#endif
