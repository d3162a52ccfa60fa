/* SPDX-License-Identifier: MIT */
/* Where a TLP goes from a node: the routing function's decisions, turned into channels and fates. */
#include "models/pcie/transport.h"

#include <assert.h>

static inline struct tlp *tlp_at(const struct transport *transport, uint32_t index)
{
    return &transport->pool->items[index];
}

/* The channel from a node towards a place in another node: down to it, or up where it is not directly below.
 */
static uint32_t egress_towards(const struct transport *transport, uint32_t node, struct route_place place)
{
    uint32_t down = transport->channel_down[place.function_id];
    if (place.side == SIDE_FROM_ABOVE && down != NONE && transport->channels[down].from_node == node)
        return down;
    return transport->channel_up[node];
}

static void forward(const struct transport *transport, struct tlp *tlp, uint32_t egress)
{
    assert(egress != NONE);
    for (uint32_t vc = transport->channels[egress].vc_of_class[tlp->traffic_class]; vc; vc--)
        egress = transport->channels[egress].next_vc;
    tlp->fate = FATE_FORWARD;
    tlp->egress = egress;
}

/* Follow the decisions until the TLP leaves the node or stays. */
static void follow(const struct transport *transport, struct tlp *tlp, uint32_t node,
                   struct route_decision decision)
{
    bool issued_here = tlp->place.side == SIDE_SELF;
    for (;;) {
        tlp->rule = (uint8_t)decision.rule;
        if (decision.rule >= RULE_SWITCH_PEER && decision.rule <= RULE_DIRECT_TRANSLATED) {
            tlp->turn = tlp->rule;
            tlp->turned_at_id = tlp->place.function_id;
        }
        route_take(transport->fabric, &tlp->transaction, &decision);
        if (decision.action == ROUTE_BLOCK) {
            tlp->fate = FATE_DROP;
            tlp->error = (uint8_t)decision.error;
            return;
        }
        tlp->place = decision.next;
        if (decision.action == ROUTE_HOST) {
            tlp->to_host = true;
            if (transport->nodes[node].kind == TRANSPORT_ROOT_COMPLEX)
                tlp->fate = FATE_HOST;
            else
                forward(transport, tlp, transport->channel_up[node]);
            return;
        }
        if (decision.action == ROUTE_DELIVER) {
            /* A bridge that owns the requests from below passes their completions on under the old id. */
            if (tlp->transaction.kind == TRANSACTION_COMPLETION &&
                decision.next.function_id != tlp->origin_id) {
                tlp->transaction.requester_id = tlp->original_requester_id;
                tlp->transaction.segment = transport->fabric->topology->functions[tlp->origin_id].segment;
                decision =
                    route_completion_below(transport->fabric, &tlp->transaction, decision.next.function_id);
                continue;
            }
            tlp->fate = FATE_DELIVER;
            if (issued_here) { /* over to another function of the node; arrives there as if from above */
                tlp->place.side = SIDE_FROM_ABOVE;
                forward(transport, tlp, transport->channel_loop[node]);
            }
            return;
        }
        if (transport->node_of[tlp->place.function_id] != node) {
            forward(transport, tlp, egress_towards(transport, node, tlp->place));
            return;
        }
        decision = route_step(transport->fabric, &tlp->transaction, tlp->place);
    }
}

/* As a TLP like it, or anew. */
static void decide(const struct transport *transport, struct tlp *tlp, uint32_t node)
{
    struct route_memo_key key;
    struct route_memo *memo = transport->memos ? &transport->memos[(size_t)node * ROUTE_MEMOS] : NULL;
    memo = route_memo_find(memo, tlp, &key);
    if (memo && route_memo_holds(memo, tlp, &key)) {
        route_memo_apply(memo, tlp);
        return;
    }
    uint8_t turn_before = tlp->turn;
    tlp->turn = UINT8_MAX; /* a turn is made by this decision or was before */
    follow(transport, tlp, node, route_step(transport->fabric, &tlp->transaction, tlp->place));
    bool turned = tlp->turn != UINT8_MAX;
    if (memo)
        route_memo_keep(memo, &transport->regions, &key, tlp, turned);
    if (!turned)
        tlp->turn = turn_before;
}

