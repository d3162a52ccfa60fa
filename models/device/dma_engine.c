/* SPDX-License-Identifier: MIT */
#include "models/device/dma_engine.h"

/* Bytes of the piece at @p done: up to the next multiple of MPS (writes) or MRRS (reads). Both are powers of
 * two of at most 4 KiB, so no piece crosses a 4 KiB boundary (PCIe Base Spec 2.2.7). */
static uint32_t piece_bytes(const struct dma_engine *engine, const struct dma_operation *operation,
                            uint32_t done)
{
    uint32_t limit = operation->write ? engine->max_payload : engine->max_read_request;
    uint64_t start = operation->address + done;
    uint32_t room = limit - (uint32_t)(start & (limit - 1)), left = operation->length_bytes - done;
    return room < left ? room : left;
}

static uint64_t move_ps(const struct dma_engine *engine, uint32_t bytes)
{
    uint64_t rate = engine->parameters.data_rate_bytes_per_s;
    return rate ? bytes * UINT64_C(1000000000000) / rate : 0;
}

/* All of a read may go out, and of a write the next piece; the piece after it when its data is there. The
 * first piece of a write is fetched within issue_latency. */
static void make_ready(struct dma_engine *engine, uint32_t index)
{
    struct dma_operation *operation = &engine->operations->items[index];
    if (!operation->write || !engine->parameters.data_rate_bytes_per_s) {
        operation->ready_bytes = operation->length_bytes;
        return;
    }
    uint32_t bytes = piece_bytes(engine, operation, operation->ready_bytes);
    operation->ready_bytes += bytes;
    if (operation->ready_bytes < operation->length_bytes)
        event_queue_push(engine->transport->events,
                         engine->transport->events->now_ps + move_ps(engine, bytes), PRIORITY_NORMAL,
                         engine->event_ready, engine->id, index);
}

void dma_engine_on_ready(struct dma_engine *engine, uint32_t index)
{
    if (index == NONE) {
        engine->resuming = false;
        return;
    }
    struct dma_operation *operation = &engine->operations->items[index];
    bool write = operation->write;
    if (!operation->prepared)
        dma_engine_count_pace(engine, operation);
    operation->prepared = true;
    if (operation->blocked)
        return;
    make_ready(engine, index);
    operation->ready_ps = engine->transport->events->now_ps;
    if (operation->queued)
        return;
    operation->queued = true;
    operation->queued_ps = operation->ready_ps;
    queue_meter_arrive(&engine->ready_queue, operation->queued_ps);
    operation->next = NONE;
    if (engine->ready_last[write] == NONE)
        engine->ready_first[write] = index;
    else
        engine->operations->items[engine->ready_last[write]].next = index;
    engine->ready_last[write] = index;
    if (engine->translate_next[write] == NONE)
        engine->translate_next[write] = index;
}

uint64_t dma_engine_data_arrived(const struct dma_engine *engine, struct dma_operation *operation,
                                 uint32_t bytes)
{
    uint64_t now_ps = engine->transport->events->now_ps;
    uint64_t start_ps = operation->moved_ps > now_ps ? operation->moved_ps : now_ps;
    return operation->moved_ps = start_ps + move_ps(engine, bytes);
}

/* From submission to this TLP: preparing is the endpoint's; a translation that had to be waited for, the
 * device TLB's; while an earlier TLP waited for the link, the link's; a free place without a tag to use it,
 * the endpoint's again. */
static void charge_wait(const struct dma_engine *engine, const struct dma_operation *operation,
                        struct tlp *tlp)
{
    uint64_t slot_free_ps = engine->slot_free_ps[operation->write];
    tlp->mark_ps = operation->submit_ps;
    tlp_charge(tlp, LEDGER_ENDPOINT, operation->ready_ps);
    if (operation->translation_ps > tlp->mark_ps)
        tlp_charge(tlp, LEDGER_DEVICE_TLB, operation->translation_ps);
    if (slot_free_ps > tlp->mark_ps)
        tlp_charge(tlp, LEDGER_LINK_QUEUEING, slot_free_ps);
    tlp_charge(tlp, LEDGER_ENDPOINT, engine->transport->events->now_ps);
}

static uint32_t request_wire_bytes(const struct tlp *tlp)
{
    return TLP_FRAMING_BYTES + (tlp->pasid ? (uint32_t)TLP_PASID_BYTES : 0) +
           link_request_header_bytes(tlp->transaction.address) + tlp_payload_bytes(tlp);
}

