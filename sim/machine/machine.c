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

_Noreturn void machine_broken(const struct machine *machine, const char *law, const struct tlp *tlp)
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

/* ---- events ---- */

/* Whoever follows requests looks at a TLP before its event is handled. */
static void note_request(struct machine *machine, const struct event *event)
{
    enum machine_event kind = (enum machine_event)event_kind(event);
    bool of_tlp = kind == EVENT_ARRIVE || kind == EVENT_TRANSLATED || kind == EVENT_MEMORY ||
                  (kind == EVENT_PEER_DATA && event->argument != NONE);
    if (of_tlp)
        request_trace_note(machine->options.trace, &machine->pool.items[event->argument],
                           kind == EVENT_MEMORY);
}

static void operation_over(struct machine *machine, uint32_t index)
{
    struct dma_operation *operation = &machine->operations.items[index];
    dma_engine_operation_over(&machine->engines[operation->engine], operation);
}

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
        machine_pump_completer(machine, target);
        break;
    case EVENT_ISSUE:
        traffic_on_issue(machine, target);
        break;
    case EVENT_OPERATION_DONE:
        operation_over(machine, argument);
        if (machine->operations.items[argument].of_device)
            devices_operation_done(machine, argument);
        else if (machine->operations.items[argument].request)
            requests_operation_done(machine, argument);
        else
            traffic_operation_done(machine, argument);
        break;
    case EVENT_INVALIDATION:
        invalidation_queue_event(&machine->queues[target], argument);
        break;
    case EVENT_DEVICE_ANSWER:
        ats_on_answer(machine, target);
        break;
    case EVENT_PAGE_REQUEST:
        page_request_queue_event(&machine->page_requests[target], argument);
        break;
    case EVENT_PAGE_TIMEOUT:
        ats_on_page_timeout(machine, target, argument);
        break;
    case EVENT_AFFINITY:
        interrupts_on_affinity(machine, target);
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
    case EVENT_COMPLETION_TIMEOUT:
        machine_on_completion_timeout(machine, argument);
        break;
    case EVENT_DEVICE:
        devices_on_event(machine, target, argument);
        break;
    case EVENT_VIRTUAL_CPU:
        virtual_cpus_on_event(machine, target, argument);
        break;
    case EVENT_DOORBELL:
        devices_on_doorbell(machine, target, argument);
        break;
    case EVENT_GUEST:
        guests_on_event(machine, target, argument);
        break;
    case EVENT_MIGRATION:
        migration_on_event(machine, target, argument);
        break;
    case EVENT_OUTSIDE:
        machine->options.outside.called(machine->options.outside.context, argument);
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
    dma_operation_pool_reserve(&machine->operations, 2 * workload->stream_count + 1);
    size_t events = (size_t)machine->transport.channel_count * 4 + machine->pool.count +
                    machine->operations.count + machine->engine_count + machine->completer_count +
                    ((size_t)workload->stream_count + workload->domain_count) * 4 +
                    machine->guests.pending * 2;
    for (uint32_t i = 0; i < machine->unit_count; i++)
        events += machine->units[i].parameters.walkers + 4 + machine->units[i].parameters.page_fault_handlers;
    event_queue_reserve(&machine->events, events);
}

void machine_make_room(struct machine *machine)
{
    make_more_room(machine);
}

/* Between events, since nothing holds pointers now. */
static inline void make_room(struct machine *machine)
{
    if (machine->pool.count - machine->pool.live < TLPS_PER_EVENT ||
        machine->operations.count - machine->operations.live <= 2 * machine->workload->stream_count ||
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
        if (traffic->device)
            done = traffic->device->counters.done < all ? traffic->device->counters.done : all;
        sum += all ? (uint64_t)((__uint128_t)done * 1000 / all) : 0;
    }
    return machine->workload->stream_count ? (unsigned)(sum / machine->workload->stream_count) : 1000;
}

static void check_laws(const struct machine *machine)
{
    if (!transport_check(&machine->transport))
        machine_broken(machine, "credits or queues are inconsistent", NULL);
    for (uint32_t i = 0; i < machine->unit_count; i++) {
        if (!remapping_unit_check(&machine->units[i]))
            machine_broken(machine, "a remapping unit's lists are inconsistent", NULL);
    }
    if (!machine_queues_hold(machine))
        machine_broken(machine, "Little's law does not hold for a queue", NULL);
    if (machine->stopped)
        return;
    if (machine->active_streams)
        machine_broken(machine, "nothing is left to happen, yet a stream has not finished", NULL);
    if (machine->bytes_submitted != machine->bytes_finished || machine->pool.live ||
        machine->operations.live || (machine->mapping.live_jobs && !event_queue_count(&machine->events)))
        machine_broken(machine, "bytes in and bytes out differ", NULL);
}

