/* SPDX-License-Identifier: MIT */
/* What a guest's monitor has the host do: to start it, and when a device comes or goes. */
#include "sim/base/arena.h"
#include "sim/machine/machine_state.h"

static const struct guest_parameters *parameters_of(const struct machine *machine)
{
    return &machine->input->parameters.guest;
}

static void add(struct guest *guest, struct guest_step step)
{
    guest->steps = memory_grow(guest->steps, guest->step_first + guest->step_count, &guest->step_capacity,
                               sizeof(*guest->steps));
    guest->steps[guest->step_first + guest->step_count++] = step;
}

static void add_work(struct guest *guest, enum guest_time part, uint64_t time_ps)
{
    if (time_ps)
        add(guest, (struct guest_step){
                       .kind = GUEST_STEP_WORK, .part = part, .time_ps = time_ps, .function_id = NONE});
}

static void add_context_flushes(const struct machine *machine, struct guest *guest, struct guest_step step,
                                uint32_t owner)
{
    uint16_t source_ids[GUEST_SOURCES_MAX];
    uint32_t count = guest_sources(machine, owner, source_ids);
    step.kind = GUEST_STEP_FLUSH_CONTEXT;
    for (uint32_t i = 0; i < count; i++) {
        step.source_id = source_ids[i];
        add(guest, step);
    }
}

/* What was attached or detached is forgotten by the unit, if the device says so then.
 * @param together  entries of other devices that went with it, too */
static void add_flushes(const struct machine *machine, struct guest *guest, uint32_t function_id,
                        bool together)
{
    struct guest_step step = {.kind = GUEST_STEP_FLUSH_DOMAIN,
                              .part = GUEST_TIME_INVALIDATION,
                              .function_id = function_id,
                              .unit = machine->root_complex.unit_of[function_id]};
    add_context_flushes(machine, guest, step, function_id);
    for (uint32_t i = 0; i < guest->device_count && together; i++) {
        uint32_t other = guest->devices[i].function_id;
        if (other != function_id && guest->what->assignment == ASSIGNMENT_VFIO &&
            guest_bound_together(machine, guest, other, function_id))
            add_context_flushes(machine, guest, step, other);
    }
    add(guest, step);
}

static bool snooped(const struct machine *machine, uint32_t domain)
{
    for (uint32_t unit = mapping_next_unit(machine, domain, 0); unit != NONE;
         unit = mapping_next_unit(machine, domain, unit + 1)) {
        if (!machine->units[unit].parameters.snooped_tables)
            return false;
    }
    return true;
}

/* All of the guest's memory: as many calls as there are blocks of RAM, and after each of them units in
 * caching mode forget what was not there. */
static void add_mapping(const struct machine *machine, struct guest *guest)
{
    const struct domain *domain = &machine->workload->domains[guest->what->domain];
    struct guest_mapping_time time = {0};
    uint32_t blocks = 0;
    for (uint32_t i = 0; i < domain->mapping_count; i++) {
        const struct mapping *mapping = &domain->mappings[i];
        const struct mapping *before = i ? mapping - 1 : NULL;
        const struct guest_block block = {
            .length = mapping->length,
            .page_bytes = mapping->page_bytes,
            .mapped_bytes = machine_page_bytes(machine, guest->what->domain, mapping),
            .populated = guest->what->populated || guest->populated,
        };
        guest_memory_map(parameters_of(machine), &block, i ? 0 : guest->tables, guest->domains,
                         snooped(machine, guest->what->domain), &time);
        blocks += !before || before->iova + before->length != mapping->iova;
    }
    guest->populated = true;
    add_work(guest, GUEST_TIME_POPULATE, time.populate_ps);
    add_work(guest, GUEST_TIME_PIN, time.pin_ps);
    add_work(guest, GUEST_TIME_TABLES, time.table_ps);
    for (uint32_t unit = mapping_next_unit(machine, guest->what->domain, 0); unit != NONE;
         unit = mapping_next_unit(machine, guest->what->domain, unit + 1)) {
        for (uint32_t i = 0; i < blocks && machine->units[unit].parameters.caching_mode; i++)
            add(guest, (struct guest_step){.kind = GUEST_STEP_FLUSH_DOMAIN,
                                           .part = GUEST_TIME_INVALIDATION,
                                           .function_id = NONE,
                                           .unit = unit});
    }
}

/* On a conventional bus a reset is the bus's. MODEL: all others reset by themselves; of functions that dumps
 * say little of, those below a link are PCI Express. */
static bool is_reset_by_bus(const struct topology *topology, uint32_t function_id)
{
    const struct pci_function *function = &topology->functions[function_id],
                              *above = topology_parent(topology, function);
    return !function->pcie && above && !function_leads_to_link(above);
}

static void add_reset(const struct machine *machine, struct guest *guest, uint32_t function_id,
                      uint32_t times)
{
    const struct guest_parameters *parameters = parameters_of(machine);
    bool conventional = is_reset_by_bus(machine->input->topology, function_id);
    for (uint32_t i = 0; i < times; i++)
        add(guest, (struct guest_step){.kind = GUEST_STEP_SLEEP,
                                       .part = GUEST_TIME_RESET,
                                       .time_ps = conventional ? parameters->bus_reset_ps
                                                               : parameters->function_reset_ps,
                                       .function_id = function_id});
}

