/* SPDX-License-Identifier: MIT */
/* What was unmapped and may still be translated: kept in order of unmapping, until an invalidation covers it.
 */
#include "sim/machine/machine_mapping.h"

#include "sim/base/arena.h"
#include "sim/machine/machine_state.h"

void mapping_add_stale(struct mapping_domain *domain, uint64_t iova, uint64_t length, uint64_t physical)
{
    domain->stale =
        memory_grow(domain->stale, domain->stale_count, &domain->stale_capacity, sizeof(*domain->stale));
    domain->stale[domain->stale_count++] = (struct stale_range){.iova = iova,
                                                                .length = length,
                                                                .physical = physical,
                                                                .number = domain->unmap_number++,
                                                                .returned_ps = UINT64_MAX};
}

static void drop_stale(struct mapping_domain *domain, uint32_t index, uint64_t now_ps)
{
    const struct stale_range *range = &domain->stale[index];
    if (range->returned_ps != UINT64_MAX) {
        histogram_record(&domain->counters.window, now_ps - range->returned_ps);
        domain->counters.exposure += (__uint128_t)(now_ps - range->returned_ps) * range->length;
        domain->counters.stale_bytes -= range->length;
    }
}

/* A flush is over: what was unmapped before it began is gone. */
void mapping_drop_covered(struct mapping_domain *domain, uint64_t covered, uint64_t now_ps)
{
    uint32_t left = 0;
    for (uint32_t i = 0; i < domain->stale_count; i++) {
        if (domain->stale[i].number < covered)
            drop_stale(domain, i, now_ps);
        else
            domain->stale[left++] = domain->stale[i];
    }
    domain->stale_count = left;
}

/* A page-selective invalidation is over. */
void mapping_drop_range(struct mapping_domain *domain, uint64_t iova, uint64_t length, uint64_t covered,
                        uint64_t now_ps)
{
    uint32_t left = 0;
    for (uint32_t i = 0; i < domain->stale_count; i++) {
        const struct stale_range *range = &domain->stale[i];
        if (range->number < covered && range->iova >= iova && range->iova + range->length <= iova + length)
            drop_stale(domain, i, now_ps);
        else
            domain->stale[left++] = *range;
    }
    domain->stale_count = left;
}

void mapping_return_stale(struct mapping_domain *domain, uint64_t iova, uint64_t length, uint64_t now_ps)
{
    for (uint32_t i = domain->stale_count; i-- > 0;) {
        struct stale_range *range = &domain->stale[i];
        if (range->iova - iova >= length || range->returned_ps != UINT64_MAX)
            continue;
        range->returned_ps = now_ps;
        domain->counters.stale_bytes += range->length;
        if (domain->counters.stale_bytes > domain->counters.stale_bytes_high)
            domain->counters.stale_bytes_high = domain->counters.stale_bytes;
    }
}

__uint128_t mapping_exposure(const struct mapping_domain *domain, uint64_t now_ps)
{
    __uint128_t exposure = domain->counters.exposure;
    for (uint32_t i = 0; i < domain->stale_count; i++) {
        const struct stale_range *range = &domain->stale[i];
        if (range->returned_ps < now_ps)
            exposure += (__uint128_t)(now_ps - range->returned_ps) * range->length;
    }
    return exposure - domain->counters.exposure_before;
}

bool mapping_is_unmapping(struct mapping_domain *domain, uint64_t iova, uint32_t bytes)
{
    for (uint32_t i = 0; i < domain->stale_count; i++) {
        const struct stale_range *range = &domain->stale[i];
        if (iova - range->iova >= range->length || range->returned_ps != UINT64_MAX)
            continue;
        domain->counters.unmapping_tlps++;
        domain->counters.unmapping_bytes += bytes;
        return true;
    }
    return false;
}

void mapping_check_access(struct machine *machine, uint32_t index)
{
    struct tlp *tlp = &machine->pool.items[index];
    const struct translation_work *work = &machine->pool.works[index];
    uint32_t d = machine_domain_of_request(machine, tlp->origin_id, tlp->pasid);
    struct mapping_domain *domain = d == NONE ? NULL : &machine->mapping.domains[d];
    for (uint32_t i = 0; domain && i < domain->stale_count; i++) {
        const struct stale_range *range = &domain->stale[i];
        if (work->iova - range->iova >= range->length || work->physical - range->physical >= range->length)
            continue;
        const struct remapping_unit *unit = &machine->units[machine->root_complex.unit_of[tlp->origin_id]];
        unsigned shift;
        uint64_t leaf =
            page_table_find(&unit->domains[work->domain].table, &unit->memory, work->iova, &shift);
        if (leaf && page_table_entry_target(leaf) == (work->physical & ~UINT64_C(0xfff)))
            continue; /* mapped again, to the same place */
        if (range->returned_ps == UINT64_MAX) {
            domain->counters.unmapping_tlps++;
            domain->counters.unmapping_bytes += tlp->length_bytes;
        } else {
            tlp->stale = true;
            machine_observe_memory(machine, tlp, OBSERVED_STALE_IOTLB, work->physical);
        }
        return;
    }
}
