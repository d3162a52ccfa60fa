/* SPDX-License-Identifier: MIT */
/* DMA operations per second through two switches and an IOMMU, on the test fixture's machine. */
#include "tests/bench/bench.h"
#include "tests/unit/machine_fixture.h"

double bench_dma(bool write, uint64_t size, uint64_t operations, double *events_per_operation)
{
    struct machine_fixture fixture;
    fixture_init(&fixture, "rp(up(dp(up(dp(ep)))))");
    struct stream *stream = fixture_stream(&fixture, "05:00.0", write ? STREAM_WRITE : STREAM_READ,
                                           0x10000000, size, operations, 64);
    stream->window_bytes = 1 << 20;
    stream->pattern = PATTERN_RANDOM;
    fixture_translate(&fixture, "05:00.0", 0x10000000, 1 << 20, 4096);
    double start = bench_cpu_seconds();
    fixture_run(&fixture);
    double seconds = bench_cpu_seconds() - start;
    *events_per_operation = (double)machine_events(fixture.machine) / (double)operations;
    fixture_fini(&fixture);
    return (double)operations / seconds;
}
