/* SPDX-License-Identifier: MIT */
#include "models/host/live_migration.h"

#define TIME(key, member, text)                                                                              \
    FIELD_ROW_QUANTITY(migration_parameters, key, member, UNIT_PICOSECONDS, 0, UINT64_C(1000000000000000),   \
                       text)

static const struct field fields[] = {
    TIME("split_entry", split_entry_ps,
         "live migration: a large page of an IOMMU table is split, for each small entry written"),
    TIME("read_entry", read_entry_ps, "a leaf entry is looked at for its dirty bit"),
    TIME("enable", enable_ps, "dirty tracking of a domain is switched on"),
    TIME("stop_device", stop_device_ps, "devices are told to stop, until they ask for nothing new"),
    TIME("resume", resume_ps, "the last byte's arrival to the guest's CPUs being scheduled"),
};

const struct field_table migration_fields = {"migration", "what live migration of a guest takes", fields,
                                             sizeof(fields) / sizeof(fields[0]),
                                             sizeof(struct migration_parameters)};

enum { PAGE = 4096 };

static const uint64_t second_ps = UINT64_C(1000000000000);

void live_migration_begin(struct live_migration *migration, const struct migration_request *request,
                          uint64_t memory_bytes, uint64_t now_ps)
{
    *migration = (struct live_migration){
        .request = request, .begin_ps = now_ps, .send_pages = (memory_bytes + PAGE - 1) / PAGE};
}

static uint64_t bytes_ps(const struct live_migration *migration, uint64_t bytes)
{
    uint64_t rate = migration->request->bandwidth_bytes_per_s;
    return (uint64_t)(((__uint128_t)bytes * second_ps + rate - 1) / rate);
}

uint64_t live_migration_send_ps(const struct live_migration *migration, bool stopped)
{
    return bytes_ps(migration,
                    migration->send_pages * PAGE + (stopped ? migration->request->device_state_bytes : 0));
}

uint64_t live_migration_cpu_pages(const struct live_migration *migration, uint64_t since_ps, uint64_t now_ps)
{
    const struct migration_request *request = migration->request;
    __uint128_t bytes = (__uint128_t)(now_ps - since_ps) * request->cpu_bytes_per_s / second_ps;
    uint64_t most = request->working_set_bytes;
    return (bytes < most ? (uint64_t)bytes : most) / PAGE;
}

bool live_migration_end_round(struct live_migration *migration, uint64_t device_pages, uint64_t now_ps)
{
    const struct migration_request *request = migration->request;
    uint64_t cpu_pages = live_migration_cpu_pages(migration, migration->begin_ps, now_ps);
    migration->rounds[migration->round_count++] =
        (struct migration_round){.sent_pages = migration->send_pages,
                                 .device_pages = device_pages,
                                 .cpu_pages = cpu_pages,
                                 .duration_ps = now_ps - migration->begin_ps};
    migration->send_pages = device_pages + cpu_pages;
    migration->begin_ps = now_ps;
    return live_migration_send_ps(migration, true) <= request->downtime_ps ||
           migration->round_count == request->rounds;
}

void live_migration_rest(struct live_migration *migration, uint64_t device_pages, uint64_t stopped_ps)
{
    migration->send_pages +=
        device_pages + live_migration_cpu_pages(migration, migration->begin_ps, stopped_ps);
}
