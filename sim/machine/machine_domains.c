/* SPDX-License-Identifier: MIT */
/*
 * Before the run: each domain of the workload becomes a domain in every unit that translates one of its
 * functions, with page tables built from its mappings; each function's requester id, as the unit sees it, is
 * attached.
 */
#include "sim/machine/machine_state.h"

#include "sim/base/arena.h"
#include "sim/base/status.h"

#include <inttypes.h>

enum { ROUTE_STEPS_MAX = 1024 };

/* The requester id that the IOMMU sees of requests of a function: bridges on the way may replace it, and some
 * devices send under another. */
uint16_t machine_requester_id(const struct machine *machine, uint32_t function_id)
{
    const struct pci_function *function = &machine->input->topology->functions[function_id];
    struct transaction transaction = {
        .kind = TRANSACTION_MEMORY_WRITE,
        .address = UINT64_C(0xfee00000), /* goes to the host from everywhere: no peer claims the MSI window */
        .segment = function->segment,
        .requester_id = pci_requester_id(function->bus, function->devfn),
    };
    struct route_place place = {function_id, SIDE_SELF};
    for (int step = 0; step < ROUTE_STEPS_MAX; step++) {
        struct route_decision decision = route_step(machine->transport.fabric, &transaction, place);
        route_take(machine->transport.fabric, &transaction, &decision);
        if (decision.action != ROUTE_MOVE)
            break;
        place = decision.next;
    }
    bool own = transaction.requester_id == pci_requester_id(function->bus, function->devfn);
    return own && machine->options.alias_of ? machine->options.alias_of[function_id]
                                            : transaction.requester_id;
}

static bool has_function(const struct domain *domain, uint32_t function_id)
{
    for (uint32_t i = 0; i < domain->function_count; i++) {
        if (domain->function_ids[i] == function_id)
            return true;
    }
    return false;
}

uint32_t machine_domain_of_request(const struct machine *machine, uint32_t function_id, uint32_t pasid)
{
    if (!pasid)
        return machine->mapping.domain_of[function_id];
    for (uint32_t d = 0; d < machine->workload->domain_count; d++) {
        const struct domain *domain = &machine->workload->domains[d];
        if (domain->pasid == pasid && has_function(domain, function_id))
            return d;
    }
    return NONE;
}

static unsigned page_shift(uint64_t page_bytes)
{
    return (unsigned)__builtin_ctzll(page_bytes);
}

/* The pages a mapping is made of in a unit. @return 0 where the unit has none such */
static uint64_t page_bytes_in(const struct iommu_parameters *unit, enum page_table_format format,
                              const struct domain *domain, const struct mapping *mapping)
{
    unsigned shift = page_shift(mapping->page_bytes);
    while (domain->virtual_machine && shift > PAGE_SHIFT_4K && !iommu_has_page(unit, format, shift))
        shift -= 9;
    return iommu_has_page(unit, format, shift) ? UINT64_C(1) << shift : 0;
}

uint64_t machine_page_bytes(const struct machine *machine, uint32_t domain, const struct mapping *mapping)
{
    uint32_t unit_id = mapping_next_unit(machine, domain, 0);
    if (unit_id == NONE)
        return mapping->page_bytes;
    const struct remapping_unit *unit = &machine->units[unit_id];
    const struct iommu_domain *in_unit = &unit->domains[mapping_domain_id(machine, domain, unit_id)];
    return page_bytes_in(&unit->parameters, in_unit->nested ? in_unit->stage2.format : in_unit->table.format,
                         &machine->workload->domains[domain], mapping);
}

static int map_one(const struct machine *machine, struct remapping_unit *unit, struct page_table *table,
                   const struct domain *domain, const struct mapping *mapping,
                   struct diagnostics *diagnostics)
{
    uint64_t page_bytes = page_bytes_in(&unit->parameters, table->format, domain, mapping), where;
    unsigned access = (mapping->read ? PAGE_READ : 0U) | (mapping->write ? PAGE_WRITE : 0U);
    if (!page_bytes) {
        workload_report(machine->workload, diagnostics, DIAGNOSTIC_ERROR, mapping->pointer,
                        "workload-page-size", "domain \"%s\": the unit has no pages of %" PRIu64 " bytes",
                        domain->name, mapping->page_bytes);
        return STATUS_BAD_INPUT;
    }
    enum page_table_result result =
        page_table_map_range(table, &unit->memory, mapping->iova, mapping->physical, mapping->length,
                             page_shift(page_bytes), access, &where);
    if (result == PAGE_TABLE_MAPPED)
        return 0;
    workload_report(machine->workload, diagnostics, DIAGNOSTIC_ERROR, mapping->pointer,
                    result == PAGE_TABLE_OVERLAP ? "workload-mapping-overlap" : "workload-mapping-too-high",
                    result == PAGE_TABLE_OVERLAP ? "domain \"%s\": IOVA 0x%" PRIx64 " is mapped twice"
                                                 : "domain \"%s\": IOVA 0x%" PRIx64
                                                   " is beyond the page table's width",
                    domain->name, where);
    return STATUS_BAD_INPUT;
}

