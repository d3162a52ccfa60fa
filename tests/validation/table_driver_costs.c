/* SPDX-License-Identifier: MIT */
/* P8: what protection costs CPUs: mapping and invalidating for small packets, one invalidation on a queue
 * that nobody else uses, bounce buffers with one lock and with many, copies that are encrypted. */
#include "tests/validation/published_table.h"
#include "tests/validation/validation.h"
#include "tests/validation/validation_run.h"

#include <string.h>

static const double tolerance = 0.25;

/* ---- one CPU that sends small packets ---- */

static const char sender_topology[] =
    "{\"format\": \"iommusim-topology/1\", \"preset\": \"vt-d-2008\", \"iommus\": [{\"kind\": \"vt-d\"}],\n"
    " \"host_bridges\": [{\"functions\": [{\"link\": {\"speed\": \"2.5GT/s\", \"width\": 4}, \"functions\": "
    "[{}]}]}]}\n";

static const char sender_workload[] =
    "{\"format\": \"iommusim-workload/1\",\n"
    " \"domains\": [{\"name\": \"host\", \"mode\": \"%s\", \"devices\": \"all\"}],\n"
    " \"streams\": [{\"name\": \"send\", \"device\": \"01:00.0\", \"operations\": 4000, \"warmup\": 1000,\n"
    "  \"nic\": {\"direction\": \"transmit\", \"ring\": 256, \"packet\": \"74B\", \"headers\": \"42B\",\n"
    "   \"rate\": \"1Gb/s\"}}]}\n";

/* Packets, commands or copies a microsecond, and bytes a second, of the one device of a machine. */
struct rates {
    double units_per_us, bytes_per_s;
};

static struct rates device_rates(const char *topology, const char *workload)
{
    struct validation_run run;
    validation_run_begin(&run, topology);
    validation_run_load(&run, workload);
    const struct device_counters *got = &machine_device_model(run.simulation.machine, 0)->counters;
    double elapsed_ps = (double)(got->last_ps - got->first_ps);
    struct rates rates = {(double)got->units * 1e6 / elapsed_ps, (double)got->bytes * 1e12 / elapsed_ps};
    validation_run_end(&run);
    return rates;
}

/* Time of the CPU for a packet; it is never idle. */
static double packet_us(struct arena *arena, const char *mode)
{
    return 1 / device_rates(sender_topology, arena_format(arena, sender_workload, mode)).units_per_us;
}

static double packet_cost(struct arena *arena, const char *mode)
{
    return packet_us(arena, mode) / packet_us(arena, "off");
}

/* ---- one invalidation ---- */

static const char smmu_topology[] =
    "{\"format\": \"iommusim-topology/1\", \"iommus\": [{\"kind\": \"smmuv3\"}],\n"
    " \"parameters\": {\"memory\": {\"queues_remote\": %s}, \"iommu\": {\"invalidation_completion\": "
    "\"0ns\"}},\n"
    " \"host_bridges\": [{\"functions\": [{\"functions\": [{}]}]}]}\n";

static const char smmu_workload[] =
    "{\"format\": \"iommusim-workload/1\",\n"
    " \"domains\": [{\"name\": \"host\", \"mode\": \"strict\", \"devices\": \"all\"}],\n"
    " \"streams\": [{\"name\": \"one\", \"device\": \"01:00.0\", \"operation\": \"read\", \"size\": "
    "\"64B\",\n"
    "  \"buffers\": \"per-use\", \"operations\": 500, \"queue_depth\": 1}]}\n";

/* From submitting to its completion being seen, with nothing else in the queue. What is published is a
 * CMD_SYNC alone: the invalidation in front of it is complete at once, and taken off. */
static double synchronisation_ns(struct arena *arena, const char *where)
{
    struct validation_run run;
    uint64_t busy_ps, spin_ps;
    validation_run_begin(&run,
                         arena_format(arena, smmu_topology, strcmp(where, "remote") == 0 ? "true" : "false"));
    validation_run_load(&run, smmu_workload);
    machine_driver_time(run.simulation.machine, &busy_ps, &spin_ps);
    double batches = (double)machine_invalidation_queue(run.simulation.machine, 0)->batches,
           invalidation_ps = (double)run.input->parameters.units[0].invalidation_descriptor_ps;
    validation_run_end(&run);
    return ((double)spin_ps / batches - invalidation_ps) / 1e3;
}

/* ---- eight NVMe devices ---- */

enum { DISKS = 8, DISK_QUEUES = 8 };

