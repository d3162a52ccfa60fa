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
