/* SPDX-License-Identifier: MIT */
/*
 * Live migration of guests (models/host/live_migration.h) in time. A thread of the hypervisor's, on a CPU of
 * its own, switches on the dirty bits of the guest's tables, sends the memory, and after each round reads and
 * clears the bits and has the units forget; at the end it stops the guest's CPUs, has its devices ask for
 * nothing more, reads once more what the last of them wrote, and sends the rest. The other host is this one:
 * what is resumed goes on here, with tables as they were before, and nothing in the units' caches.
 *
 * A law that is checked: what a device wrote was sent after it was written.
 */
#include "sim/machine/machine_migration.h"

#include "sim/base/arena.h"
#include "sim/machine/machine_state.h"

enum { PAGE = 4096 };

/* Arguments of events. */
enum migration_event { MIGRATION_BEGIN, MIGRATION_SENT, MIGRATION_QUIET, MIGRATION_RESUME };

/* Devices that were told to stop are looked at again so often. */
static const uint64_t look_ps = 1000000;

static struct guest_migration *at(struct machine *machine, uint32_t guest)
{
    return &machine->migrations[guest];
}

static const struct migration_parameters *costs_of(const struct machine *machine)
{
    return &machine->input->parameters.migration;
}

static void push(struct machine *machine, uint32_t guest, uint64_t delay_ps, enum migration_event what)
{
    event_queue_push(&machine->events, machine->events.now_ps + delay_ps, PRIORITY_NORMAL, EVENT_MIGRATION,
                     guest, what);
}

/* The hypervisor's thread works for so long, then, where @p flush, has the units forget all of the guest. */
static void work(struct machine *machine, uint32_t guest, uint64_t work_ps, bool flush,
                 void (*done)(struct machine *machine, const struct mapping_job *job))
{
    event_queue_reserve(&machine->events, 1);
    mapping_add_job(machine,
                    &(struct mapping_job){.kind = flush ? JOB_HYPERVISOR : JOB_WORK,
                                          .cpu = machine->mapping.hypervisor_cpu + guest,
                                          .function_id = NONE,
                                          .request = NONE,
                                          .stream = NONE,
                                          .domain = machine->workload->virtual_machines[guest].domain,
                                          .invalidation = DMA_INVALIDATE_DOMAIN,
                                          .work_ps = work_ps,
                                          .token = guest,
                                          .done = done});
}

/* ---- tables and dirty bits ---- */

static const struct virtual_machine *guest_at(const struct machine *machine, uint32_t guest)
{
    return &machine->workload->virtual_machines[guest];
}

/* The unit's tables map the guest's memory; those that a hypervisor shadows, the guest's buffers. */
static bool maps_memory(const struct machine *machine, uint32_t guest)
{
    const struct virtual_machine *what = guest_at(machine, guest);
    return what->viommu == VIOMMU_NESTED || !machine->mapping.domains[what->domain].viommu;
}

/* Leaf entries with dirty bits to read, of the guest's memory in pages of at most @p largest bytes. */
static uint64_t count_leaves(const struct machine *machine, uint32_t guest, uint64_t largest)
{
    const struct virtual_machine *what = guest_at(machine, guest);
    uint64_t page = what->page_bytes < largest ? what->page_bytes : largest;
    return maps_memory(machine, guest) ? what->memory_bytes / page
                                       : machine->mapping.domains[what->domain].viommu->mapped_pages;
}

/* For all units that the guest's domain is in: dirty bits, or NULL: none. */
static void keep_dirty_bits(struct machine *machine, uint32_t guest, struct dirty_log *dirty)
{
    uint32_t domain = guest_at(machine, guest)->domain;
    for (uint32_t unit = mapping_next_unit(machine, domain, 0); unit != NONE;
         unit = mapping_next_unit(machine, domain, unit + 1))
        machine->units[unit].domains[mapping_domain_id(machine, domain, unit)].dirty = dirty;
}

/* Likewise tables in pages of at most @p largest bytes, where they are to be split. */
static void set_tables(struct machine *machine, uint32_t guest, uint64_t largest)
{
    uint32_t domain = guest_at(machine, guest)->domain;
    if (!guest_at(machine, guest)->migration.split || !maps_memory(machine, guest))
        return;
    for (uint32_t unit = mapping_next_unit(machine, domain, 0); unit != NONE;
         unit = mapping_next_unit(machine, domain, unit + 1))
        machine_remap_guest(machine, domain, unit, largest);
}