/* Four behind a switch, at each of two host bridges with a unit each. */
static const char disks_topology[] =
    "{\"format\": \"iommusim-topology/1\", \"iommus\": [\n"
    "  {\"name\": \"a\", \"kind\": \"smmuv3\", \"scopes\": [{\"buses\": [\"00\", \"3f\"]}]},\n"
    "  {\"name\": \"b\", \"kind\": \"smmuv3\", \"scopes\": [{\"buses\": [\"40\", \"7f\"]}]}],\n"
    " \"host_bridges\": [%s, %s]}\n";
static const char disks_bridge[] =
    "{\"bus\": \"%s\", \"functions\": [{\"acs\": [\"SV\", \"RR\", \"CR\", \"UF\"],\n"
    "  \"link\": {\"speed\": \"32GT/s\", \"width\": 16}, \"functions\": [{\"functions\": [\n"
    "   {\"count\": 4, \"acs\": [\"SV\", \"RR\", \"CR\", \"UF\"],\n"
    "    \"link\": {\"speed\": \"32GT/s\", \"width\": 4}, \"functions\": [{}]}]}]}]}";
/* The warm-up is longer than lazy mode's rings, whose addresses come from the tree the first time. */
static const char disks_stream[] =
    "%s{\"name\": \"disk %d\", \"device\": \"%s\", \"cpu\": %d, \"operations\": 2000, \"warmup\": 4000,\n"
    "  \"nvme\": {\"queues\": 8, \"depth\": 64, \"block\": \"4KiB\", \"media_rate\": \"8.4GB/s\"}}";

/* Commands a microsecond of all disks. */
static double disks_rate(struct arena *arena, const char *mode)
{
    static const char *const disks[DISKS] = {"03:00.0", "04:00.0", "05:00.0", "06:00.0",
                                             "43:00.0", "44:00.0", "45:00.0", "46:00.0"};
    struct validation_run run;
    struct text_buffer streams = {0};
    double rate = 0;
    for (int i = 0; i < DISKS; i++)
        text_buffer_format(&streams, disks_stream, i ? ", " : "", i, disks[i], i * DISK_QUEUES);
    validation_run_begin(&run, arena_format(arena, disks_topology, arena_format(arena, disks_bridge, "00"),
                                            arena_format(arena, disks_bridge, "40")));
    validation_run_load(
        &run, arena_format(arena,
                           "{\"format\": \"iommusim-workload/1\", \"domains\": [{\"name\": \"host\", "
                           "\"mode\": \"%s\", \"devices\": \"each\"}], \"streams\": [%s]}",
                           mode, text_buffer_get(&streams)));
    for (uint32_t i = 0; i < DISKS; i++) {
        const struct device_counters *got = &machine_device_model(run.simulation.machine, i)->counters;
        rate += (double)got->units * 1e6 / (double)(got->last_ps - got->first_ps);
    }
    text_buffer_fini(&streams);
    validation_run_end(&run);
    return rate;
}

/* ---- bounce buffers ---- */

static const char guest_topology[] =
    "{\"format\": \"iommusim-topology/1\", \"parameters\": {\"swiotlb\": {\"areas\": %d}},\n"
    " \"host_bridges\": [{\"functions\": [{\"link\": {\"speed\": \"%s\", \"width\": 16}, \"functions\": "
    "[{}]}]}]}\n";

static const char guest_workload[] =
    "{\"format\": \"iommusim-workload/1\",\n"
    " \"domains\": [{\"name\": \"guest\", \"mode\": \"off\", \"bounce\": \"%s\", \"devices\": \"all\"}],\n"
    " \"streams\": [{\"name\": \"device\", \"device\": \"01:00.0\", %s}]}\n";

/* Sixteen CPUs send packets of 1500 bytes at 40 Gb/s. */
static double many_senders_gbps(struct arena *arena, const char *areas)
{
    const char *bounce = strcmp(areas, "none") == 0 ? "needed" : "always";
    struct rates rates = device_rates(
        arena_format(arena, guest_topology, strcmp(areas, "one") == 0 ? 1 : 0, "8GT/s"),
        arena_format(arena, guest_workload, bounce,
                     "\"operations\": 16000, \"warmup\": 4000, \"nic\": {\"direction\": \"transmit\", "
                     "\"queues\": 16, \"flows\": 64, \"packet\": \"1500B\", \"rate\": \"40Gb/s\"}"));
    return rates.bytes_per_s * 8 / 1e9;
}

/* One CPU receives packets of 1500 bytes into pages, which are copied in full. */
static double receiver_drop_percent(struct arena *arena)
{
    double per_us[2];
    for (int bounces = 0; bounces < 2; bounces++)
        per_us[bounces] =
            device_rates(arena_format(arena, guest_topology, 0, "8GT/s"),
                         arena_format(arena, guest_workload, bounces ? "always" : "needed",
                                      "\"operations\": 8000, \"warmup\": 2000, \"nic\": {\"queues\": 1, "
                                      "\"packet\": \"1500B\", \"buffer\": \"4KiB\", \"recycling\": "
                                      "\"none\", \"rate\": \"100Gb/s\"}"))
                .units_per_us;
    return 100 * (1 - per_us[1] / per_us[0]);
}

