/* SPDX-License-Identifier: MIT */
#include "models/pcie/transport.h"

#include <assert.h>

static inline struct tlp *tlp_at(const struct transport *transport, uint32_t index)
{
    return &transport->pool->items[index];
}

static inline uint32_t data_units(const struct tlp *tlp)
{
    return (tlp_payload_bytes(tlp) + 15) / 16;
}

/* ---- credits ---- */

static void absorb_returns(struct channel *channel, uint64_t now_ps)
{
    while (channel->returns_count && channel->returns[channel->returns_first].time_ps <= now_ps) {
        const struct credit_return *back = &channel->returns[channel->returns_first];
        struct credit_account *account = &channel->credits[back->flow];
        account->headers += !account->infinite_headers;
        account->data += account->infinite_data ? 0 : back->data;
        channel->returns_first =
            channel->returns_first + 1 == channel->returns_size ? 0 : channel->returns_first + 1;
        channel->returns_count--;
    }
}

static inline bool has_credits(const struct channel *channel, const struct tlp *tlp)
{
    const struct credit_account *account = &channel->credits[tlp->flow];
    return (account->infinite_headers || account->headers >= 1) &&
           (account->infinite_data || account->data >= data_units(tlp));
}

static inline void take_credits(struct channel *channel, const struct tlp *tlp)
{
    struct credit_account *account = &channel->credits[tlp->flow];
    account->headers -= !account->infinite_headers;
    account->data -= account->infinite_data ? 0 : data_units(tlp);
}

static void wake_at(struct transport *transport, uint32_t channel_id, uint64_t time_ps)
{
    struct channel *channel = &transport->channels[channel_id];
    if (time_ps < transport->events->now_ps)
        time_ps = transport->events->now_ps; /* credits that came back while nobody looked */
    if (channel->wake_ps <= time_ps)
        return; /* one earlier is under way and will post the next */
    channel->wake_ps = time_ps;
    event_queue_push(transport->events, time_ps, PRIORITY_NORMAL, transport->event_wake, channel_id, 0);
}

/* Put credits on their way back in order of time: a short TLP may be out before a long one that left first.
 */
static void return_credits(struct channel *channel, struct credit_return back)
{
    assert(channel->returns_count < channel->returns_size);
    uint32_t size = channel->returns_size, at = channel->returns_first + channel->returns_count;
    at = at >= size ? at - size : at;
    for (uint32_t behind = channel->returns_count++; behind > 0; behind--) {
        uint32_t before = at == 0 ? size - 1 : at - 1;
        if (channel->returns[before].time_ps <= back.time_ps)
            break;
        channel->returns[at] = channel->returns[before];
        at = before;
    }
    channel->returns[at] = back;
}

static void free_buffer_at(struct transport *transport, struct tlp *tlp, uint64_t free_ps)
{
    const struct ingress *ingress = &transport->ingresses[tlp->ingress];
    if (!tlp->buffered)
        return;
    tlp->buffered = false;
    struct channel *channel = &transport->channels[ingress->owner_id];
    const struct credit_account *account = &channel->credits[tlp->flow];
    if (account->infinite_headers && (account->infinite_data || data_units(tlp) == 0))
        return;
    uint64_t time_ps = free_ps + channel->credit_return_ps + channel->propagation_ps;
    return_credits(channel, (struct credit_return){time_ps, data_units(tlp), tlp->flow});
    if (channel->starved)
        wake_at(transport, ingress->owner_id, channel->returns[channel->returns_first].time_ps);
}

void transport_free_buffer(struct transport *transport, struct tlp *tlp)
{
    free_buffer_at(transport, tlp, transport->events->now_ps);
}

/* ---- arbitration ---- */

