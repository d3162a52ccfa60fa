/* SPDX-License-Identifier: MIT */
/* A unit before the run: caches, domains, contexts. */
#include "models/iommu/remapping_unit.h"

#include "models/iommu/prefetcher.h"

#include "sim/base/arena.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { REQUESTER_IDS = 65536 };

static void init_caches(struct remapping_unit *unit, uint64_t seed)
{
    const struct iommu_parameters *p = &unit->parameters;
    const enum replacement_policy policy = (enum replacement_policy)p->iotlb_replacement;
    const uint32_t large[] = {p->iotlb_entries_2m, p->iotlb_entries_1g};
    const uint32_t walk[WALK_LEVELS_MAX + 1] = {0, p->walk_cache_entries_l2, p->walk_cache_entries_l3,
                                                p->walk_cache_entries_l4, p->walk_cache_entries_l5};
    const uint32_t stage2[WALK_LEVELS_MAX + 1] = {
        0, p->stage2_walk_cache_entries_l2, p->stage2_walk_cache_entries_l3, p->stage2_walk_cache_entries_l4};
    char name[32]; /* each unit and cache draws from a random stream of its own */
    snprintf(name, sizeof(name), "unit%u.iotlb", (unsigned)unit->id);
    translation_cache_init(&unit->context_cache, p->context_entries, p->context_ways, REPLACE_LRU, seed,
                           "context");
    translation_cache_init(&unit->pasid_cache, p->pasid_reads ? p->pasid_entries : 0, p->pasid_ways,
                           REPLACE_LRU, seed, "pasid");
    translation_cache_init(&unit->iotlb, p->iotlb_entries, p->iotlb_ways, policy, seed, name);
    translation_cache_partition(&unit->iotlb, p->iotlb_partitions);
    for (int size = 0; size < 2; size++) {
        snprintf(name, sizeof(name), "unit%u.iotlb %s", (unsigned)unit->id, size ? "1 GiB" : "2 MiB");
        translation_cache_init(&unit->iotlb_large[size], large[size], p->iotlb_ways, policy, seed, name);
    }
    translation_cache_init(&unit->nested_cache, p->nested_entries, p->nested_ways, REPLACE_LRU, seed,
                           "nested");
    const uint32_t partitions[WALK_LEVELS_MAX + 1] = {0, p->walk_cache_partitions_l2,
                                                      p->walk_cache_partitions_l3};
    for (int level = 1; level <= WALK_LEVELS_MAX; level++) {
        translation_cache_init(&unit->walk_caches[level], walk[level], p->walk_cache_ways, REPLACE_LRU, seed,
                               "walk");
        translation_cache_partition(&unit->walk_caches[level], partitions[level]);
        translation_cache_init(&unit->stage2_caches[level], stage2[level], p->walk_cache_ways, REPLACE_LRU,
                               seed, "stage 2 walk");
    }
}

void remapping_unit_init(struct remapping_unit *unit, const struct iommu_parameters *parameters,
                         struct event_queue *events, uint32_t event_kind, uint32_t id, uint64_t table_base,
                         uint64_t seed)
{
    const struct iommu_parameters *p = parameters;
    *unit = (struct remapping_unit){.parameters = *p, .events = events, .event_kind = event_kind, .id = id};
    page_table_memory_init(&unit->memory, table_base);
    unit->contexts = memory_array(REQUESTER_IDS, sizeof(*unit->contexts));
    unit->ats = memory_array(REQUESTER_IDS, sizeof(*unit->ats));
    unit->running = memory_array(p->walkers, sizeof(*unit->running));
    for (uint32_t i = 0; i < p->walkers; i++)
        unit->running[i] = IOMMU_NO_WORK;
    unit->waiting_first = unit->waiting_last = IOMMU_NO_WORK;
    unit->stalled_first = unit->stalled_last = IOMMU_NO_WORK;
    unit->held_first = unit->held_last = IOMMU_NO_WORK;
    unit->finished_first = unit->finished_last = IOMMU_NO_WORK;
    walks_in_flight_init(&unit->in_flight);
    prefetcher_init(unit, seed);
    init_caches(unit, seed);
}

