/* SPDX-License-Identifier: MIT */
/* P9: a network card receives as fast as it can, 32 queues, buffers mapped once. What the card does for a
 * packet: writes it into the buffers of the next descriptor, writes a completion entry, and fetches
 * descriptors now and then. Which page misses when follows from that and from the size of the IOTLB. */
#include "tests/validation/published_table.h"
#include "tests/validation/validation.h"
#include "tests/validation/validation_run.h"

#include "sim/kernel/random.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    QUEUES = 32,
    DESCRIPTORS = 1024,
    PAGE = 4096,
    ETHERNET_BYTES = 18,      /* header and checksum around the MTU */
    WIRE_BYTES = 38,          /* these, preamble and gap */
    TCP_IP_BYTES = 52,        /* headers with time stamps */
    COMPLETION_BYTES = 64,    /* one a packet (mlx5) */
    DESCRIPTOR_BYTES = 16,    /* an address and a key (mlx5) */
    DESCRIPTORS_FETCHED = 16, /* at once (assumed) */
    PACKETS = 24000,
    QUEUE_DEPTH = 64,
    FRAGMENTS = 4, /* of one packet (mlx5) */
    FRAGMENT = 2048,
    FIRST_FRAGMENT = 1664,            /* what head room and skb_shared_info leave of 2 KiB */
    PAGES_OF_QUEUE = 4 * DESCRIPTORS, /* room for several buffers a packet */
};

static const uint64_t iova_base = UINT64_C(0x200000000), physical_base = UINT64_C(0x200000000);

/* A queue: its buffers, completion entries and descriptors each in pages of their own. */
struct queue {
    uint64_t buffers, completions, descriptors; /* addresses */
    uint64_t used;                              /* buffer bytes given out so far */
    uint32_t packets;
};

static void write_line(FILE *file, const char *operation, uint64_t address, uint32_t bytes)
{
    fprintf(file, "0,01:00.0,%s,0x%llx,%u\n", operation, (unsigned long long)address, bytes);
}

/* Buffers as Linux's mlx5 driver cuts them: up to four fragments a packet, of 2 KiB but for the last, each in
 * the next power of two that holds it; a fragment that does not fit into the rest of a page begins the next.
 * So a frame up to 1664 bytes takes half a page, one up to 3712 bytes a page. */
static uint32_t fragment_bytes(unsigned index, uint32_t left)
{
    uint32_t most = index == 0 ? FIRST_FRAGMENT : index < FRAGMENTS - 1 ? FRAGMENT : left;
    return left < most ? left : most;
}

static uint32_t fragment_stride(unsigned index, uint32_t bytes)
{
    uint32_t size = 64, room = index == 0 ? bytes + FRAGMENT - FIRST_FRAGMENT : bytes;
    while (size < room)
        size *= 2;
    return size;
}

static void receive(FILE *file, struct queue *queue, uint32_t frame)
{
    const uint64_t room = (uint64_t)PAGES_OF_QUEUE * PAGE;
    uint32_t done = 0;
    for (unsigned index = 0; done < frame; index++) {
        uint32_t bytes = fragment_bytes(index, frame - done), stride = fragment_stride(index, bytes);
        if (queue->used % PAGE + stride > PAGE)
            queue->used += PAGE - queue->used % PAGE;
        write_line(file, "write", queue->buffers + queue->used % room, bytes);
        queue->used += stride;
        done += bytes;
    }
    uint32_t slot = queue->packets++ % DESCRIPTORS;
    write_line(file, "write", queue->completions + slot * COMPLETION_BYTES, COMPLETION_BYTES);
    if (slot % DESCRIPTORS_FETCHED == 0)
        write_line(file, "read", queue->descriptors + slot * DESCRIPTOR_BYTES,
                   DESCRIPTORS_FETCHED * DESCRIPTOR_BYTES);
}

/* Packets of a few hundred connections arrive at the queues in no order. @return bytes of IOVA used */
static uint64_t write_trace(FILE *file, uint32_t mtu)
{
    struct queue queues[QUEUES];
    struct random_stream random;
    uint64_t at = iova_base;
    random_init(&random, 1, "packets");
    for (unsigned q = 0; q < QUEUES; q++) {
        queues[q] = (struct queue){.buffers = at};
        at += (uint64_t)PAGES_OF_QUEUE * PAGE;
        queues[q].completions = at;
        at += DESCRIPTORS * COMPLETION_BYTES;
        queues[q].descriptors = at;
        at += DESCRIPTORS * DESCRIPTOR_BYTES;
    }
    for (uint32_t packet = 0; packet < PACKETS; packet++)
        receive(file, &queues[random_below(&random, QUEUES)], mtu + ETHERNET_BYTES);
    return at - iova_base;
}