static uint32_t make_tlp(struct dma_engine *engine, uint32_t operation_index)
{
    struct dma_operation *operation = &engine->operations->items[operation_index];
    uint32_t index = tlp_take(engine->transport->pool),
             bytes = piece_bytes(engine, operation, operation->issued_bytes);
    struct tlp *tlp = &engine->transport->pool->items[index];
    bool write = operation->write;
    tlp->transaction = (struct transaction){
        .kind = write ? TRANSACTION_MEMORY_WRITE : TRANSACTION_MEMORY_READ,
        .address = operation->address + operation->issued_bytes,
        .segment = engine->segment,
        .requester_id = engine->requester_id,
        .relaxed_ordering = engine->parameters.relaxed_ordering,
    };
    tlp->traffic_class =
        (uint8_t)(operation->traffic_class ? operation->traffic_class - 1 : engine->parameters.traffic_class);
    tlp->trace = operation->trace;
    tlp->translation_trace = operation->translation_trace;
    operation->translation_trace = 0;
    tlp->id_ordered = engine->parameters.id_based_ordering;
    tlp->original_requester_id = engine->requester_id;
    tlp->place = (struct route_place){engine->function_id, SIDE_SELF};
    tlp->operation = operation_index;
    tlp->origin_id = engine->function_id;
    tlp->ingress = engine->ingress;
    tlp->length_bytes = bytes;
    tlp->max_payload = engine->max_payload;
    tlp->flow = write ? FLOW_POSTED : FLOW_NONPOSTED;
    tlp->issued_ps = engine->transport->events->now_ps;
    tlp->pasid = operation->pasid;
    tlp->wire_bytes = request_wire_bytes(tlp);
    charge_wait(engine, operation, tlp);
    operation->issued_bytes += bytes;
    engine->tlps++;
    return index;
}

/* ---- ATS ---- */

/* Does the operation's address go through the device TLB? An interrupt message never does: it is no access to
 * memory (VT-d refuses to translate its addresses). */
static bool is_translated_here(const struct dma_engine *engine, const struct dma_operation *operation)
{
    return engine->device_tlb && !operation->forged && !operation->interrupt &&
           operation->space != DEVICE_TLB_NO_SPACE;
}

/* A translation request for the page of an address; it goes out, or fails at its source like any TLP. */
static uint32_t send_translation_request(struct dma_engine *engine, uint32_t pasid, uint32_t space,
                                         uint64_t iova, uint32_t trace)
{
    uint32_t index = tlp_take(engine->transport->pool);
    struct tlp *tlp = &engine->transport->pool->items[index];
    uint64_t page = iova & ~UINT64_C(0xfff);

    tlp->transaction = (struct transaction){.kind = TRANSACTION_MEMORY_READ,
                                            .address_type = ADDRESS_TRANSLATION_REQUEST,
                                            .address = page,
                                            .segment = engine->segment,
                                            .requester_id = engine->requester_id};
    tlp->original_requester_id = engine->requester_id;
    tlp->place = (struct route_place){engine->function_id, SIDE_SELF};
    tlp->operation = NONE;
    tlp->origin_id = engine->function_id;
    tlp->ingress = engine->ingress;
    tlp->length_bytes = TRANSLATION_REQUEST_BYTES;
    tlp->max_payload = engine->max_payload;
    tlp->flow = FLOW_NONPOSTED;
    tlp->iova = page;
    tlp->space = (uint16_t)space;
    tlp->trace = trace;
    tlp->issued_ps = tlp->mark_ps = engine->transport->events->now_ps;
    tlp->pasid = pasid;
    tlp->wire_bytes = request_wire_bytes(tlp);
    transport_route(engine->transport, index, engine->node);
    if (tlp->fate != FATE_FORWARD)
        return index;
    transport_enqueue(engine->transport, engine->ingress, index);
    return NONE;
}

static uint32_t ask_translation(struct dma_engine *engine, const struct dma_operation *operation,
                                uint64_t iova)
{
    device_tlb_ask(engine->device_tlb, operation->space, iova, operation->write);
    return send_translation_request(engine, operation->pasid, operation->space, iova, operation->trace);
}

uint32_t dma_engine_ask_again(struct dma_engine *engine)
{
    struct device_tlb *tlb = engine->device_tlb;
    for (uint32_t slot; (slot = device_tlb_next_retry(tlb)) != UINT32_MAX;) {
        uint32_t space = tlb->pending[slot].space;
        uint32_t failed = send_translation_request(engine, space ? tlb->pasids[space - 1] : 0, space,
                                                   tlb->pending[slot].iova, 0);
        if (failed != NONE)
            return failed;
    }
    return NONE;
}

