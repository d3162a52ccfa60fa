/* SPDX-License-Identifier: MIT */
/* The run: takes events off the queue, hands them to the models, and keeps the books. */
#include "sim/machine/machine_state.h"

#include "sim/base/arena.h"
#include "sim/base/status.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { INITIAL_EVENTS = 4096, PROGRESS_EVENTS = 1 << 17, TLPS_PER_EVENT = 128 };

/* Simulated physical addresses of page tables: above any RAM or BAR a machine here has; 1 TiB for each unit.
 */
#define TABLE_BASE(unit) (UINT64_C(0x0008000000000000) + ((uint64_t)(unit) << 40))

static _Noreturn void broken(const struct machine *machine, const char *law, const struct tlp *tlp)
{
    fprintf(stderr, "iommusim: internal error: %s (at %" PRIu64 " ps", law, machine->events.now_ps);
    if (tlp)
        fprintf(stderr,
                ", from function %" PRIu32 ", address 0x%" PRIx64 ", at function %" PRIu32 " by rule %s",
                tlp->origin_id, tlp->transaction.address, tlp->place.function_id,
                route_rule_name((enum route_rule)tlp->rule));
    fputs(")\n", stderr);
    abort();
}

/* ---- operations ---- */

static void record(struct machine *machine, const struct dma_operation *operation, const struct tlp *tlp,
                   uint64_t done_ps)
{
    struct traffic *traffic = &machine->traffic[operation->stream];
    struct stream_result *result = &traffic->result;
    uint64_t latency_ps = done_ps - operation->submit_ps;
    if (operation->late) {
        result->late++;
        result->late_refused += operation->failed;
        return;
    }
    uint64_t tail_ps = done_ps - machine->events.now_ps;
    if (ledger_total_ps(&tlp->ledger) + tail_ps != latency_ps)
        broken(machine, "the parts of a latency do not add up to it", tlp);
    result->completed++;
    result->failed += operation->failed;
    /* Rates count from the end of the last warm-up operation: from then on completions come at the pace of
     * the steady state. */
    if (result->completed == traffic->stream->warmup_operations) {
        result->first_ps = done_ps;
        if (--machine->warming_streams == 0)
            machine_measure_from_now(machine);
    }
    if (!operation->recorded)
        return;
    if (operation->failed) {
        histogram_record(&result->failed_latency, latency_ps);
        return;
    }
    histogram_record(&result->latency, latency_ps);
    for (int part = 0; part < LEDGER_PARTS; part++)
        result->ledger[part] += tlp->ledger.ps[part];
    result->ledger[LEDGER_ENDPOINT] += tail_ps;
    result->recorded++;
    result->bytes += operation->length_bytes;
    result->last_ps = done_ps > result->last_ps ? done_ps : result->last_ps;
}

void machine_operation_progress(struct machine *machine, struct tlp *tlp, uint32_t bytes, bool failed)
{
    struct dma_operation *operation = &machine->operations.items[tlp->operation];
    struct dma_engine *engine = &machine->engines[operation->engine];
    uint64_t now_ps = machine->events.now_ps, duration_ps = machine->workload->duration_ps;
    if (bytes > operation->remaining_bytes)
        broken(machine, "more bytes arrived than were asked for", tlp);
    operation->remaining_bytes -= bytes;
    operation->failed |= failed;
    machine->bytes_finished += bytes;
    uint64_t done_ps = now_ps;
    if (!operation->write)
        done_ps = dma_engine_data_arrived(engine, operation, failed ? 0 : bytes) +
                  engine->parameters.completion_latency_ps;
    if (operation->remaining_bytes)
        return;
    if (operation->refused && machine_operation_refused(machine, tlp->operation))
        return;
    if (tlp->mark_ps != now_ps)
        broken(machine, "a TLP arrived at a time its ledger does not know", tlp);
    if (duration_ps && done_ps > duration_ps)
        return; /* the run is over before the device knows */
    record(machine, operation, tlp, done_ps);
    event_queue_push(&machine->events, done_ps, PRIORITY_NORMAL, EVENT_OPERATION_DONE, 0, tlp->operation);
}

