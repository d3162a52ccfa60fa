/* SPDX-License-Identifier: MIT */
/* Address Translation Services in a machine: who has a device TLB, the messages between units and devices,
 * and whether what arrives as translated was translated. */
#include "models/iommu/page_walk.h"
#include "sim/machine/machine_state.h"

#include "sim/base/arena.h"
#include "sim/base/status.h"

#include <stdlib.h>

enum { INVALIDATE_REQUEST_BYTES = 8 };

/* ---- set-up ---- */

static bool domain_uses_ats(const struct domain *domain, const struct pci_function *function)
{
    if (!translation_mode_translates(domain->mode) || domain->ats == ATS_OFF)
        return false;
    return domain->ats == ATS_ON ? function->ats : function->ats_enabled;
}

/* Requests of the function are translated, and it may translate them itself: as its domain without PASID
 * says, or where it has none, as one of those with. */
static bool uses_ats(const struct machine *machine, uint32_t function_id)
{
    const struct pci_function *function = &machine->input->topology->functions[function_id];
    const struct workload *workload = machine->workload;
    uint32_t d = machine->mapping.domain_of[function_id];
    if (machine->root_complex.unit_of[function_id] == NO_UNIT)
        return false;
    if (d != NONE)
        return domain_uses_ats(&workload->domains[d], function);
    for (d = 0; d < workload->domain_count; d++) {
        if (workload->domains[d].pasid &&
            machine_domain_of_request(machine, function_id, workload->domains[d].pasid) == d &&
            domain_uses_ats(&workload->domains[d], function))
            return true;
    }
    return false;
}

/* Some domain of the function pages on demand. */
static bool uses_page_requests(const struct machine *machine, uint32_t function_id)
{
    const struct workload *workload = machine->workload;
    for (uint32_t d = 0; d < workload->domain_count; d++) {
        if (workload->domains[d].on_demand &&
            machine_domain_of_request(machine, function_id, workload->domains[d].pasid) == d)
            return topology_physical_function(machine->input->topology,
                                              &machine->input->topology->functions[function_id])
                ->pri;
    }
    return false;
}

static void init_engine(struct machine *machine, struct dma_engine *engine)
{
    const struct dma_engine_parameters *parameters = &engine->parameters;
    uint32_t unit_id = machine->root_complex.unit_of[engine->function_id];
    if (!uses_ats(machine, engine->function_id))
        return;
    remapping_unit_allow_ats(&machine->units[unit_id], machine_requester_id(machine, engine->function_id));
    if (!parameters->device_tlb_entries)
        return;
    engine->device_tlb = memory_alloc(sizeof(*engine->device_tlb));
    device_tlb_init(engine->device_tlb, parameters->device_tlb_entries, parameters->device_tlb_ways,
                    parameters->translation_requests, parameters->invalidation_answer_ps,
                    machine->options.seed);
    engine->device_tlb->page_requests_on = uses_page_requests(machine, engine->function_id);
    engine->device_tlb->page_request_limit = parameters->page_requests;
    engine->device_tlb->group_limit = parameters->page_request_group;
    machine->root_complex.translated = machine_translated;
}

static int init_stream(struct machine *machine, const struct stream *stream, struct diagnostics *diagnostics)
{
    if (stream->misbehaviour == MISBEHAVIOUR_FORGED_TRANSLATION)
        machine->root_complex.translated = machine_translated;
    if (stream->misbehaviour != MISBEHAVIOUR_KEEPS_TRANSLATIONS &&
        stream->misbehaviour != MISBEHAVIOUR_NEVER_ANSWERS)
        return 0;
    struct device_tlb *tlb = machine->engines[machine->engine_of[stream->function_id]].device_tlb;
    if (!tlb) {
        diagnostics_report(
            diagnostics, DIAGNOSTIC_ERROR, NULL, DIAGNOSTIC_NO_OFFSET, stream->pointer,
            "workload-misbehaviour",
            "stream \"%s\": the device has no device TLB to misuse: it needs an ATS capability, "
            "\"ats_enabled\" or \"ats\": true of its domain, and an IOMMU",
            stream->name);
        return STATUS_BAD_INPUT;
    }
    tlb->obedience =
        stream->misbehaviour == MISBEHAVIOUR_KEEPS_TRANSLATIONS ? DEVICE_TLB_KEEPS : DEVICE_TLB_SILENT;
    return 0;
}

