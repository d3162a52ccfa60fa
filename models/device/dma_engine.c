/* SPDX-License-Identifier: MIT */
#include "models/device/dma_engine.h"

#define TIME(key, member, text)                                                                              \
    {                                                                                                        \
        .name = (key), .type = FIELD_QUANTITY, .offset = offsetof(struct dma_engine_parameters, member),     \
        .unit = UNIT_PICOSECONDS, .maximum = 1000000000000, .help = (text)                                   \
    }

static const struct field fields[] = {
    {.name = "tags",
     .type = FIELD_COUNT,
     .offset = offsetof(struct dma_engine_parameters, tags),
     .minimum = 1,
     .maximum = 1024,
     .help = "read requests in flight at most (PCIe Base Spec 2.2.6.2: 32, 256 or 1024)"},
    TIME("read_issue_interval", read_issue_interval_ps,
         "between the starts of two read operations, at least"),
    TIME("write_issue_interval", write_issue_interval_ps,
         "between the starts of two write operations, at least"),
    TIME("issue_latency", issue_latency_ps, "operation accepted to its first TLP ready for the link"),
    TIME("completion_latency", completion_latency_ps, "last completion received to operation done"),
    TIME("completer_latency", completer_latency_ps,
         "as target of a peer's read: request received to completion ready"),
};

const struct field_table dma_engine_fields = {"endpoint", "the DMA engine of an endpoint", fields,
                                              sizeof(fields) / sizeof(fields[0]),
                                              sizeof(struct dma_engine_parameters)};
