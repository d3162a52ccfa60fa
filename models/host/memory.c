/* SPDX-License-Identifier: MIT */
#include "models/host/memory.h"

static const char *const sources[] = {"llc", "dram", NULL};

static const struct field fields[] = {
    {.name = "data_source",
     .type = FIELD_CHOICE,
     .offset = offsetof(struct memory_parameters, data_source),
     .choices = sources,
     .help = "where DMA buffers are found: last-level cache or DRAM"},
    {.name = "llc_latency",
     .type = FIELD_QUANTITY,
     .offset = offsetof(struct memory_parameters, llc_latency_ps),
     .unit = UNIT_PICOSECONDS,
     .maximum = 1000000000,
     .help = "read served by the last-level cache"},
    {.name = "dram_latency",
     .type = FIELD_QUANTITY,
     .offset = offsetof(struct memory_parameters, dram_latency_ps),
     .unit = UNIT_PICOSECONDS,
     .maximum = 1000000000,
     .help = "read served by DRAM"},
    {.name = "bandwidth",
     .type = FIELD_QUANTITY,
     .offset = offsetof(struct memory_parameters, bandwidth_bytes_per_s),
     .unit = UNIT_BYTES_PER_S,
     .minimum = 1000000,
     .maximum = UINT64_C(100000000000000),
     .help = "all DMA together"},
};

const struct field_table memory_fields = {"memory", "host memory as DMA sees it", fields,
                                          sizeof(fields) / sizeof(fields[0]),
                                          sizeof(struct memory_parameters)};

uint64_t memory_read_latency_ps(const struct memory_parameters *parameters)
{
    return parameters->data_source == MEMORY_LLC ? parameters->llc_latency_ps : parameters->dram_latency_ps;
}

static uint64_t occupy(struct memory *memory, uint64_t now_ps, uint32_t bytes)
{
    uint64_t start_ps = now_ps > memory->free_at_ps ? now_ps : memory->free_at_ps;
    uint64_t duration_ps = bytes * UINT64_C(1000000000000) / memory->parameters.bandwidth_bytes_per_s;
    memory->free_at_ps = start_ps + duration_ps;
    memory->busy_ps += duration_ps;
    return start_ps;
}

uint64_t memory_read(struct memory *memory, uint64_t now_ps, uint32_t bytes)
{
    memory->bytes_read += bytes;
    return occupy(memory, now_ps, bytes) + memory_read_latency_ps(&memory->parameters);
}

uint64_t memory_write(struct memory *memory, uint64_t now_ps, uint32_t bytes)
{
    memory->bytes_written += bytes;
    return occupy(memory, now_ps, bytes);
}
