/* SPDX-License-Identifier: MIT */
/*
 * Virtual CPUs in time: taken off their physical CPUs and put back, moved, asleep when idle; what interrupts
 * are posted to them meanwhile, and when they take them (models/host/virtual_cpu.h). What one has begun goes
 * on where it was when it is back.
 *
 * MODEL: a lock that it holds then is held no longer than as if it had gone on: spinlocks know when they are
 * free from the start. A virtual IOMMU's turn is held. One that is idle counts as asleep from halt_poll on,
 * but wakes for interrupts only: other work for it begins at once.
 */
#include "sim/machine/machine_state.h"

#include "sim/base/arena.h"
#include "sim/base/status.h"

#include <assert.h>
#include <stdlib.h>

/* Arguments of events: what happens, and a number: the physical CPU that is notified, or of a load, so that
 * one that was overtaken by an earlier one is known. */
enum virtual_cpu_event {
    EVENT_NOTICE = 0,
    EVENT_WAKE_UP = 1U << 28,
    EVENT_LOAD = 2U << 28,
    EVENT_ENTRY = 3U << 28,
    EVENT_TAKE_OFF = 4U << 28,
    EVENT_MOVE = 5U << 28,
    EVENT_NUMBER = (1U << 28) - 1,
};

static struct guest_cpu *at(struct machine *machine, uint32_t cpu)
{
    return &machine->guest_cpus[cpu];
}

static const struct virtual_cpu_parameters *costs_of(const struct machine *machine)
{
    return &machine->input->parameters.virtual_cpu;
}

static const struct virtual_cpus *schedule_of(const struct machine *machine,
                                              const struct guest_cpu *guest_cpu)
{
    return &machine->workload->virtual_machines[guest_cpu->guest].cpus;
}

static void push(struct machine *machine, uint32_t cpu, uint64_t time_ps, uint32_t what, uint32_t number)
{
    event_queue_push(&machine->events, time_ps, PRIORITY_NORMAL, EVENT_VIRTUAL_CPU, cpu,
                     what | (number & EVENT_NUMBER));
}

/* ---- before the run ---- */

/* A slice of about @p mean_ps: from half of it to half as much again. */
static uint64_t draw(struct guest_cpu *guest_cpu, uint64_t mean_ps)
{
    return mean_ps / 2 + random_below(&guest_cpu->random, mean_ps + 1);
}

/* Others will want its physical CPU once it has run for a slice from @p from_ps on. */
static void arm_slice(struct machine *machine, uint32_t cpu, uint64_t from_ps)
{
    struct guest_cpu *guest_cpu = at(machine, cpu);
    const struct virtual_cpus *schedule = schedule_of(machine, guest_cpu);
    if (schedule->away_ps && (machine->active_streams || !machine->events.now_ps))
        push(machine, cpu, from_ps + draw(guest_cpu, schedule->runs_ps), EVENT_TAKE_OFF, guest_cpu->load);
}

static void arm_move(struct machine *machine, uint32_t cpu, uint64_t from_ps)
{
    struct guest_cpu *guest_cpu = at(machine, cpu);
    uint64_t mean_ps = schedule_of(machine, guest_cpu)->move_interval_ps;
    if (mean_ps && (machine->active_streams || !machine->events.now_ps))
        push(machine, cpu, from_ps + draw(guest_cpu, mean_ps), EVENT_MOVE, 0);
}

static void init_cpu(struct machine *machine, uint32_t cpu, uint32_t guest)
{
    struct guest_cpu *guest_cpu = at(machine, cpu);
    const struct virtual_machine *of = &machine->workload->virtual_machines[guest];
    guest_cpu->guest = guest;
    virtual_cpu_init(&guest_cpu->virtual_cpu, cpu);
    random_init(&guest_cpu->random, machine->options.seed + cpu, of->name);
    arm_slice(machine, cpu, 0);
    arm_move(machine, cpu, 0);
}

