/* SPDX-License-Identifier: MIT */
/* Interrupt messages in a machine: decided by the unit, taken by a CPU, moved to another one while they fly.
 */
#include "sim/machine/machine_state.h"

#include "sim/base/arena.h"

/* The unit that remaps the function's interrupts, or NO_UNIT. Domains of mode off do not switch it off. */
static uint32_t remapping_unit_of(const struct machine *machine, uint32_t function_id)
{
    uint32_t unit = machine->options.unit_of ? machine->options.unit_of[function_id] : NO_UNIT;
    bool remaps =
        unit != NO_UNIT && machine->options.interrupt_remapping && machine->options.interrupt_remapping[unit];
    return remaps ? unit : NO_UNIT;
}

static uint64_t message_address(const struct machine *machine, uint32_t function_id)
{
    return remapping_unit_of(machine, function_id) == NO_UNIT
               ? UINT64_C(0xfee00000)
               : interrupt_address(machine_requester_id(machine, function_id));
}

void interrupts_init(struct machine *machine)
{
    machine->interrupts = arena_array(machine->arena, machine->unit_count, sizeof(*machine->interrupts));
    for (uint32_t i = 0; i < machine->unit_count; i++)
        interrupt_remapping_init(&machine->interrupts[i], &machine->units[i].parameters,
                                 machine->options.seed);
    for (uint32_t i = 0; i < machine->engine_count; i++) {
        uint32_t function_id = machine->engines[i].function_id,
                 unit = remapping_unit_of(machine, function_id);
        uint16_t id = machine_requester_id(machine, function_id);
        if (unit != NO_UNIT)
            machine->interrupts[unit].table[id] = (struct interrupt_entry){
                .present = true, .any_source = machine->options.interrupts_any_source, .source_id = id};
    }
    for (uint32_t s = 0; s < machine->workload->stream_count; s++) {
        const struct stream *stream = &machine->workload->streams[s];
        uint32_t unit =
            stream->function_id == NONE ? NO_UNIT : remapping_unit_of(machine, stream->function_id);
        if (stream->operation != STREAM_MSI && !machine->traffic[s].device)
            continue;
        machine->traffic[s].interrupt_address = message_address(machine, stream->function_id);
        if (unit == NO_UNIT)
            continue;
        struct interrupt_entry *entry =
            &machine->interrupts[unit].table[machine_requester_id(machine, stream->function_id)];
        uint32_t guest = mapping_guest_of(machine, stream->function_id);
        if (stream->operation == STREAM_MSI)
            entry->posted = stream->posted_interrupts;
        else if (guest != NONE && machine->workload->virtual_machines[guest].cpus.count)
            entry->posted = true;
        if (stream->affinity_interval_ps)
            event_queue_push(&machine->events, stream->start_ps + stream->affinity_interval_ps,
                             PRIORITY_NORMAL, EVENT_AFFINITY, s, 0);
    }
}

void interrupts_fini(struct machine *machine)
{
    for (uint32_t i = 0; machine->interrupts && i < machine->unit_count; i++)
        interrupt_remapping_fini(&machine->interrupts[i]);
}

uint64_t interrupts_arrived(void *context, uint32_t index)
{
    struct machine *machine = context;
    struct tlp *tlp = &machine->pool.items[index];
    uint16_t source_id = root_complex_source_id(&machine->root_complex, tlp);
    uint32_t unit = remapping_unit_of(machine, tlp->origin_id);
    uint64_t now_ps = machine->events.now_ps;
    struct interrupt_decision decision = {.outcome = INTERRUPT_DIRECT};
    if (unit != NO_UNIT)
        decision =
            interrupt_remapping_decide(&machine->interrupts[unit], tlp->transaction.address, source_id);
    machine->interrupt_counters.sent++;
    tlp->interrupt_outcome = (uint8_t)decision.outcome;
    tlp->interrupt_entry = (uint16_t)decision.entry;
    tlp->interrupt_cpu = (uint16_t)decision.cpu;
    if (decision.outcome != INTERRUPT_BLOCKED)
        return now_ps + decision.ps;
    const struct fault_record record = {.time_ps = now_ps,
                                        .address = tlp->transaction.address,
                                        .function_id = tlp->origin_id,
                                        .source_id = source_id,
                                        .reason = (uint8_t)decision.fault,
                                        .write = true};
    fault_log_add(&machine->fault_logs[unit], &record);
    machine->interrupt_counters.outcomes[INTERRUPT_BLOCKED]++;
    return UINT64_MAX;
}

