/* SPDX-License-Identifier: MIT */
#include "models/pcie/root_complex.h"

static struct tlp *tlp_at(const struct root_complex *root_complex, uint32_t index)
{
    return &root_complex->transport->pool->items[index];
}

static uint64_t now_ps(const struct root_complex *root_complex)
{
    return root_complex->transport->events->now_ps;
}

static struct root_port_order *order_of(const struct root_complex *root_complex, const struct tlp *tlp)
{
    return &root_complex->orders[root_complex->transport->ingresses[tlp->ingress].number];
}

static void list_append(const struct root_complex *root_complex, uint32_t *first, uint32_t *last,
                        uint32_t index)
{
    tlp_at(root_complex, index)->next = NONE;
    if (*last == NONE)
        *first = index;
    else
        tlp_at(root_complex, *last)->next = index;
    *last = index;
}

static uint32_t list_take(const struct root_complex *root_complex, uint32_t *first, uint32_t *last)
{
    uint32_t index = *first;
    *first = tlp_at(root_complex, index)->next;
    if (*first == NONE)
        *last = NONE;
    return index;
}

static void post(const struct root_complex *root_complex, uint64_t time_ps, uint32_t kind, uint32_t index)
{
    event_queue_push(root_complex->transport->events, time_ps, PRIORITY_NORMAL, kind, 0, index);
}

/* ---- reads ---- */

static void translate(struct root_complex *root_complex, uint32_t index);

static void take_read_slot(struct root_complex *root_complex, uint32_t index)
{
    struct tlp *tlp = tlp_at(root_complex, index);
    tlp_charge(tlp, LEDGER_ROOT_COMPLEX, now_ps(root_complex));
    tlp->serving = true;
    if (++root_complex->reads_active > root_complex->reads_high)
        root_complex->reads_high = root_complex->reads_active;
    saturation_note(&root_complex->slots_full,
                    root_complex->reads_active >= root_complex->parameters.reads_in_flight,
                    now_ps(root_complex));
    transport_free_buffer(root_complex->transport, tlp);
    translate(root_complex, index);
}

static uint32_t take_waiting_read(struct root_complex *root_complex)
{
    uint32_t index = list_take(root_complex, &root_complex->slot_first, &root_complex->slot_last);
    queue_meter_depart(&root_complex->slot_queue, tlp_at(root_complex, index)->queued_ps,
                       now_ps(root_complex));
    return index;
}

static void release_read_slot(struct root_complex *root_complex)
{
    root_complex->reads_active--;
    saturation_note(&root_complex->slots_full, false, now_ps(root_complex));
    if (root_complex->giving_slots)
        return; /* a read that ended at once: the loop below gives its slot on */
    root_complex->giving_slots = true;
    while (root_complex->slot_first != NONE &&
           root_complex->reads_active < root_complex->parameters.reads_in_flight)
        take_read_slot(root_complex, take_waiting_read(root_complex));
    root_complex->giving_slots = false;
}

static void finish(struct root_complex *root_complex, uint32_t index, bool failed)
{
    bool slot = tlp_at(root_complex, index)->serving;
    root_complex->finished(root_complex->context, index, failed);
    tlp_release(root_complex->transport->pool, index);
    if (slot)
        release_read_slot(root_complex);
}

void root_complex_pump(struct root_complex *root_complex, uint32_t completer)
{
    uint32_t answered;
    while (completer_pump(&root_complex->completers[completer], root_complex->transport, &answered)) {
        if (answered == NONE)
            continue;
        tlp_release(root_complex->transport->pool, answered);
        release_read_slot(root_complex);
    }
}

/* ---- draining: what an invalidation waits for ---- */

static struct invalidation_queue *queue_of(const struct root_complex *root_complex, const struct tlp *tlp)
{
    return &root_complex->queues[root_complex->unit_of[tlp->origin_id]];
}

static void enter_access(const struct root_complex *root_complex, struct tlp *tlp)
{
    tlp->drain = (uint8_t)(1 + invalidation_queue_enter(queue_of(root_complex, tlp)));
}

/* Its data was read, is visible, or goes on to a peer; or it goes nowhere. */
static void leave_access(const struct root_complex *root_complex, struct tlp *tlp)
{
    if (!tlp->drain)
        return;
    invalidation_queue_leave(queue_of(root_complex, tlp), (uint8_t)(tlp->drain - 1));
    tlp->drain = 0;
}

