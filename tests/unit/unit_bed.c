/* SPDX-License-Identifier: MIT */
#include "tests/unit/unit_bed.h"

#include <check.h>

void unit_bed_init(struct unit_bed *bed)
{
    bed->parameters = (struct iommu_parameters){
        .context_entries = 16,
        .iotlb_entries = 32,
        .walk_cache_entries_l2 = 16,
        .walk_cache_entries_l3 = 16,
        .walk_cache_entries_l4 = 16,
        .walkers = 2,
        .levels = 4,
        .superpages_2m = true,
        .superpages_1g = true,
        .iotlb_hit_ps = 5000,
        .context_hit_ps = 2000,
        .walk_fixed_ps = 190000,
        .walk_read_ps = 90000,
        .context_reads = 2,
    };
    event_queue_init(&bed->events, 4096);
}

void unit_bed_start(struct unit_bed *bed)
{
    remapping_unit_init(&bed->unit, &bed->parameters, &bed->events, 1, 0, UINT64_C(1) << 48, 1);
    bed->unit.works = bed->works;
    remapping_unit_attach(&bed->unit, 7, remapping_unit_add_domain(&bed->unit, false));
}

void unit_bed_fini(struct unit_bed *bed)
{
    remapping_unit_fini(&bed->unit);
    event_queue_fini(&bed->events);
}

void unit_bed_map(struct unit_bed *bed, uint64_t iova, uint64_t physical, unsigned shift, unsigned access)
{
    ck_assert_int_eq(
        page_table_map(&bed->unit.domains[0].table, &bed->unit.memory, iova, physical, shift, access),
        PAGE_TABLE_MAPPED);
}

/* Translate alone, from asking to the answer. */
const struct translation_work *unit_bed_translate(struct unit_bed *bed, uint64_t iova, bool write,
                                                  uint64_t *latency_ps)
{
    struct event event;
    uint64_t asked_ps = bed->events.now_ps;
    bed->works[0] = (struct translation_work){.iova = iova, .requester_id = 7, .write = write};
    bool done = remapping_unit_translate(&bed->unit, 0);
    while (event_queue_pop(&bed->events, &event)) {
        remapping_unit_event(&bed->unit, event.argument);
        while (remapping_unit_finished(&bed->unit) != IOMMU_NO_WORK)
            done = true;
    }
    ck_assert(done && remapping_unit_check(&bed->unit));
    const struct translation_work *work = &bed->works[0];
    *latency_ps = work->ready_ps - asked_ps;
    ck_assert_uint_eq(*latency_ps, work->context_ps + work->iotlb_ps + work->walk_caches_ps +
                                       work->walk_memory_ps + work->walker_queueing_ps);
    if (bed->events.now_ps < work->ready_ps)
        event_queue_push(&bed->events, work->ready_ps, PRIORITY_NORMAL, 0, 0, 0),
            event_queue_pop(&bed->events, &event);
    return work;
}
