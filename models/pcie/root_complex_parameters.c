/* SPDX-License-Identifier: MIT */
#include "models/pcie/root_complex.h"

#define TIME(key, member, text)                                                                              \
    FIELD_ROW_QUANTITY(root_complex_parameters, key, member, UNIT_PICOSECONDS, 0, 1000000000, text)

static const struct field fields[] = {
    TIME("request_latency", request_latency_ps,
         "request received at the root port to the memory side, translation not included"),
    TIME("completion_latency", completion_latency_ps,
         "read data ready to the completion's first bit on the link"),
    TIME("write_commit", write_commit_ps, "posted write at the memory side to globally visible"),
    TIME("interrupt_delivery", interrupt_delivery_ps,
         "interrupt message visible to the CPU being in its handler"),
    TIME("peer_latency", peer_latency_ps, "root port to root port, one way"),
    {.name = "reads_in_flight",
     .type = FIELD_COUNT,
     .offset = offsetof(struct root_complex_parameters, reads_in_flight),
     .minimum = 1,
     .maximum = 65536,
     .help = "read requests a root complex serves at once, over all its ports"},
    {.name = "read_completion_boundary",
     .type = FIELD_COUNT,
     .offset = offsetof(struct root_complex_parameters, read_completion_boundary),
     .minimum = 64,
     .maximum = 128,
     .help = "RCB in bytes, 64 or 128 (PCIe Base Spec 2.3.1.1)"},
    {.name = "completion_payload",
     .type = FIELD_COUNT,
     .offset = offsetof(struct root_complex_parameters, completion_payload),
     .maximum = 4096,
     .help = "largest payload of a completion in bytes; 0 is the MPS of the port"},
};

const struct field_table root_complex_fields = {
    "root_complex", "the root complex between the root ports and memory", fields,
    sizeof(fields) / sizeof(fields[0]), sizeof(struct root_complex_parameters)};