/* @param first  the guest has no device yet: its memory is mapped when it has */
static void add_attach(const struct machine *machine, struct guest *guest, uint32_t function_id, bool first,
                       uint64_t asked_ps)
{
    add_work(guest, GUEST_TIME_ATTACH, parameters_of(machine)->attach_ps);
    add(guest, (struct guest_step){.kind = GUEST_STEP_ATTACH,
                                   .part = GUEST_TIME_ATTACH,
                                   .function_id = function_id,
                                   .asked_ps = asked_ps});
    if (first)
        add_mapping(machine, guest);
}

/* A step that takes no time. */
static void add_mark(struct guest *guest, enum guest_step_kind kind, uint32_t function_id)
{
    add(guest, (struct guest_step){.kind = kind, .part = GUEST_TIME_ATTACH, .function_id = function_id});
}

static void add_entries(const struct machine *machine, struct guest *guest, uint32_t function_id)
{
    add_mark(guest, GUEST_STEP_ENTRIES, function_id);
    add_flushes(machine, guest, function_id, false);
}

/* What units and devices of the guest hold of a device's memory. */
static void add_window_flushes(const struct machine *machine, struct guest *guest, uint32_t function_id)
{
    struct guest_step step = {.part = GUEST_TIME_INVALIDATION};
    if (!guest_has_windows(guest, function_id))
        return;
    add_mark(guest, GUEST_STEP_WINDOWS, function_id);
    for (uint32_t unit = mapping_next_unit(machine, guest->what->domain, 0); unit != NONE;
         unit = mapping_next_unit(machine, guest->what->domain, unit + 1)) {
        step.kind = GUEST_STEP_FLUSH_DOMAIN;
        step.function_id = NONE;
        step.unit = unit;
        add(guest, step);
    }
    for (uint32_t i = 0; i < guest->device_count; i++) {
        uint32_t other = guest->devices[i].function_id, engine = machine->engine_of[other];
        if (other == function_id || engine == NONE || !machine->engines[engine].device_tlb)
            continue;
        step.kind = GUEST_STEP_FLUSH_DEVICE;
        step.function_id = other;
        step.unit = machine->root_complex.unit_of[other];
        add(guest, step);
    }
}

/* From nothing to a guest that runs: devices join and are reset when they are opened, then once more, all of
 * them, when the machine is. */
void guest_add_start(const struct machine *machine, struct guest *guest, uint64_t asked_ps)
{
    const struct virtual_machine *what = guest->what;
    uint32_t resets = parameters_of(machine)->resets;
    add_work(guest, GUEST_TIME_PROCESS, parameters_of(machine)->process_ps);
    for (uint32_t i = 0; i < what->function_count; i++) {
        add_attach(machine, guest, what->function_ids[i], i == 0, asked_ps);
        add_reset(machine, guest, what->function_ids[i], resets ? 1 : 0);
    }
    for (uint32_t i = 0; i < what->function_count; i++)
        add_reset(machine, guest, what->function_ids[i], resets ? resets - 1 : 0);
    for (uint32_t i = 0; i < what->function_count; i++)
        add_entries(machine, guest, what->function_ids[i]);
    for (uint32_t i = 0; i < what->function_count; i++)
        add_mark(guest, GUEST_STEP_USABLE, what->function_ids[i]);
    add_mark(guest, GUEST_STEP_READY, NONE);
}

/* The last device takes the container along: memory is released. */
static void add_release(const struct machine *machine, struct guest *guest)
{
    const struct domain *domain = &machine->workload->domains[guest->what->domain];
    uint64_t release_ps = 0;
    for (uint32_t i = 0; i < domain->mapping_count; i++)
        release_ps += guest_memory_unmap(parameters_of(machine), domain->mappings[i].length,
                                         domain->mappings[i].page_bytes);
    add_work(guest, GUEST_TIME_PIN, release_ps);
}

/* Devices the guest will have when all its steps are taken. */
static uint32_t present_then(const struct guest *guest)
{
    uint32_t present = guest->present;
    for (uint32_t i = 0; i < guest->step_count; i++) {
        const struct guest_step *step = &guest->steps[guest->step_first + i];
        present += step->kind == GUEST_STEP_ATTACH;
        present -= step->kind == GUEST_STEP_DETACH;
    }
    return present;
}

void guest_add_event(const struct machine *machine, struct guest *guest, const struct hot_plug *event)
{
    uint32_t present = present_then(guest);
    if (event->attach) {
        add_attach(machine, guest, event->function_id, present == 0, event->time_ps);
        add_reset(machine, guest, event->function_id, parameters_of(machine)->resets);
        add_entries(machine, guest, event->function_id);
        add_mark(guest, GUEST_STEP_USABLE, event->function_id);
        return;
    }
    add_work(guest, GUEST_TIME_ATTACH, parameters_of(machine)->attach_ps);
    add_window_flushes(machine, guest, event->function_id);
    add(guest, (struct guest_step){.kind = GUEST_STEP_DETACH,
                                   .part = GUEST_TIME_ATTACH,
                                   .function_id = event->function_id,
                                   .asked_ps = event->time_ps});
    add_flushes(machine, guest, event->function_id, true);
    if (present == 1)
        add_release(machine, guest);
    add_mark(guest, GUEST_STEP_GONE, event->function_id);
}
