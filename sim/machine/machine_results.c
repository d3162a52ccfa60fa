/* SPDX-License-Identifier: MIT */
/* What a machine has to say after its run. */
#include "sim/machine/machine_state.h"

uint64_t machine_end_ps(const struct machine *machine)
{
    uint64_t streams_ps = machine->active_streams ? machine->events.now_ps : machine->streams_end_ps;
    uint64_t guests_ps = machine->guests.pending ? machine->events.now_ps : machine->guests.end_ps;
    return streams_ps > guests_ps ? streams_ps : guests_ps;
}

uint64_t machine_measured_from_ps(const struct machine *machine)
{
    return machine->measured_from_ps;
}

uint64_t machine_events(const struct machine *machine)
{
    return machine->events.popped;
}

const struct stream_result *machine_stream_result(const struct machine *machine, uint32_t stream)
{
    return &machine->traffic[stream].result;
}

const struct remapping_unit *machine_unit(const struct machine *machine, uint32_t unit)
{
    return &machine->units[unit];
}

const struct guest *machine_guest(const struct machine *machine, uint32_t index)
{
    return &machine->guests.guests[index];
}

const struct mapping_counters *machine_mapping_counters(const struct machine *machine, uint32_t domain)
{
    const struct mapping_domain *mapping = &machine->mapping.domains[domain];
    return mapping->dynamic ? &mapping->counters : NULL;
}

const struct invalidation_queue *machine_invalidation_queue(const struct machine *machine, uint32_t unit)
{
    return &machine->queues[unit];
}

const struct page_request_queue *machine_page_requests(const struct machine *machine, uint32_t unit)
{
    return &machine->page_requests[unit];
}

uint32_t machine_cpu_count(const struct machine *machine)
{
    return machine->mapping.cpu_count;
}

const uint64_t *machine_cpu_time(const struct machine *machine, uint32_t cpu)
{
    return machine->mapping.cpus[cpu].spent_ps;
}

void machine_driver_time(const struct machine *machine, uint64_t *busy_ps, uint64_t *spin_ps)
{
    *busy_ps = *spin_ps = 0;
    for (uint32_t i = 0; i < machine->mapping.cpu_count; i++) {
        const uint64_t *spent_ps = machine->mapping.cpus[i].spent_ps;
        for (int work = 0; work < KERNEL_WORKS; work++)
            *busy_ps += spent_ps[work];
        *spin_ps += spent_ps[KERNEL_INVALIDATION];
    }
}

const struct swiotlb *machine_swiotlb(const struct machine *machine)
{
    return machine->mapping.swiotlb.slot_count ? &machine->mapping.swiotlb : NULL;
}

const struct iova_allocator *machine_iova_allocator(const struct machine *machine, uint32_t domain)
{
    const struct mapping_domain *mapping = &machine->mapping.domains[domain];
    return mapping->dynamic ? &mapping->kernel.iova : NULL;
}

const struct guest_interrupts *machine_guest_interrupts(const struct machine *machine, uint32_t guest)
{
    return machine->workload->virtual_machines[guest].cpus.count ? &machine->guest_interrupts[guest] : NULL;
}

const struct virtual_cpu *machine_virtual_cpu(const struct machine *machine, uint32_t guest, uint32_t cpu)
{
    return &machine->guest_cpus[machine->workload->virtual_machines[guest].cpus.first + cpu].virtual_cpu;
}

const struct viommu *machine_viommu(const struct machine *machine, uint32_t domain)
{
    return machine->mapping.domains[domain].viommu;
}

__uint128_t machine_exposure(const struct machine *machine, uint32_t domain)
{
    return mapping_exposure(&machine->mapping.domains[domain], machine->events.now_ps);
}

const struct fault_log *machine_fault_log(const struct machine *machine, uint32_t unit)
{
    return &machine->fault_logs[unit];
}

const struct root_complex *machine_root_complex(const struct machine *machine)
{
    return &machine->root_complex;
}

const struct transport *machine_transport(const struct machine *machine)
{
    return &machine->transport;
}

const struct device_result *machine_device_result(const struct machine *machine, uint32_t function_id)
{
    uint32_t engine = machine->engine_of[function_id];
    return engine == NONE ? NULL : &machine->device_results[engine];
}

const struct dma_engine *machine_engine(const struct machine *machine, uint32_t function_id)
{
    uint32_t engine = machine->engine_of[function_id];
    return engine == NONE ? NULL : &machine->engines[engine];
}

uint32_t machine_refusals(const struct machine *machine, const struct refusal **refusals)
{
    *refusals = machine->refusals;
    return machine->refusal_count;
}

uint32_t machine_observed_peers(const struct machine *machine, const struct observed_peer **peers)
{
    *peers = machine->peers;
    return machine->peer_count;
}

const struct machine_series *machine_series_result(const struct machine *machine)
{
    return &machine->series;
}