/* Does a posted request that came earlier by the ingress hold the TLP up? */
static bool behind_posted(const struct transport *transport, const struct ingress *ingress,
                          const struct tlp *tlp)
{
    bool exceptions = tlp->transaction.relaxed_ordering || tlp->id_ordered;
    for (uint32_t i = ingress->first[FLOW_POSTED]; i != NONE; i = tlp_at(transport, i)->next) {
        const struct tlp *posted = tlp_at(transport, i);
        if (posted->sequence >= tlp->sequence)
            return false;
        if (!exceptions || !tlp_may_pass_posted(tlp, posted->transaction.requester_id))
            return true;
    }
    return false;
}

/* Head of a class of an ingress that may go out by the channel now, the oldest of those; NONE if there is
 * none. */
static uint32_t eligible_head(const struct transport *transport, struct channel *channel, uint32_t channel_id,
                              const struct ingress *ingress)
{
    uint32_t best = NONE;
    uint64_t best_sequence = UINT64_MAX;
    for (int flow = 0; flow < FLOW_CLASSES; flow++) {
        uint32_t head = ingress->first[flow];
        if (head == NONE)
            continue;
        const struct tlp *tlp = tlp_at(transport, head);
        if (tlp->egress != channel_id || tlp->sequence >= best_sequence ||
            behind_posted(transport, ingress, tlp))
            continue;
        if (!has_credits(channel, tlp)) {
            channel->starved = true;
            channel->starved_flow = tlp->flow;
            continue;
        }
        best = head;
        best_sequence = tlp->sequence;
    }
    return best;
}

/* Round robin: the first ingress after the one served last that has something to send. */
static uint32_t arbitrate(const struct transport *transport, uint32_t channel_id)
{
    struct channel *channel = &transport->channels[channel_id];
    const struct transport_node *node = &transport->nodes[channel->from_node];
    uint32_t words = (node->ingress_count + 63) / 64, start = channel->last_served + 1;
    if (start >= node->ingress_count)
        start = 0;
    channel->starved = false;
    for (uint32_t step = 0; step <= words; step++) {
        uint32_t word = start / 64 + step;
        word = word >= words ? word - words : word;
        uint64_t bits = channel->waiting[word];
        if (step == 0)
            bits &= ~UINT64_C(0) << (start % 64);
        else if (step == words)
            bits &= ~(~UINT64_C(0) << (start % 64));
        for (; bits; bits &= bits - 1) {
            uint32_t number = word * 64 + (uint32_t)__builtin_ctzll(bits);
            uint32_t tlp = eligible_head(transport, channel, channel_id,
                                         &transport->ingresses[node->ingress_first + number]);
            if (tlp != NONE)
                return tlp;
        }
    }
    return NONE;
}

static void kick(struct transport *transport, uint32_t channel_id);

/* The word of a channel's bits that has the ingress's. */
static inline uint64_t *waiting_word(const struct transport *transport, const struct ingress *ingress,
                                     uint32_t channel_id)
{
    return &transport->channels[channel_id].waiting[ingress->number / 64];
}

static void remove_head(struct transport *transport, uint32_t index)
{
    struct tlp *tlp = tlp_at(transport, index);
    struct ingress *ingress = &transport->ingresses[tlp->ingress];
    ingress->first[tlp->flow] = tlp->next;
    if (tlp->next == NONE)
        ingress->last[tlp->flow] = NONE;
    /* The next of its class comes to the head; heads of other classes may wait for the channel, too. */
    uint64_t bit = UINT64_C(1) << (ingress->number % 64);
    *waiting_word(transport, ingress, tlp->egress) &= ~bit;
    for (int flow = 0; flow < FLOW_CLASSES; flow++) {
        if (ingress->first[flow] != NONE)
            *waiting_word(transport, ingress, tlp_at(transport, ingress->first[flow])->egress) |= bit;
    }
}

static void kick_heads(struct transport *transport, const struct ingress *ingress, uint32_t except_channel)
{
    for (int flow = 0; flow < FLOW_CLASSES; flow++) {
        uint32_t head = ingress->first[flow];
        if (head != NONE && tlp_at(transport, head)->egress != except_channel)
            kick(transport, tlp_at(transport, head)->egress);
    }
}

