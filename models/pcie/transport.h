/* SPDX-License-Identifier: MIT */
/**
 * @file transport.h
 * TLPs between nodes: one direction of a link is a channel; what arrives is buffered at an ingress of the
 * next node until a channel out of it takes it. Arbitration, ordering, credits and serialisation are decided
 * here, for every kind of node.
 *
 * - Virtual channels (6.3): each of a link is a channel of its own with credits and an ingress of its own, so
 * that no order holds between them; they share the wires, where a higher one goes before a lower one (strict
 * priority, 6.3.3.1), or in the turns of an arbitration table (virtual_channels.h).
 * - Arbitration: round robin over the ingresses of a node that have a TLP for the channel (PCIe Base
 * Spec 6.3.3, VC0).
 * - Ordering within an ingress (table 2-40): nothing passes an earlier posted request, but what RO or IDO let
 * (tlp_may_pass_posted()); posted requests and completions pass non-posted requests that cannot go on;
 * non-posted requests may pass completions. What one class has to itself goes in order. At the root complex
 * the same holds over all that a port received (root_port_order.h). Requests and completions of one function
 * share an ingress.
 * - MODEL: one queue a class and ingress, so a TLP whose channel is busy holds up later ones of its class for
 * others (head-of-line blocking), as in an input-queued switch.
 * - Credits per class, headers and 16-byte data units (2.6.1), taken when a TLP is sent, given back when its
 * last byte has left the buffer, seen by the sender after credit_return plus the propagation back.
 * - Cut-through: a TLP goes on when its header is through, unless the next channel is faster than the one it
 * came by (it would run dry) or the switch stores and forwards. In flit mode (Gen6) nothing of it can be used
 * before the flit it is in has come whole (link_usable_ps()).
 */
#ifndef IOMMUSIM_PCIE_TRANSPORT_H
#define IOMMUSIM_PCIE_TRANSPORT_H

#include "models/pcie/bridge.h"
#include "models/pcie/link.h"
#include "models/pcie/route_memo.h"
#include "models/pcie/switch.h"
#include "models/pcie/tlp.h"
#include "models/pcie/virtual_channels.h"
#include "sim/kernel/event_queue.h"
#include "sim/kernel/queue_meter.h"
#include "sim/kernel/saturation.h"

enum node_kind {
    TRANSPORT_ROOT_COMPLEX,
    TRANSPORT_SWITCH,
    TRANSPORT_BRIDGE, /**< PCIe-to-PCI or conventional bridge: stores and forwards */
    TRANSPORT_DEVICE, /**< the functions of a device */
};

struct transport_node {
    enum node_kind kind;
    uint32_t function_id; /**< upstream port, bridge, or first function; NONE for the root complex */
    uint32_t ingress_first, ingress_count;
    uint32_t answers;    /**< ingress of the completions that its ports issue themselves; NONE at the root
                            complex, where they go with what came by the port */
    uint64_t latency_ps; /**< of a switch or bridge */
    bool store_and_forward;
};

/** Credits of one class at a receiver, as the sender counts them. */
struct credit_account {
    bool infinite_headers, infinite_data;
    uint32_t headers, data;
    uint32_t headers_limit, data_limit;
};

/** Credits on their way back to the sender. */
struct credit_return {
    uint64_t time_ps;
    uint32_t data;
    uint8_t flow;
};

/** A wire that carries one TLP at a time: a link direction has its own, all of a conventional bus share one.
 */
struct transport_medium {
    uint64_t busy_until_ps;
    uint32_t last;             /**< channel that sent last */
    uint32_t contender;        /**< channel that found it busy; NONE */
    struct vc_arbiter arbiter; /**< of virtual channels that do not go by strict priority */
    uint64_t transaction_ps;   /**< added to every TLP: arbitration and address phase of a conventional bus */
};

struct channel {
    struct link_timing timing; /**< numerator 0: no serialisation (inside the root complex) */
    uint64_t propagation_ps, credit_return_ps;
    uint32_t from_node, to_node, to_ingress, medium;
    struct credit_account credits[FLOW_CLASSES];
    struct credit_return *returns; /**< ring */
    uint32_t returns_size, returns_first, returns_count;
    uint64_t *waiting;    /**< bit a ingress of from_node: a head of it is for this channel */
    uint32_t last_served; /**< ingress number in the node */
    uint32_t first_vc;    /**< channel of VC0 of the same wires: itself, or another */
    uint32_t next_vc;     /**< channel of the next virtual channel of the same wires; NONE */
    uint8_t vc;
    uint8_t vc_of_class[TRAFFIC_CLASSES]; /**< of VC0: by which channel a traffic class goes */
    uint64_t wake_ps;                     /**< time of the latest wake event posted; UINT64_MAX none */
    bool starved;                         /**< something waits for credits ... */
    uint8_t starved_flow;                 /**< ... of this class */
    uint32_t function_id; /**< port (down) or function below (up) it belongs to, for reports */
    bool upward;
    uint8_t generation,
        width; /**< of a PCI Express link; 0 inside the root complex, devices and conventional buses */
    uint32_t last_bytes;      /**< of the TLP sent last ... */
    uint64_t last_ps;         /**< ... and its serialisation */
    struct queue_meter queue; /**< TLPs of its node that are to go out by it */
    /* Counters. */
    struct saturation out_of_credits; /**< the wires are free, but nothing that waits has credits */
    uint64_t tlps, wire_bytes, payload_bytes;
    uint64_t busy_ps;       /**< up to busy_until_ps; see channel_busy_ps() */
    uint64_t busy_until_ps; /**< with what was sent so far */
};