/* Next operation that is ready with an address whose translation nobody asked for; NULL: none. */
static const struct dma_operation *next_untranslated(struct dma_engine *engine, bool write, uint64_t *iova)
{
    while (engine->translate_next[write] != NONE) {
        struct dma_operation *operation = &engine->operations->items[engine->translate_next[write]];
        while (is_translated_here(engine, operation) && operation->asked_bytes < operation->length_bytes) {
            uint64_t at = operation->address + operation->asked_bytes;
            uint64_t step = 4096 - (at & 4095), left = operation->length_bytes - operation->asked_bytes;
            operation->asked_bytes += (uint32_t)(step < left ? step : left);
            if (device_tlb_expects(engine->device_tlb, operation->space, at))
                continue;
            *iova = at;
            return operation;
        }
        engine->translate_next[write] = operation->next;
    }
    return NULL;
}

/* Ask ahead for what the operations that are ready will need. */
static uint32_t pump_translations(struct dma_engine *engine)
{
    for (int write = 0; engine->device_tlb && !engine->paused && write < 2; write++) {
        uint64_t iova;
        const struct dma_operation *operation;
        while (device_tlb_may_ask(engine->device_tlb) && !tlp_pool_exhausted(engine->transport->pool) &&
               (operation = next_untranslated(engine, write, &iova)) != NULL) {
            uint32_t index = ask_translation(engine, operation, iova);
            if (index != NONE)
                return index;
        }
    }
    return NONE;
}

/* Is the translation for the next piece there? Where it has to be asked for, @p failed is a request that
 * failed at its source. */
static enum device_tlb_answer find_translation(struct dma_engine *engine, struct dma_operation *operation,
                                               uint64_t *physical, uint32_t *failed)
{
    uint64_t iova = operation->address + operation->issued_bytes;
    bool waited = device_tlb_waits_for(engine->device_tlb, operation->space, iova, operation->write);
    enum device_tlb_answer answer =
        device_tlb_find(engine->device_tlb, operation->space, iova, operation->write, physical);
    if (waited && (answer == DEVICE_TLB_HIT || answer == DEVICE_TLB_REFUSED)) {
        operation->translation_ps = engine->device_tlb->answered_ps;
        operation->translation_trace = engine->device_tlb->answered_trace;
    }
    if (answer == DEVICE_TLB_MISS && device_tlb_may_ask(engine->device_tlb))
        *failed = ask_translation(engine, operation, iova);
    return answer;
}

/* A piece goes out with the address the device TLB, or nobody, made of it. */
static void mark_translated(struct dma_engine *engine, struct tlp *tlp, uint64_t physical, bool forged)
{
    tlp->iova = forged ? UINT64_MAX : tlp->transaction.address;
    tlp->granted = !forged;
    tlp->transaction.address = physical;
    tlp->transaction.address_type = ADDRESS_TRANSLATED;
    tlp->wire_bytes = request_wire_bytes(tlp);
    if (tlp->flow == FLOW_NONPOSTED && engine->device_tlb)
        tlp->device_generation = device_tlb_read_begins(engine->device_tlb);
}

void dma_engine_translation_arrived(struct dma_engine *engine, uint32_t space, uint64_t iova, uint64_t leaf,
                                    unsigned shift, uint32_t trace)
{
    device_tlb_learn(engine->device_tlb, space, iova, leaf, shift, engine->transport->events->now_ps);
    engine->device_tlb->answered_trace = trace;
}

/* ---- issuing ---- */

static bool may_issue(const struct dma_engine *engine, bool write)
{
    return !engine->paused && engine->ready_first[write] != NONE && !engine->tlp_waits[write] &&
           (write || engine->tags_used < engine->parameters.tags);
}

/* The write is all in TLPs: the read behind it may go. */
static void unblock(struct dma_engine *engine, struct dma_operation *write)
{
    uint32_t index = write->read_behind - 1;
    struct dma_operation *read = &engine->operations->items[index];
    read->blocked = false;
    if (read->prepared)
        event_queue_push(engine->transport->events, engine->transport->events->now_ps, PRIORITY_NORMAL,
                         engine->event_ready, engine->id, index);
    write->read_behind = 0;
}

