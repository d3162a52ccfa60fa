/* SPDX-License-Identifier: MIT */
#include "sim/machine/machine_guests.h"

#include "sim/base/arena.h"
#include "sim/machine/machine_state.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Arguments of EVENT_GUEST beside the number of a hot-plug event. */
enum { ARGUMENT_START = 1 << 30, ARGUMENT_SLEPT };

/* MODEL: whoever else wants the CPU has it after so long (cond_resched()). */
static const uint64_t slice_ps = UINT64_C(1000000000);

const char *const guest_time_names[GUEST_TIMES] = {
    [GUEST_TIME_PROCESS] = "process",    [GUEST_TIME_ATTACH] = "attach",
    [GUEST_TIME_POPULATE] = "populate",  [GUEST_TIME_PIN] = "pin",
    [GUEST_TIME_TABLES] = "page_tables", [GUEST_TIME_INVALIDATION] = "invalidation",
    [GUEST_TIME_RESET] = "reset",        [GUEST_TIME_CPU] = "waiting_for_cpu",
};

struct guest *guests_find(const struct machine *machine, uint32_t function_id, struct guest_device **device)
{
    uint32_t domain = machine->mapping.domain_of[function_id];
    uint32_t number = domain == NONE ? 0 : machine->workload->domains[domain].virtual_machine;
    if (!number)
        return NULL;
    struct guest *guest = &machine->guests.guests[number - 1];
    for (uint32_t i = 0; i < guest->device_count; i++) {
        if (guest->devices[i].function_id == function_id)
            *device = &guest->devices[i];
    }
    return guest;
}

enum guest_device_state guests_device_state(const struct machine *machine, uint32_t function_id)
{
    struct guest_device *device = NULL;
    if (function_id == NONE || !guests_find(machine, function_id, &device))
        return GUEST_DEVICE_USABLE;
    return device->state;
}

static struct guest_device *device_of(const struct machine *machine, const struct guest_step *step)
{
    struct guest_device *device = NULL;
    guests_find(machine, step->function_id, &device);
    return device;
}

/* ---- steps ---- */

static void charge(struct guest *guest, enum guest_time part, uint64_t time_ps)
{
    uint64_t *times = guest->ready ? guest->later_times : guest->times;
    times[part] += time_ps;
}

/* Steps of a device that was refused, and invalidations of nothing, are passed. */
static bool to_be_taken(const struct machine *machine, const struct guest_step *step)
{
    if (step->function_id == NONE)
        return true;
    const struct guest_device *device = device_of(machine, step);
    bool flush = step->kind == GUEST_STEP_FLUSH_CONTEXT || step->kind == GUEST_STEP_FLUSH_DOMAIN;
    if (step->kind == GUEST_STEP_FLUSH_DEVICE)
        return device->present;
    if (device->state == GUEST_DEVICE_REFUSED && step->kind == GUEST_STEP_SLEEP)
        return false;
    return !flush || device->flush;
}

static void set_pinned(struct guest *guest)
{
    guest->pinned_bytes = guest->present ? guest->what->memory_bytes : 0;
    if (guest->pinned_bytes > guest->pinned_high)
        guest->pinned_high = guest->pinned_bytes;
}

static void usable(struct machine *machine, struct guest *guest, struct guest_device *device)
{
    device->done_ps = machine->events.now_ps;
    device->time_to_usable_ps = device->done_ps - device->asked_ps;
    if (device->state == GUEST_DEVICE_REFUSED) {
        if (machine->traffic) /* else its streams will find it so */
            traffic_stop_function(machine, device->function_id);
        return;
    }
    device->state = GUEST_DEVICE_USABLE;
    device->attaches++;
    guest_map_windows(machine, guest, device->function_id);
    traffic_start_function(machine, device->function_id);
}

/* A start, or a device's coming or going, is complete. */
static void over(struct machine *machine)
{
    machine->guests.pending--;
    machine->guests.end_ps = machine->events.now_ps;
}