void virtual_cpus_init(struct machine *machine)
{
    const struct workload *workload = machine->workload;
    machine->guest_cpus =
        arena_array(machine->arena, machine->mapping.cpu_count, sizeof(*machine->guest_cpus));
    machine->guest_interrupts =
        arena_array(machine->arena, workload->virtual_machine_count, sizeof(*machine->guest_interrupts));
    for (uint32_t cpu = 0; cpu < machine->mapping.cpu_count; cpu++)
        at(machine, cpu)->guest = NONE;
    for (uint32_t g = 0; g < workload->virtual_machine_count; g++) {
        const struct virtual_cpus *cpus = &workload->virtual_machines[g].cpus;
        for (uint32_t i = 0; i < cpus->count; i++)
            init_cpu(machine, cpus->first + i, g);
    }
}

void virtual_cpus_fini(struct machine *machine)
{
    for (uint32_t cpu = 0; machine->guest_cpus && cpu < machine->mapping.cpu_count; cpu++)
        free(at(machine, cpu)->held);
}

int virtual_cpus_check(const struct machine *machine, uint32_t stream_id, struct diagnostics *diagnostics)
{
    const struct stream *stream = &machine->workload->streams[stream_id];
    uint32_t guest = stream->function_id == NONE ? NONE : mapping_guest_of(machine, stream->function_id),
             last = stream->cpu + devices_cpus(machine, stream_id) - 1;
    if (guest == NONE || !machine->workload->virtual_machines[guest].cpus.count)
        return 0;
    const struct virtual_cpus *cpus = &machine->workload->virtual_machines[guest].cpus;
    if (stream->cpu >= cpus->first && last < cpus->first + cpus->count)
        return 0;
    workload_report(machine->workload, diagnostics, DIAGNOSTIC_ERROR, stream->pointer, "workload-guest-cpu",
                    "stream \"%s\" uses CPUs %u to %u, of which the virtual machine that has its device owns "
                    "only %u to %u (\"cpus\")",
                    stream->name, stream->cpu, last, cpus->first, cpus->first + cpus->count - 1);
    return STATUS_BAD_INPUT;
}

/* ---- what it works at ---- */

void virtual_cpus_begin(struct machine *machine, uint32_t cpu)
{
    at(machine, cpu)->busy = true;
    at(machine, cpu)->part_ps = machine->events.now_ps;
}

bool virtual_cpus_hold(struct machine *machine, uint32_t cpu)
{
    struct guest_cpu *guest_cpu = at(machine, cpu);
    uint64_t now_ps = machine->events.now_ps;
    if (guest_cpu->guest == NONE)
        return false;
    if (guest_cpu->virtual_cpu.state != VIRTUAL_CPU_RUNNING) {
        guest_cpu->due = true;
        guest_cpu->due_ps = now_ps;
        return true;
    }
    if (!guest_cpu->owed_ps) {
        guest_cpu->busy = false;
        return false;
    }
    event_queue_push(&machine->events, now_ps + guest_cpu->owed_ps, PRIORITY_NORMAL, EVENT_CPU, cpu, 0);
    guest_cpu->owed_ps = 0;
    return true;
}

/* A part that came while the CPU was off has not begun. What waited for a turn or a unit, and still does, has
 * lost nothing. */
static void go_on(struct machine *machine, uint32_t cpu)
{
    struct guest_cpu *guest_cpu = at(machine, cpu);
    uint64_t stopped_ps = guest_cpu->part_ps > guest_cpu->off_ps ? guest_cpu->part_ps : guest_cpu->off_ps;
    if (!guest_cpu->busy)
        return;
    if (guest_cpu->due) {
        event_queue_push(&machine->events, guest_cpu->entry_ps + guest_cpu->due_ps - stopped_ps,
                         PRIORITY_NORMAL, EVENT_CPU, cpu, 0);
        guest_cpu->part_ps = guest_cpu->entry_ps;
    } else {
        guest_cpu->owed_ps += guest_cpu->entry_ps - stopped_ps;
    }
    guest_cpu->due = false;
}

/* @return it has messages that do not wait */
static bool put(struct machine *machine, uint32_t cpu, enum virtual_cpu_state state)
{
    at(machine, cpu)->off_ps = machine->events.now_ps;
    return virtual_cpu_put(&at(machine, cpu)->virtual_cpu, state);
}

static void load_after(struct machine *machine, uint32_t cpu, uint64_t delay_ps)
{
    push(machine, cpu, machine->events.now_ps + delay_ps, EVENT_LOAD, ++at(machine, cpu)->load);
}

