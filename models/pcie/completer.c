/* SPDX-License-Identifier: MIT */
#include "models/pcie/completer.h"

void completer_add(struct completer *completer, struct transport *transport, uint32_t request)
{
    struct tlp *items = transport->pool->items;
    items[request].next = NONE;
    items[request].served_bytes = 0;
    items[request].queued_ps = transport->events->now_ps;
    queue_meter_arrive(&completer->queue, items[request].queued_ps);
    if (completer->last == NONE)
        completer->first = request;
    else
        items[completer->last].next = request;
    completer->last = request;
}

static uint32_t piece_bytes(const struct completer *completer, const struct tlp *request)
{
    uint32_t limit =
        completer->max_payload < request->max_payload ? completer->max_payload : request->max_payload;
    if (completer->payload_limit_bytes && completer->payload_limit_bytes < limit)
        limit = completer->payload_limit_bytes;
    uint32_t left = request->length_bytes - request->served_bytes;
    uint64_t start = request->transaction.address + request->served_bytes;
    /* The limit counts from the boundary below the first byte, so that every piece but the last ends on a
     * boundary. */
    uint32_t offset = (uint32_t)(start % completer->boundary_bytes);
    uint32_t piece = limit > offset ? limit - offset : limit;
    return piece < left ? piece : left;
}

static uint32_t make_completion(struct completer *completer, struct transport *transport,
                                uint32_t request_index)
{
    uint32_t index = tlp_take(transport->pool);
    struct tlp *request = &transport->pool->items[request_index],
               *completion = &transport->pool->items[index];
    uint32_t bytes = piece_bytes(completer, request);
    *completion = *request;
    completion->next = NONE;
    completion->flow = FLOW_COMPLETION;
    completion->transaction.kind = TRANSACTION_COMPLETION;
    completion->length_bytes = bytes;
    completion->serving = false;
    completion->to_host = false;
    completion->buffered = false;
    completion->completer_id = completer->id;
    completion->id_ordered = completer->id_ordered;
    completion->wire_bytes = TLP_FRAMING_BYTES + TLP_COMPLETION_HEADER_BYTES + bytes;
    request->served_bytes += bytes;
    completion->last = request->served_bytes == request->length_bytes;
    return index;
}

/* No room for another TLP in this event: go on in one of its own, at the same time. */
static void resume_later(struct completer *completer, struct transport *transport)
{
    if (completer->resuming)
        return;
    completer->resuming = true;
    event_queue_push(transport->events, transport->events->now_ps, PRIORITY_NORMAL, completer->event_resume,
                     completer->number, NONE);
}

static void put_in(struct completer *completer, struct transport *transport, uint32_t index)
{
    struct tlp *completion = &transport->pool->items[index];
    completion->ingress = completer->ingress;
    if (completer->function_id == NONE) {
        transport_route_from_host(transport, index);
    } else {
        completion->place = (struct route_place){completer->function_id, SIDE_SELF};
        transport_route(transport, index, transport->ingresses[completer->ingress].node);
    }
    completer->piece_waits = completion->fate == FATE_FORWARD;
    if (!completer
             ->piece_waits) /* it ends here: blocked, for a neighbour, or the root complex's to send on */
        tlp_charge(completion, LEDGER_LINK_QUEUEING, transport->events->now_ps);
    completer->pumping = true;
    transport_hand_on(transport, index);
    completer->pumping = false;
}

bool completer_pump(struct completer *completer, struct transport *transport, uint32_t *answered)
{
    *answered = NONE;
    if (completer->pumping || completer->piece_waits || completer->first == NONE)
        return false;
    if (tlp_pool_exhausted(transport->pool)) {
        resume_later(completer, transport);
        return false;
    }
    uint32_t request = completer->first;
    uint32_t index = make_completion(completer, transport, request);
    if (transport->pool->items[index].last) {
        completer->first = transport->pool->items[request].next;
        if (completer->first == NONE)
            completer->last = NONE;
        *answered = request;
        queue_meter_depart(&completer->queue, transport->pool->items[request].queued_ps,
                           transport->events->now_ps);
    }
    put_in(completer, transport, index);
    return true;
}