/* A copy engine reads memory that one CPU encrypts for it. */
static double encrypted_gigabytes(struct arena *arena)
{
    struct rates rates =
        device_rates(arena_format(arena, guest_topology, 0, "32GT/s"),
                     arena_format(arena, guest_workload, "encrypted",
                                  "\"operations\": 300, \"warmup\": 30, \"copy_engine\": {\"direction\": "
                                  "\"to-device\", \"copy\": \"128KiB\", \"buffers\": \"per-copy\"}"));
    return rates.bytes_per_s / 1e9;
}

/* ---- the table ---- */

static struct validation_series *add_series(struct validation_table *table, const char *name,
                                            const char *unit)
{
    return validation_add_series(
        table, (struct validation_series){.name = name, .unit = unit, .point_tolerance = tolerance});
}

/* Points of the rows of one kind. */
static void add_points(struct validation_series *series, const struct published_table *published,
                       const char *kind, struct arena *arena,
                       double (*simulate)(struct arena *arena, const char *label), const char *note)
{
    for (size_t row = 1; row < published->rows; row++) {
        const char *label = published_text(published, row, "label");
        if (strcmp(published_text(published, row, "kind"), kind) == 0)
            validation_add_point(
                series, (struct validation_point){.label = label,
                                                  .published = published_number(published, row, "value"),
                                                  .simulated = simulate(arena, label),
                                                  .note = note});
    }
}

static double dropped(struct arena *arena, const char *label)
{
    (void)label;
    return receiver_drop_percent(arena);
}

static double encrypted(struct arena *arena, const char *label)
{
    (void)label;
    return encrypted_gigabytes(arena);
}

/* One lock relative to an area for each queue, and what that makes of the published pair. */
static void add_lock_ratio(struct validation_table *table, const struct validation_series *throughput)
{
    double published[2] = {0}, simulated[2] = {0};
    for (size_t i = 0; i < throughput->count; i++) {
        const struct validation_point *point = &throughput->points[i];
        int which = strcmp(point->label, "areas") == 0;
        if (strcmp(point->label, "none") == 0)
            continue;
        published[which] = point->published;
        simulated[which] = point->simulated;
    }
    validation_add_point(add_series(table, "throughput with one lock, relative to areas", ""),
                         (struct validation_point){.label = "one / areas",
                                                   .published = published[0] / published[1],
                                                   .simulated = simulated[0] / simulated[1]});
}

void table_driver_costs(struct validation *validation)
{
    struct arena *arena = validation->arena;
    struct published_table published = published_table_read(arena, "driver-costs.csv");
    struct validation_table *table = validation_add_table(
        validation,
        (struct validation_table){
            .id = "P8",
            .title = "what protection costs CPUs",
            .x_name = "",
            .source =
                "M. Gross, commit \"PCI: iommu-iotlb-flushing-speedup\", 2008 (netperf, UDP of 32 bytes, "
                "middle of wide ranges); Barry Song, \"support per-numa CMA for ARM server\", 2020; Tianyu "
                "Lan, \"swiotlb: Split up single swiotlb lock\", 2022; NVIDIA/NV-Kernels, pull request 182, "
                "2025 "
                "(Grace); Firecracker, pull request 5156, 2025; "
                "NVIDIA on the H100, as quoted",
            .machine = "preset `vt-d-2008` with the DMA API's default costs; preset `smmuv3`; guests with "
                       "preset `default` and packets of 1500 bytes, which is assumed",
            .tolerance = "25 %"});
    add_points(add_series(table, "CPU time a packet sent, relative to no IOMMU", ""), &published, "cpu",
               arena, packet_cost, NULL);
    add_points(add_series(table, "reads of 4 KiB by eight NVMe devices", "million/s"), &published, "nvme",
               arena, disks_rate, NULL);
    add_points(add_series(table, "CMD_SYNC completed, empty queue", "ns"), &published, "sync", arena,
               synchronisation_ns, NULL);
    struct validation_series *locks = add_series(table, "a guest that bounces all, sixteen queues", "Gbit/s");
    add_points(locks, &published, "locks", arena, many_senders_gbps, NULL);
    add_lock_ratio(table, locks);
    add_points(add_series(table, "throughput lost to bouncing, one CPU", "%"), &published, "drop", arena,
               dropped, "published: at most");
    add_points(add_series(table, "staging that is encrypted", "GB/s"), &published, "encrypted", arena,
               encrypted, "the rate of encryption is a parameter; nothing else may hold it up");
}