static void load(struct machine *machine, uint32_t cpu)
{
    struct guest_cpu *guest_cpu = at(machine, cpu);
    const struct virtual_cpus *schedule = schedule_of(machine, guest_cpu);
    uint32_t place = cpu + (guest_cpu->elsewhere ? schedule->count : 0);
    guest_cpu->entry_ps = machine->events.now_ps + costs_of(machine)->load_ps;
    virtual_cpu_load(&guest_cpu->virtual_cpu, place);
    go_on(machine, cpu);
    push(machine, cpu, guest_cpu->entry_ps, EVENT_ENTRY, guest_cpu->load);
    arm_slice(machine, cpu, guest_cpu->entry_ps);
}

/* ---- interrupts ---- */

/* An idle one has been put to sleep by now. */
static void fall_asleep(struct machine *machine, uint32_t cpu)
{
    struct guest_cpu *guest_cpu = at(machine, cpu);
    const struct mapping_cpu *work = &machine->mapping.cpus[cpu];
    uint64_t idle_ps = work->idle_from_ps > guest_cpu->entry_ps ? work->idle_from_ps : guest_cpu->entry_ps;
    if (schedule_of(machine, guest_cpu)->sleeps && guest_cpu->virtual_cpu.state == VIRTUAL_CPU_RUNNING &&
        work->first == NONE && !guest_cpu->virtual_cpu.on &&
        machine->events.now_ps > idle_ps + costs_of(machine)->halt_poll_ps)
        put(machine, cpu, VIRTUAL_CPU_ASLEEP);
}

enum interrupt_outcome virtual_cpus_post(struct machine *machine, uint32_t cpu,
                                         const struct held_interrupt *held, bool urgent)
{
    struct guest_cpu *guest_cpu = at(machine, cpu);
    struct virtual_cpu *virtual_cpu = &guest_cpu->virtual_cpu;
    uint64_t arrives_ps =
        machine->events.now_ps + machine->input->parameters.root_complex.interrupt_delivery_ps;
    fall_asleep(machine, cpu);
    enum virtual_cpu_notice notice = virtual_cpu_post(virtual_cpu, urgent);
    guest_cpu->held = memory_grow(guest_cpu->held, guest_cpu->held_count, &guest_cpu->held_capacity,
                                  sizeof(*guest_cpu->held));
    guest_cpu->held[guest_cpu->held_count] = *held;
    guest_cpu->held[guest_cpu->held_count++].outcome =
        notice == NOTICE_NONE ? INTERRUPT_SUPPRESSED : INTERRUPT_POSTED;
    guest_cpu->held[guest_cpu->held_count - 1].phase = machine_guest_phase(machine, guest_cpu->guest);
    if (notice != NOTICE_NONE)
        push(machine, cpu, arrives_ps, notice == NOTICE_WAKE_UP ? EVENT_WAKE_UP : EVENT_NOTICE,
             virtual_cpu->destination);
    return notice == NOTICE_NONE ? INTERRUPT_SUPPRESSED : INTERRUPT_POSTED;
}

/* The guest's handlers run. */
static void take(struct machine *machine, uint32_t cpu)
{
    struct guest_cpu *guest_cpu = at(machine, cpu);
    struct guest_interrupts *counters = &machine->guest_interrupts[guest_cpu->guest];
    uint32_t messages = virtual_cpu_take(&guest_cpu->virtual_cpu);
    assert(messages == guest_cpu->held_count);
    for (uint32_t i = 0; i < messages; i++) {
        const struct held_interrupt *held = &guest_cpu->held[i];
        uint64_t latency_ps = machine->events.now_ps - held->submit_ps;
        histogram_record(&counters->latency[held->phase], latency_ps);
        histogram_record(&machine->interrupt_counters.latency[held->outcome], latency_ps);
        if (held->token != NONE)
            event_queue_push(&machine->events, machine->events.now_ps, PRIORITY_NORMAL, EVENT_DEVICE,
                             held->stream, held->token);
    }
    guest_cpu->held_count = 0;
}

/* ---- events ---- */