/* A step that takes no time. @return false where the step takes some */
static bool take_at_once(struct machine *machine, struct guest *guest, const struct guest_step *step)
{
    struct guest_device *device = step->function_id == NONE ? NULL : device_of(machine, step);
    switch (step->kind) {
    case GUEST_STEP_ATTACH:
        device->asked_ps = step->asked_ps;
        device->done_ps = UINT64_MAX;
        guest_attach(machine, guest, device);
        set_pinned(guest);
        return true;
    case GUEST_STEP_ENTRIES:
        guest_write_entries(machine, guest, device);
        set_pinned(guest);
        return true;
    case GUEST_STEP_WINDOWS:
        guest_unmap_windows(machine, guest, step->function_id);
        return true;
    case GUEST_STEP_DETACH:
        device->asked_ps = step->asked_ps;
        device->done_ps = UINT64_MAX;
        if (device->present)
            guest_detach(machine, guest, device);
        traffic_device_gone(machine, device->function_id);
        set_pinned(guest);
        return true;
    case GUEST_STEP_USABLE:
        usable(machine, guest, device);
        if (guest->ready)
            over(machine);
        return true;
    case GUEST_STEP_GONE:
        device->done_ps = machine->events.now_ps;
        device->detaches++;
        over(machine);
        return true;
    case GUEST_STEP_READY:
        guest->ready = true;
        guest->ready_ps = machine->events.now_ps - guest->started_ps;
        over(machine);
        return true;
    case GUEST_STEP_WORK:
    case GUEST_STEP_SLEEP:
    case GUEST_STEP_FLUSH_CONTEXT:
    case GUEST_STEP_FLUSH_DOMAIN:
    case GUEST_STEP_FLUSH_DEVICE:
        break;
    }
    return false;
}

static void worked(struct machine *machine, const struct mapping_job *job);

static void add_job(struct machine *machine, const struct guest *guest, enum mapping_job_kind kind,
                    uint64_t work_ps)
{
    const struct guest_step *step = &guest->steps[guest->step_first];
    mapping_add_job(machine, &(struct mapping_job){.kind = kind,
                                                   .cpu = guest->what->cpu,
                                                   .function_id = NONE,
                                                   .request = NONE,
                                                   .stream = NONE,
                                                   .domain = guest->what->domain,
                                                   .unit = step->unit,
                                                   .work_ps = work_ps,
                                                   .token = (uint32_t)(guest - machine->guests.guests),
                                                   .done = worked});
}

static void work_on(struct machine *machine, const struct guest *guest)
{
    add_job(machine, guest, JOB_WORK, guest->work_left_ps < slice_ps ? guest->work_left_ps : slice_ps);
}

/* Take steps up to the next that takes time. */
static void go_on(struct machine *machine, struct guest *guest)
{
    while (guest->step_count && !guest->busy) {
        const struct guest_step step = guest->steps[guest->step_first];
        if (!to_be_taken(machine, &step) || take_at_once(machine, guest, &step)) {
            guest->step_first++;
            guest->step_count--;
            continue;
        }
        guest->busy = true;
        guest->step_begin_ps = machine->events.now_ps;
        guest->work_left_ps = step.time_ps;
        if (step.kind == GUEST_STEP_WORK)
            work_on(machine, guest);
        else if (step.kind == GUEST_STEP_SLEEP)
            event_queue_push(&machine->events, machine->events.now_ps + step.time_ps, PRIORITY_NORMAL,
                             EVENT_GUEST, (uint32_t)(guest - machine->guests.guests), ARGUMENT_SLEPT);
        else
            add_job(machine, guest, JOB_CONTEXT, 0);
    }
    if (!guest->step_count)
        guest->step_first = 0;
}

static void end_step(struct machine *machine, struct guest *guest)
{
    const struct guest_step *step = &guest->steps[guest->step_first];
    uint64_t taken_ps = machine->events.now_ps - guest->step_begin_ps,
             own_ps = step->kind == GUEST_STEP_WORK ? step->time_ps : taken_ps;
    charge(guest, step->part, own_ps);
    charge(guest, GUEST_TIME_CPU, taken_ps - own_ps);
    guest->step_first++;
    guest->step_count--;
    guest->busy = false;
    go_on(machine, guest);
}

static void worked(struct machine *machine, const struct mapping_job *job)
{
    struct guest *guest = &machine->guests.guests[job->token];
    guest->work_left_ps -= job->work_ps;
    if (guest->work_left_ps)
        work_on(machine, guest);
    else
        end_step(machine, guest);
}

