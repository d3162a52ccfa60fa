/* SPDX-License-Identifier: MIT */
#include "sim/input/dump_config.h"

#include "sim/input/lspci_platform.h"

bool dump_config_unreachable(const struct config_space *space)
{
    return config_read8(space, 0x0e) == 0xff && config_read32(space, 8) == UINT32_MAX;
}

void dump_part_fill(struct dump_part *part, const struct pci_function *function, uint32_t facts)
{
    struct pci_function address = part->function;
    part->function = *function;
    part->function.segment = address.segment;
    part->function.bus = address.bus;
    part->function.devfn = address.devfn;
    part->function.pf_id = part->function.secondary_bus_id = NONE;
    part->facts = facts;
}

void dump_config_fill(struct dump *dump, struct dump_part *part, const struct config_space *space)
{
    struct pci_function function = {0};
    config_space_decode(space, &function);
    uint32_t facts = FACT_CLASS | FACT_INTERFACE | FACT_REVISION | FACT_HEADER | FACT_MULTIFUNCTION |
                     FACT_COMMAND | FACT_BARS | FACT_BUSES | FACT_WINDOWS;
    if (function.vendor != 0xffff) /* a VF shows no ids of its own */
        facts |= FACT_VENDOR | FACT_DEVICE;
    if (function.subvendor || function.subdevice)
        facts |= FACT_SUBSYSTEM;
    if (!function.pcie_unknown)
        facts |= FACT_TYPE | FACT_EXPRESS | FACT_LINK | FACT_PAYLOAD;
    if (!function.acs_unknown)
        facts |= FACT_ACS | FACT_ACS_REGISTERS | FACT_EXTENDED | FACT_SRIOV;
    dump_part_fill(part, &function, facts);
    const struct pci_function *at = &part->function;
    if (at->segment == 0 && at->bus == 0 && at->devfn == LSPCI_ISA_BRIDGE &&
        lspci_rcba_state(space) != UNKNOWN)
        dump->rcba_enabled = lspci_rcba_state(space);
}