/* The host sends it nowhere. @param claimed  a port or BAR would have it, but for a rule on the way */
static void drop(struct root_complex *root_complex, struct tlp *tlp, bool claimed)
{
    root_complex->dropped_tlps++;
    tlp->stopped_by = claimed ? tlp->rule : RULE_UNCLAIMED;
    tlp->stopped_at_id = NONE;
}

/* A read that leads nowhere: its completion says so, after the time a completion takes. */
static void refuse_read(struct root_complex *root_complex, uint32_t index, enum completion_status status)
{
    struct tlp *tlp = tlp_at(root_complex, index);
    leave_access(root_complex, tlp);
    tlp->fate = FATE_HOST; /* whatever was decided about its way on: it ends here */
    tlp->status = (uint8_t)status;
    tlp_charge(tlp, LEDGER_ROOT_COMPLEX,
               now_ps(root_complex) + root_complex->parameters.completion_latency_ps);
    post(root_complex, tlp->mark_ps, root_complex->event_memory, index);
}

/* What the unit answers a read that it does not let through. */
static enum completion_status fault_status(const struct root_complex *root_complex, const struct tlp *tlp)
{
    const struct remapping_unit *unit = &root_complex->units[root_complex->unit_of[tlp->origin_id]];
    return unit->parameters.fault_completion == FAULT_COMPLETER_ABORT ? COMPLETION_COMPLETER_ABORT
                                                                      : COMPLETION_UNSUPPORTED_REQUEST;
}

static void send_back(struct root_complex *root_complex, uint32_t index)
{
    struct tlp *tlp = tlp_at(root_complex, index);
    tlp->serving = false;
    transport_refuse(root_complex->transport, index, (enum completion_status)tlp->status);
    release_read_slot(root_complex);
}

/* RAM, or the interrupt message window, which takes writes only. */
static bool is_memory(const struct root_complex *root_complex, const struct tlp *tlp)
{
    uint64_t address = tlp->transaction.address;
    if (route_is_msi(address))
        return tlp->flow == FLOW_POSTED;
    if (root_complex->range_count == 0)
        return true;
    for (uint32_t i = 0; i < root_complex->range_count; i++) {
        const struct memory_range *range = &root_complex->ranges[i];
        if (address >= range->base && address <= range->limit)
            return true;
    }
    return false;
}

/* The read may go to where its address leads: memory, or a peer below the root complex. */
static void issue_read(struct root_complex *root_complex, uint32_t index)
{
    struct transport *transport = root_complex->transport;
    struct tlp *tlp = tlp_at(root_complex, index);
    tlp_charge(tlp, LEDGER_ROOT_COMPLEX, now_ps(root_complex));
    struct route_place root = tlp->place;
    uint32_t segment = tlp->transaction.segment;
    bool claimed = transport_route_from_host(transport, index);
    if (!claimed && is_memory(root_complex, tlp)) {
        tlp->place = root;
        uint64_t data_ps = memory_read(&root_complex->memory, now_ps(root_complex), tlp->transaction.address,
                                       tlp->length_bytes, root_complex->node_of[tlp->origin_id]);
        tlp_charge(tlp, LEDGER_MEMORY, data_ps);
        tlp_charge(tlp, LEDGER_ROOT_COMPLEX, data_ps + root_complex->parameters.completion_latency_ps);
        post(root_complex, tlp->mark_ps, root_complex->event_memory, index);
        return;
    }
    if (!claimed || tlp->fate == FATE_DROP) {
        drop(root_complex, tlp, claimed);
        tlp->transaction.segment = segment;
        refuse_read(root_complex, index, COMPLETION_UNSUPPORTED_REQUEST);
        return;
    }
    /* Redirected to a peer. */
    tlp_charge(tlp, LEDGER_ROOT_COMPLEX, now_ps(root_complex) + root_complex->parameters.peer_latency_ps);
    post(root_complex, tlp->mark_ps, root_complex->event_memory, index);
}

/* A read that was redirected to a peer goes out there, or to a root port's own BAR: from here on the peer
 * serves it. */
static void forward_read(struct root_complex *root_complex, uint32_t index)
{
    struct tlp *tlp = tlp_at(root_complex, index);
    root_complex->peer_tlps++;
    leave_access(root_complex, tlp);
    tlp->serving = false;
    if (tlp->fate == FATE_DELIVER)
        root_complex->delivered(root_complex->context, index);
    else
        transport_enqueue(root_complex->transport, tlp->ingress, index);
    release_read_slot(root_complex);
}