/** Time up to @p now_ps during which the channel was sending. */
static inline uint64_t channel_busy_ps(const struct channel *channel, uint64_t now_ps)
{
    return channel->busy_ps - (channel->busy_until_ps > now_ps ? channel->busy_until_ps - now_ps : 0);
}

enum ingress_owner {
    INGRESS_LINK,
    INGRESS_FUNCTION,  /**< the DMA engine of a function, and what answers its peers' reads */
    INGRESS_COMPLETER, /**< of the root complex */
    INGRESS_ANSWERS,   /**< of a node: what its ports issue themselves */
};

struct ingress {
    uint32_t node, number; /**< number within the node */
    enum ingress_owner owner;
    uint32_t owner_id; /**< channel that feeds it, function, or completer */
    uint32_t first[FLOW_CLASSES], last[FLOW_CLASSES];
    uint64_t next_sequence;
};

struct transport;

/** What the machine does when things happen in the transport. */
struct transport_handlers {
    void *context;
    /** A TLP not to be forwarded arrived at its node (fate DELIVER, HOST or DROP), or any at the root
     * complex; also a completion that goes no further than where it is issued. The handler owns it now. */
    void (*arrived)(void *context, uint32_t tlp);
    /** A TLP left an ingress owned by a function or a completer, or a posted request one of the root complex:
     * the next may be put in. */
    void (*sent)(void *context, uint32_t ingress);
};

struct transport {
    struct event_queue *events;
    struct tlp_pool *pool;
    const struct fabric *fabric;
    struct route_regions regions;
    struct route_memo *memos; /**< [node x ROUTE_MEMOS]; NULL: each TLP is routed anew */
    struct transport_handlers handlers;
    uint32_t event_arrive, event_wake;            /**< kinds of the events it posts */
    uint64_t request_latency_ps, peer_latency_ps; /**< of the root complex, charged on arrival there */

    struct transport_node *nodes;
    uint32_t node_count;
    struct channel *channels;
    uint32_t channel_count;
    struct ingress *ingresses;
    uint32_t ingress_count;
    struct transport_medium *media;
    uint32_t medium_count;
    uint32_t *node_of; /**< [function] */
    uint32_t root_node;
    uint32_t *channel_up;   /**< [node] towards the root; NONE for the root complex */
    uint32_t *channel_loop; /**< [node] from a function of the node to another one of it */
    uint32_t *channel_down; /**< [function] the way to it from above: of a port's device, of a device on a
                               bus; NONE */
};

/** Put a TLP into an ingress. Its place, fate and egress must be set (transport_route()); a FORWARD fate
 * queues it. */
void transport_enqueue(struct transport *transport, uint32_t ingress, uint32_t tlp);

/**
 * Decide what happens to a TLP at @p node, where it is: follows route_step() inside the node from its place
 * and fills fate, egress and the place beyond. Requester ids are rewritten on the way as bridges do.
 */
void transport_route(struct transport *transport, uint32_t tlp, uint32_t node);

/** The same for what the root complex itself sends down: requests after translation (false: memory takes it),
 * completions (false: nobody has the id). */
bool transport_route_from_host(struct transport *transport, uint32_t tlp);

/** Once it is decided what happens to a TLP: into its ingress, where it goes on by a channel, else to the
 * handler, at once. */
void transport_hand_on(struct transport *transport, uint32_t tlp);

/**
 * Turn a non-posted request, at the node where it ended, into the completion that answers it in one piece,
 * and send that back from there (PCIe Base Spec 2.3.1). Where it is refused the request's bytes stay in
 * length_bytes, although none are carried. A completion that finds no way back (the requester id is forged,
 * ports send it in a circle) goes to the handler with FATE_DROP, at once.
 * @param status  COMPLETION_SUCCESS for answers that are no memory contents
 */
void transport_refuse(struct transport *transport, uint32_t tlp, enum completion_status status);

/** Send a message by id down from the root complex, from @p ingress of it. @return false where nobody has the
 * id: the TLP stays the caller's */
bool transport_send_message(struct transport *transport, uint32_t ingress, uint32_t tlp);

/** The buffer space of a TLP that came by a link is free from now on: credits go back. No effect where it
 * holds none (any more). */
void transport_free_buffer(struct transport *transport, struct tlp *tlp);

/** Handle the transport's events. */
void transport_on_arrive(struct transport *transport, uint32_t tlp);
void transport_on_wake(struct transport *transport, uint32_t channel);

/** Count from the present time on. */
void transport_restart_counters(struct transport *transport);

/** Credits never exceed what was advertised, queues are consistent. @return true if all holds. */
bool transport_check(const struct transport *transport);

#endif
