/* SPDX-License-Identifier: MIT */
/* The page tables of a domain as the DMA API sees them: the same in every unit that the domain is in. */
#include "sim/machine/machine_mapping.h"
#include "sim/machine/machine_state.h"

uint32_t mapping_domain_id(const struct machine *machine, uint32_t domain, uint32_t unit)
{
    return machine->mapping.domain_ids[(size_t)domain * machine->unit_count + unit];
}

uint32_t mapping_next_unit(const struct machine *machine, uint32_t domain, uint32_t unit)
{
    while (unit < machine->unit_count && mapping_domain_id(machine, domain, unit) == NONE)
        unit++;
    return unit < machine->unit_count ? unit : NONE;
}

static struct page_table *table_in(const struct machine *machine, uint32_t domain, uint32_t unit)
{
    return &machine->units[unit].domains[mapping_domain_id(machine, domain, unit)].table;
}

uint64_t mapping_tables_find(const struct machine *machine, uint32_t domain, uint64_t iova, unsigned *shift)
{
    uint32_t unit = mapping_next_unit(machine, domain, 0);
    return page_table_find(table_in(machine, domain, unit), &machine->units[unit].memory, iova, shift);
}

static uint32_t map_in(struct machine *machine, uint32_t domain, uint32_t unit_id, uint64_t iova,
                       uint64_t physical, uint64_t length, unsigned access)
{
    struct remapping_unit *unit = &machine->units[unit_id];
    struct page_table *table = table_in(machine, domain, unit_id);
    uint32_t entries = 0;
    for (uint64_t at = 0; at < length;) {
        unsigned shift =
            iommu_largest_page(&unit->parameters, table->format, iova + at, physical + at, length - at);
        if (page_table_map(table, &unit->memory, iova + at, physical + at, shift, access) !=
            PAGE_TABLE_MAPPED)
            return 0;
        entries += page_table_leaf_entries(shift);
        at += UINT64_C(1) << shift;
    }
    return entries;
}

/* What a guest maps without a table that the unit walks, its hypervisor maps to where it lies in the host. */
static uint32_t map_for_guest(struct machine *machine, uint32_t domain_id, uint32_t unit, uint64_t iova,
                              uint64_t guest, uint64_t length, unsigned access)
{
    const struct domain *domain = &machine->workload->domains[domain_id];
    uint32_t entries = 0;
    for (uint64_t at = 0, physical; at < length;) {
        uint64_t run = mapping_guest_physical(domain, guest + at, &physical);
        run = run < length - at ? run : length - at;
        uint32_t here = run ? map_in(machine, domain_id, unit, iova + at, physical, run, access) : 0;
        if (!here)
            return 0;
        entries += here;
        at += run;
    }
    return entries;
}

uint32_t mapping_tables_map(void *context, uint64_t iova, uint64_t physical, uint64_t length, bool read,
                            bool write)
{
    struct mapping_tables *tables = context;
    struct machine *machine = tables->machine;
    unsigned access = (read ? PAGE_READ : 0U) | (write ? PAGE_WRITE : 0U);
    struct viommu *viommu = machine->mapping.domains[tables->domain].viommu;
    uint32_t entries = 0;
    for (uint32_t unit = mapping_next_unit(machine, tables->domain, 0); unit != NONE;
         unit = mapping_next_unit(machine, tables->domain, unit + 1)) {
        entries = viommu && viommu->kind != VIOMMU_NESTED
                      ? map_for_guest(machine, tables->domain, unit, iova, physical, length, access)
                      : map_in(machine, tables->domain, unit, iova, physical, length, access);
        if (!entries)
            return 0;
    }
    if (viommu)
        viommu->mapped_pages += length >> PAGE_SHIFT_4K;
    return entries;
}

static uint32_t unmap_in(struct machine *machine, uint32_t domain, uint32_t unit_id, uint64_t iova,
                         uint64_t length)
{
    struct remapping_unit *unit = &machine->units[unit_id];
    uint32_t entries = 0;
    for (uint64_t at = 0; at < length;) {
        unsigned shift = 0;
        if (!page_table_unmap(table_in(machine, domain, unit_id), &unit->memory, iova + at, &shift))
            return 0;
        entries += page_table_leaf_entries(shift);
        at += UINT64_C(1) << shift;
    }
    return entries;
}

uint32_t mapping_tables_unmap(void *context, uint64_t iova, uint64_t length)
{
    struct mapping_tables *tables = context;
    struct machine *machine = tables->machine;
    uint32_t entries = 0;
    for (uint32_t unit = mapping_next_unit(machine, tables->domain, 0); unit != NONE;
         unit = mapping_next_unit(machine, tables->domain, unit + 1)) {
        entries = unmap_in(machine, tables->domain, unit, iova, length);
        if (!entries)
            return 0;
    }
    if (machine->mapping.domains[tables->domain].viommu)
        machine->mapping.domains[tables->domain].viommu->mapped_pages -= length >> PAGE_SHIFT_4K;
    return entries;
}

uint32_t mapping_tables_count(void *context, uint64_t iova, uint64_t length)
{
    const struct mapping_tables *tables = context;
    uint32_t entries = 0;
    for (uint64_t at = 0; at < length; entries++) {
        unsigned shift = 0;
        if (!mapping_tables_find(tables->machine, tables->domain, iova + at, &shift))
            return 0;
        at += UINT64_C(1) << shift;
    }
    return entries;
}
