/* SPDX-License-Identifier: MIT */
/*
 * The context entries (AMD: device table entries, SMMUv3: stream table entries) of a guest's devices.
 *
 * VFIO attaches a group to the guest's domain: all its entries are the domain's, until the last of its
 * devices that the guest has is gone.
 *
 * KVM's own assignment knew functions only, and left it to the IOMMU's driver what becomes of an entry that
 * several functions share. VT-d's writes an entry only where none is present, and clears it, whoever's it is,
 * when a function that would use it goes, with a global flush for each (domain_context_mapping_one() and
 * iommu_detach_dependent_devices() of drivers/pci/intel-iommu.c, Linux 3.0). AMD's refuses a function whose
 * alias is in another domain with EBUSY (__attach_device() of drivers/iommu/amd_iommu.c, Linux 3.10).
 */
#include "sim/machine/machine_state.h"

enum { EVERY_PAGE = 52 };

const char *const guest_device_state_names[] = {"away", "coming", "usable", "refused", NULL};

static struct remapping_unit *unit_of(const struct machine *machine, uint32_t function_id)
{
    return &machine->units[machine->root_complex.unit_of[function_id]];
}

static bool is_amd(const struct remapping_unit *unit)
{
    return unit->parameters.table_format == FORMAT_AMD_VI;
}

static bool is_smmu(const struct remapping_unit *unit)
{
    return unit->parameters.table_format == FORMAT_SMMU_STAGE_1 ||
           unit->parameters.table_format == FORMAT_SMMU_STAGE_2;
}

/* An entry that was not present is not cached by VT-d units, but for emulated ones; AMD's and SMMU's drivers
 * have each change forgotten. */
static bool flushes_new_entries(const struct remapping_unit *unit)
{
    return unit->parameters.caching_mode || is_amd(unit) || is_smmu(unit);
}

uint32_t guest_sources(const struct machine *machine, uint32_t function_id,
                       uint16_t source_ids[GUEST_SOURCES_MAX])
{
    const struct pci_function *function = &machine->input->topology->functions[function_id];
    source_ids[0] = pci_requester_id(function->bus, function->devfn);
    source_ids[1] = machine_requester_id(machine, function_id);
    return source_ids[1] == source_ids[0] ? 1 : 2;
}

static uint32_t own_domain(const struct machine *machine, const struct guest *guest, uint32_t function_id)
{
    return mapping_domain_id(machine, guest->what->domain, machine->root_complex.unit_of[function_id]);
}

bool guest_bound_together(const struct machine *machine, const struct guest *guest, uint32_t one,
                          uint32_t other)
{
    uint16_t ones[GUEST_SOURCES_MAX], others[GUEST_SOURCES_MAX];
    const uint32_t *group_of = machine->options.group_of;
    if (guest->what->assignment == ASSIGNMENT_VFIO && group_of && group_of[one] != NONE &&
        group_of[one] == group_of[other])
        return true;
    uint32_t count = guest_sources(machine, one, ones), other_count = guest_sources(machine, other, others);
    return ones[count - 1] == others[other_count - 1] &&
           machine->root_complex.unit_of[one] == machine->root_complex.unit_of[other];
}

static bool others_stay(const struct machine *machine, const struct guest *guest, uint32_t function_id)
{
    for (uint32_t i = 0; i < guest->device_count; i++) {
        const struct guest_device *device = &guest->devices[i];
        if (device->present && device->function_id != function_id &&
            guest_bound_together(machine, guest, device->function_id, function_id))
            return true;
    }
    return false;
}

/* Legacy: is an entry of the device another domain's? */
static bool is_taken(const struct machine *machine, const struct guest *guest, uint32_t function_id)
{
    const struct remapping_unit *unit = unit_of(machine, function_id);
    uint16_t source_ids[GUEST_SOURCES_MAX];
    uint32_t count = guest_sources(machine, function_id, source_ids),
             own = own_domain(machine, guest, function_id);
    for (uint32_t i = 0; i < count && guest->what->assignment == ASSIGNMENT_LEGACY; i++) {
        uint32_t holder = remapping_unit_domain_of(unit, source_ids[i]);
        if (holder != IOMMU_NO_WORK && holder != own)
            return true;
    }
    return false;
}

void guest_attach(struct machine *machine, struct guest *guest, struct guest_device *device)
{
    device->flush = false;
    device->cut_off_ps = UINT64_MAX;
    device->shared = is_taken(machine, guest, device->function_id);
    device->state = GUEST_DEVICE_COMING;
    if (device->shared && is_amd(unit_of(machine, device->function_id))) {
        device->state = GUEST_DEVICE_REFUSED;
        return;
    }
    device->present = true;
    guest->present++;
    machine->root_complex.translated = machine_translated;
}