/* ---- order ---- */

/* Its turn has come: to memory, on to a peer's port, or to a root port's own BAR. */
static void go_on(struct root_complex *root_complex, uint32_t index)
{
    struct tlp *tlp = tlp_at(root_complex, index);
    if (tlp->fate == FATE_HOST && tlp->flow == FLOW_NONPOSTED) {
        issue_read(root_complex, index);
        return;
    }
    tlp_charge(tlp, LEDGER_ROOT_COMPLEX, now_ps(root_complex));
    if (tlp->fate == FATE_HOST) /* a completion that ACS sent up instead of across: down to its requester */
        transport_route_from_host(root_complex->transport, index);
    if (tlp->flow == FLOW_NONPOSTED && tlp->fate == FATE_DELIVER)
        root_complex->delivered(root_complex->context, index);
    else
        transport_hand_on(root_complex->transport, index);
}

static void go_on_in_order(struct root_complex *root_complex, uint32_t index)
{
    struct root_port_order *order = order_of(root_complex, tlp_at(root_complex, index));
    if (!root_port_order_held_back(order, root_complex->transport->pool, index)) {
        go_on(root_complex, index);
        return;
    }
    tlp_at(root_complex, index)->queued_ps = now_ps(root_complex);
    queue_meter_arrive(&root_complex->order_queue, now_ps(root_complex));
    root_port_order_hold(order, root_complex->transport->pool, index);
}

/* ---- posted requests ---- */

/* A posted request that is through: visible, dropped, or to be handed on. */
static void retire_posted(struct root_complex *root_complex, struct root_port_order *order, uint32_t index)
{
    struct tlp *tlp = tlp_at(root_complex, index);
    tlp_charge(tlp, LEDGER_ROOT_COMPLEX, now_ps(root_complex));
    leave_access(root_complex, tlp);
    if (tlp->fate == FATE_FORWARD) { /* to a peer: leaves the buffer like any forwarded TLP */
        order->leaving = index;
        transport_enqueue(root_complex->transport, tlp->ingress, index);
        return;
    }
    if (tlp->fate == FATE_DELIVER) {
        root_complex->delivered(root_complex->context, index);
        return;
    }
    transport_free_buffer(root_complex->transport, tlp);
    finish(root_complex, index, tlp->fate == FATE_DROP);
}

/* Let posted requests that are through go, in order, then what waited for them. */
static void advance(struct root_complex *root_complex, struct root_port_order *order)
{
    struct tlp_pool *pool = root_complex->transport->pool;
    if (order->advancing)
        return;
    order->advancing = true;
    uint32_t index;
    do {
        while ((index = root_port_order_retire(order, pool)) != NONE)
            retire_posted(root_complex, order, index);
        index = root_port_order_release(order, pool);
        if (index == NONE)
            break;
        queue_meter_depart(&root_complex->order_queue, pool->items[index].queued_ps, now_ps(root_complex));
        go_on(root_complex, index);
    } while (true);
    order->advancing = false;
}

/* A posted request is done but for order. */
static void commit(struct root_complex *root_complex, uint32_t index)
{
    struct tlp *tlp = tlp_at(root_complex, index);
    struct root_port_order *order = order_of(root_complex, tlp);
    tlp->committed = true;
    if (root_port_order_retire_early(order, root_complex->transport->pool, index))
        retire_posted(root_complex, order, index);
    advance(root_complex, order);
}

void root_complex_sent(struct root_complex *root_complex, uint32_t ingress_id)
{
    const struct ingress *ingress = &root_complex->transport->ingresses[ingress_id];
    struct root_port_order *order = &root_complex->orders[ingress->number];
    if (order->leaving == NONE || ingress->first[FLOW_POSTED] != NONE)
        return;
    order->leaving = NONE;
    advance(root_complex, order);
}

