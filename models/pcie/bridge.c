/* SPDX-License-Identifier: MIT */
#include "models/pcie/bridge.h"

static const struct field fields[] = {
    {.name = "latency",
     .type = FIELD_QUANTITY,
     .offset = offsetof(struct bridge_parameters, latency_ps),
     .unit = UNIT_PICOSECONDS,
     .maximum = 1000000000,
     .help = "through the bridge, each way"},
    {.name = "bus_rate",
     .type = FIELD_QUANTITY,
     .offset = offsetof(struct bridge_parameters, bus_rate_bytes_per_s),
     .unit = UNIT_BYTES_PER_S,
     .minimum = 1000000,
     .maximum = UINT64_C(10000000000),
     .help = "data phases of the conventional bus below"},
    {.name = "bus_transaction",
     .type = FIELD_QUANTITY,
     .offset = offsetof(struct bridge_parameters, bus_transaction_ps),
     .unit = UNIT_PICOSECONDS,
     .maximum = 1000000000,
     .help = "arbitration, address phase and turn-around of one transaction on the bus"},
};

const struct field_table bridge_fields = {
    "bridge", "a PCIe-to-PCI or conventional bridge and the shared bus below it", fields,
    sizeof(fields) / sizeof(fields[0]), sizeof(struct bridge_parameters)};
