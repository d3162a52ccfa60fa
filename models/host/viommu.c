/* SPDX-License-Identifier: MIT */
#include "models/host/viommu.h"

#include "sim/base/arena.h"

#include <assert.h>
#include <stdlib.h>

#define TIME(key, member, text)                                                                              \
    FIELD_ROW_QUANTITY(viommu_parameters, key, member, UNIT_PICOSECONDS, 0, UINT64_C(1000000000), text)

static const struct field fields[] = {
    TIME("exit", exit_ps, "a virtual CPU leaves the guest for the host's kernel, and comes back"),
    TIME("user", user_ps,
         "from the host's kernel to the hypervisor's process, its lock included, and back to the kernel"),
    TIME("descriptor", descriptor_ps, "the hypervisor reads a descriptor, or a request, of the guest"),
    TIME("walk_entry", walk_entry_ps, "shadowed: it reads an entry of the guest's table and compares it"),
    TIME("map_call", map_call_ps, "it has the host's kernel map a range, beside what each page takes"),
    TIME("map_page", map_page_ps, "each page of 4 KiB of it: pinned and written into the host's table"),
    TIME("unmap_call", unmap_call_ps,
         "it has the host's kernel unmap a range, beside pages and the invalidation"),
    TIME("unmap_page", unmap_page_ps, "each page of 4 KiB of it: cleared and let go"),
    TIME("forward", forward_ps,
         "nested: it hands invalidations to the host's kernel, beside what the unit takes for them"),
    TIME("driver", driver_ps, "the guest's driver prepares a submission, its lock held"),
    TIME("look", look_ps,
         "nested: the guest's driver looks, its lock held, whether a new mapping must be told to the unit"),
};

const struct field_table viommu_fields = {"viommu", "what a virtual IOMMU costs the CPUs of its guest",
                                          fields, sizeof(fields) / sizeof(fields[0]),
                                          sizeof(struct viommu_parameters)};

const char *const viommu_kind_names[] = {"none", "shadowed", "nested", "virtio", NULL};

void viommu_init(struct viommu *viommu, const struct viommu_parameters *parameters, enum viommu_kind kind,
                 uint32_t cpus)
{
    *viommu = (struct viommu){
        .parameters = parameters, .kind = kind, .holder = VIOMMU_NOBODY, .room = cpus ? cpus : 1};
    viommu->waiting = memory_array(viommu->room, sizeof(*viommu->waiting));
}

void viommu_fini(struct viommu *viommu)
{
    free(viommu->waiting);
    *viommu = (struct viommu){0};
}

bool viommu_exits(const struct viommu *viommu, enum viommu_request request)
{
    return viommu->kind != VIOMMU_NONE && (request != VIOMMU_MAP || viommu->kind != VIOMMU_NESTED);
}

bool viommu_enter(struct viommu *viommu, enum viommu_request request, uint32_t token, uint64_t now_ps)
{
    assert(viommu->kind != VIOMMU_NONE && token != VIOMMU_NOBODY);
    viommu->counters.requests[request]++;
    if (viommu->holder == VIOMMU_NOBODY) {
        viommu->holder = token;
        return true;
    }
    assert(viommu->count < viommu->room);
    viommu->waiting[(viommu->first + viommu->count++) % viommu->room] = (struct viommu_waiter){token, now_ps};
    viommu->counters.waited_for++;
    if (viommu->count > viommu->counters.length_high)
        viommu->counters.length_high = viommu->count;
    return false;
}

uint32_t viommu_leave(struct viommu *viommu, uint64_t now_ps)
{
    assert(viommu->holder != VIOMMU_NOBODY);
    viommu->holder = VIOMMU_NOBODY;
    if (!viommu->count)
        return VIOMMU_NOBODY;
    const struct viommu_waiter next = viommu->waiting[viommu->first];
    viommu->first = (viommu->first + 1) % viommu->room;
    viommu->count--;
    viommu->counters.wait_ps += now_ps - next.since_ps;
    viommu->holder = next.token;
    return next.token;
}

uint64_t viommu_driver_ps(const struct viommu *viommu, enum viommu_request request)
{
    return viommu_exits(viommu, request) ? viommu->parameters->driver_ps : viommu->parameters->look_ps;
}

uint64_t viommu_exit_ps(struct viommu *viommu, uint32_t descriptors, uint64_t entries)
{
    const struct viommu_parameters *costs = viommu->parameters;
    viommu->counters.exits++;
    viommu->counters.entries_walked += entries;
    return costs->exit_ps - costs->exit_ps / 2 + costs->user_ps - costs->user_ps / 2 +
           descriptors * costs->descriptor_ps + entries * costs->walk_entry_ps;
}

uint64_t viommu_call_ps(struct viommu *viommu, bool map, uint64_t pages)
{
    const struct viommu_parameters *costs = viommu->parameters;
    viommu->counters.calls++;
    if (!pages)
        return costs->forward_ps;
    *(map ? &viommu->counters.pages_mapped : &viommu->counters.pages_unmapped) += pages;
    return map ? costs->map_call_ps + pages * costs->map_page_ps
               : costs->unmap_call_ps + pages * costs->unmap_page_ps;
}

uint64_t viommu_return_ps(const struct viommu *viommu)
{
    return viommu->parameters->exit_ps / 2 + viommu->parameters->user_ps / 2;
}