/* The virtual CPU that a posted message is for: that of the device's queue, moved on as often as its
 * interrupt was. @return NONE where the machine knows of none */
static uint32_t virtual_cpu_of(const struct machine *machine, const struct tlp *tlp,
                               const struct dma_operation *operation)
{
    uint32_t guest = mapping_guest_of(machine, tlp->origin_id);
    const struct virtual_cpus *cpus = guest == NONE ? NULL : &machine->workload->virtual_machines[guest].cpus;
    if (!cpus || !cpus->count)
        return NONE;
    uint32_t queue = operation->of_device ? token_queue(operation->token) : 0,
             cpu = machine->workload->streams[operation->stream].cpu + queue - cpus->first;
    return cpus->first + (cpu + tlp->interrupt_cpu) % cpus->count;
}

/* @return the message was posted to a virtual CPU, which takes it in its own time */
static bool post_to_guest(struct machine *machine, const struct tlp *tlp)
{
    struct dma_operation *operation = &machine->operations.items[tlp->operation];
    uint32_t cpu = virtual_cpu_of(machine, tlp, operation);
    if (cpu == NONE)
        return false;
    const struct held_interrupt held = {.submit_ps = operation->submit_ps,
                                        .stream = operation->stream,
                                        .token = devices_interrupt_held(machine, operation)};
    machine->interrupt_counters.outcomes[virtual_cpus_post(
        machine, cpu, &held, machine->workload->streams[operation->stream].urgent_interrupts)]++;
    return true;
}

void interrupts_visible(struct machine *machine, const struct tlp *tlp)
{
    struct interrupt_counters *counters = &machine->interrupt_counters;
    uint64_t now_ps = machine->events.now_ps,
             taken_ps = now_ps + machine->input->parameters.root_complex.interrupt_delivery_ps;
    enum interrupt_outcome outcome = (enum interrupt_outcome)tlp->interrupt_outcome;
    uint32_t unit = remapping_unit_of(machine, tlp->origin_id);
    if (outcome == INTERRUPT_POSTED && post_to_guest(machine, tlp))
        return;
    if (outcome == INTERRUPT_POSTED &&
        !interrupt_remapping_post(&machine->interrupts[unit], tlp->interrupt_entry, now_ps, taken_ps)) {
        outcome = INTERRUPT_SUPPRESSED;
        taken_ps = machine->interrupts[unit].notified_until_ps[tlp->interrupt_entry];
    }
    counters->outcomes[outcome]++;
    devices_interrupted(machine, &machine->operations.items[tlp->operation], taken_ps);
    histogram_record(&counters->latency[outcome],
                     taken_ps - machine->operations.items[tlp->operation].submit_ps);
}

/* Software moves the stream's interrupt to the next CPU: the table first, then what the unit has cached. */
void interrupts_on_affinity(struct machine *machine, uint32_t stream_id)
{
    const struct stream *stream = &machine->workload->streams[stream_id];
    uint32_t unit = remapping_unit_of(machine, stream->function_id);
    uint16_t id = machine_requester_id(machine, stream->function_id);
    if (machine->traffic[stream_id].over)
        return;
    machine->interrupts[unit].table[id].cpu++;
    machine->interrupt_counters.moves++;
    mapping_invalidate_interrupt(machine, stream_id, unit, id);
}

/* The next move is due an interval after this one began, and not before it is over: the write to smp_affinity
 * returns then (intel_ir_set_affinity() waits for the invalidation). */
void interrupts_moved(struct machine *machine, const struct mapping_job *job)
{
    uint64_t now_ps = machine->events.now_ps,
             due_ps = job->begin_ps + machine->workload->streams[job->stream].affinity_interval_ps;
    event_queue_push(&machine->events, due_ps > now_ps ? due_ps : now_ps, PRIORITY_NORMAL, EVENT_AFFINITY,
                     job->stream, 0);
}

void interrupts_invalidated(void *context, uint32_t unit, uint32_t entry)
{
    struct machine *machine = context;
    interrupt_remapping_invalidate(&machine->interrupts[unit], entry);
}

const struct interrupt_counters *machine_interrupts(const struct machine *machine)
{
    return &machine->interrupt_counters;
}