void guests_on_event(struct machine *machine, uint32_t index, uint32_t argument)
{
    struct guest *guest = &machine->guests.guests[index];
    if (argument == ARGUMENT_SLEPT) {
        end_step(machine, guest);
        return;
    }
    if (argument == ARGUMENT_START) {
        guest->started_ps = machine->events.now_ps;
        guest_add_start(machine, guest, guest->started_ps);
    } else {
        guest_add_event(machine, guest, &guest->what->events[argument]);
    }
    go_on(machine, guest);
}

/* ---- before the run ---- */

/* About what an invalidation takes that nobody else waits beside. */
static uint64_t invalidation_ps(const struct iommu_parameters *unit)
{
    return unit->invalidation_submit_ps + 2 * unit->invalidation_descriptor_ps + unit->invalidation_wait_ps;
}

/* The same steps on a clock of their own. */
static void start_before_the_run(struct machine *machine, struct guest *guest)
{
    guest_add_start(machine, guest, 0);
    for (; guest->step_count; guest->step_first++, guest->step_count--) {
        const struct guest_step step = guest->steps[guest->step_first];
        if (!to_be_taken(machine, &step) || take_at_once(machine, guest, &step))
            continue;
        bool flush = step.kind != GUEST_STEP_WORK && step.kind != GUEST_STEP_SLEEP;
        uint64_t time_ps = flush ? invalidation_ps(&machine->units[step.unit].parameters) : step.time_ps;
        guest->times[step.part] += time_ps;
    }
    guest->step_first = 0;
    for (int part = 0; part < GUEST_TIMES; part++)
        guest->ready_ps += guest->times[part];
    for (uint32_t i = 0; i < guest->device_count; i++) {
        if (guest->devices[i].present)
            guest->devices[i].time_to_usable_ps = guest->ready_ps;
    }
}

/* Legacy assignment told of what it does: whose requests go where. */
static void warn_of_sharing(const struct machine *machine, const struct guest *guest,
                            struct diagnostics *diagnostics)
{
    for (uint32_t i = 0; i < guest->device_count; i++) {
        const struct guest_device *device = &guest->devices[i];
        uint32_t holder = device->shared ? guest_tables_of(machine, device->function_id) : NONE;
        char text[BDF_TEXT_SIZE];
        const struct pci_function *function = &machine->input->topology->functions[device->function_id];
        if (!device->shared)
            continue;
        bdf_print(text, function->segment, function->bus, function->devfn);
        if (device->state == GUEST_DEVICE_REFUSED)
            workload_report(
                machine->workload, diagnostics, DIAGNOSTIC_WARNING, guest->what->pointer,
                "workload-guest-alias",
                "%s is not attached to \"%s\": its requester id is in use by domain \"%s\" (EBUSY)", text,
                guest->what->name, holder == NONE ? "?" : machine->workload->domains[holder].name);
        else
            workload_report(
                machine->workload, diagnostics, DIAGNOSTIC_WARNING, guest->what->pointer,
                "workload-guest-alias",
                "%s of \"%s\" shares a requester id with a device of \"%s\", whose entry is there "
                "already: its requests go into the memory of \"%s\"",
                text, guest->what->name, holder == NONE ? "?" : machine->workload->domains[holder].name,
                holder == NONE ? "?" : machine->workload->domains[holder].name);
    }
}

/* ---- life ---- */

/* Units that page tables of one shape suit share a domain; an SMMU shares with none (arm_smmu_attach_dev()).
 */
static bool share_domain(const struct iommu_parameters *one, const struct iommu_parameters *other)
{
    bool smmu = one->table_format == FORMAT_SMMU_STAGE_1 || one->table_format == FORMAT_SMMU_STAGE_2;
    return !smmu && one->table_format == other->table_format && one->levels == other->levels &&
           one->superpages_2m == other->superpages_2m && one->superpages_1g == other->superpages_1g &&
           one->snooped_tables == other->snooped_tables;
}