int ats_init(struct machine *machine, struct diagnostics *diagnostics)
{
    int status = 0;
    machine->page_requests =
        arena_array(machine->arena, machine->unit_count, sizeof(*machine->page_requests));
    for (uint32_t i = 0; i < machine->unit_count; i++) {
        page_request_queue_init(&machine->page_requests[i], &machine->units[i].parameters, &machine->events,
                                EVENT_PAGE_REQUEST, i);
        machine->page_requests[i].context = machine;
        machine->page_requests[i].serve = machine_serve_page;
        machine->page_requests[i].respond = ats_send_page_response;
    }
    for (uint32_t i = 0; i < machine->engine_count; i++)
        init_engine(machine, &machine->engines[i]);
    for (uint32_t s = 0; status == 0 && s < machine->workload->stream_count; s++)
        status = init_stream(machine, &machine->workload->streams[s], diagnostics);
    return status;
}

void ats_fini(struct machine *machine)
{
    for (uint32_t i = 0; machine->page_requests && i < machine->unit_count; i++)
        page_request_queue_fini(&machine->page_requests[i]);
    for (uint32_t i = 0; i < machine->engine_count; i++) {
        if (machine->engines[i].device_tlb)
            device_tlb_fini(machine->engines[i].device_tlb);
        free(machine->engines[i].device_tlb);
    }
}

/* ---- messages ---- */

uint32_t machine_make_message(struct machine *machine, enum transaction_kind kind, uint32_t function_id)
{
    const struct pci_function *function = &machine->input->topology->functions[function_id];
    uint32_t index = tlp_take(&machine->pool);
    struct tlp *tlp = &machine->pool.items[index];
    tlp->transaction = (struct transaction){.kind = kind,
                                            .segment = function->segment,
                                            .target_id = pci_requester_id(function->bus, function->devfn),
                                            .requester_id = pci_requester_id(function->bus, function->devfn)};
    tlp->original_requester_id = tlp->transaction.requester_id;
    tlp->operation = NONE;
    tlp->origin_id = function_id;
    tlp->flow = FLOW_POSTED;
    tlp->mark_ps = machine->events.now_ps;
    return index;
}

/* The function on a root bus that leads to another one. */
static uint32_t root_above(const struct machine *machine, uint32_t function_id)
{
    const struct fabric_node *nodes = machine->transport.fabric->nodes;
    while (nodes[function_id].parent_id != NONE)
        function_id = nodes[function_id].parent_id;
    return function_id;
}

bool machine_send_down(struct machine *machine, uint32_t index, uint32_t function_id)
{
    uint32_t completer = machine->root_complex.completer_of[root_above(machine, function_id)];
    return transport_send_message(&machine->transport, machine->completers[completer].ingress, index);
}

/* A message of ATS. Where nobody is there, a time-out ends the wait for its answer. */
static void send_down(struct machine *machine, uint32_t index, uint32_t function_id)
{
    if (!machine_send_down(machine, index, function_id))
        tlp_release(&machine->pool, index);
}

/* A message from a device to the root complex: made here, sent by send_up(). */
static uint32_t make_upward(struct machine *machine, const struct dma_engine *engine,
                            enum tlp_message message)
{
    uint32_t index = machine_make_message(machine, TRANSACTION_MESSAGE_TO_ROOT, engine->function_id);
    struct tlp *tlp = &machine->pool.items[index];
    tlp->message = (uint8_t)message;
    tlp->place = (struct route_place){engine->function_id, SIDE_SELF};
    tlp->ingress = engine->ingress;
    tlp->wire_bytes = TLP_FRAMING_BYTES + TLP_REQUEST_HEADER_BYTES;
    return index;
}

static void send_up(struct machine *machine, const struct dma_engine *engine, uint32_t index)
{
    const struct tlp *tlp = &machine->pool.items[index];
    transport_route(&machine->transport, index, engine->node);
    if (tlp->fate == FATE_FORWARD)
        transport_enqueue(&machine->transport, engine->ingress, index);
    else if (tlp->fate == FATE_HOST)
        root_complex_receive(&machine->root_complex, index);
    else
        tlp_release(&machine->pool, index);
}

