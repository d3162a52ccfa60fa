/* SPDX-License-Identifier: MIT */
#include "models/host/dma_api.h"

#define TIME(key, member, high, text)                                                                        \
    {                                                                                                        \
        .name = (key), .type = FIELD_QUANTITY, .offset = offsetof(struct dma_api_parameters, member),        \
        .unit = UNIT_PICOSECONDS, .maximum = (high), .help = (text)                                          \
    }

static const struct field fields[] = {
    TIME("map", map_ps, 1000000000, "dma_map on a CPU: find an address, write page-table entries"),
    TIME("unmap", unmap_ps, 1000000000,
         "dma_unmap on a CPU: clear page-table entries; invalidation is not included"),
    {.name = "flush_queue_entries",
     .type = FIELD_COUNT,
     .offset = offsetof(struct dma_api_parameters, flush_queue_entries),
     .minimum = 2,
     .maximum = 1048576,
     .help = "lazy mode: ranges a CPU's flush queue has room for, plus one"},
    TIME("flush_timeout", flush_timeout_ps, UINT64_C(1000000000000),
         "lazy mode: from the first range queued to the timer's flush"),
};

const struct field_table dma_api_fields = {"dma_api", "what mapping and unmapping buffers costs CPUs", fields,
                                           sizeof(fields) / sizeof(fields[0]),
                                           sizeof(struct dma_api_parameters)};