struct received {
    double gbps, misses_per_mib;
};

static struct received simulate(uint32_t mtu, bool translated)
{
    char path[] = "/tmp/iommusim-validation-XXXXXX";
    struct validation_run run;
    int descriptor = mkstemp(path);
    FILE *file = descriptor < 0 ? NULL : fdopen(descriptor, "w");
    if (!file) {
        perror(path);
        exit(3);
    }
    uint64_t length = write_trace(file, mtu);
    fclose(file);
    validation_run_begin(&run, "topologies/nic-server-ice-lake.json");
    if (translated)
        validation_run_map(&run, "01:00.0", iova_base, physical_base, length, PAGE);
    struct stream *stream =
        validation_run_stream(&run, "01:00.0", STREAM_WRITE, iova_base, length, 64, QUEUE_DEPTH);
    stream->function_id = NONE;
    stream->trace_path = path;
    stream->operations = stream->warmup_operations = 0;
    validation_run_execute(&run);
    unlink(path);
    double payload = (double)PACKETS * (mtu - TCP_IP_BYTES);
    struct received received = {.gbps = payload * 8e3 / (double)machine_end_ps(run.simulation.machine)};
    if (translated)
        received.misses_per_mib =
            (double)machine_unit(run.simulation.machine, 0)->counters.iotlb_misses / (payload / 1048576);
    double line_gbps = 200.0 * (mtu - TCP_IP_BYTES) / (mtu + WIRE_BYTES);
    received.gbps = fmin(received.gbps, line_gbps);
    validation_run_end(&run);
    return received;
}

/* Points that cannot be met, and why. */
static const struct exception {
    const char *column;
    double mtu, tolerance;
    const char *note;
} exceptions[] = {
    {"on", 7500, 0.15,
     "held to 15 %: with the simulated misses, 11 % fewer than published, the line is the limit, not the "
     "IOMMU"},
    {"misses_200", 4500, 0.20,
     "held to 20 %: two packets take three pages here; how the driver of the measurement cut this size is "
     "not "
     "published"},
};

static const struct exception *exception_of(const char *column, double mtu)
{
    for (size_t i = 0; i < sizeof(exceptions) / sizeof(exceptions[0]); i++) {
        if (strcmp(exceptions[i].column, column) == 0 && exceptions[i].mtu == mtu)
            return &exceptions[i];
    }
    return NULL;
}

void table_nic_receive(struct validation *validation)
{
    struct published_table published = published_table_read(validation->arena, "nic-receive.csv");
    struct validation_table *table = validation_add_table(
        validation, (struct validation_table){
                        .id = "P9",
                        .title = "receiving at 200 Gbit/s through the IOMMU, by MTU",
                        .x_name = "MTU",
                        .source = "Farshin et al., PeerJ CS 2023, figures 4.4 and 4.5 of the dissertation: "
                                  "ConnectX-6 on a Xeon Gold 6346, deferred invalidation, 32 queues",
                        .machine = "`topologies/nic-server-ice-lake.json`, preset `ice-lake-6346`; buffers "
                                   "mapped once in 4 KiB pages, packets to random queues",
                        .tolerance = "10 % for the throughput, 15 % for misses"});
    static const struct {
        const char *column, *name, *unit;
        double tolerance;
    } kinds[] = {{"off", "throughput, IOMMU off", "Gbit/s", 0.10},
                 {"on", "throughput, IOMMU on", "Gbit/s", 0.10},
                 {"misses_200", "IOTLB misses a MiB, 200 Gbit/s offered", "misses", 0.15},
                 {"misses_100", "IOTLB misses a MiB, 100 Gbit/s offered", "misses", 0}};
    for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
        struct validation_series *series = validation_add_series(
            table, (struct validation_series){
                       .name = kinds[k].name, .unit = kinds[k].unit, .point_tolerance = kinds[k].tolerance});
        for (size_t row = 1; row < published.rows; row++) {
            double mtu = published_number(&published, row, "mtu");
            struct received received = simulate((uint32_t)mtu, k > 0);
            const struct exception *apart = exception_of(kinds[k].column, mtu);
            validation_add_point(series, (struct validation_point){
                                             .x = mtu,
                                             .published = published_number(&published, row, kinds[k].column),
                                             .simulated = k < 2 ? received.gbps : received.misses_per_mib,
                                             .tolerance = apart ? apart->tolerance : 0,
                                             .note = apart ? apart->note : NULL});
        }
    }
}
