/* SPDX-License-Identifier: MIT */
/* What the models hand to the machine: TLPs that arrived, requests that ended, room in an ingress; and the
 * books of the operations they belong to. */
#include "sim/machine/machine_state.h"

/* ---- operations ---- */

/* What an operation, or what a driver asked for, came to. */
struct finished {
    uint32_t stream, engine;
    bool recorded, failed;
    uint64_t bytes;
    struct ledger ledger;   /* all of its latency */
    uint64_t translated_ps; /* of the packet for which that took longest */
};

static void record_for_device(struct device_result *result, const struct finished *finished,
                              uint64_t latency_ps, uint64_t done_ps)
{
    if (finished->failed) {
        result->failed++;
        return;
    }
    if (!result->recorded || done_ps - latency_ps < result->first_ps)
        result->first_ps = done_ps - latency_ps;
    result->recorded++;
    result->bytes += finished->bytes;
    result->latency_total_ps += latency_ps;
    result->latency_maximum_ps =
        latency_ps > result->latency_maximum_ps ? latency_ps : result->latency_maximum_ps;
    result->last_ps = done_ps > result->last_ps ? done_ps : result->last_ps;
}

static void record(struct machine *machine, const struct finished *finished, uint64_t done_ps)
{
    struct traffic *traffic = &machine->traffic[finished->stream];
    struct stream_result *result = &traffic->result;
    uint64_t latency_ps = ledger_total_ps(&finished->ledger);
    result->completed++;
    result->failed += finished->failed;
    /* Rates count from the end of the last warm-up operation: from then on completions come at the pace of
     * the steady state. */
    if (!traffic->device && result->completed == traffic->stream->warmup_operations) {
        result->first_ps = done_ps;
        if (--machine->warming_streams == 0)
            machine_measure_from_now(machine);
    }
    if (!finished->recorded)
        return;
    record_for_device(&machine->device_results[finished->engine], finished, latency_ps, done_ps);
    if (finished->failed) {
        histogram_record(&result->failed_latency, latency_ps);
        return;
    }
    histogram_record(&result->latency, latency_ps);
    for (int part = 0; part < LEDGER_PARTS; part++)
        result->ledger[part] += finished->ledger.ps[part];
    uint64_t told_ps = ledger_translation_ps(&finished->ledger);
    result->hidden_ps += finished->translated_ps > told_ps ? finished->translated_ps - told_ps : 0;
    result->recorded++;
    result->bytes += finished->bytes;
    result->last_ps = done_ps > result->last_ps ? done_ps : result->last_ps;
}

/* An operation of the device is over at @p done_ps: by itself, or as a part of what its driver asked for. */
static void record_operation(struct machine *machine, const struct dma_operation *operation,
                             const struct tlp *tlp, uint64_t done_ps)
{
    struct finished finished = {.stream = operation->stream,
                                .engine = operation->engine,
                                .recorded = operation->recorded,
                                .failed = operation->failed,
                                .bytes = operation->length_bytes,
                                .ledger = tlp->ledger,
                                .translated_ps = operation->translated_ps};
    if (operation->leads)
        return;
    if (!operation->late && !operation->failed)
        machine->traffic[operation->stream].result.moved_bytes += operation->length_bytes;
    if (operation->late) {
        machine->traffic[operation->stream].result.late++;
        machine->traffic[operation->stream].result.late_refused += operation->failed;
        return;
    }
    finished.ledger.ps[LEDGER_ENDPOINT] += done_ps - machine->events.now_ps;
    if (ledger_total_ps(&finished.ledger) != done_ps - operation->submit_ps)
        machine_broken(machine, "the parts of a latency do not add up to it", tlp);
    if (operation->request)
        requests_note(machine, operation, &finished.ledger, done_ps);
    else
        record(machine, &finished, done_ps);
}

/* The driver's part of a life: what the whole took beyond the device's slowest operation. */
static void trace_request(struct machine *machine, const struct buffered_request *request, uint64_t done_ps)
{
    struct ledger after = request->ledger;
    for (int part = 0; part < LEDGER_PARTS; part++)
        after.ps[part] -= request->before.ps[part] + request->slowest.ps[part];
    request_trace_enclose(machine->options.trace, request->slowest_number, request->recorded,
                          &request->before, &after, request->start_ps, done_ps);
}