/* ---- sending ---- */

/* When the TLP can be handled at the node it goes to; charges the way there. */
static uint64_t arrival_ps(struct transport *transport, const struct channel *channel, struct tlp *tlp,
                           uint64_t serialisation_ps)
{
    const struct transport_node *to = &transport->nodes[channel->to_node];
    bool cut_through = false;
    if (to->kind == TRANSPORT_SWITCH && tlp->fate == FATE_FORWARD && !to->store_and_forward) {
        const struct channel *out = &transport->channels[tlp->egress];
        cut_through = out->timing.ps_numerator * channel->timing.ps_denominator >=
                      channel->timing.ps_numerator * out->timing.ps_denominator;
    }
    if (!cut_through)
        tlp_charge(tlp, LEDGER_LINK_SERIALISATION, tlp->mark_ps + serialisation_ps);
    if (channel->timing.flit_ps) /* cutting through it is the flit that the TLP begins in */
        tlp_charge(tlp, LEDGER_LINK_SERIALISATION,
                   link_usable_ps(&channel->timing, tlp->mark_ps + cut_through));
    tlp_charge(tlp, LEDGER_LINK_PROPAGATION, tlp->mark_ps + channel->propagation_ps);
    switch (to->kind) {
    case TRANSPORT_SWITCH:
        tlp_charge(tlp, LEDGER_SWITCH, tlp->mark_ps + to->latency_ps);
        break;
    case TRANSPORT_BRIDGE:
        tlp_charge(tlp, LEDGER_BRIDGE, tlp->mark_ps + to->latency_ps);
        break;
    case TRANSPORT_ROOT_COMPLEX:
        if (tlp->fate == FATE_HOST && tlp->flow != FLOW_COMPLETION)
            tlp_charge(tlp, LEDGER_ROOT_COMPLEX, tlp->mark_ps + transport->request_latency_ps);
        else if (tlp->fate == FATE_FORWARD || tlp->fate == FATE_HOST)
            tlp_charge(tlp, LEDGER_ROOT_COMPLEX, tlp->mark_ps + transport->peer_latency_ps);
        break;
    case TRANSPORT_DEVICE:
        break;
    }
    return tlp->mark_ps;
}

/* Most TLPs of a channel have one of two sizes: the division is done when the size changes. */
static uint64_t serialisation_ps(struct channel *channel, uint32_t bytes)
{
    if (bytes != channel->last_bytes) {
        channel->last_bytes = bytes;
        channel->last_ps = link_serialisation_ps(&channel->timing, bytes);
    }
    return channel->last_ps;
}

static void send(struct transport *transport, uint32_t channel_id, uint32_t index)
{
    struct channel *channel = &transport->channels[channel_id];
    struct transport_medium *medium = &transport->media[channel->medium];
    struct tlp *tlp = tlp_at(transport, index);
    uint64_t now_ps = transport->events->now_ps;
    uint32_t from_ingress = tlp->ingress;
    struct ingress *ingress = &transport->ingresses[from_ingress];

    uint64_t on_wire_ps = serialisation_ps(channel, tlp->wire_bytes);
    medium->busy_until_ps = now_ps + medium->transaction_ps + on_wire_ps;
    medium->last = channel_id;
    if (medium->contender == channel_id)
        medium->contender = NONE;
    remove_head(transport, index);
    take_credits(channel, tlp);
    free_buffer_at(transport, tlp, medium->busy_until_ps);
    channel->last_served = ingress->number;
    channel->tlps++;
    channel->wire_bytes += tlp->wire_bytes;
    channel->payload_bytes += tlp_payload_bytes(tlp);
    channel->busy_ps += medium->transaction_ps + on_wire_ps;
    channel->busy_until_ps = medium->busy_until_ps;
    queue_meter_depart(&channel->queue, tlp->queued_ps, now_ps);

    tlp_charge(tlp, LEDGER_LINK_QUEUEING, now_ps);
    tlp_charge(tlp, LEDGER_BRIDGE, now_ps + medium->transaction_ps);
    tlp->ingress = channel->to_ingress;
    tlp->buffered = true;
    transport_route(transport, index, channel->to_node);
    uint64_t arrive_ps = arrival_ps(transport, channel, tlp, on_wire_ps);
    event_queue_push(transport->events, arrive_ps, PRIORITY_NORMAL, transport->event_arrive, channel->to_node,
                     index);

    if (ingress->owner != INGRESS_LINK || (ingress->node == transport->root_node && tlp->flow == FLOW_POSTED))
        transport->handlers.sent(transport->handlers.context, from_ingress);
    kick_heads(transport, &transport->ingresses[from_ingress], channel_id);
}