/* ---- guests ---- */

/* Where a guest sees its page tables: above what it has of memory. */
static uint64_t guest_tables(const struct remapping_unit *unit)
{
    return unit->parameters.stage2_levels == 3 ? UINT64_C(0x7e00000000) : UINT64_C(0x7e0000000000);
}

/* Map a guest physical range in the second stage, in its pages, as far as they are not mapped already. */
static bool map_guest(struct remapping_unit *unit, uint32_t domain_id, uint64_t guest, uint64_t physical,
                      uint64_t length, uint64_t page_bytes)
{
    struct page_table *stage2 = &unit->domains[domain_id].stage2;
    uint64_t into_page = guest & (page_bytes - 1);
    for (uint64_t at = 0; at < length + into_page; at += page_bytes) {
        unsigned shift;
        uint64_t to = physical - into_page + at,
                 present = page_table_find(stage2, &unit->memory, guest - into_page + at, &shift);
        if (present && page_table_entry_target(present) == to)
            continue;
        if (present || page_table_map(stage2, &unit->memory, guest - into_page + at, to,
                                      page_shift(page_bytes), PAGE_READ | PAGE_WRITE) != PAGE_TABLE_MAPPED)
            return false;
    }
    return true;
}

/* The second stage of a guest: its memory, one to one, and its tables. */
static int map_second_stage(const struct machine *machine, struct remapping_unit *unit, uint32_t domain_id,
                            const struct domain *domain, struct diagnostics *diagnostics)
{
    const struct iommu_parameters *p = &unit->parameters;
    uint64_t page_bytes = domain->second_stage_bytes, tables = unit->memory.count * UINT64_C(4096);
    unsigned shift = page_shift(page_bytes);
    bool fits = iommu_has_page(p, (enum page_table_format)p->stage2_format, shift);
    for (uint32_t i = 0; i < domain->mapping_count && fits; i++) {
        const struct mapping *mapping = &domain->mappings[i];
        fits = map_guest(unit, domain_id, mapping->physical, mapping->physical, mapping->length, page_bytes);
    }
    if (fits && map_guest(unit, domain_id, guest_tables(unit), unit->memory.base, tables, page_bytes))
        return 0;
    workload_report(machine->workload, diagnostics, DIAGNOSTIC_ERROR, domain->pointer,
                    "workload-second-stage",
                    "domain \"%s\": its memory does not fit into a second stage of %" PRIu32
                    " levels with pages of %" PRIu64 " bytes",
                    domain->name, p->stage2_levels, page_bytes);
    return STATUS_BAD_INPUT;
}

/* Guests that nest add tables during the run: more than any run makes. */
static const uint64_t guest_tables_bytes = UINT64_C(4) << 30;

/* The unit translates twice: its first stage is not the format of second stages, or of hosts alone. */
static bool nests(const struct iommu_parameters *unit)
{
    return unit->table_format != FORMAT_VT_D_SECOND_STAGE && unit->table_format != FORMAT_AMD_VI &&
           unit->table_format != FORMAT_SMMU_STAGE_2;
}

/* A guest with an IOMMU of its own: of a nested one the second stage, its RAM and its tables to be; all else
 * its kernel maps during the run. */
static int build_viommu(const struct machine *machine, struct remapping_unit *unit, uint32_t domain_id,
                        const struct domain *domain, struct diagnostics *diagnostics)
{
    const struct virtual_machine *guest = &machine->workload->virtual_machines[domain->virtual_machine - 1];
    uint64_t where;
    if (guest->viommu != VIOMMU_NESTED)
        return 0;
    if (!nests(&unit->parameters)) {
        workload_report(
            machine->workload, diagnostics, DIAGNOSTIC_ERROR, guest->pointer, "workload-viommu",
            "virtual machine \"%s\": its devices' unit has no second stage below tables of format "
            "\"%s\"; VT-d nests in scalable mode (preset \"vt-d-scalable\"), AMD-Vi with guest tables, "
            "SMMUv3 as it is",
            guest->name, page_table_format_names[unit->parameters.table_format]);
        return STATUS_BAD_INPUT;
    }
    remapping_unit_nest(unit, domain_id, guest_tables(unit) - unit->memory.base);
    struct page_table *stage2 = &unit->domains[domain_id].stage2;
    for (uint32_t i = 0; i < domain->mapping_count; i++) {
        int status = map_one(machine, unit, stage2, domain, &domain->mappings[i], diagnostics);
        if (status < 0)
            return status;
    }
    page_table_map_range(stage2, &unit->memory, guest_tables(unit), unit->memory.base, guest_tables_bytes,
                         guest->page_bytes >= UINT64_C(1) << PAGE_SHIFT_2M && unit->parameters.superpages_2m
                             ? PAGE_SHIFT_2M
                             : PAGE_SHIFT_4K,
                         PAGE_READ | PAGE_WRITE, &where);
    return 0;
}

