/* SPDX-License-Identifier: MIT */
/* P8: what protection costs the CPU that maps and unmaps. One CPU sends small packets as fast as it can, each
 * mapped and unmapped; what the modes differ in is its time for a packet. And one invalidation after the
 * other on a queue that nobody else uses. */
#include "tests/validation/published_table.h"
#include "tests/validation/validation.h"
#include "tests/validation/validation_run.h"

#include <math.h>
#include <string.h>

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

/* Time of the CPU for a packet; it is never idle. */
static double packet_ns(struct arena *arena, const char *mode)
{
    struct validation_run run;
    validation_run_begin(&run, sender_topology);
    validation_run_load(&run, arena_format(arena, sender_workload, mode));
    const struct device_counters *got = &machine_device_model(run.simulation.machine, 0)->counters;
    double ns = (double)(got->last_ps - got->first_ps) / 1e3 / (double)got->units;
    validation_run_end(&run);
    return ns;
}

static const char smmu_topology[] =
    "{\"format\": \"iommusim-topology/1\", \"iommus\": [{\"kind\": \"smmuv3\"}],\n"
    " \"host_bridges\": [{\"functions\": [{\"functions\": [{}]}]}]}\n";

static const char smmu_workload[] =
    "{\"format\": \"iommusim-workload/1\",\n"
    " \"domains\": [{\"name\": \"host\", \"mode\": \"strict\", \"devices\": \"all\"}],\n"
    " \"streams\": [{\"name\": \"one\", \"device\": \"01:00.0\", \"operation\": \"read\", \"size\": "
    "\"64B\",\n"
    "  \"buffers\": \"per-use\", \"operations\": 500, \"queue_depth\": 1}]}\n";

/* From submitting an invalidation, with nothing else in the queue, to its completion being seen. */
static double invalidation_ns(void)
{
    struct validation_run run;
    uint64_t busy_ps, spin_ps;
    validation_run_begin(&run, smmu_topology);
    validation_run_load(&run, smmu_workload);
    machine_driver_time(run.simulation.machine, &busy_ps, &spin_ps);
    double batches = (double)machine_invalidation_queue(run.simulation.machine, 0)->batches;
    validation_run_end(&run);
    return (double)spin_ps / 1e3 / batches;
}

void table_driver_costs(struct validation *validation)
{
    struct published_table published = published_table_read(validation->arena, "driver-costs.csv");
    struct validation_table *table = validation_add_table(
        validation,
        (struct validation_table){
            .id = "P8",
            .title = "what protection costs CPUs",
            .x_name = "",
            .source =
                "M. Gross, commit \"PCI: iommu-iotlb-flushing-speedup\", 2008 (netperf, UDP of 32 bytes, "
                "middle of wide ranges); Barry Song, \"support per-numa CMA for ARM server\", 2020",
            .machine = "preset `vt-d-2008` with the DMA API's default costs; preset `smmuv3`",
            .tolerance = "25 %"});
    struct validation_series *series = validation_add_series(
        table, (struct validation_series){.name = "CPU time a packet sent, relative to no IOMMU",
                                          .unit = "",
                                          .point_tolerance = 0.25});
    double none = packet_ns(validation->arena, "off");
    for (size_t row = 1; row < published.rows; row++) {
        double ratio = published_number(&published, row, "cpu");
        const char *mode = published_text(&published, row, "kind");
        if (!isnan(ratio))
            validation_add_point(
                series, (struct validation_point){.label = mode,
                                                  .published = ratio,
                                                  .simulated = packet_ns(validation->arena, mode) / none});
    }
    series = validation_add_series(
        table, (struct validation_series){
                   .name = "invalidation completed, empty queue", .unit = "ns", .point_tolerance = 0.25});
    validation_add_point(
        series, (struct validation_point){.label = "SMMUv3",
                                          .published = published_number(&published, published.rows - 1, "ns"),
                                          .simulated = invalidation_ns()});
}