/* The other host's units know nothing of the guest yet. */
static void forget_all(struct machine *machine, uint32_t guest)
{
    uint32_t domain = guest_at(machine, guest)->domain;
    for (uint32_t unit = mapping_next_unit(machine, domain, 0); unit != NONE;
         unit = mapping_next_unit(machine, domain, unit + 1))
        remapping_unit_invalidate(&machine->units[unit], INVALIDATE_DOMAIN,
                                  mapping_domain_id(machine, domain, unit), 0, 0, false);
}

/* ---- rounds ---- */

static void send(struct machine *machine, uint32_t guest)
{
    const struct guest_migration *migration = at(machine, guest);
    bool stopped = migration->stopped_ps != 0;
    push(machine, guest, live_migration_send_ps(&migration->live, stopped),
         stopped ? MIGRATION_RESUME : MIGRATION_SENT);
}

/* The units have forgotten the large pages, and that nobody asked who writes: dirty bits are kept from now
 * on. */
static void tracked(struct machine *machine, const struct mapping_job *job)
{
    struct guest_migration *migration = at(machine, job->token);
    const struct virtual_machine *guest = guest_at(machine, job->token);
    live_migration_begin(&migration->live, &guest->migration, guest->memory_bytes, machine->events.now_ps);
    migration->phase = MIGRATION_TRACKING;
    keep_dirty_bits(machine, job->token, &migration->dirty);
    send(machine, job->token);
}

static void begin(struct machine *machine, uint32_t guest)
{
    const struct migration_parameters *costs = costs_of(machine);
    struct guest_migration *migration = at(machine, guest);
    bool split = guest_at(machine, guest)->migration.split && maps_memory(machine, guest);
    uint64_t page = split ? PAGE : UINT64_MAX, split_ps = 0;
    if (split && guest_at(machine, guest)->page_bytes > PAGE)
        split_ps = count_leaves(machine, guest, PAGE) * costs->split_entry_ps;
    migration->begin_ps = machine->events.now_ps;
    migration->phase = MIGRATION_STARTING;
    migration->leaves = count_leaves(machine, guest, page);
    dirty_log_init(&migration->dirty);
    dirty_log_init(&migration->reported);
    dirty_log_init(&migration->unsent);
    set_tables(machine, guest, page);
    work(machine, guest, costs->enable_ps + split_ps, true, tracked);
}

static void stop(struct machine *machine, uint32_t guest);

/* The units have forgotten: what was reported is what was written so far, and is sent next. */
static void forgotten(struct machine *machine, const struct mapping_job *job)
{
    struct guest_migration *migration = at(machine, job->token);
    uint64_t pages = migration->reported.pages, address;
    unsigned shift;
    for (size_t place = 0; dirty_log_next(&migration->reported, &place, &address, &shift);) {
        for (uint64_t page = 0; page < UINT64_C(1) << shift && migration->unsent.pages; page += PAGE)
            dirty_log_clear(&migration->unsent, address + page, PAGE_SHIFT_4K);
        dirty_log_clear(&migration->reported, address, shift);
    }
    if (migration->stopped_ps) {
        live_migration_rest(&migration->live, pages, migration->stopped_ps);
        migration->rest_pages = pages;
        send(machine, job->token);
    } else if (live_migration_end_round(&migration->live, pages, machine->events.now_ps)) {
        stop(machine, job->token);
    } else {
        send(machine, job->token);
    }
}

/* The dirty bits were read, and cleared. */
static void bits_read(struct machine *machine, const struct mapping_job *job)
{
    struct guest_migration *migration = at(machine, job->token);
    dirty_log_fini(&migration->reported);
    dirty_log_init(&migration->reported);
    dirty_log_report(&migration->dirty, &migration->reported);
    work(machine, job->token, 0, true, forgotten);
}

static void read_bits(struct machine *machine, uint32_t guest)
{
    work(machine, guest, at(machine, guest)->leaves * costs_of(machine)->read_entry_ps, false, bits_read);
}

/* ---- stop and resume ---- */

static void pause_devices(struct machine *machine, uint32_t guest, bool paused)
{
    const struct domain *domain = &machine->workload->domains[guest_at(machine, guest)->domain];
    for (uint32_t i = 0; i < domain->function_count; i++) {
        uint32_t engine = machine->engine_of[domain->function_ids[i]];
        if (engine == NONE)
            continue;
        machine->engines[engine].paused = paused;
        if (!paused)
            machine_pump_engine(machine, engine);
    }
}