void machine_remap_guest(struct machine *machine, uint32_t domain_index, uint32_t unit_id, uint64_t largest)
{
    const struct domain *domain = &machine->workload->domains[domain_index];
    struct remapping_unit *unit = &machine->units[unit_id];
    struct iommu_domain *in_unit = &unit->domains[mapping_domain_id(machine, domain_index, unit_id)];
    struct page_table *table = in_unit->nested ? &in_unit->stage2 : &in_unit->table;
    uint64_t where;
    page_table_init(table, &unit->memory, table->format, table->levels);
    for (uint32_t i = 0; i < domain->mapping_count; i++) {
        const struct mapping *mapping = &domain->mappings[i];
        uint64_t page = page_bytes_in(&unit->parameters, table->format, domain, mapping);
        page_table_map_range(table, &unit->memory, mapping->iova, mapping->physical, mapping->length,
                             page_shift(page < largest ? page : largest), PAGE_READ | PAGE_WRITE, &where);
    }
    if (in_unit->nested)
        page_table_map_range(table, &unit->memory, guest_tables(unit), unit->memory.base, guest_tables_bytes,
                             PAGE_SHIFT_4K, PAGE_READ | PAGE_WRITE, &where);
}

/* The domain inside a unit, made at its first use. */
static int domain_in_unit(struct machine *machine, uint32_t *ids, uint32_t unit_id,
                          const struct domain *domain, struct diagnostics *diagnostics)
{
    struct remapping_unit *unit = &machine->units[unit_id];
    if (ids[unit_id] != NONE)
        return 0;
    ids[unit_id] = remapping_unit_add_domain(unit, domain->mode == TRANSLATION_PASSTHROUGH);
    if (domain->second_stage_bytes)
        remapping_unit_nest(unit, ids[unit_id], guest_tables(unit) - unit->memory.base);
    else if (domain->pasid)
        remapping_unit_use_guest_format(unit, ids[unit_id]);
    if (domain->virtual_machine && translation_mode_is_dynamic(domain->mode))
        return build_viommu(machine, unit, ids[unit_id], domain, diagnostics);
    for (uint32_t i = 0; i < domain->mapping_count && !domain->on_demand; i++) {
        int status = map_one(machine, unit, &unit->domains[ids[unit_id]].table, domain, &domain->mappings[i],
                             diagnostics);
        if (status < 0)
            return status;
    }
    return domain->second_stage_bytes ? map_second_stage(machine, unit, ids[unit_id], domain, diagnostics)
                                      : 0;
}

/* MODEL: a page that was made present stays. */
enum page_response machine_serve_page(void *context, uint32_t unit_id, const struct page_request *request)
{
    struct machine *machine = context;
    struct remapping_unit *unit = &machine->units[unit_id];
    uint32_t d = machine_domain_of_request(machine, request->function_id, request->pasid);
    const struct domain *domain = d == NONE ? NULL : &machine->workload->domains[d];
    uint32_t id = d == NONE ? NONE : machine->mapping.domain_ids[(size_t)d * machine->unit_count + unit_id];
    for (uint32_t i = 0; domain && domain->on_demand && id != NONE && i < domain->mapping_count; i++) {
        const struct mapping *mapping = &domain->mappings[i];
        uint64_t offset = (request->iova - mapping->iova) & ~(mapping->page_bytes - 1);
        if (offset >= mapping->length || !(request->write ? mapping->write : mapping->read))
            continue;
        unsigned access = (mapping->read ? PAGE_READ : 0U) | (mapping->write ? PAGE_WRITE : 0U);
        enum page_table_result result =
            page_table_map(&unit->domains[id].table, &unit->memory, mapping->iova + offset,
                           mapping->physical + offset, page_shift(mapping->page_bytes), access);
        /* Overlap: another request of the page was served before. */
        return result == PAGE_TABLE_TOO_HIGH ? PAGE_RESPONSE_INVALID : PAGE_RESPONSE_SUCCESS;
    }
    return PAGE_RESPONSE_INVALID;
}

/* Make the function's requester id the domain's. Behind a bridge that another domain has already: there is
 * one context entry for all that is below it. */