/* Where the write goes after translation. */
static void place_write(struct root_complex *root_complex, uint32_t index)
{
    struct tlp *tlp = tlp_at(root_complex, index);
    struct route_place root = tlp->place;
    if (transport_route_from_host(root_complex->transport, index)) {
        if (tlp->fate != FATE_DROP) {
            root_complex->peer_tlps++;
            tlp_charge(tlp, LEDGER_ROOT_COMPLEX,
                       now_ps(root_complex) + root_complex->parameters.peer_latency_ps);
            post(root_complex, tlp->mark_ps, root_complex->event_memory, index);
            return;
        }
        drop(root_complex, tlp, true);
        commit(root_complex, index);
        return;
    }
    tlp->place = root;
    if (!is_memory(root_complex, tlp)) {
        drop(root_complex, tlp, false);
        tlp->fate = FATE_DROP;
        commit(root_complex, index);
        return;
    }
    uint64_t accepted_ps = memory_write(&root_complex->memory, now_ps(root_complex), tlp->transaction.address,
                                        tlp->length_bytes);
    tlp_charge(tlp, LEDGER_MEMORY, accepted_ps + root_complex->parameters.write_commit_ps);
    post(root_complex, tlp->mark_ps, root_complex->event_memory, index);
}

/* ---- translation ---- */

/* A translation request ends here: what was found goes back. */
static void answer_translation(struct root_complex *root_complex, uint32_t index,
                               const struct translation_work *work)
{
    struct tlp *tlp = tlp_at(root_complex, index);
    leave_access(root_complex, tlp);
    tlp->transaction.address = tlp->iova;
    tlp->found = work->found;
    tlp->found_shift = work->found_shift;
    tlp_charge(tlp, LEDGER_ROOT_COMPLEX,
               now_ps(root_complex) + root_complex->parameters.completion_latency_ps);
    post(root_complex, tlp->mark_ps, root_complex->event_memory, index);
}

void root_complex_on_translated(struct root_complex *root_complex, uint32_t index)
{
    struct tlp *tlp = tlp_at(root_complex, index);
    const struct translation_work *work = &root_complex->transport->pool->works[index];
    bool fault = tlp->translated && work->fault != IOMMU_NO_FAULT;
    if (tlp->translated && !fault)
        tlp->transaction.address = work->physical;
    if (fault) {
        root_complex->faults++;
        root_complex->faulted(root_complex->context, index);
    }
    if (tlp->flow == FLOW_POSTED) {
        if (fault) {
            tlp->fate = FATE_DROP;
            commit(root_complex, index);
        } else {
            place_write(root_complex, index);
        }
        return;
    }
    if (fault) {
        refuse_read(root_complex, index, fault_status(root_complex, tlp));
        return;
    }
    if (tlp->translated && tlp->transaction.address_type == ADDRESS_TRANSLATION_REQUEST) {
        answer_translation(root_complex, index, work);
        return;
    }
    go_on_in_order(root_complex, index);
}

static void charge_translation(struct tlp *tlp, const struct translation_work *work,
                               struct remapping_unit *unit)
{
    tlp->ledger.ps[LEDGER_CONTEXT_CACHE] += work->context_ps;
    tlp->ledger.ps[LEDGER_IOTLB] += work->iotlb_ps;
    tlp->ledger.ps[LEDGER_WALK_CACHES] += work->walk_caches_ps;
    tlp->ledger.ps[LEDGER_WALK_MEMORY] += work->walk_memory_ps;
    tlp->ledger.ps[LEDGER_WALKER_QUEUEING] += work->walker_queueing_ps;
    tlp->mark_ps = work->ready_ps;
    histogram_record(&unit->latency, work->context_ps + work->iotlb_ps + work->walk_caches_ps +
                                         work->walk_memory_ps + work->walker_queueing_ps);
}

static void answered(struct root_complex *root_complex, uint32_t index)
{
    const struct translation_work *work = &root_complex->transport->pool->works[index];
    struct tlp *tlp = tlp_at(root_complex, index);
    charge_translation(tlp, work, &root_complex->units[root_complex->unit_of[tlp->origin_id]]);
    if (work->fault == IOMMU_NO_FAULT) {
        enter_access(root_complex, tlp);
        if (root_complex->translated)
            root_complex->translated(root_complex->context, index);
    }
    if (work->ready_ps > now_ps(root_complex))
        post(root_complex, work->ready_ps, root_complex->event_translated, index);
    else
        root_complex_on_translated(root_complex, index);
}

/* An interrupt message: remapped, then visible in its place among the writes, as they are. */
static void receive_interrupt(struct root_complex *root_complex, uint32_t index)
{
    struct tlp *tlp = tlp_at(root_complex, index);
    uint64_t decided_ps = root_complex->interrupted(root_complex->context, index);
    root_complex->untranslated_tlps++;
    if (decided_ps == UINT64_MAX) {
        tlp->fate = FATE_DROP;
        commit(root_complex, index);
        return;
    }
    tlp_charge(tlp, LEDGER_INTERRUPT, decided_ps);
    tlp_charge(tlp, LEDGER_MEMORY, decided_ps + root_complex->parameters.write_commit_ps);
    post(root_complex, tlp->mark_ps, root_complex->event_memory, index);
}

