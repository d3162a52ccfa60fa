/* SPDX-License-Identifier: MIT */
/**
 * @file message.h
 * Messages between ends: RDMA between machines, peer-to-peer writes within one.
 *
 * Between machines the sender's NIC reads a segment (GPUDirect: from the BAR of the function it comes from,
 * else from memory), the segment crosses the network, the receiver's NIC writes it where it belongs and
 * acknowledges it. What begins or ends in the NIC itself is not moved there. Segments of a message overlap,
 * at most segments_in_flight from the beginning of reading to the acknowledgement.
 *
 * Within a machine the function writes to its peer's BAR or to memory, or reads from memory; no NIC takes
 * part.
 *
 * MODEL: acknowledgements and RDMA read requests take the latency of their route and no bandwidth. A segment
 * is sent once it is read whole, and written once it has arrived whole.
 */
#ifndef IOMMUSIM_WORLD_MESSAGE_H
#define IOMMUSIM_WORLD_MESSAGE_H

#include "sim/world/node.h"

/** A way from an end to an end. */
struct route {
    struct world_end from, to;
    struct node *source, *target;
    uint32_t traffic;                  /**< stream or collective it belongs to */
    uint32_t source_nic, target_nic;   /**< functions; between machines only */
    uint32_t source_host, target_host; /**< of the network */
    uint64_t latency_ps;
    uint64_t source_offset, target_offset; /**< next place in the windows; each its node's own */
    bool local;
    bool counted; /**< its messages are what its traffic counts */
};

/** One message. What the source writes, the target does not look at, and the other way round. */
struct message {
    struct route *route;
    uint64_t bytes;
    struct software *sender;   /**< waits for it, or NULL */
    struct software *receiver; /**< gets it; may be NULL */
    void *note;                /**< for the receiver */
    struct software *from;     /**< software it is from, for the receiver */
    unsigned holders;          /**< its way, and the sender that waits: both at the source */
    /* source */
    uint64_t posted_ps, handed_bytes, acknowledged_bytes;
    uint32_t in_flight;
    bool failed, over;
    /* target */
    uint64_t there_bytes;
    bool broken;
};

/** Make a route of a stream or collective: the NICs, and room at both ends for messages of @p bytes.
 * @param turn  picks among equally near NICs. It lives as long as the simulation. */
struct route *route_new(struct world_simulation *simulation, uint32_t traffic, struct world_end from,
                        struct world_end to, uint64_t bytes, uint32_t turn);

/**
 * Hand a message over at the machine's time of the source; does not wait.
 * @param sender   who it is from
 * @param waited   the sender is made runnable when it is over, and then lets go of it (message_release())
 */
struct message *message_post(struct route *route, uint64_t bytes, struct software *sender, bool waited,
                             struct software *receiver, void *note);

/** RDMA read: have the source's NIC send a message. Called at the machine's time of the target; @p receiver,
 * there, gets it as if from itself. */
void message_fetch(struct route *route, uint64_t bytes, struct software *receiver, void *note);

void message_release(struct message *message);

/** A packet's time has come. */
void message_packet_arrived(struct node *node, const struct packet *packet);

/** Count something done, at the machine's time, begun at @p begun_ps. */
void traffic_record(struct node *node, uint32_t traffic, uint64_t begun_ps);

#endif
