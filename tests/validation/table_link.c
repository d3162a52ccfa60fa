/* SPDX-License-Identifier: MIT */
/* P1, P2: the link alone. A host and a device without limits, so that only encoding, framing, DLLPs and the
 * splitting of operations are left. */
#include "tests/validation/published_table.h"
#include "tests/validation/validation.h"
#include "tests/validation/validation_run.h"

#include <inttypes.h>
#include <stdio.h>

enum { QUEUE_DEPTH = 256 };

static const uint64_t above_4_gib = UINT64_C(0x100000000);

/* Take every limit away but the link's own. */
static void remove_limits(struct machine_input *input)
{
    struct machine_parameters *parameters = &input->parameters;
    for (uint32_t i = 0; i < input->topology->function_count; i++) {
        parameters->links[i] = (struct link_parameters){.propagation_ps = 1000};
        parameters->engines[i] = (struct dma_engine_parameters){.tags = QUEUE_DEPTH};
    }
    parameters->root_complex.reads_in_flight = 65536;
    parameters->root_complex.write_commit_ps = 0;
    parameters->memory.bandwidth_bytes_per_s = UINT64_C(100000000000000);
}

static double payload_rate(unsigned gigatransfers_tenths, unsigned lanes, unsigned mps,
                           enum stream_operation operation, uint64_t size)
{
    char text[1024];
    struct validation_run run;
    snprintf(text, sizeof(text),
             "{\"format\": \"iommusim-topology/1\", \"memory\": [{\"base\": \"0x0\", \"size\": \"2GiB\"}, "
             "{\"base\": \"0x100000000\", \"size\": \"62GiB\"}], \"iommus\": [], \"host_bridges\": "
             "[{\"bus\": \"00\", \"functions\": [{\"address\": \"02.0\", \"kind\": \"root-port\", "
             "\"max_payload\": %u, \"max_payload_supported\": 512, \"link\": {\"speed\": \"%u.%uGT/s\", "
             "\"width\": %u}, \"functions\": [{\"address\": \"00.0\", \"kind\": \"endpoint\", "
             "\"max_payload\": %u, \"max_payload_supported\": 512, \"max_read_request\": 512}]}]}]}",
             mps, gigatransfers_tenths / 10, gigatransfers_tenths % 10, lanes, mps);
    validation_run_begin(&run, text);
    remove_limits(run.input);
    struct stream *stream =
        validation_run_stream(&run, "01:00.0", operation, above_4_gib, UINT64_C(64) << 20, size, QUEUE_DEPTH);
    stream->pattern = PATTERN_STRIDED; /* each operation begins at a multiple of 2 KiB, as in pcie-bench */
    stream->stride_bytes = 2048;
    stream->operations = operation == STREAM_ALTERNATE ? 60000 : 12000; /* the last ones are alone */
    stream->warmup_operations = 2000;
    validation_run_execute(&run);
    double gbps = validation_run_rates(&run, 0).gbps;
    validation_run_end(&run);
    return gbps;
}

static const struct {
    const char *column, *name;
    enum stream_operation operation;
    bool full; /* TLPs of the maximum payload, else 64 bytes */
} link_series[] = {
    {"write_full", "writes of maximum payload", STREAM_WRITE, true},
    {"completion_full", "completions of maximum payload", STREAM_READ, true},
    {"write_64", "writes of 64 B", STREAM_WRITE, false},
    {"completion_64", "completions of 64 B", STREAM_READ, false},
};

void table_link(struct validation *validation)
{
    static const unsigned tenths[] = {0, 25, 50, 80, 160, 320};
    struct published_table published = published_table_read(validation->arena, "pcie-link.csv");
    struct validation_table *table = validation_add_table(
        validation, (struct validation_table){
                        .id = "P1",
                        .title = "payload rate of a link by generation, width and MPS",
                        .x_name = "link",
                        .source = "analytic accounting of Neugebauer et al., SIGCOMM 2018 (pcie-model)",
                        .machine = "one endpoint below a root port, preset `default`, every limit of host "
                                   "and device taken away",
                        .tolerance = "0.5 % each point: both sides are arithmetic"});
    for (size_t s = 0; s < sizeof(link_series) / sizeof(link_series[0]); s++) {
        struct validation_series *series = validation_add_series(
            table, (struct validation_series){
                       .name = link_series[s].name, .unit = "Gbit/s", .point_tolerance = 0.005});
        for (size_t row = 1; row < published.rows; row++) {
            unsigned generation = (unsigned)published_number(&published, row, "generation");
            unsigned lanes = (unsigned)published_number(&published, row, "lanes");
            unsigned mps = (unsigned)published_number(&published, row, "mps");
            validation_add_point(
                series,
                (struct validation_point){
                    .label = arena_format(validation->arena, "Gen%u x%u %u", generation, lanes, mps),
                    .published = published_number(&published, row, link_series[s].column),
                    .simulated = payload_rate(tenths[generation], lanes, mps, link_series[s].operation,
                                              link_series[s].full ? mps : 64)});
        }
    }
}

void table_link_sizes(struct validation *validation)
{
    static const struct {
        const char *column, *name;
        enum stream_operation operation;
    } kinds[] = {{"write", "writes", STREAM_WRITE},
                 {"read", "reads", STREAM_READ},
                 {"both", "reads and writes alternate, a direction", STREAM_ALTERNATE}};
    struct published_table published = published_table_read(validation->arena, "pcie-model.csv");
    struct validation_table *table = validation_add_table(
        validation,
        (struct validation_table){.id = "P2",
                                  .title = "payload rate of Gen3 x8 by size of the operation",
                                  .x_name = "bytes",
                                  .source = "analytic model of Neugebauer et al., SIGCOMM 2018 (bw_calc.dat)",
                                  .machine = "as P1: Gen3 x8, MPS 256, MRRS 512",
                                  .tolerance = "0.5 % each point: both sides are arithmetic"});
    for (size_t s = 0; s < sizeof(kinds) / sizeof(kinds[0]); s++) {
        struct validation_series *series = validation_add_series(
            table,
            (struct validation_series){.name = kinds[s].name, .unit = "Gbit/s", .point_tolerance = 0.005});
        for (size_t row = 1; row < published.rows; row++) {
            double bytes = published_number(&published, row, "bytes");
            double gbps = payload_rate(80, 8, 256, kinds[s].operation, (uint64_t)bytes);
            validation_add_point(series,
                                 (struct validation_point){
                                     .x = bytes,
                                     .published = published_number(&published, row, kinds[s].column),
                                     .simulated = kinds[s].operation == STREAM_ALTERNATE ? gbps / 2 : gbps});
        }
    }
}