/* A write was dropped, or a completion was lost where ports send it in a circle.
 * MODEL: a device that waits for a completion learns of its loss at once: there is no completion timeout. */
static void end_failed(struct machine *machine, uint32_t index)
{
    struct tlp *tlp = &machine->pool.items[index];
    if (tlp->operation == NONE) {
        if (tlp->transaction.address_type == ADDRESS_TRANSLATION_REQUEST)
            ats_translation_arrived(machine, tlp, true);
        return; /* messages are lost */
    }
    struct dma_engine *engine = &machine->engines[machine->operations.items[tlp->operation].engine];
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
        end_failed(machine, index);
        tlp_release(&machine->pool, index);
    }
}

/* ---- what models tell ---- */

static void host_finished(void *context, uint32_t index, bool failed)
{
    struct machine *machine = context;
    struct tlp *tlp = &machine->pool.items[index];
    uint32_t engine = machine->engine_of[tlp->origin_id];
    if (tlp->transaction.kind == TRANSACTION_MESSAGE_TO_ROOT) {
        ats_message_at_host(machine, tlp);
        return;
    }
    if (failed)
        end_failed(machine, index);
    else
        machine_operation_progress(machine, tlp, tlp->length_bytes, false);
    if (failed && tlp->flow == FLOW_NONPOSTED)
        machine_pump_engine(machine, engine);
}

static void host_faulted(void *context, uint32_t index)
{
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
    machine_operation_progress(machine, tlp, tlp->length_bytes, refused);
    if (last)
        ats_read_over(machine, tlp);
    tlp_release(&machine->pool, index);
    if (last) {
        dma_engine_tag_free(&machine->engines[engine]);
        machine_pump_engine(machine, engine);
    }
}

/* A port or function let it go no further. Reads are answered with a status: Completer Abort for a violation
 * of ACS (PCIe Base Spec 6.12.5), Unsupported Request for what nobody claims. */
static void dropped(struct machine *machine, uint32_t index)
{
    struct tlp *tlp = &machine->pool.items[index];
    uint32_t engine = machine->engine_of[tlp->origin_id];
    machine->root_complex.dropped_tlps++;
    if (tlp->flow == FLOW_NONPOSTED &&
        transport_refuse(&machine->transport, index,
                         tlp->error == ROUTE_ACS_VIOLATION ? COMPLETION_COMPLETER_ABORT
                                                           : COMPLETION_UNSUPPORTED_REQUEST))
        return;
    transport_free_buffer(&machine->transport, tlp);
    end_failed(machine, index);
    tlp_release(&machine->pool, index);
    machine_pump_engine(machine, engine);
}

/* A request of a peer for a function of this device. Payload beyond its MPS makes the TLP malformed.
 * MODEL: what the root complex routes to a peer it splits to fit, at no cost. */
static void peer_request_arrived(struct machine *machine, uint32_t index)
{
    struct tlp *tlp = &machine->pool.items[index];
    uint32_t target = tlp->place.function_id;
    if (tlp->transaction.kind == TRANSACTION_MESSAGE_BY_ID) {
        transport_free_buffer(&machine->transport, tlp);
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
    uint32_t completer = machine->peer_completer_of[target] != NONE
                             ? machine->peer_completer_of[target]
                             : machine->root_complex.completer_of[target];
    event_queue_push(&machine->events, tlp->mark_ps, PRIORITY_NORMAL, EVENT_PEER_DATA, completer, index);
}

static void tlp_arrived(void *context, uint32_t index)
{
    struct machine *machine = context;
    struct tlp *tlp = &machine->pool.items[index];
    if (tlp->fate == FATE_HOST || tlp->fate == FATE_FORWARD) {
        root_complex_receive(&machine->root_complex, index);
    } else if (tlp->fate == FATE_DROP) {
        dropped(machine, index);
    } else if (tlp->flow == FLOW_COMPLETION) {
        completion_arrived(machine, index);
    } else {
        peer_request_arrived(machine, index);
    }
}

static void pump_completer(struct machine *machine, uint32_t id)
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
    if (completer_id != NONE && ingress->first[FLOW_COMPLETION] == NONE) {
        machine->completers[completer_id].piece_waits = false;
        pump_completer(machine, completer_id);
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
        function_sent(machine, ingress->owner_id, ingress);
        break;
    case INGRESS_COMPLETER:
        machine->completers[ingress->owner_id].piece_waits = false;
        pump_completer(machine, ingress->owner_id);
        break;
    }
}