static void on_notice(struct machine *machine, uint32_t cpu, uint32_t destination)
{
    struct guest_cpu *guest_cpu = at(machine, cpu);
    bool found = virtual_cpu_notified(&guest_cpu->virtual_cpu, NOTICE_RUNNING, destination);
    if (found && machine->events.now_ps >= guest_cpu->entry_ps)
        take(machine, cpu); /* else it is about to enter its guest, and looks */
}

static void on_wake_up(struct machine *machine, uint32_t cpu, uint32_t destination)
{
    if (virtual_cpu_notified(&at(machine, cpu)->virtual_cpu, NOTICE_WAKE_UP, destination))
        load_after(machine, cpu, costs_of(machine)->wake_ps);
}

static void take_off(struct machine *machine, uint32_t cpu, uint64_t away_ps)
{
    uint64_t wake_ps = costs_of(machine)->wake_ps;
    if (at(machine, cpu)->virtual_cpu.state == VIRTUAL_CPU_RUNNING)
        load_after(machine, cpu, put(machine, cpu, VIRTUAL_CPU_OFF) && wake_ps < away_ps ? wake_ps : away_ps);
}

/* One that is about to enter its guest is not moved before it has run: it gets on, however often it is moved.
 */
static void on_move(struct machine *machine, uint32_t cpu)
{
    struct guest_cpu *guest_cpu = at(machine, cpu);
    if (guest_cpu->virtual_cpu.state == VIRTUAL_CPU_RUNNING && machine->events.now_ps < guest_cpu->entry_ps) {
        arm_move(machine, cpu, guest_cpu->entry_ps);
        return;
    }
    guest_cpu->elsewhere = !guest_cpu->elsewhere;
    take_off(machine, cpu, costs_of(machine)->move_ps);
    arm_move(machine, cpu, machine->events.now_ps);
}

void virtual_cpus_on_event(struct machine *machine, uint32_t cpu, uint32_t argument)
{
    struct guest_cpu *guest_cpu = at(machine, cpu);
    uint32_t number = argument & EVENT_NUMBER;
    bool latest = number == (guest_cpu->load & EVENT_NUMBER);
    switch (argument & ~(uint32_t)EVENT_NUMBER) {
    case EVENT_WAKE_UP:
        on_wake_up(machine, cpu, number);
        break;
    case EVENT_LOAD:
        if (latest && guest_cpu->virtual_cpu.state != VIRTUAL_CPU_STOPPED)
            load(machine, cpu);
        break;
    case EVENT_ENTRY:
        if (latest && guest_cpu->virtual_cpu.state == VIRTUAL_CPU_RUNNING && guest_cpu->held_count)
            take(machine, cpu);
        break;
    case EVENT_TAKE_OFF:
        if (latest)
            take_off(machine, cpu, draw(guest_cpu, schedule_of(machine, guest_cpu)->away_ps));
        break;
    case EVENT_MOVE:
        on_move(machine, cpu);
        break;
    default:
        on_notice(machine, cpu, number);
        break;
    }
}

/* ---- migration of the guest ---- */

void virtual_cpus_stop(struct machine *machine, uint32_t guest)
{
    const struct virtual_cpus *cpus = &machine->workload->virtual_machines[guest].cpus;
    for (uint32_t cpu = cpus->first; cpu < cpus->first + cpus->count; cpu++) {
        struct guest_cpu *guest_cpu = at(machine, cpu);
        if (guest_cpu->virtual_cpu.state == VIRTUAL_CPU_RUNNING)
            guest_cpu->off_ps = machine->events.now_ps;
        virtual_cpu_put(&guest_cpu->virtual_cpu, VIRTUAL_CPU_STOPPED);
        guest_cpu->load++; /* whatever was to bring it back does not */
    }
}

uint32_t virtual_cpus_resume(struct machine *machine, uint32_t guest)
{
    const struct virtual_cpus *cpus = &machine->workload->virtual_machines[guest].cpus;
    uint32_t pending = 0;
    for (uint32_t cpu = cpus->first; cpu < cpus->first + cpus->count; cpu++) {
        pending += at(machine, cpu)->virtual_cpu.pending;
        at(machine, cpu)->load++;
        load(machine, cpu);
    }
    return pending;
}