static void translate(struct root_complex *root_complex, uint32_t index)
{
    struct tlp *tlp = tlp_at(root_complex, index);
    uint32_t unit = root_complex->unit_of[tlp->origin_id];
    if (tlp->transaction.kind == TRANSACTION_MESSAGE_TO_ROOT) {
        commit(root_complex, index); /* keeps its place among the writes before it */
        return;
    }
    if (tlp->flow == FLOW_POSTED && route_is_msi(tlp->transaction.address) && root_complex->interrupted) {
        receive_interrupt(root_complex, index);
        return;
    }
    /* Interrupt messages are never translated as DMA (VT-d spec 3.13, AMD IOMMU spec 2.1.4.2). */
    if (unit == NO_UNIT || route_is_msi(tlp->transaction.address)) {
        root_complex->untranslated_tlps++;
        root_complex_on_translated(root_complex, index);
        return;
    }
    struct translation_work *work = &root_complex->transport->pool->works[index];
    root_complex->translated_tlps++;
    tlp->translated = true;
    work->iova = tlp->transaction.address;
    work->pasid = tlp->pasid;
    work->requester_id = root_complex_source_id(root_complex, tlp);
    work->write = tlp->flow == FLOW_POSTED;
    work->kind = (enum work_kind)tlp->transaction.address_type; /* ORDER: enum work_kind, enum address_type */
    if (remapping_unit_translate(&root_complex->units[unit], index))
        answered(root_complex, index);
}

void root_complex_on_unit(struct root_complex *root_complex, uint32_t unit, uint32_t argument)
{
    remapping_unit_event(&root_complex->units[unit], argument);
    for (uint32_t index; (index = remapping_unit_finished(&root_complex->units[unit])) != IOMMU_NO_WORK;)
        answered(root_complex, index);
}

/* ---- arrival and memory ---- */

void root_complex_receive(struct root_complex *root_complex, uint32_t index)
{
    struct tlp *tlp = tlp_at(root_complex, index);
    bool passes = tlp->fate == FATE_FORWARD || tlp->fate == FATE_DELIVER;
    tlp->by_root = tlp->fate != FATE_DELIVER;
    root_port_order_arrive(order_of(root_complex, tlp), root_complex->transport->pool, index);
    if (tlp->flow == FLOW_POSTED) {
        if (passes)
            commit(root_complex, index); /* nothing to do here but to keep its place */
        else
            translate(root_complex, index);
    } else if (passes || tlp->flow == FLOW_COMPLETION) {
        go_on_in_order(root_complex, index);
    } else if (root_complex->reads_active >= root_complex->parameters.reads_in_flight) {
        tlp->queued_ps = now_ps(root_complex);
        queue_meter_arrive(&root_complex->slot_queue, tlp->queued_ps);
        list_append(root_complex, &root_complex->slot_first, &root_complex->slot_last, index);
    } else {
        take_read_slot(root_complex, index);
    }
}

void root_complex_on_memory(struct root_complex *root_complex, uint32_t index)
{
    struct tlp *tlp = tlp_at(root_complex, index);
    if (tlp->flow == FLOW_POSTED) {
        commit(root_complex, index);
        return;
    }
    if (tlp->status != COMPLETION_SUCCESS || tlp->transaction.address_type == ADDRESS_TRANSLATION_REQUEST) {
        send_back(root_complex, index);
        return;
    }
    if (tlp->fate != FATE_HOST) {
        forward_read(root_complex, index);
        return;
    }
    leave_access(root_complex, tlp);
    uint32_t completer = root_complex->completer_of[tlp->place.function_id];
    completer_add(&root_complex->completers[completer], root_complex->transport, index);
    root_complex_pump(root_complex, completer);
}

void root_complex_restart_counters(struct root_complex *root_complex)
{
    root_complex->untranslated_tlps = root_complex->translated_tlps = root_complex->peer_tlps = 0;
    root_complex->reads_high = root_complex->reads_active;
    queue_meter_restart(&root_complex->slot_queue, now_ps(root_complex));
    queue_meter_restart(&root_complex->order_queue, now_ps(root_complex));
    saturation_restart(&root_complex->slots_full, now_ps(root_complex));
    memory_restart_counters(&root_complex->memory, now_ps(root_complex));
}