/* ---- events ---- */

static void dispatch(struct machine *machine, const struct event *event)
{
    uint32_t target = event_target(event), argument = event->argument;
    switch ((enum machine_event)event_kind(event)) {
    case EVENT_ARRIVE:
        transport_on_arrive(&machine->transport, argument);
        break;
    case EVENT_WAKE:
        transport_on_wake(&machine->transport, target);
        break;
    case EVENT_READY:
        dma_engine_on_ready(&machine->engines[target], argument);
        machine_pump_engine(machine, target);
        break;
    case EVENT_TRANSLATED:
        root_complex_on_translated(&machine->root_complex, argument);
        break;
    case EVENT_MEMORY:
        root_complex_on_memory(&machine->root_complex, argument);
        break;
    case EVENT_UNIT:
        root_complex_on_unit(&machine->root_complex, target, argument);
        break;
    case EVENT_PEER_DATA:
        if (argument == NONE)
            machine->completers[target].resuming = false;
        else
            completer_add(&machine->completers[target], &machine->transport, argument);
        pump_completer(machine, target);
        break;
    case EVENT_ISSUE:
        traffic_on_issue(machine, target);
        break;
    case EVENT_OPERATION_DONE:
        if (!mapping_end_operation(machine, argument))
            traffic_operation_done(machine, argument);
        break;
    case EVENT_INVALIDATION:
        invalidation_queue_event(&machine->queues[target], argument);
        break;
    case EVENT_DEVICE_ANSWER:
        ats_on_answer(machine, target);
        break;
    case EVENT_CPU:
        mapping_on_cpu(machine, target);
        break;
    case EVENT_FLUSH_TIMER:
        mapping_on_flush_timer(machine, target);
        break;
    case EVENT_RETRY:
        dma_engine_submit(&machine->engines[target], argument);
        break;
    case EVENT_STOP:
        machine->stopped = true;
        break;
    }
}

/* Room for what events may create. Engines and completers stop where the pool is empty and go on in another
 * event. Each TLP and each operation has at most one event under way; so have an engine and a completer that
 * go on, a walker that recovers, a stream, and the driver for each stream and domain; a channel has as many
 * as it was woken earlier and earlier for. */
static void make_more_room(struct machine *machine)
{
    const struct workload *workload = machine->workload;
    if (tlp_pool_reserve(&machine->pool, TLPS_PER_EVENT)) {
        for (uint32_t i = 0; i < machine->unit_count; i++)
            machine->units[i].works = machine->pool.works;
    }
    dma_operation_pool_reserve(&machine->operations, workload->stream_count + 1);
    size_t events = (size_t)machine->transport.channel_count * 4 + machine->pool.count +
                    machine->operations.count + machine->engine_count + machine->completer_count +
                    workload->stream_count * 4 + workload->domain_count * 4;
    for (uint32_t i = 0; i < machine->unit_count; i++)
        events += machine->units[i].parameters.walkers + 4;
    event_queue_reserve(&machine->events, events);
}

/* Between events, since nothing holds pointers now. */
static inline void make_room(struct machine *machine)
{
    if (machine->pool.count - machine->pool.live < TLPS_PER_EVENT ||
        machine->operations.count - machine->operations.live <= machine->workload->stream_count ||
        machine->events.capacity < 2 * event_queue_count(&machine->events))
        make_more_room(machine);
}