static void send_answers(struct machine *machine, struct dma_engine *engine, uint32_t count)
{
    for (; count; count--)
        send_up(machine, engine, make_upward(machine, engine, MESSAGE_INVALIDATE_COMPLETION));
}

/* What the device TLB wants of the host, as far as it may. */
static void send_page_requests(struct machine *machine, struct dma_engine *engine)
{
    struct device_tlb *tlb = engine->device_tlb;
    uint64_t timeout_ps = engine->parameters.page_request_timeout_ps;
    for (uint32_t slot;
         !tlp_pool_exhausted(&machine->pool) && (slot = device_tlb_next_page_request(tlb)) != UINT32_MAX;) {
        uint32_t index = make_upward(machine, engine, MESSAGE_PAGE_REQUEST);
        struct tlp *tlp = &machine->pool.items[index];
        tlp->iova = tlb->pending[slot].iova & ~UINT64_C(0xfff);
        tlp->space = (uint16_t)tlb->pending[slot].space;
        tlp->pasid = tlp->space ? tlb->pasids[tlp->space - 1] : 0;
        tlp->wants_write = tlb->pending[slot].write;
        tlp->page_group = tlb->pending[slot].group;
        tlp->last = tlb->pending[slot].last;
        tlp->wire_bytes += tlp->pasid ? (uint32_t)TLP_PASID_BYTES : 0;
        if (timeout_ps)
            event_queue_push(&machine->events, machine->events.now_ps + timeout_ps, PRIORITY_NORMAL,
                             EVENT_PAGE_TIMEOUT, engine->id, tlb->pending[slot].serial);
        send_up(machine, engine, index);
    }
}

void ats_on_page_timeout(struct machine *machine, uint32_t engine_id, uint32_t serial)
{
    struct dma_engine *engine = &machine->engines[engine_id];
    device_tlb_page_timeout(engine->device_tlb, serial, machine->events.now_ps);
    send_page_requests(machine, engine); /* another one may be outstanding */
    machine_pump_engine(machine, engine_id);
}

void ats_send_invalidation(void *context, uint32_t unit, const struct invalidation *invalidation)
{
    struct machine *machine = context;
    uint32_t index = machine_make_message(machine, TRANSACTION_MESSAGE_BY_ID, invalidation->function_id);
    struct tlp *tlp = &machine->pool.items[index];
    (void)unit;
    tlp->message = MESSAGE_INVALIDATE_REQUEST;
    tlp->iova = invalidation->iova;
    tlp->found_shift = invalidation->order;
    tlp->pasid = invalidation->pasid;
    tlp->length_bytes = INVALIDATE_REQUEST_BYTES;
    tlp->wire_bytes = TLP_FRAMING_BYTES + TLP_REQUEST_HEADER_BYTES + INVALIDATE_REQUEST_BYTES +
                      (tlp->pasid ? (uint32_t)TLP_PASID_BYTES : 0);
    send_down(machine, index, invalidation->function_id);
}

void ats_send_page_response(void *context, uint32_t unit, const struct page_request *request,
                            enum page_response response)
{
    struct machine *machine = context;
    uint32_t index = machine_make_message(machine, TRANSACTION_MESSAGE_BY_ID, request->function_id);
    struct tlp *tlp = &machine->pool.items[index];
    (void)unit;
    tlp->message = MESSAGE_PAGE_RESPONSE;
    tlp->iova = request->iova;
    tlp->pasid = request->pasid;
    tlp->space = (uint16_t)request->space;
    tlp->page_group = request->group;
    tlp->page_response = (uint8_t)response;
    tlp->wire_bytes =
        TLP_FRAMING_BYTES + TLP_REQUEST_HEADER_BYTES + (tlp->pasid ? (uint32_t)TLP_PASID_BYTES : 0);
    send_down(machine, index, request->function_id);
}

/* A translation request that fails at its source is answered there: nothing is mapped. */
static void take_page_response(struct machine *machine, uint32_t engine_id, const struct tlp *tlp)
{
    struct dma_engine *engine = &machine->engines[engine_id];
    device_tlb_page_response(engine->device_tlb, tlp->page_group, (enum page_response)tlp->page_response,
                             machine->events.now_ps);
    for (uint32_t failed; (failed = dma_engine_ask_again(engine)) != NONE;) {
        ats_translation_arrived(machine, &machine->pool.items[failed], true);
        tlp_release(&machine->pool, failed);
    }
    send_page_requests(machine, engine); /* another one may be outstanding */
    machine_pump_engine(machine, engine_id);
}

