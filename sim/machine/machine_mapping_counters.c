/* SPDX-License-Identifier: MIT */
/* The period that CPUs, mappings, buffers and bounce buffers are counted in: the same as that of units and
 * links. */
#include "sim/machine/machine_mapping.h"
#include "sim/machine/machine_state.h"

/* What is reachable at present stays counted; the time before is left out. */
static void restart_domain(struct mapping_domain *domain, uint64_t now_ps)
{
    uint64_t stale_bytes = domain->counters.stale_bytes;
    __uint128_t exposure = domain->counters.exposure, open = mapping_exposure(domain, now_ps) - exposure;
    domain->counters = (struct mapping_counters){
        .stale_bytes = stale_bytes, .stale_bytes_high = stale_bytes, .exposure_before = open};
    iova_allocator_restart_counters(&domain->kernel.iova);
}

void mapping_restart_counters(struct machine *machine)
{
    struct mapping_state *state = &machine->mapping;
    for (uint32_t d = 0; d < machine->workload->domain_count; d++) {
        if (state->domains[d].dynamic)
            restart_domain(&state->domains[d], machine->events.now_ps);
    }
    for (uint32_t cpu = 0; cpu < state->cpu_count; cpu++) {
        state->cpus[cpu].jobs = 0;
        for (int work = 0; work < KERNEL_WORKS; work++)
            state->cpus[cpu].spent_ps[work] = 0;
    }
    for (uint32_t s = 0; s < machine->workload->stream_count; s++)
        machine->traffic[s].result.buffers = (struct buffer_counters){0};
    for (uint32_t i = 0; i < machine->workload->virtual_machine_count; i++)
        state->viommus[i].counters = (struct viommu_counters){.length_high = state->viommus[i].count};
    for (uint32_t i = 0; i < machine->unit_count; i++)
        invalidation_queue_restart_counters(&machine->queues[i]);
    state->swiotlb.counters = (struct swiotlb_counters){.used_high = state->swiotlb.used};
    state->bounce_full = 0;
}

void mapping_count_job(struct machine *machine, const struct mapping_job *job)
{
    struct mapping_cpu *cpu = &machine->mapping.cpus[job->cpu];
    if (traffic_is_over(machine))
        return;
    cpu->jobs++;
    for (int work = 0; work < KERNEL_WORKS; work++)
        cpu->spent_ps[work] += job->time.spent_ps[work];
}