static unsigned done_thousandths(const struct machine *machine)
{
    uint64_t sum = 0;
    if (machine->workload->duration_ps)
        return (unsigned)((__uint128_t)machine->events.now_ps * 1000 / machine->workload->duration_ps);
    for (uint32_t i = 0; i < machine->workload->stream_count; i++) {
        const struct traffic *traffic = &machine->traffic[i];
        uint64_t done = traffic->result.completed,
                 all = traffic->stream->operations + traffic->stream->warmup_operations;
        if (traffic->trace)
            trace_position(traffic->trace, &done, &all);
        sum += all ? (uint64_t)((__uint128_t)done * 1000 / all) : 0;
    }
    return machine->workload->stream_count ? (unsigned)(sum / machine->workload->stream_count) : 1000;
}

static void check_laws(const struct machine *machine)
{
    if (!transport_check(&machine->transport))
        broken(machine, "credits or queues are inconsistent", NULL);
    for (uint32_t i = 0; i < machine->unit_count; i++) {
        if (!remapping_unit_check(&machine->units[i]))
            broken(machine, "a remapping unit's lists are inconsistent", NULL);
    }
    if (!machine_queues_hold(machine))
        broken(machine, "Little's law does not hold for a queue", NULL);
    if (machine->stopped)
        return;
    if (machine->active_streams)
        broken(machine, "nothing is left to happen, yet a stream has not finished", NULL);
    if (machine->bytes_submitted != machine->bytes_finished || machine->pool.live ||
        machine->operations.live || (machine->mapping.live_jobs && !event_queue_count(&machine->events)))
        broken(machine, "bytes in and bytes out differ", NULL);
}

int machine_run(struct machine *machine, struct diagnostics *diagnostics)
{
    struct event event;
    uint64_t until_progress = PROGRESS_EVENTS;
    machine->diagnostics = diagnostics;
    make_room(machine);
    traffic_start(machine);
    if (machine->workload->duration_ps)
        event_queue_push(&machine->events, machine->workload->duration_ps, PRIORITY_LAST, EVENT_STOP, 0, 0);
    while (!machine->stopped && (machine->active_streams || !machine->workload->duration_ps) &&
           event_queue_pop(&machine->events, &event)) {
        dispatch(machine, &event);
        if (machine->status < 0)
            return machine->status;
        make_room(machine);
        if (--until_progress == 0) {
            until_progress = PROGRESS_EVENTS;
            if (machine->options.progress &&
                !machine->options.progress(machine->options.progress_context, done_thousandths(machine)))
                return STATUS_INTERRUPTED;
        }
    }
    check_laws(machine);
    return 0;
}

/* ---- life ---- */

static void build_units(struct machine *machine)
{
    machine->unit_count = machine->options.unit_count;
    machine->units = arena_array(machine->arena, machine->unit_count, sizeof(*machine->units));
    machine->fault_logs = arena_array(machine->arena, machine->unit_count, sizeof(*machine->fault_logs));
    machine->queues = arena_array(machine->arena, machine->unit_count, sizeof(*machine->queues));
    for (uint32_t i = 0; i < machine->unit_count; i++) {
        remapping_unit_init(&machine->units[i], &machine->input->parameters.units[i], &machine->events,
                            EVENT_UNIT, i, TABLE_BASE(i), machine->options.seed);
        fault_log_init(&machine->fault_logs[i], &machine->input->parameters.units[i]);
        invalidation_queue_init(&machine->queues[i], &machine->units[i], EVENT_INVALIDATION);
        machine->queues[i].context = machine;
        machine->queues[i].done = mapping_on_invalidated;
        machine->queues[i].send = ats_send_invalidation;
    }
}

/* [function] the NUMA node of its host bridge. */
static const uint32_t *machine_nodes(const struct machine *machine)
{
    const struct topology *topology = machine->input->topology;
    uint32_t *nodes = arena_array(machine->arena, topology->function_count, sizeof(*nodes));
    for (uint32_t f = 0; f < topology->function_count && topology->host_bridge_count; f++) {
        const struct pci_bus *bus = &topology->buses[topology->functions[f].bus_id];
        nodes[f] = topology->host_bridges[bus->host_bridge_id].numa_node;
    }
    return nodes;
}