static uint32_t count_domains(const struct machine *machine, uint32_t domain)
{
    uint32_t count = 0;
    for (uint32_t unit = mapping_next_unit(machine, domain, 0); unit != NONE;
         unit = mapping_next_unit(machine, domain, unit + 1)) {
        bool shares = false;
        for (uint32_t before = mapping_next_unit(machine, domain, 0); before != unit;
             before = mapping_next_unit(machine, domain, before + 1))
            shares |= share_domain(&machine->units[unit].parameters, &machine->units[before].parameters);
        count += !shares;
    }
    return count;
}

static void init_guest(struct machine *machine, uint32_t index)
{
    struct guest *guest = &machine->guests.guests[index];
    const struct virtual_machine *what = &machine->workload->virtual_machines[index];
    const struct domain *domain = &machine->workload->domains[what->domain];
    guest->what = what;
    guest->device_count = domain->function_count;
    guest->devices = arena_array(machine->arena, guest->device_count, sizeof(*guest->devices));
    for (uint32_t i = 0; i < guest->device_count; i++)
        guest->devices[i] =
            (struct guest_device){.function_id = domain->function_ids[i], .cut_off_ps = UINT64_MAX};
    guest->domains = count_domains(machine, what->domain);
    for (uint32_t i = 0; i < domain->mapping_count && guest->domains; i++) {
        uint64_t page = machine_page_bytes(machine, what->domain, &domain->mappings[i]);
        guest->entries[(__builtin_ctzll(page) - PAGE_SHIFT_4K) / 9] += domain->mappings[i].length / page;
    }
    guest->tables = machine->mapping.table_pages[what->domain];
}

void guests_init(struct machine *machine, struct diagnostics *diagnostics)
{
    struct guests_state *state = &machine->guests;
    state->count = machine->workload->virtual_machine_count;
    state->guests = arena_array(machine->arena, state->count, sizeof(*state->guests));
    for (uint32_t i = 0; i < state->count; i++)
        init_guest(machine, i);
    for (uint32_t i = 0; i < state->count; i++) {
        struct guest *guest = &state->guests[i];
        state->pending++;
        if (guest->what->running) {
            start_before_the_run(machine, guest);
            warn_of_sharing(machine, guest, diagnostics);
        }
    }
}

void guests_fini(struct machine *machine)
{
    for (uint32_t i = 0; i < machine->guests.count; i++) {
        free(machine->guests.guests[i].steps);
        free(machine->guests.guests[i].windows);
    }
}

/* The memory of devices that it has not yet is not there. */
static void hide_windows(struct machine *machine, struct guest *guest)
{
    for (uint32_t i = 0; i < guest->device_count; i++) {
        if (guest->devices[i].state != GUEST_DEVICE_USABLE)
            guest_unmap_windows(machine, guest, guest->devices[i].function_id);
    }
}

void guests_begin(struct machine *machine)
{
    for (uint32_t i = 0; i < machine->guests.count; i++) {
        const struct virtual_machine *what = machine->guests.guests[i].what;
        hide_windows(machine, &machine->guests.guests[i]);
        if (!what->running)
            event_queue_push(&machine->events, what->start_ps, PRIORITY_NORMAL, EVENT_GUEST, i,
                             ARGUMENT_START);
        for (uint32_t e = 0; e < what->event_count; e++) {
            machine->guests.pending++;
            event_queue_push(&machine->events, what->events[e].time_ps, PRIORITY_NORMAL, EVENT_GUEST, i, e);
        }
    }
}

bool guests_stream_never_ran(const struct machine *machine, uint32_t stream)
{
    const struct traffic *traffic = &machine->traffic[stream];
    struct guest_device *device = NULL;
    return traffic->stream->function_id != NONE && traffic->stream->source != STREAM_SUBMITTED &&
           !traffic->begun && !traffic->over && guests_find(machine, traffic->stream->function_id, &device);
}

void guests_end(const struct machine *machine)
{
    for (uint32_t i = 0; i < machine->workload->stream_count; i++) {
        const struct stream *stream = &machine->workload->streams[i];
        struct guest_device *device = NULL;
        if (!guests_stream_never_ran(machine, i))
            continue;
        workload_report(machine->workload, machine->diagnostics, DIAGNOSTIC_WARNING, stream->pointer,
                        "workload-guest-stream",
                        "stream \"%s\" never ran: \"%s\" did not have its device before the run ended",
                        stream->name, guests_find(machine, stream->function_id, &device)->what->name);
    }
}