void machine_begin(struct machine *machine, struct diagnostics *diagnostics)
{
    machine->diagnostics = diagnostics;
    make_room(machine);
    guests_begin(machine);
    traffic_start(machine);
    if (machine->workload->duration_ps)
        event_queue_push(&machine->events, machine->workload->duration_ps, PRIORITY_LAST, EVENT_STOP, 0, 0);
}

static int finish(struct machine *machine)
{
    if (machine->series.interval_ps)
        machine_series_finish(machine);
    for (uint32_t i = 0; i < machine->workload->stream_count; i++)
        steady_window_end(machine, i);
    for (uint32_t i = 0; i < machine->workload->stream_count && machine->active_streams; i++)
        stream_limit_settle(machine, i);
    guests_end(machine);
    int status = requests_end(machine);
    if (status == 0)
        check_laws(machine);
    return status;
}

int machine_run(struct machine *machine, struct diagnostics *diagnostics)
{
    struct event event;
    uint64_t until_progress = PROGRESS_EVENTS;
    machine_begin(machine, diagnostics);
    while (!machine->stopped &&
           (machine->active_streams || machine->guests.pending || !machine->workload->duration_ps) &&
           event_queue_pop(&machine->events, &event)) {
        if (machine->series.interval_ps)
            machine_series_advance(machine, machine->events.now_ps);
        if (machine->options.trace)
            note_request(machine, &event);
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
    return finish(machine);
}

int machine_run_until(struct machine *machine, uint64_t limit_ps)
{
    struct event event;
    machine->paused = false;
    while (!machine->paused && !machine->stopped &&
           event_queue_pop_before(&machine->events, limit_ps, &event)) {
        if (machine->series.interval_ps)
            machine_series_advance(machine, machine->events.now_ps);
        dispatch(machine, &event);
        if (machine->status < 0)
            return machine->status;
        make_room(machine);
    }
    return machine->paused;
}

int machine_finish(struct machine *machine)
{
    int status;
    do {
        status = machine_run_until(machine, UINT64_MAX);
    } while (status > 0);
    return status < 0 ? status : finish(machine);
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
        machine->queues[i].interrupt = interrupts_invalidated;
        if (machine->options.trace) {
            machine->units[i].on_walk_step = request_trace_walk;
            machine->units[i].on_walk_context = machine->options.trace;
        }
    }
    if (machine->options.trace)
        machine->options.trace->pool = &machine->pool;
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
    root_complex->alias_of = machine->options.alias_of;
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
    machine_connect_models(machine);
}

int machine_new(const struct machine_input *input, const struct workload *workload,
                const struct machine_options *options, struct machine **result,
                struct diagnostics *diagnostics)
{
    struct machine *machine = memory_alloc(sizeof(*machine));
    machine->input = input;
    machine->workload = workload;
    machine->options = *options;
    machine->series.interval_ps = options->series_interval_ps;
    machine->arena = arena_new();
    event_queue_init(&machine->events, options->initial_events ? options->initial_events : INITIAL_EVENTS);
    tlp_pool_init(&machine->pool);
    dma_operation_pool_init(&machine->operations);
    machine->transport.events = &machine->events;
    machine->transport.pool = &machine->pool;
    machine->transport.event_arrive = EVENT_ARRIVE;
    machine->transport.event_wake = EVENT_WAKE;
    machine->transport.request_latency_ps = input->parameters.root_complex.request_latency_ps;
    machine->transport.peer_latency_ps = input->parameters.root_complex.peer_latency_ps;
    int status = machine_build_transport(machine, diagnostics);
    build_units(machine);
    build_root_complex(machine);
    if (status == 0)
        status = machine_build_domains(machine, diagnostics);
    if (status == 0)
        mapping_init(machine);
    if (status == 0)
        guests_init(machine, diagnostics);
    if (status == 0)
        status = ats_init(machine, diagnostics);
    if (status == 0)
        machine_warm_memory(machine);
    if (status == 0)
        status = traffic_open(machine, diagnostics);
    if (status == 0) {
        interrupts_init(machine);
        virtual_cpus_init(machine);
        migrations_init(machine);
    }
    for (uint32_t s = 0; s < workload->stream_count && status == 0; s++)
        status = virtual_cpus_check(machine, s, diagnostics);
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
    interrupts_fini(machine);
    virtual_cpus_fini(machine);
    migrations_fini(machine);
    free(machine->engines);
    free(machine->completers);
    free(machine->peers);
    free(machine->refusals);
    free(machine->series.rows);
    guests_fini(machine);
    mapping_fini(machine);
    tlp_pool_fini(&machine->pool);
    dma_operation_pool_fini(&machine->operations);
    event_queue_fini(&machine->events);
    memory_fini(&machine->root_complex.memory);
    arena_free(machine->arena);
    free(machine);
}
