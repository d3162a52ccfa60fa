/* SPDX-License-Identifier: MIT */
/*
 * Timed translations on the multi-tenant workload T3: T tenants in turn, three translations a packet: a 4 KiB
 * ring page, a 2 MiB data page that moves on every 1500 packets of the tenant within 32, a 4 KiB mailbox
 * page. All tenants use the same IOVAs. 32 translations are in flight; each is an answer with a time, not
 * just hit or miss.
 */
#include "models/iommu/remapping_unit.h"
#include "sim/base/arena.h"
#include "tests/bench/bench.h"

#include <stdlib.h>

enum { WINDOW = 32, CONSECUTIVE = 1500, IN_FLIGHT = 32 };

#define RING_IOVA    UINT64_C(0x34800000)
#define DATA_IOVA    UINT64_C(0xbbe00000)
#define MAILBOX_IOVA UINT64_C(0x34a00000)
#define PAGE_2M      UINT64_C(0x200000)

struct tenants {
    uint32_t count;
    uint64_t packet;   /* of all tenants */
    unsigned part;     /* 0..2 within the packet */
    uint32_t *packets; /* [tenant] */
};

static void next_translation(struct tenants *tenants, struct translation_work *work)
{
    uint32_t tenant = (uint32_t)(tenants->packet % tenants->count);
    uint64_t data = DATA_IOVA + tenants->packets[tenant] / CONSECUTIVE % WINDOW * PAGE_2M;
    const uint64_t iova[] = {RING_IOVA, data, MAILBOX_IOVA};
    work->iova = iova[tenants->part];
    work->requester_id = (uint16_t)tenant;
    work->write = tenants->part == 1;
    if (++tenants->part == 3) {
        tenants->part = 0;
        tenants->packets[tenant]++;
        tenants->packet++;
    }
}

static void map_tenant(struct remapping_unit *unit, uint16_t tenant)
{
    uint32_t domain = remapping_unit_add_domain(unit, false);
    struct page_table *table = &unit->domains[domain].table;
    uint64_t physical = UINT64_C(0x100000000) + tenant * UINT64_C(0x8000000);
    page_table_map(table, &unit->memory, RING_IOVA, physical, PAGE_SHIFT_4K, PAGE_READ | PAGE_WRITE);
    page_table_map(table, &unit->memory, MAILBOX_IOVA, physical + 4096, PAGE_SHIFT_4K,
                   PAGE_READ | PAGE_WRITE);
    for (uint64_t i = 0; i < WINDOW; i++)
        page_table_map(table, &unit->memory, DATA_IOVA + i * PAGE_2M, physical + (i + 1) * PAGE_2M,
                       PAGE_SHIFT_2M, PAGE_READ | PAGE_WRITE);
    remapping_unit_attach(unit, tenant, domain);
}

static const struct iommu_parameters parameters = {
    .context_entries = 1536,
    .iotlb_entries = 64,
    .iotlb_ways = 8,
    .walk_cache_entries_l2 = 512,
    .walk_cache_entries_l3 = 512,
    .walk_cache_entries_l4 = 512,
    .walk_cache_ways = 16,
    .walkers = 16,
    .levels = 4,
    .superpages_2m = true,
    .superpages_1g = true,
    .iotlb_hit_ps = 2000,
    .context_hit_ps = 1000,
    .walk_fixed_ps = 100000,
    .walk_read_ps = 50000,
    .walk_cache_hit_ps = 5000,
    .context_reads = 2,
};

/* Ask for the next translation in slot `ticket`; a hit posts its end as an event of kind 0. */
static void ask(struct remapping_unit *unit, struct event_queue *events, struct tenants *tenants,
                uint32_t ticket)
{
    next_translation(tenants, &unit->works[ticket]);
    if (remapping_unit_translate(unit, ticket))
        event_queue_push(events, unit->works[ticket].ready_ps, PRIORITY_NORMAL, 0, 0, ticket);
}

double bench_translations(uint32_t tenant_count, uint64_t translations, double *hit_rate)
{
    static struct translation_work works[IN_FLIGHT];
    struct event_queue events;
    struct remapping_unit unit;
    struct tenants tenants = {.count = tenant_count, .packets = memory_array(tenant_count, sizeof(uint32_t))};
    event_queue_init(&events, 256);
    remapping_unit_init(&unit, &parameters, &events, 1, 0, UINT64_C(1) << 48, 1);
    unit.works = works;
    for (uint32_t i = 0; i < tenant_count; i++)
        map_tenant(&unit, (uint16_t)i);
    double start = bench_cpu_seconds();
    uint64_t done = 0;
    for (uint32_t i = 0; i < IN_FLIGHT; i++)
        ask(&unit, &events, &tenants, i);
    struct event event;
    while (done < translations && event_queue_pop(&events, &event)) {
        if (event_kind(&event) == 0) {
            done++;
            ask(&unit, &events, &tenants, event.argument);
            continue;
        }
        remapping_unit_event(&unit, event.argument);
        for (uint32_t ticket; (ticket = remapping_unit_finished(&unit)) != IOMMU_NO_WORK;)
            event_queue_push(&events, works[ticket].ready_ps, PRIORITY_NORMAL, 0, 0, ticket);
    }
    double seconds = bench_cpu_seconds() - start;
    *hit_rate = (double)unit.counters.iotlb_hits / (double)unit.counters.requests;
    remapping_unit_fini(&unit);
    event_queue_fini(&events);
    free(tenants.packets);
    return (double)done / seconds;
}
