/* SPDX-License-Identifier: MIT */
/**
 * @file machine_build.h
 * The transport while it is built; machine_build.c and machine_channels.c only.
 */
#ifndef IOMMUSIM_MACHINE_MACHINE_BUILD_H
#define IOMMUSIM_MACHINE_MACHINE_BUILD_H

#include "sim/machine/machine_state.h"

struct build {
    struct machine *machine;
    struct transport *transport;
    const struct fabric *fabric;
    const struct topology *topology;
    size_t node_capacity, channel_capacity, ingress_capacity, medium_capacity, completer_capacity;
    uint32_t *bus_node;   /**< [bus] device node of the endpoints on it, NONE */
    uint32_t *bus_medium; /**< [bus] towards the root, of a link below a port; or the shared bus; NONE */
    uint32_t *bus_medium_down;
};

/** An ingress of a node. @return its id until ingresses are numbered */
uint32_t build_ingress(struct build *build, uint32_t node, enum ingress_owner owner, uint32_t owner_id);

/** Connect a new node, that of @p function_id, to what is above the bus it is on: the channels up and down,
 * side by side, those of further virtual channels, and from one of its functions to another. */
void build_connection(struct build *build, uint32_t node, uint32_t bus_id, uint32_t function_id);

/** From one port of the root complex to another. */
void build_root_loop(struct build *build);

/** When all ingresses are known: memory of the channels. */
void build_channel_arrays(struct build *build);

/** @return 0, or STATUS_BAD_INPUT: credits that cannot hold one payload */
int build_check_credits(const struct build *build, struct diagnostics *diagnostics);

#endif