void machine_record_request(struct machine *machine, const struct buffered_request *request, uint64_t done_ps)
{
    const struct finished finished = {.stream = request->stream,
                                      .engine = machine->engine_of[request->function_id],
                                      .recorded = request->recorded,
                                      .failed = request->failed,
                                      .bytes = request->length,
                                      .ledger = request->ledger,
                                      .translated_ps = request->translated_ps};
    if (ledger_total_ps(&finished.ledger) != done_ps - request->start_ps)
        machine_broken(machine, "the parts of a driver's operation do not add up to it", NULL);
    if (machine->options.trace)
        trace_request(machine, request, done_ps);
    record(machine, &finished, done_ps);
}

void machine_operation_progress(struct machine *machine, struct tlp *tlp, uint32_t bytes, bool failed)
{
    struct dma_operation *operation = &machine->operations.items[tlp->operation];
    struct dma_engine *engine = &machine->engines[operation->engine];
    uint64_t now_ps = machine->events.now_ps, duration_ps = machine->workload->duration_ps;
    if (bytes > operation->remaining_bytes)
        machine_broken(machine, "more bytes arrived than were asked for", tlp);
    operation->remaining_bytes -= bytes;
    operation->failed |= failed;
    machine->bytes_finished += bytes;
    uint64_t translated_ps = ledger_translation_ps(&tlp->ledger);
    if (translated_ps > operation->translated_ps)
        operation->translated_ps = translated_ps;
    uint64_t done_ps = now_ps;
    if (!operation->write)
        done_ps = dma_engine_data_arrived(engine, operation, failed ? 0 : bytes) +
                  engine->parameters.completion_latency_ps;
    if (operation->remaining_bytes)
        return;
    if (operation->refused && machine_operation_refused(machine, tlp->operation))
        return;
    if (tlp->mark_ps != now_ps)
        machine_broken(machine, "a TLP arrived at a time its ledger does not know", tlp);
    if (duration_ps && done_ps > duration_ps)
        return; /* the run is over before the device knows */
    operation->latency_ps = done_ps - operation->submit_ps;
    operation->iommu_ps = ledger_translation_ps(&tlp->ledger);
    record_operation(machine, operation, tlp, done_ps);
    if (machine->options.trace && !operation->late && !operation->leads)
        request_trace_end(machine->options.trace, operation, tlp, engine->function_id, done_ps);
    event_queue_push(&machine->events, done_ps, PRIORITY_NORMAL, EVENT_OPERATION_DONE, 0, tlp->operation);
}

/* Who let it go no further: a rule of the function it is at, or the function itself, which does not take it.
 */
static void note_stop(struct tlp *tlp)
{
    tlp->stopped_by = tlp->fate == FATE_DROP && !tlp->unsent ? tlp->rule : RULE_COUNT;
    tlp->stopped_at_id = tlp->place.function_id;
}

/* A request failed at its source, a write was dropped, or nothing came back for a read in time. */
static void end_failed(struct machine *machine, uint32_t index)
{
    struct tlp *tlp = &machine->pool.items[index];
    if (tlp->operation == NONE) {
        if (tlp->transaction.address_type == ADDRESS_TRANSLATION_REQUEST)
            ats_translation_arrived(machine, tlp, true);
        return; /* messages are lost */
    }
    struct dma_engine *engine = &machine->engines[machine->operations.items[tlp->operation].engine];
    machine_note_refusal(machine, tlp, false);
    machine_operation_progress(machine, tlp, tlp->length_bytes, true);
    if (tlp->flow == FLOW_NONPOSTED || (tlp->flow == FLOW_COMPLETION && tlp->last)) {
        dma_engine_tag_free(engine);
        ats_read_over(machine, tlp);
    }
}

void machine_pump_engine(struct machine *machine, uint32_t engine)
{
    for (uint32_t index; (index = dma_engine_pump(&machine->engines[engine])) != NONE;) {
        struct tlp *tlp = &machine->pool.items[index];
        if (tlp->fate == FATE_HOST) { /* a function of the root complex itself */
            root_complex_receive(&machine->root_complex, index);
            continue;
        }
        note_stop(tlp);
        end_failed(machine, index);
        tlp_release(&machine->pool, index);
    }
}

/* ---- what models tell ---- */

static void host_finished(void *context, uint32_t index, bool failed)
{
    struct machine *machine = context;
    struct tlp *tlp = &machine->pool.items[index];
    if (tlp->transaction.kind == TRANSACTION_MESSAGE_TO_ROOT) {
        ats_message_at_host(machine, tlp);
        return;
    }
    if (!failed && tlp->flow == FLOW_POSTED && route_is_msi(tlp->transaction.address))
        interrupts_visible(machine, tlp);
    else if (!failed && tlp->flow == FLOW_POSTED && machine->workload->virtual_machine_count)
        migration_note_write(machine, tlp);
    if (failed)
        end_failed(machine, index);
    else
        machine_operation_progress(machine, tlp, tlp->length_bytes, false);
}