/* Nothing that the guest's devices sent is under way. */
static bool is_quiet(const struct machine *machine, uint32_t guest)
{
    for (uint32_t i = 0; i < machine->operations.count; i++) {
        const struct dma_operation *operation = &machine->operations.items[i];
        bool under_way = operation->stream != NONE &&
                         operation->issued_bytes + operation->remaining_bytes > operation->length_bytes;
        if (under_way && mapping_guest_of(machine, machine->engines[operation->engine].function_id) == guest)
            return false;
    }
    return true;
}

static void stop(struct machine *machine, uint32_t guest)
{
    struct guest_migration *migration = at(machine, guest);
    migration->phase = MIGRATION_STOPPED;
    migration->stopped_ps = machine->events.now_ps;
    virtual_cpus_stop(machine, guest);
    pause_devices(machine, guest, true);
    push(machine, guest, costs_of(machine)->stop_device_ps, MIGRATION_QUIET);
}

static void resume(struct machine *machine, uint32_t guest)
{
    struct guest_migration *migration = at(machine, guest);
    if (migration->unsent.pages)
        machine_broken(machine, "what a device wrote was not sent to the other host", NULL);
    migration->resumed_ps = machine->events.now_ps;
    migration->phase = MIGRATION_OVER;
    keep_dirty_bits(machine, guest, NULL);
    set_tables(machine, guest, UINT64_MAX);
    forget_all(machine, guest);
    migration->interrupts_carried = virtual_cpus_resume(machine, guest);
    pause_devices(machine, guest, false);
}

/* ---- what the machine tells ---- */

void migration_on_event(struct machine *machine, uint32_t guest, uint32_t what)
{
    switch ((enum migration_event)what) {
    case MIGRATION_BEGIN:
        begin(machine, guest);
        break;
    case MIGRATION_SENT:
        read_bits(machine, guest);
        break;
    case MIGRATION_QUIET:
        if (is_quiet(machine, guest))
            read_bits(machine, guest);
        else
            push(machine, guest, look_ps, MIGRATION_QUIET);
        break;
    case MIGRATION_RESUME:
        if (at(machine, guest)->sent_ps) {
            resume(machine, guest);
            break;
        }
        at(machine, guest)->sent_ps = machine->events.now_ps;
        push(machine, guest, costs_of(machine)->resume_ps, MIGRATION_RESUME);
        break;
    }
}

void migration_note_write(struct machine *machine, const struct tlp *tlp)
{
    uint32_t guest = mapping_guest_of(machine, tlp->origin_id);
    if (guest == NONE || at(machine, guest)->phase == MIGRATION_NOT_YET ||
        at(machine, guest)->phase == MIGRATION_STARTING || at(machine, guest)->phase == MIGRATION_OVER)
        return;
    dirty_log_set(&at(machine, guest)->unsent, tlp->transaction.address, PAGE_SHIFT_4K);
}

enum guest_phase machine_guest_phase(const struct machine *machine, uint32_t guest)
{
    enum migration_phase phase = machine->migrations[guest].phase;
    return phase == MIGRATION_NOT_YET ? GUEST_BEFORE
           : phase == MIGRATION_OVER  ? GUEST_AFTER
                                      : GUEST_MIGRATING;
}

/* ---- life ---- */

void migrations_init(struct machine *machine)
{
    uint32_t count = machine->workload->virtual_machine_count;
    machine->migrations = arena_array(machine->arena, count, sizeof(*machine->migrations));
    for (uint32_t guest = 0; guest < count; guest++) {
        const struct migration_request *request = &guest_at(machine, guest)->migration;
        if (request->wanted)
            event_queue_push(&machine->events, request->time_ps, PRIORITY_NORMAL, EVENT_MIGRATION, guest,
                             MIGRATION_BEGIN);
    }
}

void migrations_fini(struct machine *machine)
{
    for (uint32_t i = 0; machine->migrations && i < machine->workload->virtual_machine_count; i++) {
        dirty_log_fini(&at(machine, i)->dirty);
        dirty_log_fini(&at(machine, i)->reported);
        dirty_log_fini(&at(machine, i)->unsent);
    }
}

const struct guest_migration *machine_migration(const struct machine *machine, uint32_t guest)
{
    return guest_at(machine, guest)->migration.wanted ? &machine->migrations[guest] : NULL;
}
