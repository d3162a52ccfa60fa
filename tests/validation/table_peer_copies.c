/* SPDX-License-Identifier: MIT */
/* P7: two GPUs write into each other's memory, with and without ACS redirection. */
#include "tests/validation/published_table.h"
#include "tests/validation/validation.h"
#include "tests/validation/validation_run.h"

#include "sim/topology/pci_function.h"

#include <string.h>

enum { COPY_BYTES = 4096, QUEUE_DEPTH = 64 };

/* GPU0 and its partner by path. */
static const struct {
    const char *path, *partner;
    double tolerance;
    const char *note;
} pairs[] = {
    {"same_vs", "04:00.0", 0, NULL},
    {"same_chip", "07:00.0", 0, "by way of the two uplinks; the chip's own fabric carries as much"},
    {"cross_chip", "43:00.0", 0.25, "the source gives 70 and 95 for it: 25 %"},
};

static uint64_t memory_of(const struct validation_run *run, const char *address)
{
    uint32_t segment;
    uint8_t bus, devfn;
    bdf_parse(address, &segment, &bus, &devfn);
    return topology_find(run->input->topology, segment, bus, devfn)->bars[1].address;
}

/* Set redirection at every port that can do it, as Linux does: with upstream forwarding, without which the
 * root port would refuse what comes back. */
static void redirect(struct validation_run *run)
{
    struct topology *topology = run->input->topology;
    topology->acs_state = ACS_BOOTED; /* what stands in the registers is what the measurement had */
    for (uint32_t i = 0; i < topology->function_count; i++) {
        if (topology->functions[i].acs.present)
            topology->functions[i].acs.control =
                ACS_REQUEST_REDIRECT | ACS_COMPLETION_REDIRECT | ACS_UPSTREAM_FORWARDING;
    }
}

static double copy_both_ways(const char *partner, bool redirected)
{
    static const char gpu0[] = "03:00.0";
    struct validation_run run;
    validation_run_begin(&run, "topologies/gpu-server-virtual-switches.json");
    run.input->topology->acs_state = ACS_BOOTED;
    if (redirected)
        redirect(&run);
    const char *const from[] = {gpu0, partner}, *const to[] = {partner, gpu0};
    for (int i = 0; i < 2; i++) {
        struct stream *stream = validation_run_stream(&run, from[i], STREAM_WRITE, memory_of(&run, to[i]),
                                                      UINT64_C(1) << 24, COPY_BYTES, QUEUE_DEPTH);
        stream->operations = 6000;
        stream->warmup_operations = 500;
    }
    validation_run_execute(&run);
    double gigabytes = (validation_run_rates(&run, 0).gbps + validation_run_rates(&run, 1).gbps) / 8;
    validation_run_end(&run);
    return gigabytes;
}

void table_peer_copies(struct validation *validation)
{
    struct published_table published = published_table_read(validation->arena, "peer-copies.csv");
    struct validation_table *table = validation_add_table(
        validation,
        (struct validation_table){
            .id = "P7",
            .title = "copies between two GPUs both ways, with and without ACS redirection",
            .x_name = "path",
            .source = "voipmonitor/rtx6kpro, ASUS ESC8000A-E13P with eight RTX PRO 6000, values rounded to "
                      "3 % by its authors",
            .machine = "`topologies/gpu-server-virtual-switches.json`, preset `epyc-9575f`, IOMMU off",
            .tolerance = "6 %; between chips 25 %, as the source contradicts itself"});
    struct validation_series *series = validation_add_series(
        table,
        (struct validation_series){.name = "both directions", .unit = "GB/s", .point_tolerance = 0.06});
    for (size_t row = 1; row < published.rows; row++) {
        const char *path = published_text(&published, row, "path"),
                   *acs = published_text(&published, row, "acs");
        for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
            if (strcmp(pairs[i].path, path) != 0)
                continue;
            validation_add_point(series,
                                 (struct validation_point){
                                     .label = arena_format(validation->arena, "%s, ACS %s", path, acs),
                                     .published = published_number(&published, row, "gigabytes"),
                                     .simulated = copy_both_ways(pairs[i].partner, strcmp(acs, "on") == 0),
                                     .tolerance = pairs[i].tolerance,
                                     .note = pairs[i].note});
        }
    }
}