static void host_faulted(void *context, uint32_t index)
{
    struct machine *machine = context;
    machine->pool.items[index].fault = (uint8_t)machine->pool.works[index].fault;
    machine_log_fault(context, index);
}

static void completion_arrived(struct machine *machine, uint32_t index)
{
    struct tlp *tlp = &machine->pool.items[index];
    uint32_t engine = machine->engine_of[tlp->origin_id];
    bool last = tlp->last;
    bool refused = tlp->status != COMPLETION_SUCCESS;
    transport_free_buffer(&machine->transport, tlp); /* functions inside a switch share its finite buffers */
    if (tlp->operation == NONE) {
        ats_translation_arrived(machine, tlp, refused);
        tlp_release(&machine->pool, index);
        machine_pump_engine(machine, engine);
        return;
    }
    machine->operations.items[tlp->operation].refused |= refused;
    if (refused)
        machine_note_refusal(machine, tlp, true);
    machine_operation_progress(machine, tlp, tlp->length_bytes, refused);
    if (last)
        ats_read_over(machine, tlp);
    tlp_release(&machine->pool, index);
    if (last) {
        dma_engine_tag_free(&machine->engines[engine]);
        machine_pump_engine(machine, engine);
    }
}

static void lost_for_good(struct machine *machine, uint32_t index)
{
    const struct tlp *tlp = &machine->pool.items[index];
    uint32_t engine = machine->engine_of[tlp->origin_id];
    if (tlp->message == MESSAGE_DOORBELL)
        devices_doorbell_arrived(machine, tlp); /* or its driver would wait for ever */
    else
        end_failed(machine, index);
    tlp_release(&machine->pool, index);
    machine_pump_engine(machine, engine);
}

void machine_on_completion_timeout(struct machine *machine, uint32_t index)
{
    struct tlp *tlp = &machine->pool.items[index];
    tlp_charge(tlp, LEDGER_ENDPOINT, machine->events.now_ps);
    if (tlp->operation != NONE) {
        struct dma_operation *operation = &machine->operations.items[tlp->operation];
        operation->refused = true;
        machine->traffic[operation->stream].result.timeouts++;
    }
    lost_for_good(machine, index);
}

/* A completion that went nowhere: its requester waits until its timeout (PCIe Base Spec 2.8).
 * MODEL: the timeout is looked at where a completion is lost; one that comes later than that is taken. */
static void completion_lost(struct machine *machine, uint32_t index)
{
    const struct tlp *tlp = &machine->pool.items[index];
    const struct dma_engine *engine = &machine->engines[machine->engine_of[tlp->origin_id]];
    uint64_t now_ps = machine->events.now_ps,
             due_ps = tlp->issued_ps + engine->parameters.completion_timeout_ps;
    if (tlp->last)
        event_queue_push(&machine->events, due_ps > now_ps ? due_ps : now_ps, PRIORITY_NORMAL,
                         EVENT_COMPLETION_TIMEOUT, 0, index);
    else
        lost_for_good(machine, index);
}

/* A port or function let it go no further. Reads are answered with a status: Completer Abort for a violation
 * of ACS (PCIe Base Spec 6.12.5), Unsupported Request for what nobody claims. */
static void dropped(struct machine *machine, uint32_t index)
{
    struct tlp *tlp = &machine->pool.items[index];
    machine->root_complex.dropped_tlps++;
    note_stop(tlp);
    if (tlp->flow == FLOW_NONPOSTED) {
        transport_refuse(&machine->transport, index,
                         tlp->error == ROUTE_ACS_VIOLATION ? COMPLETION_COMPLETER_ABORT
                                                           : COMPLETION_UNSUPPORTED_REQUEST);
        return;
    }
    transport_free_buffer(&machine->transport, tlp);
    if (tlp->flow == FLOW_COMPLETION)
        completion_lost(machine, index);
    else
        lost_for_good(machine, index);
}

/* A request of a peer for a function of this device. Payload beyond its MPS makes the TLP malformed.
 * MODEL: what the root complex routes to a peer it splits to fit, at no cost. */