static void build_root_complex(struct machine *machine)
{
    struct root_complex *root_complex = &machine->root_complex;
    uint32_t functions = machine->input->topology->function_count;
    const struct transport_node *root = &machine->transport.nodes[machine->transport.root_node];
    root_complex->parameters = machine->input->parameters.root_complex;
    root_complex->transport = &machine->transport;
    memory_init(&root_complex->memory, &machine->input->parameters.memory, machine->input->topology->memory,
                machine->input->topology->memory_count);
    root_complex->node_of = machine_nodes(machine);
    for (uint32_t i = 0; i < machine->unit_count; i++)
        machine->units[i].host_memory = &root_complex->memory;
    root_complex->units = machine->units;
    root_complex->queues = machine->queues;
    root_complex->unit_count = machine->unit_count;
    root_complex->unit_of = arena_array(machine->arena, functions, sizeof(uint32_t));
    for (uint32_t f = 0; f < functions; f++)
        root_complex->unit_of[f] = machine->options.unit_of ? machine->options.unit_of[f] : NO_UNIT;
    root_complex->orders = arena_array(machine->arena, root->ingress_count, sizeof(*root_complex->orders));
    for (uint32_t i = 0; i < root->ingress_count; i++)
        root_port_order_init(&root_complex->orders[i]);
    root_complex->completers = machine->completers;
    root_complex->slot_first = root_complex->slot_last = NONE;
    root_complex->ranges = machine->input->topology->memory;
    root_complex->range_count = machine->input->topology->memory_count;
    root_complex->event_translated = EVENT_TRANSLATED;
    root_complex->event_memory = EVENT_MEMORY;
    root_complex->context = machine;
    root_complex->finished = host_finished;
    root_complex->faulted = host_faulted;
}

int machine_new(const struct machine_input *input, const struct workload *workload,
                const struct machine_options *options, struct machine **result,
                struct diagnostics *diagnostics)
{
    struct machine *machine = memory_alloc(sizeof(*machine));
    machine->input = input;
    machine->workload = workload;
    machine->options = *options;
    machine->arena = arena_new();
    event_queue_init(&machine->events, INITIAL_EVENTS);
    tlp_pool_init(&machine->pool);
    dma_operation_pool_init(&machine->operations);
    machine->transport.events = &machine->events;
    machine->transport.pool = &machine->pool;
    machine->transport.handlers = (struct transport_handlers){machine, tlp_arrived, ingress_sent};
    machine->transport.event_arrive = EVENT_ARRIVE;
    machine->transport.event_wake = EVENT_WAKE;
    machine->transport.request_latency_ps = input->parameters.root_complex.request_latency_ps;
    machine->transport.peer_latency_ps = input->parameters.root_complex.peer_latency_ps;
    int status = machine_build_transport(machine, diagnostics);
    build_units(machine);
    build_root_complex(machine);
    if (status == 0)
        status = machine_build_domains(machine, diagnostics);
    mapping_init(machine);
    if (status == 0)
        status = ats_init(machine, diagnostics);
    if (status == 0)
        machine_warm_memory(machine);
    if (status == 0)
        status = traffic_open(machine, diagnostics);
    if (status < 0) {
        machine_free(machine);
        return status;
    }
    *result = machine;
    return 0;
}

void machine_free(struct machine *machine)
{
    if (!machine)
        return;
    traffic_close(machine);
    for (uint32_t i = 0; i < machine->unit_count; i++) {
        remapping_unit_fini(&machine->units[i]);
        fault_log_fini(&machine->fault_logs[i]);
        invalidation_queue_fini(&machine->queues[i]);
    }
    free(machine->transport.nodes);
    free(machine->transport.channels);
    free(machine->transport.ingresses);
    free(machine->transport.media);
    free(machine->transport.channel_up);
    free(machine->transport.channel_loop);
    ats_fini(machine);
    free(machine->engines);
    free(machine->completers);
    free(machine->peers);
    mapping_fini(machine);
    tlp_pool_fini(&machine->pool);
    dma_operation_pool_fini(&machine->operations);
    event_queue_fini(&machine->events);
    memory_fini(&machine->root_complex.memory);
    arena_free(machine->arena);
    free(machine);
}