static bool anything_waits(const struct transport *transport, const struct channel *channel)
{
    uint32_t words = (transport->nodes[channel->from_node].ingress_count + 63) / 64;
    for (uint32_t i = 0; i < words; i++) {
        if (channel->waiting[i])
            return true;
    }
    return false;
}

/* Somebody else who found the wires busy goes first: a higher virtual channel, or an equal one where this one
 * had them last. It has an event under way for this time; so has this channel, behind it. */
static bool yields(struct transport *transport, uint32_t channel_id)
{
    struct transport_medium *medium = &transport->media[transport->channels[channel_id].medium];
    uint32_t other = medium->contender;
    if (other == NONE || other == channel_id)
        return false;
    uint8_t own_vc = transport->channels[channel_id].vc, other_vc = transport->channels[other].vc;
    if (other_vc < own_vc || (other_vc == own_vc && medium->last != channel_id))
        return false;
    medium->contender = NONE;
    transport->channels[channel_id].wake_ps = transport->events->now_ps;
    event_queue_push(transport->events, transport->events->now_ps, PRIORITY_NORMAL, transport->event_wake,
                     channel_id, 0);
    return true;
}

/* The wires are busy: come again when they are free, as the one to be let go first if it is the highest. */
static void contend(struct transport *transport, uint32_t channel_id)
{
    const struct channel *channel = &transport->channels[channel_id];
    struct transport_medium *medium = &transport->media[channel->medium];
    if (medium->last != channel_id &&
        (medium->contender == NONE || transport->channels[medium->contender].vc < channel->vc))
        medium->contender = channel_id;
    wake_at(transport, channel_id, medium->busy_until_ps);
}

/* What the channel could send now; where nothing, it wakes when credits come. */
static uint32_t ready_tlp(struct transport *transport, uint32_t channel_id)
{
    struct channel *channel = &transport->channels[channel_id];
    uint64_t now_ps = transport->events->now_ps;
    absorb_returns(channel, now_ps);
    uint32_t tlp = arbitrate(transport, channel_id);
    saturation_note(&channel->out_of_credits, tlp == NONE && channel->starved, now_ps);
    if (tlp == NONE && channel->starved && channel->returns_count)
        wake_at(transport, channel_id, channel->returns[channel->returns_first].time_ps);
    return tlp;
}

/* The same for wires that virtual channels have in turns: one event of VC0's for all when they are free. */
static void kick_in_turns(struct transport *transport, uint32_t first_vc)
{
    struct transport_medium *medium = &transport->media[transport->channels[first_vc].medium];
    while (medium->busy_until_ps <= transport->events->now_ps) {
        uint32_t ids[TRAFFIC_CLASSES], tlps[TRAFFIC_CLASSES];
        bool ready[TRAFFIC_CLASSES] = {false};
        for (uint32_t id = first_vc, vc = 0; id != NONE; id = transport->channels[id].next_vc, vc++) {
            ids[vc] = id;
            tlps[vc] = anything_waits(transport, &transport->channels[id]) ? ready_tlp(transport, id) : NONE;
            ready[vc] = tlps[vc] != NONE;
        }
        unsigned vc = vc_arbiter_next(&medium->arbiter, ready);
        if (vc == TRAFFIC_CLASSES)
            return;
        send(transport, ids[vc], tlps[vc]);
    }
    wake_at(transport, first_vc, medium->busy_until_ps);
}