void guest_write_entries(struct machine *machine, struct guest *guest, struct guest_device *device)
{
    struct remapping_unit *unit = unit_of(machine, device->function_id);
    uint16_t source_ids[GUEST_SOURCES_MAX];
    uint32_t count = guest_sources(machine, device->function_id, source_ids),
             own = own_domain(machine, guest, device->function_id);
    bool legacy = guest->what->assignment == ASSIGNMENT_LEGACY;
    if (device->state == GUEST_DEVICE_REFUSED)
        return;
    device->cut_off_ps = UINT64_MAX;
    device->shared = is_taken(machine, guest, device->function_id);
    if (device->shared && is_amd(unit)) {
        device->state = GUEST_DEVICE_REFUSED;
        device->present = false;
        guest->present--;
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t holder = remapping_unit_domain_of(unit, source_ids[i]);
        if (holder == own || (legacy && holder != IOMMU_NO_WORK))
            continue;
        remapping_unit_attach(unit, source_ids[i], own);
        device->flush |= flushes_new_entries(unit) || holder != IOMMU_NO_WORK;
    }
}

/* Devices of any guest that lose what leads to their guest's tables. */
static void note_cut_off(struct machine *machine, const struct guest_device *gone, uint16_t source_id)
{
    uint32_t unit = machine->root_complex.unit_of[gone->function_id];
    for (uint32_t g = 0; g < machine->guests.count; g++) {
        struct guest *guest = &machine->guests.guests[g];
        for (uint32_t i = 0; i < guest->device_count; i++) {
            struct guest_device *device = &guest->devices[i];
            if (device == gone || !device->present || device->cut_off_ps != UINT64_MAX ||
                machine->root_complex.unit_of[device->function_id] != unit ||
                machine_requester_id(machine, device->function_id) != source_id)
                continue;
            device->cut_off_ps = machine->events.now_ps;
            device->cut_off_by = gone->function_id;
        }
    }
}

/* Clear the entries of one function. @param whoever  they are of */
static void clear_entries(struct machine *machine, const struct guest *guest, const struct guest_device *gone,
                          uint32_t function_id, bool whoever)
{
    struct remapping_unit *unit = unit_of(machine, function_id);
    uint16_t source_ids[GUEST_SOURCES_MAX];
    uint32_t count = guest_sources(machine, function_id, source_ids);
    for (uint32_t i = 0; i < count; i++) {
        if (!whoever &&
            remapping_unit_domain_of(unit, source_ids[i]) != own_domain(machine, guest, function_id))
            continue;
        remapping_unit_detach(unit, source_ids[i]);
        note_cut_off(machine, gone, source_ids[i]);
    }
}

void guest_detach(struct machine *machine, struct guest *guest, struct guest_device *device)
{
    bool whoever =
        guest->what->assignment == ASSIGNMENT_LEGACY && !is_amd(unit_of(machine, device->function_id));
    device->state = GUEST_DEVICE_AWAY;
    device->present = false;
    device->flush = whoever || !others_stay(machine, guest, device->function_id);
    guest->present--;
    for (uint32_t i = 0; i < guest->device_count && device->flush; i++) {
        uint32_t other = guest->devices[i].function_id;
        if (other == device->function_id ||
            (!whoever && guest_bound_together(machine, guest, other, device->function_id)))
            clear_entries(machine, guest, device, other, whoever);
    }
}

uint32_t guest_flush(const struct machine *machine, const struct mapping_job *job, struct invalidation *batch)
{
    const struct guest *guest = &machine->guests.guests[job->token];
    const struct guest_step *step = &guest->steps[guest->step_first];
    const struct remapping_unit *unit = &machine->units[step->unit];
    bool legacy = guest->what->assignment == ASSIGNMENT_LEGACY && !is_amd(unit);
    if (step->kind == GUEST_STEP_FLUSH_CONTEXT) {
        batch[0] = (struct invalidation){.type = INVALIDATION_CONTEXT, .source_id = step->source_id};
        return 1;
    }
    if (step->kind == GUEST_STEP_FLUSH_DEVICE) {
        batch[0] = (struct invalidation){
            .type = INVALIDATION_DEVICE_TLB, .order = EVERY_PAGE, .function_id = step->function_id};
        return 1;
    }
    batch[0] = (struct invalidation){.type = INVALIDATION_IOTLB,
                                     .scope = legacy ? INVALIDATE_GLOBAL : INVALIDATE_DOMAIN,
                                     .domain = mapping_domain_id(machine, guest->what->domain, step->unit)};
    uint32_t engine = step->function_id == NONE ? NONE : machine->engine_of[step->function_id];
    if (engine == NONE || !machine->engines[engine].device_tlb)
        return 1;
    batch[1] = (struct invalidation){
        .type = INVALIDATION_DEVICE_TLB, .order = EVERY_PAGE, .function_id = step->function_id};
    return 2;
}

uint32_t guest_tables_of(const struct machine *machine, uint32_t function_id)
{
    uint32_t unit = machine->root_complex.unit_of[function_id],
             holder =
                 remapping_unit_domain_of(&machine->units[unit], machine_requester_id(machine, function_id));
    for (uint32_t d = 0; holder != IOMMU_NO_WORK && d < machine->workload->domain_count; d++) {
        if (mapping_domain_id(machine, d, unit) == holder)
            return d;
    }
    return NONE;
}
