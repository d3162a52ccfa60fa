/* SPDX-License-Identifier: MIT */
#include "models/pcie/switch.h"

static const struct field fields[] = {
    {.name = "latency",
     .type = FIELD_QUANTITY,
     .offset = offsetof(struct switch_parameters, latency_ps),
     .unit = UNIT_PICOSECONDS,
     .minimum = 0,
     .maximum = 1000000000,
     .help = "first bit in to first bit out of an empty switch that cuts through"},
    {.name = "store_and_forward",
     .type = FIELD_BOOLEAN,
     .offset = offsetof(struct switch_parameters, store_and_forward),
     .maximum = 1,
     .help = "forward only after the last bit is in, always"},
};

const struct field_table switch_fields = {"switch", "a PCI Express switch, named by its upstream port",
                                          fields, sizeof(fields) / sizeof(fields[0]),
                                          sizeof(struct switch_parameters)};