static void attach(struct machine *machine, uint32_t function_id, uint32_t unit_id, uint32_t domain_id,
                   const struct domain *domain, struct diagnostics *diagnostics)
{
    struct remapping_unit *unit = &machine->units[unit_id];
    const struct pci_function *function = &machine->input->topology->functions[function_id];
    uint16_t requester_id = machine_requester_id(machine, function_id);
    uint32_t before = remapping_unit_domain_of_request(unit, requester_id, domain->pasid);
    if (before != NONE && before != domain_id) {
        char text[BDF_TEXT_SIZE];
        workload_report(machine->workload, diagnostics, DIAGNOSTIC_WARNING, domain->pointer,
                        "workload-shared-requester-id",
                        "%s reaches the IOMMU as requester %02x:%02x.%x, which already belongs to another "
                        "domain: functions behind one bridge cannot be told apart, and its addresses are "
                        "translated by that domain",
                        bdf_print(text, function->segment, function->bus, function->devfn), requester_id >> 8,
                        requester_id >> 3 & 31, requester_id & 7);
        machine->root_complex.translated = machine_translated;
        return;
    }
    if (domain->pasid)
        remapping_unit_attach_pasid(unit, requester_id, domain->pasid - 1, domain_id);
    else
        remapping_unit_attach(unit, requester_id, domain_id);
}

int machine_build_domains(struct machine *machine, struct diagnostics *diagnostics)
{
    uint32_t functions = machine->input->topology->function_count;
    uint32_t *all = arena_array(machine->arena, (size_t)machine->unit_count * machine->workload->domain_count,
                                sizeof(*all));
    machine->mapping.domain_ids = all;
    machine->mapping.table_pages =
        arena_array(machine->arena, machine->workload->domain_count, sizeof(uint64_t));
    machine->mapping.domain_of = arena_array(machine->arena, functions, sizeof(uint32_t));
    for (uint32_t f = 0; f < functions; f++)
        machine->mapping.domain_of[f] = NONE;
    for (uint32_t d = 0; d < machine->workload->domain_count; d++) {
        const struct domain *domain = &machine->workload->domains[d];
        uint32_t *ids = all + (size_t)d * machine->unit_count;
        for (uint32_t i = 0; i < machine->unit_count; i++)
            ids[i] = NONE;
        for (uint32_t i = 0; i < domain->function_count; i++) {
            uint32_t function_id = domain->function_ids[i],
                     *unit_id = &machine->root_complex.unit_of[function_id];
            if (!domain->pasid)
                machine->mapping.domain_of[function_id] = d;
            if (domain->mode == TRANSLATION_OFF)
                *unit_id = NO_UNIT;
            if (*unit_id == NO_UNIT)
                continue;
            size_t pages = machine->units[*unit_id].memory.count;
            int status = domain_in_unit(machine, ids, *unit_id, domain, diagnostics);
            if (!machine->mapping.table_pages[d])
                machine->mapping.table_pages[d] = machine->units[*unit_id].memory.count - pages;
            if (status < 0)
                return status;
            if (!domain->virtual_machine) /* guests attach theirs themselves */
                attach(machine, function_id, *unit_id, ids[*unit_id], domain, diagnostics);
        }
    }
    return 0;
}

/* ---- memory ---- */

/* Where a stream's window lies in memory: through the mappings of its domain, or as it is. */
static void warm_stream(struct machine *machine, const struct stream *stream)
{
    struct memory *memory = &machine->root_complex.memory;
    uint64_t end = stream->base + stream->window_bytes;
    for (uint32_t d = 0; d < machine->workload->domain_count; d++) {
        const struct domain *domain = &machine->workload->domains[d];
        if (domain->mode != TRANSLATION_STATIC || !has_function(domain, stream->function_id))
            continue;
        for (uint32_t m = 0; m < domain->mapping_count; m++) {
            const struct mapping *mapping = &domain->mappings[m];
            uint64_t first = mapping->iova > stream->base ? mapping->iova : stream->base;
            uint64_t limit = mapping->iova + mapping->length < end ? mapping->iova + mapping->length : end;
            if (first < limit)
                memory_warm(memory, mapping->physical + (first - mapping->iova), limit - first);
        }
        return;
    }
    memory_warm(memory, stream->base, stream->window_bytes);
}

void machine_warm_memory(struct machine *machine)
{
    if (!machine->root_complex.memory.lines)
        return;
    for (uint32_t i = 0; i < machine->workload->stream_count; i++) {
        if (!machine->workload->streams[i].trace_path && !machine->workload->streams[i].cold)
            warm_stream(machine, &machine->workload->streams[i]);
    }
    /* Traces name their functions line by line: whatever is mapped may be used. */
    for (uint32_t d = 0; d < machine->workload->domain_count; d++) {
        const struct domain *domain = &machine->workload->domains[d];
        for (uint32_t m = 0; m < domain->mapping_count && machine->workload->streams[0].trace_path; m++)
            memory_warm(&machine->root_complex.memory, domain->mappings[m].physical,
                        domain->mappings[m].length);
    }
}