/* Send what can be sent; where nothing can, see that the channel wakes when something could. */
static void kick(struct transport *transport, uint32_t channel_id)
{
    struct channel *channel = &transport->channels[channel_id];
    const struct transport_medium *medium = &transport->media[channel->medium];
    uint64_t now_ps = transport->events->now_ps;
    if (medium->arbiter.count) {
        kick_in_turns(transport, channel->first_vc);
        return;
    }
    for (;;) {
        if (!anything_waits(transport, channel))
            return;
        if (medium->busy_until_ps > now_ps) {
            contend(transport, channel_id);
            return;
        }
        if (medium->contender != NONE && yields(transport, channel_id))
            return;
        uint32_t tlp = ready_tlp(transport, channel_id);
        if (tlp == NONE)
            return;
        send(transport, channel_id, tlp);
    }
}

void transport_enqueue(struct transport *transport, uint32_t ingress_id, uint32_t index)
{
    struct tlp *tlp = tlp_at(transport, index);
    struct ingress *ingress = &transport->ingresses[ingress_id];
    assert(tlp->fate == FATE_FORWARD);
    tlp->ingress = ingress_id;
    tlp->sequence = ingress->next_sequence++;
    tlp->next = NONE;
    tlp->queued_ps = transport->events->now_ps;
    queue_meter_arrive(&transport->channels[tlp->egress].queue, tlp->queued_ps);
    if (ingress->last[tlp->flow] == NONE) {
        ingress->first[tlp->flow] = index;
        ingress->last[tlp->flow] = index;
        *waiting_word(transport, ingress, tlp->egress) |= UINT64_C(1) << (ingress->number % 64);
        kick(transport, tlp->egress);
    } else {
        tlp_at(transport, ingress->last[tlp->flow])->next = index;
        ingress->last[tlp->flow] = index;
    }
}

void transport_on_arrive(struct transport *transport, uint32_t index)
{
    struct tlp *tlp = tlp_at(transport, index);
    if (tlp->fate == FATE_FORWARD && transport->ingresses[tlp->ingress].node != transport->root_node)
        transport_enqueue(transport, tlp->ingress, index);
    else
        transport->handlers.arrived(transport->handlers.context, index);
}

void transport_on_wake(struct transport *transport, uint32_t channel_id)
{
    struct channel *channel = &transport->channels[channel_id];
    if (channel->wake_ps <= transport->events->now_ps)
        channel->wake_ps = UINT64_MAX;
    kick(transport, channel_id);
}

void transport_restart_counters(struct transport *transport)
{
    uint64_t now_ps = transport->events->now_ps;
    for (uint32_t i = 0; i < transport->channel_count; i++) {
        struct channel *channel = &transport->channels[i];
        channel->busy_ps -= channel_busy_ps(channel, now_ps);
        channel->tlps = channel->wire_bytes = channel->payload_bytes = 0;
        queue_meter_restart(&channel->queue, now_ps);
        saturation_restart(&channel->out_of_credits, now_ps);
    }
}

bool transport_check(const struct transport *transport)
{
    for (uint32_t i = 0; i < transport->channel_count; i++) {
        const struct channel *channel = &transport->channels[i];
        for (int flow = 0; flow < FLOW_CLASSES; flow++) {
            const struct credit_account *account = &channel->credits[flow];
            if ((!account->infinite_headers && account->headers > account->headers_limit) ||
                (!account->infinite_data && account->data > account->data_limit))
                return false;
        }
    }
    for (uint32_t i = 0; i < transport->ingress_count; i++) {
        for (int flow = 0; flow < FLOW_CLASSES; flow++) {
            if ((transport->ingresses[i].first[flow] == NONE) != (transport->ingresses[i].last[flow] == NONE))
                return false;
        }
    }
    return true;
}