void transport_route(struct transport *transport, uint32_t index, uint32_t node)
{
    struct tlp *tlp = tlp_at(transport, index);
    if (tlp->to_host)
        tlp->fate = FATE_HOST;
    else if (transport->node_of[tlp->place.function_id] !=
             node) /* passing through, from root function to root function */
        forward(transport, tlp, egress_towards(transport, node, tlp->place));
    else
        decide(transport, tlp, node);
}

bool transport_route_from_host(struct transport *transport, uint32_t index)
{
    struct tlp *tlp = tlp_at(transport, index);
    struct route_decision decision = tlp->transaction.kind == TRANSACTION_COMPLETION
                                         ? route_completion_from_host(transport->fabric, &tlp->transaction)
                                         : route_from_host(transport->fabric, &tlp->transaction);
    tlp->to_host = false;
    if (decision.action == ROUTE_HOST)
        return false;
    /* As route_at_host() has it. MODEL: what an IOMMU translated goes wherever its tables say. */
    if (decision.action == ROUTE_MOVE && tlp->flow != FLOW_COMPLETION && !tlp->translated &&
        !fabric_routes_peers(transport->fabric, tlp->place.function_id, decision.next.function_id))
        decision = (struct route_decision){.action = ROUTE_BLOCK,
                                           .rule = RULE_NO_PEER_ROUTING,
                                           .error = ROUTE_UNSUPPORTED_REQUEST,
                                           .requester_id = decision.requester_id};
    tlp->place.side = SIDE_FROM_ABOVE;
    follow(transport, tlp, transport->root_node, decision);
    return true;
}

void transport_hand_on(struct transport *transport, uint32_t index)
{
    const struct tlp *tlp = tlp_at(transport, index);
    if (tlp->fate == FATE_FORWARD)
        transport_enqueue(transport, tlp->ingress, index);
    else
        transport->handlers.arrived(transport->handlers.context, index);
}

bool transport_send_message(struct transport *transport, uint32_t ingress, uint32_t index)
{
    struct tlp *tlp = tlp_at(transport, index);
    struct route_decision decision = route_completion_from_host(transport->fabric, &tlp->transaction);
    if (decision.action != ROUTE_MOVE)
        return false;
    tlp->place.side = SIDE_FROM_ABOVE;
    follow(transport, tlp, transport->root_node, decision);
    if (tlp->fate != FATE_FORWARD)
        return false;
    transport_enqueue(transport, ingress, index);
    return true;
}

void transport_refuse(struct transport *transport, uint32_t index, enum completion_status status)
{
    struct tlp *tlp = tlp_at(transport, index);
    uint32_t node = transport->ingresses[tlp->ingress].node;
    transport_free_buffer(transport, tlp);
    tlp->flow = FLOW_COMPLETION;
    tlp->transaction.kind = TRANSACTION_COMPLETION;
    tlp->status = (uint8_t)status;
    tlp->last = true;
    tlp->to_host = false;
    tlp->wire_bytes = TLP_FRAMING_BYTES + TLP_COMPLETION_HEADER_BYTES + tlp_payload_bytes(tlp);
    if (node == transport->root_node && tlp->fate == FATE_HOST) {
        transport_route_from_host(transport, index);
    } else {
        /* Behind what came by the same link a completion that goes back there could wait for itself. */
        if (node != transport->root_node)
            tlp->ingress = transport->nodes[node].answers;
        /* Whoever stopped it on its way up sends the answer down again; on its way down, it issues it like
         * any completer. */
        bool upward = tlp->place.side == SIDE_FROM_BELOW || tlp->place.side == SIDE_REDIRECTED;
        tlp->place.side = upward ? SIDE_FROM_ABOVE : SIDE_SELF;
        transport_route(transport, index, node);
    }
    transport_hand_on(transport, index);
}
