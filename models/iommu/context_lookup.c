/* SPDX-License-Identifier: MIT */
#include "models/iommu/context_lookup.h"

#include "models/iommu/page_walk.h"

/* Context tables lie above all page tables; table i of a lookup 4 GiB above table i - 1. Addresses only. */
#define CONTEXT_TABLE_BASE UINT64_C(0x0009000000000000)

/* Key of a work in the PASID cache. In scalable mode requests without PASID go by an entry, too (RID_PASID,
 * VT-d specification 9.4). */
static uint64_t pasid_cache_key(const struct translation_work *work)
{
    return pasid_key(work->requester_id, work->pasid);
}

/* True where the entry is missing; else the work has its domain. */
static bool lookup_pasid(struct remapping_unit *unit, struct translation_work *work)
{
    uint64_t domain, key = pasid_cache_key(work);
    work->context_ps += unit->parameters.pasid_hit_ps;
    work->mark_ps += unit->parameters.pasid_hit_ps;
    if (translation_cache_find(&unit->pasid_cache, key, key, &domain)) {
        work->domain = (uint32_t)domain;
        unit->counters.pasid_hits += !work->looked_up;
        return false;
    }
    unit->counters.pasid_misses += !work->looked_up;
    return true;
}

/* The context entry of a work's requester is known. @return why it goes no further; a unit in legacy mode
 * knows its domain now, one with PASID tables after it has looked there */
static enum iommu_fault take_context(const struct remapping_unit *unit, struct translation_work *work,
                                     uint32_t domain_plus_1)
{
    if (domain_plus_1 == 0)
        return IOMMU_FAULT_CONTEXT_NOT_PRESENT;
    if (iommu_uses_pasid_table(&unit->parameters, work->pasid))
        return IOMMU_NO_FAULT;
    if (work->pasid)
        return IOMMU_FAULT_PASID_IN_LEGACY_MODE;
    if (domain_plus_1 == CONTEXT_PASID_ONLY)
        return IOMMU_FAULT_CONTEXT_NOT_PRESENT;
    work->domain = domain_plus_1 - 1;
    return IOMMU_NO_FAULT;
}

bool context_lookup(struct remapping_unit *unit, struct translation_work *work)
{
    const struct iommu_parameters *p = &unit->parameters;
    uint64_t domain_plus_1;
    work->context_ps += p->context_hit_ps;
    work->mark_ps += p->context_hit_ps;
    work->context_missing =
        !translation_cache_find(&unit->context_cache, remapping_unit_context_index(work->requester_id),
                                work->requester_id, &domain_plus_1);
    unit->counters.context_hits += !work->context_missing && !work->looked_up;
    unit->counters.context_misses += work->context_missing && !work->looked_up;
    work->pasid_missing = iommu_uses_pasid_table(p, work->pasid) && lookup_pasid(unit, work);
    work->looked_up = true;
    if (work->context_missing || work->pasid_missing)
        return false;
    work->fault = take_context(unit, work, (uint32_t)domain_plus_1);
    return true;
}

static bool context_present(const struct remapping_unit *unit, const struct translation_work *work)
{
    return translation_cache_present(&unit->context_cache, remapping_unit_context_index(work->requester_id),
                                     work->requester_id);
}

/* ---- reading tables ---- */

/* Context entries are a requester's, PASID entries one of its PASIDs'. */
static uint64_t entry_number(const struct iommu_parameters *p, const struct translation_work *work,
                             uint32_t i)
{
    return i < p->context_reads ? work->requester_id : work->requester_id + (uint64_t)work->pasid * 4;
}

static void observe(const struct remapping_unit *unit, const struct translation_work *work, bool pasid,
                    uint64_t address, uint64_t ps)
{
    const struct walk_step step = {
        .kind = pasid ? WALK_PASID_TABLE : WALK_CONTEXT_TABLE, .address = address, .ps = ps};
    if (unit->on_walk_step)
        unit->on_walk_step(unit->on_walk_context, work, &step);
}

uint64_t context_read(struct remapping_unit *unit, struct translation_work *work, uint64_t begin_ps)
{
    const struct iommu_parameters *p = &unit->parameters;
    uint64_t key = pasid_cache_key(work);
    work->context_missing = work->context_missing && !context_present(unit, work);
    work->pasid_missing = work->pasid_missing && !translation_cache_present(&unit->pasid_cache, key, key);
    uint32_t first = work->context_missing ? 0 : p->context_reads,
             end = p->context_reads + (work->pasid_missing ? p->pasid_reads : 0);
    uint64_t read_ps = 0;
    for (uint32_t i = first; i < end; i++) {
        uint64_t address = CONTEXT_TABLE_BASE + ((uint64_t)i << 32) + entry_number(p, work, i) * UINT64_C(16);
        uint64_t one_ps = page_walk_read_ps(unit, begin_ps + read_ps, address);
        observe(unit, work, i >= p->context_reads, address, one_ps);
        read_ps += one_ps;
    }
    work->context_ps += read_ps;
    unit->counters.context_table_reads += end - first;
    return read_ps;
}

enum iommu_fault context_learn(struct remapping_unit *unit, struct translation_work *work)
{
    uint32_t domain_plus_1 = unit->contexts[work->requester_id];
    enum iommu_fault fault = take_context(unit, work, domain_plus_1);
    if (domain_plus_1 && !context_present(unit, work))
        translation_cache_insert(&unit->context_cache, remapping_unit_context_index(work->requester_id),
                                 work->requester_id, domain_plus_1);
    if (fault != IOMMU_NO_FAULT || !iommu_uses_pasid_table(&unit->parameters, work->pasid))
        return fault;
    uint64_t key = pasid_cache_key(work);
    work->domain = remapping_unit_domain_of_request(unit, work->requester_id, work->pasid);
    if (work->domain == IOMMU_NO_WORK)
        return IOMMU_FAULT_PASID_NOT_PRESENT;
    if (!translation_cache_present(&unit->pasid_cache, key, key))
        translation_cache_insert(&unit->pasid_cache, key, key, work->domain);
    return IOMMU_NO_FAULT;
}
