/* SPDX-License-Identifier: MIT */
/* P8, nested guests: each CPU of a guest receives packets into buffers that it maps and unmaps, 288 KiB a
 * call (72 pages, as was counted); each unmapping leaves the guest to be invalidated, one at a time. What one
 * CPU takes is fitted; what becomes of more follows. */
#include "tests/validation/published_table.h"
#include "tests/validation/validation.h"
#include "tests/validation/validation_run.h"

#include <math.h>

static const char topology[] =
    "{\"format\": \"iommusim-topology/1\",\n"
    " \"preset\": [\"default\", \"vt-d\", \"vt-d-scalable\", \"ice-lake-6346\", \"nested-guest\"],\n"
    " \"iommus\": [{\"kind\": \"vt-d\"}], \"host_bridges\": [{\"functions\": [{\"link\": {\"speed\": "
    "\"32GT/s\", \"width\": 16},\n"
    "  \"max_payload\": 512, \"max_payload_supported\": 512,\n"
    "  \"functions\": [{\"max_payload\": 512, \"max_payload_supported\": 512}]}]}]}\n";

static const char workload[] =
    "{\"format\": \"iommusim-workload/1\",\n"
    " \"virtual_machines\": [{\"name\": \"guest\", \"memory\": \"8GiB\", \"page_size\": \"2MiB\",\n"
    "  \"devices\": [\"01:00.0\"], \"viommu\": \"nested\", \"mode\": \"strict\"}],\n"
    " \"streams\": [{\"name\": \"receive\", \"device\": \"01:00.0\", \"operations\": %u, \"warmup\": %u,\n"
    "  \"nic\": {\"queues\": %u, \"ring\": 512, \"flows\": %u, \"packet\": \"4096B\", \"headers\": \"0B\",\n"
    "   \"wire_overhead\": \"90B\", \"rate\": \"400Gb/s\", \"buffer\": \"4KiB\", \"mapping\": \"288KiB\",\n"
    "   \"recycling\": \"none\", \"packets_per_acknowledgement\": 0}}]}\n";

enum { PACKETS = 5000, WARMUP = 2000 };

struct measured {
    double gbps, unmap_us;
};

static struct measured measure(struct arena *arena, unsigned cpus)
{
    struct validation_run run;
    validation_run_begin(&run, topology);
    validation_run_load(&run, arena_format(arena, workload, PACKETS * cpus, WARMUP * cpus, cpus, cpus));
    const struct device_counters *got = &machine_device_model(run.simulation.machine, 0)->counters;
    const struct mapping_counters *mapping = machine_mapping_counters(run.simulation.machine, 0);
    struct measured measured = {(double)got->bytes * 8e3 / (double)(got->last_ps - got->first_ps),
                                (double)histogram_mean(&mapping->unmap) / 1e6};
    validation_run_end(&run);
    return measured;
}

static double middle(const struct published_table *published, size_t row, const char *low, const char *high)
{
    return (published_number(published, row, low) + published_number(published, row, high)) / 2;
}

static const char collapse[] =
    "not modelled: from 16 CPUs on that wait for one lock, the published work under the lock itself takes "
    "ten "
    "times as long, and other kernel functions four times; without the exit to the hypervisor they do not";

static const char inside[] = "not the same: published is the submission alone, under a lock that CPUs waited "
                             "0.7 ms for; simulated is an "
                             "unmapping with its waiting, which is what a lock that slows nobody down gives";

static void add_points(struct validation_table *table, const struct published_table *published,
                       const struct measured *measured)
{
    struct validation_series *series = validation_add_series(
        table, (struct validation_series){
                   .name = "throughput, relative to one CPU", .unit = "", .point_tolerance = 0.25});
    for (size_t row = 2; row < published->rows; row++) {
        bool many = published_number(published, row, "cpus") > 8;
        validation_add_point(
            series, (struct validation_point){.x = published_number(published, row, "cpus"),
                                              .published = middle(published, row, "gbps_low", "gbps_high") /
                                                           middle(published, 1, "gbps_low", "gbps_high"),
                                              .simulated = measured[row].gbps / measured[1].gbps,
                                              .tolerance = many ? 20 : 0,
                                              .note = many ? collapse : NULL});
    }
    series = validation_add_series(
        table, (struct validation_series){.name = "unmapping 72 pages, waiting for others included",
                                          .unit = "us",
                                          .point_tolerance = 0.3});
    for (size_t row = 1; row < published->rows; row++) {
        double value = middle(published, row, "unmap_us_low", "unmap_us_high");
        bool many = published_number(published, row, "cpus") > 8;
        if (isnan(value) && !many)
            continue;
        validation_add_point(
            series, (struct validation_point){
                        .x = published_number(published, row, "cpus"),
                        .published = many ? middle(published, row, "submit_us_low", "submit_us_high") : value,
                        .simulated = measured[row].unmap_us,
                        .tolerance = many ? 0.5 : 0,
                        .note = many ? inside : NULL});
    }
}

void table_nested_guest(struct validation *validation)
{
    struct published_table published = published_table_read(validation->arena, "nested-guest.csv");
    struct validation_table *table = validation_add_table(
        validation,
        (struct validation_table){
            .id = "P8N",
            .title = "what invalidations cost a nested guest",
            .x_name = "CPUs",
            .source =
                "follow-up of 2025 to S. Agarwal et al., Fast & Safe IO Memory Protection, SOSP 2024, in its "
                "repository; middle of two runs",
            .machine = "presets `ice-lake-6346` and `nested-guest`; what one CPU takes is fitted",
            .tolerance = "25 % of throughput, 30 % of the time: the two published runs differ by as much"});
    struct measured *measured = arena_array(validation->arena, published.rows, sizeof(*measured));
    for (size_t row = 1; row < published.rows; row++)
        measured[row] = measure(validation->arena, (unsigned)published_number(&published, row, "cpus"));
    add_points(table, &published, measured);
}
