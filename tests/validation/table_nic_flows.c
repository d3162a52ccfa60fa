/* SPDX-License-Identifier: MIT */
/* P6: a network card receives with five CPUs in strict mode, a growing number of connections. What a page
 * costs follows from who takes which buffer when: acknowledgements (an input) have pages of their own mapped
 * and unmapped; what connections hold decides how many buffers the driver's cache can give out again, and
 * each that it cannot is unmapped and invalidated; invalidations drop cached pointers to page tables, and the
 * walk they overtake. */
#include "tests/validation/published_table.h"
#include "tests/validation/validation.h"
#include "tests/validation/validation_run.h"

#include <math.h>

enum { PACKETS = 30000, WARMUP = 30000, QUEUES = 5 };

struct flows_run {
    double gbps, iotlb, level4, level3, level2, reads;
};

/* One buffer a packet, a page each, from rings of 256; the wire carries 90 bytes around 4 KiB of payload. */
static const char workload_text[] =
    "{\"format\": \"iommusim-workload/1\",\n"
    " \"domains\": [{\"name\": \"host\", \"mode\": \"%s\", \"devices\": \"all\"}],\n"
    " \"streams\": [{\"name\": \"receive\", \"device\": \"01:00.0\", \"operations\": %d, \"warmup\": %d,\n"
    "  \"nic\": {\"queues\": %d, \"ring\": 256, \"flows\": %d, \"packets_per_acknowledgement\": %d,\n"
    "   \"packet\": \"4096B\", \"headers\": \"0B\", \"wire_overhead\": \"90B\", \"buffer\": \"4KiB\",\n"
    "   \"buffers_per_descriptor\": 64, \"doorbell_batch\": 1, \"recycling\": \"page-cache\", \"held\": "
    "\"325KiB\"}}]}\n";

static struct flows_run simulate(struct arena *arena, int flows, double acks, bool strict)
{
    struct validation_run run;
    const char *text = arena_format(arena, workload_text, strict ? "strict" : "off", PACKETS, WARMUP, QUEUES,
                                    flows, (int)lround(1 / acks));
    validation_run_begin(&run, "topologies/nic-server-cascade-lake.json");
    validation_run_load(&run, text);
    const struct machine *machine = run.simulation.machine;
    const struct device_counters *got = &machine_device_model(machine, 0)->counters;
    double pages = (double)got->units;
    const struct device_throughput throughput = device_throughput(got);
    struct flows_run flows_run = {.gbps = (double)throughput.bytes * 8e3 / (double)throughput.ps};
    if (strict) {
        const struct iommu_counters *c = &machine_unit(machine, 0)->counters;
        /* [level] walks that began at the table of that level, for want of a pointer to a lower one */
        double from4 = (double)c->walks - (double)c->walk_cache_hits[1] - (double)c->walk_cache_hits[2] -
                       (double)c->walk_cache_hits[3];
        flows_run.iotlb = (double)c->iotlb_misses / pages;
        flows_run.level4 = from4 / pages;
        flows_run.level3 = (from4 + (double)c->walk_cache_hits[3]) / pages;
        flows_run.level2 = (from4 + (double)c->walk_cache_hits[3] + (double)c->walk_cache_hits[2]) / pages;
        flows_run.reads = (double)c->page_table_reads / pages;
    }
    validation_run_end(&run);
    return flows_run;
}

static double figure(const struct flows_run *run, size_t kind)
{
    const double figures[] = {run->gbps,   run->gbps,   run->reads, run->iotlb,
                              run->level4, run->level3, run->level2};
    return figures[kind];
}

void table_nic_flows(struct validation *validation)
{
    struct published_table published = published_table_read(validation->arena, "nic-flows.csv");
    struct validation_table *table = validation_add_table(
        validation,
        (struct validation_table){
            .id = "P6",
            .title = "receiving at 100 Gbit/s in strict mode, by connections",
            .x_name = "connections",
            .source =
                "Rubin, S. Agarwal, Cai, R. Agarwal, Fast & Safe IO Memory Protection, SOSP 2024, figure 2: "
                "ConnectX-5 on a Xeon Gold 6234, five CPUs, packets of 4 KiB, rings of 256",
            .machine =
                "`topologies/nic-server-cascade-lake.json`, preset `cascade-lake-6234`; a page a "
                "packet, 64 a descriptor; acknowledgements as published; 325 KiB that each connection holds, "
                "a third of the window of its socket buffer of 2 MB, fitted to the four points",
            .tolerance = "12 % for the throughput, 15 % for page-table reads a page; the split of misses "
                         "over levels is shown only"});
    static const struct {
        const char *column, *name, *unit;
        double tolerance;
    } kinds[] = {{"off", "throughput, IOMMU off", "Gbit/s", 0.12},
                 {"strict", "throughput, strict mode", "Gbit/s", 0.12},
                 {"reads", "page-table reads a page", "reads", 0.15},
                 {"iotlb", "IOTLB misses a page", "misses", 0},
                 {"level4", "misses of the cache of pointers to level 3 tables", "misses a page", 0},
                 {"level3", "misses of the cache of pointers to level 2 tables", "misses a page", 0},
                 {"level2", "misses of the cache of pointers to leaf tables", "misses a page", 0}};
    struct flows_run *runs = arena_array(validation->arena, 2 * published.rows, sizeof(*runs));
    for (size_t row = 1; row < published.rows; row++) {
        int flows = (int)published_number(&published, row, "flows");
        double acks = published_number(&published, row, "acks");
        for (int strict = 0; strict < 2; strict++)
            runs[2 * row + (size_t)strict] = simulate(validation->arena, flows, acks, strict);
    }
    for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
        struct validation_series *series = validation_add_series(
            table, (struct validation_series){
                       .name = kinds[k].name, .unit = kinds[k].unit, .point_tolerance = kinds[k].tolerance});
        for (size_t row = 1; row < published.rows; row++)
            validation_add_point(series, (struct validation_point){
                                             .x = published_number(&published, row, "flows"),
                                             .published = published_number(&published, row, kinds[k].column),
                                             .simulated = figure(&runs[2 * row + (k > 0)], k)});
    }
}