void remapping_unit_fini(struct remapping_unit *unit)
{
    translation_cache_fini(&unit->context_cache);
    translation_cache_fini(&unit->pasid_cache);
    translation_cache_fini(&unit->iotlb);
    translation_cache_fini(&unit->iotlb_large[0]);
    translation_cache_fini(&unit->iotlb_large[1]);
    translation_cache_fini(&unit->nested_cache);
    for (int level = 1; level <= WALK_LEVELS_MAX; level++) {
        translation_cache_fini(&unit->walk_caches[level]);
        translation_cache_fini(&unit->stage2_caches[level]);
    }
    page_table_memory_fini(&unit->memory);
    free(unit->domains);
    free(unit->contexts);
    pasid_table_fini(&unit->pasids);
    free(unit->ats);
    walks_in_flight_fini(&unit->in_flight);
    prefetcher_fini(unit);
    free(unit->running);
    *unit = (struct remapping_unit){0};
}

uint32_t remapping_unit_add_domain(struct remapping_unit *unit, bool passthrough)
{
    unit->domains =
        memory_grow(unit->domains, unit->domain_count, &unit->domain_capacity, sizeof(*unit->domains));
    struct iommu_domain *domain = &unit->domains[unit->domain_count];
    *domain = (struct iommu_domain){.passthrough = passthrough};
    page_table_init(&domain->table, &unit->memory, (enum page_table_format)unit->parameters.table_format,
                    unit->parameters.levels);
    return unit->domain_count++;
}

void remapping_unit_use_guest_format(struct remapping_unit *unit, uint32_t domain_id)
{
    struct page_table *table = &unit->domains[domain_id].table;
    unsigned most;
    table->format = (enum page_table_format)unit->parameters.guest_format;
    most = page_table_format_levels(table->format);
    table->levels = table->levels < most ? table->levels : most;
}

void remapping_unit_nest(struct remapping_unit *unit, uint32_t domain_id, uint64_t guest_offset)
{
    struct iommu_domain *domain = &unit->domains[domain_id];
    domain->nested = true;
    domain->table.guest_offset = guest_offset;
    remapping_unit_use_guest_format(unit, domain_id);
    page_table_init(&domain->stage2, &unit->memory, (enum page_table_format)unit->parameters.stage2_format,
                    unit->parameters.stage2_levels);
}

void remapping_unit_attach(struct remapping_unit *unit, uint16_t requester_id, uint32_t domain)
{
    assert(domain < unit->domain_count);
    unit->contexts[requester_id] = domain + 1;
}

void remapping_unit_detach(struct remapping_unit *unit, uint16_t requester_id)
{
    unit->contexts[requester_id] = 0;
}

void remapping_unit_allow_ats(struct remapping_unit *unit, uint16_t requester_id)
{
    unit->ats[requester_id] = true;
}

void remapping_unit_attach_pasid(struct remapping_unit *unit, uint16_t requester_id, uint32_t pasid,
                                 uint32_t domain)
{
    assert(domain < unit->domain_count && pasid <= PASID_MAX);
    pasid_table_set(&unit->pasids, requester_id, pasid, domain);
    if (!unit->contexts[requester_id])
        unit->contexts[requester_id] = CONTEXT_PASID_ONLY;
}

uint32_t remapping_unit_domain_of(const struct remapping_unit *unit, uint16_t requester_id)
{
    uint32_t domain_plus_1 = unit->contexts[requester_id];
    return domain_plus_1 == CONTEXT_PASID_ONLY ? IOMMU_NO_WORK : domain_plus_1 - 1;
}

uint32_t remapping_unit_domain_of_request(const struct remapping_unit *unit, uint16_t requester_id,
                                          uint32_t pasid)
{
    return pasid ? pasid_table_find(&unit->pasids, requester_id, pasid - 1)
                 : remapping_unit_domain_of(unit, requester_id);
}