void ats_message_at_device(struct machine *machine, const struct tlp *tlp)
{
    uint32_t engine_id = machine->engine_of[tlp->place.function_id];
    struct device_tlb *tlb = engine_id == NONE ? NULL : machine->engines[engine_id].device_tlb;
    if (tlb && tlp->message == MESSAGE_PAGE_RESPONSE)
        take_page_response(machine, engine_id, tlp);
    else if (tlb && device_tlb_invalidate(tlb, tlp->pasid, tlp->iova, tlp->found_shift))
        event_queue_push(&machine->events, machine->events.now_ps + tlb->answer_ps, PRIORITY_NORMAL,
                         EVENT_DEVICE_ANSWER, engine_id, 0);
}

void ats_on_answer(struct machine *machine, uint32_t engine)
{
    struct device_tlb *tlb = machine->engines[engine].device_tlb;
    send_answers(machine, &machine->engines[engine], device_tlb_answer_due(tlb));
}

void ats_read_over(struct machine *machine, const struct tlp *tlp)
{
    struct dma_engine *engine = &machine->engines[machine->engine_of[tlp->origin_id]];
    if (tlp->device_generation)
        send_answers(machine, engine, device_tlb_read_over(engine->device_tlb, tlp->device_generation));
}

void ats_message_at_host(struct machine *machine, const struct tlp *tlp)
{
    uint32_t unit = machine->root_complex.unit_of[tlp->origin_id];
    if (tlp->message == MESSAGE_INVALIDATE_COMPLETION) {
        invalidation_queue_answered(&machine->queues[unit]);
        return;
    }
    const struct page_request request = {.iova = tlp->iova,
                                         .function_id = tlp->origin_id,
                                         .pasid = tlp->pasid,
                                         .space = tlp->space,
                                         .group = tlp->page_group,
                                         .last = tlp->last,
                                         .write = tlp->wants_write};
    page_request_queue_receive(&machine->page_requests[unit], &request);
}

void ats_translation_arrived(struct machine *machine, const struct tlp *tlp, bool failed)
{
    struct dma_engine *engine = &machine->engines[machine->engine_of[tlp->origin_id]];
    dma_engine_translation_arrived(engine, tlp->space, tlp->iova, failed ? 0 : tlp->found,
                                   failed || !tlp->found ? PAGE_SHIFT_4K : tlp->found_shift, tlp->trace);
    send_page_requests(machine, engine);
}

/* ---- judging ---- */

/* Does the domain map anything to the address? For addresses a device made up. */
static bool is_granted(const struct domain *domain, uint64_t physical)
{
    for (uint32_t i = 0; i < domain->mapping_count; i++) {
        if (physical - domain->mappings[i].physical < domain->mappings[i].length)
            return true;
    }
    return false;
}

enum observed_kind ats_judge(struct machine *machine, const struct tlp *tlp)
{
    uint32_t d = machine_domain_of_request(machine, tlp->origin_id, tlp->pasid),
             unit_id = machine->root_complex.unit_of[tlp->origin_id];
    uint64_t physical = tlp->transaction.address;
    if (!tlp->granted)
        return d != NONE && is_granted(&machine->workload->domains[d], physical) ? OBSERVED_KINDS
                                                                                 : OBSERVED_FORGED;
    const struct remapping_unit *unit = &machine->units[unit_id];
    uint32_t domain = machine->mapping.domain_ids[(size_t)d * machine->unit_count + unit_id];
    unsigned shift = PAGE_SHIFT_4K;
    uint64_t leaf = page_walk_resolve(unit, domain, tlp->iova, &shift);
    uint64_t offset = tlp->iova & ((UINT64_C(1) << shift) - 1);
    if (leaf && (page_table_entry_target(leaf) | offset) == physical)
        return OBSERVED_KINDS;
    if (mapping_is_unmapping(&machine->mapping.domains[d], tlp->iova, tlp->length_bytes))
        return OBSERVED_KINDS;
    return OBSERVED_STALE_DEVICE_TLB;
}