/* Take the operation at the head off once all of it that may go is in TLPs. */
static void step_operation(struct dma_engine *engine, bool write)
{
    struct dma_operation *operation = &engine->operations->items[engine->ready_first[write]];
    if (operation->issued_bytes < operation->ready_bytes)
        return;
    operation->queued = false;
    queue_meter_depart(&engine->ready_queue, operation->queued_ps, engine->transport->events->now_ps);
    if (engine->translate_next[write] == engine->ready_first[write])
        engine->translate_next[write] = operation->next;
    engine->ready_first[write] = operation->next;
    if (operation->next == NONE)
        engine->ready_last[write] = NONE;
    if (operation->read_behind && operation->issued_bytes == operation->length_bytes)
        unblock(engine, operation);
}

/* Without a link to hold it back an engine makes all TLPs of its operations at once. There is no room for
 * more in this event: go on in one of its own, at the same time. */
static void resume_later(struct dma_engine *engine)
{
    if (engine->resuming)
        return;
    engine->resuming = true;
    event_queue_push(engine->transport->events, engine->transport->events->now_ps, PRIORITY_NORMAL,
                     engine->event_ready, engine->id, NONE);
}

static void take_tag(struct dma_engine *engine)
{
    if (++engine->tags_used > engine->tags_high)
        engine->tags_high = engine->tags_used;
    saturation_note(&engine->tags_full, engine->tags_used == engine->parameters.tags,
                    engine->transport->events->now_ps);
}

/* Issue what can be issued of one kind; a TLP that fails at once ends it. */
static uint32_t pump_kind(struct dma_engine *engine, bool write)
{
    while (may_issue(engine, write)) {
        if (tlp_pool_exhausted(engine->transport->pool)) {
            resume_later(engine);
            break;
        }
        struct dma_operation *operation = &engine->operations->items[engine->ready_first[write]];
        enum device_tlb_answer answer = DEVICE_TLB_HIT;
        uint64_t physical = operation->address + operation->issued_bytes;
        bool here = is_translated_here(engine, operation);
        if (here) {
            uint32_t failed = NONE;
            answer = find_translation(engine, operation, &physical, &failed);
            if (answer == DEVICE_TLB_MISS || answer == DEVICE_TLB_PENDING)
                return failed;
        }
        uint32_t index = make_tlp(engine, engine->ready_first[write]);
        if (answer == DEVICE_TLB_HIT && (here || operation->forged))
            mark_translated(engine, &engine->transport->pool->items[index], physical, operation->forged);
        step_operation(engine, write);
        if (!write)
            take_tag(engine);
        if (answer == DEVICE_TLB_REFUSED) { /* the device knows that it may not: nothing goes out */
            engine->transport->pool->items[index].fate = FATE_DROP;
            engine->transport->pool->items[index].unsent = true;
            return index;
        }
        transport_route(engine->transport, index, engine->node);
        if (engine->transport->pool->items[index].fate != FATE_FORWARD)
            return index;
        engine->tlp_waits[write] = true;
        transport_enqueue(engine->transport, engine->ingress, index);
    }
    return NONE;
}

uint32_t dma_engine_pump(struct dma_engine *engine)
{
    if (engine->pumping)
        return NONE;
    engine->pumping = true;
    uint32_t failed = pump_translations(engine);
    if (failed == NONE)
        failed = pump_kind(engine, true);
    if (failed == NONE)
        failed = pump_kind(engine, false);
    engine->pumping = false;
    return failed;
}

void dma_engine_sent(struct dma_engine *engine, bool write, bool out)
{
    if (!out || !engine->tlp_waits[write])
        return;
    engine->tlp_waits[write] = false;
    engine->slot_free_ps[write] = engine->transport->events->now_ps;
}

void dma_engine_tag_free(struct dma_engine *engine)
{
    engine->tags_used--;
    saturation_note(&engine->tags_full, false, engine->transport->events->now_ps);
}

void dma_engine_restart_counters(struct dma_engine *engine)
{
    uint64_t now_ps = engine->transport->events->now_ps;
    busy_time_restart(&engine->shared, now_ps);
    for (int write = 0; write < 2; write++)
        busy_time_restart(&engine->paced[write], now_ps);
    saturation_restart(&engine->window.full, now_ps);
    saturation_restart(&engine->tags_full, now_ps);
    saturation_restart(&engine->bulk_full, now_ps);
    queue_meter_restart(&engine->ready_queue, now_ps);
}