static void peer_request_arrived(struct machine *machine, uint32_t index)
{
    struct tlp *tlp = &machine->pool.items[index];
    uint32_t target = tlp->place.function_id;
    if (tlp->transaction.kind == TRANSACTION_MESSAGE_BY_ID) {
        transport_free_buffer(&machine->transport, tlp);
        if (tlp->message == MESSAGE_DOORBELL)
            devices_doorbell_arrived(machine, tlp);
        else
            ats_message_at_device(machine, tlp);
        tlp_release(&machine->pool, index);
        return;
    }
    if (tlp->transaction.address_type == ADDRESS_TRANSLATION_REQUEST) { /* a device answers none */
        tlp->fate = FATE_DROP;
        dropped(machine, index);
        return;
    }
    if (!tlp->by_root && tlp_payload_bytes(tlp) > machine->path_payload[target]) {
        dropped(machine, index);
        return;
    }
    machine_observe_peer(machine, tlp);
    transport_free_buffer(&machine->transport, tlp);
    if (tlp->flow == FLOW_POSTED) {
        machine_operation_progress(machine, tlp, tlp->length_bytes, false);
        tlp_release(&machine->pool, index);
        return;
    }
    uint64_t latency_ps = machine->input->parameters.engines[target].completer_latency_ps;
    tlp_charge(tlp, LEDGER_COMPLETER, machine->events.now_ps + latency_ps);
    event_queue_push(&machine->events, tlp->mark_ps, PRIORITY_NORMAL, EVENT_PEER_DATA,
                     machine->peer_completer_of[target], index);
}

static void root_port_requested(void *context, uint32_t index)
{
    peer_request_arrived(context, index);
}

static void tlp_arrived(void *context, uint32_t index)
{
    struct machine *machine = context;
    struct tlp *tlp = &machine->pool.items[index];
    bool at_root = machine->transport.ingresses[tlp->ingress].node == machine->transport.root_node;
    bool request_at_root = at_root && tlp->fate == FATE_DELIVER && tlp->flow != FLOW_COMPLETION;
    if (tlp->fate == FATE_HOST || tlp->fate == FATE_FORWARD || request_at_root) {
        if (tlp->fate == FATE_HOST)
            machine_observe_bypass(machine, tlp);
        root_complex_receive(&machine->root_complex, index);
    } else if (tlp->fate == FATE_DROP) {
        dropped(machine, index);
    } else if (tlp->flow == FLOW_COMPLETION) {
        completion_arrived(machine, index);
    } else {
        peer_request_arrived(machine, index);
    }
}

void machine_pump_completer(struct machine *machine, uint32_t id)
{
    struct completer *completer = &machine->completers[id];
    if (completer->function_id == NONE) {
        root_complex_pump(&machine->root_complex, id);
        return;
    }
    uint32_t answered;
    while (completer_pump(completer, &machine->transport, &answered)) {
        if (answered != NONE)
            tlp_release(&machine->pool, answered);
    }
}

/* A TLP of the function, or a completion of it, is out. */
static void function_sent(struct machine *machine, uint32_t function_id, const struct ingress *ingress)
{
    uint32_t engine_id = machine->engine_of[function_id],
             completer_id = machine->peer_completer_of[function_id];
    if (ingress->first[FLOW_COMPLETION] == NONE) {
        machine->completers[completer_id].piece_waits = false;
        machine_pump_completer(machine, completer_id);
    }
    if (engine_id == NONE)
        return;
    struct dma_engine *engine = &machine->engines[engine_id];
    dma_engine_sent(engine, true, ingress->first[FLOW_POSTED] == NONE);
    dma_engine_sent(engine, false, ingress->first[FLOW_NONPOSTED] == NONE);
    machine_pump_engine(machine, engine_id);
}

static void ingress_sent(void *context, uint32_t ingress_id)
{
    struct machine *machine = context;
    const struct ingress *ingress = &machine->transport.ingresses[ingress_id];
    switch (ingress->owner) {
    case INGRESS_LINK:
        root_complex_sent(&machine->root_complex, ingress_id);
        break;
    case INGRESS_FUNCTION:
        if (ingress->node == machine->transport.root_node) /* a VMD endpoint: its own port's order */
            root_complex_sent(&machine->root_complex, ingress_id);
        function_sent(machine, ingress->owner_id, ingress);
        break;
    case INGRESS_ANSWERS:
        break;
    case INGRESS_COMPLETER:
        machine->completers[ingress->owner_id].piece_waits = false;
        machine_pump_completer(machine, ingress->owner_id);
        break;
    }
}

void machine_connect_models(struct machine *machine)
{
    machine->transport.handlers = (struct transport_handlers){machine, tlp_arrived, ingress_sent};
    machine->root_complex.context = machine;
    machine->root_complex.finished = host_finished;
    machine->root_complex.delivered = root_port_requested;
    machine->root_complex.faulted = host_faulted;
    machine->root_complex.interrupted = interrupts_arrived;
}
