/* SPDX-License-Identifier: MIT */
#include "models/pcie/fabric_acs.h"

enum {
    ISOLATION =
        ACS_SOURCE_VALIDATION | ACS_REQUEST_REDIRECT | ACS_COMPLETION_REDIRECT | ACS_UPSTREAM_FORWARDING
};

/** Device ids of Intel root ports, first, last, and distance between ids of the range. */
struct id_range {
    uint16_t first, last, step;
    enum acs_place place;
};

/* Source: drivers/pci/quirks.c of Linux 7.3.4, device ids of the acs-enable quirks for vendor 8086. */
static const struct id_range intel_root_ports[] = {
    {0x1c10, 0x1c1f, 1, ACS_IN_CHIPSET}, /* Cougar Point */
    {0x1d10, 0x1d1e, 2, ACS_IN_CHIPSET}, /* Patsburg */
    {0x1e10, 0x1e1f, 1, ACS_IN_CHIPSET}, /* Panther Point */
    {0x3b42, 0x3b51, 1, ACS_IN_CHIPSET}, /* Ibex Peak */
    {0x8c10, 0x8c1f, 1, ACS_IN_CHIPSET}, /* Lynx Point */
    {0x8c90, 0x8c9e, 2, ACS_IN_CHIPSET}, /* Lynx Point, 9 series */
    {0x8d10, 0x8d1e, 1, ACS_IN_CHIPSET}, /* Wellsburg */
    {0x9c10, 0x9c1b, 1, ACS_IN_CHIPSET}, /* Lynx Point-LP */
    {0x9c90, 0x9c9b, 1, ACS_IN_CHIPSET}, /* Wildcat Point */
    {0x9d10, 0x9d1b, 1, ACS_IN_DWORD},   /* Sunrise Point-LP */
    {0xa110, 0xa11f, 1, ACS_IN_DWORD},   /* Sunrise Point-H */
    {0xa167, 0xa16a, 1, ACS_IN_DWORD},   /* Sunrise Point-H */
    {0xa290, 0xa29f, 1, ACS_IN_DWORD},   /* Union Point */
    {0xa2e7, 0xa2ee, 1, ACS_IN_DWORD},   /* Union Point */
};

enum acs_place acs_place_of(const struct pci_function *function)
{
    if (function->vendor != 0x8086 || !function_is_type(function, PCIE_ROOT_PORT))
        return ACS_IN_CAPABILITY;
    for (size_t i = 0; i < sizeof(intel_root_ports) / sizeof(intel_root_ports[0]); i++) {
        const struct id_range *range = &intel_root_ports[i];
        if (function->device < range->first || function->device > range->last)
            continue;
        if ((function->device - range->first) % range->step != 0)
            continue;
        bool with_capability = range->place == ACS_IN_DWORD;
        return with_capability == function->acs.present ? range->place : ACS_IN_CAPABILITY;
    }
    return ACS_IN_CAPABILITY;
}

bool acs_isolates_anyway(const struct topology *topology, const struct pci_function *function)
{
    if (function->vendor != 0x8086 || function->segment > 0xffff)
        return false;
    bool chipset =
        !function->pcie && function->header_type == 0 && topology->buses[function->bus_id].parent_id == NONE;
    return chipset || function_is_type(function, PCIE_RC_ENDPOINT);
}

/** Control bits of a function with an ACS capability, as its registers (or @p control) have them. */
static uint16_t capability_control(const struct topology *topology, const struct pci_function *function,
                                   const uint16_t *control)
{
    const struct acs *acs = &function->acs;
    if (acs_place_of(function) != ACS_IN_DWORD)
        return control ? control[function->id] : acs->control;
    /* The dword stands where the egress vector would: there is none, so EC can select nothing. */
    uint16_t no_vector = (uint16_t)~ACS_EGRESS_CONTROL;
    if (control)
        return control[function->id] & no_vector;
    if (acs->egress_vector_known)
        return (uint16_t)acs->egress_vector & no_vector;
    return topology->acs_state == ACS_BOOTED ? acs->capability & ISOLATION : 0;
}

void fabric_acs_in_force(const struct topology *topology, const uint16_t *control, bool kernel_isolates,
                         uint16_t *in_force)
{
    for (uint32_t i = 0; i < topology->function_count; i++) {
        const struct pci_function *function = &topology->functions[i];
        in_force[i] = 0;
        if (function->acs.present)
            in_force[i] = capability_control(topology, function, control);
        else if (acs_place_of(function) == ACS_IN_CHIPSET && kernel_isolates &&
                 topology->rcba_enabled != KNOWN_ABSENT)
            in_force[i] = ISOLATION;
        if (acs_isolates_anyway(topology, function))
            in_force[i] |= ACS_REQUEST_REDIRECT | ACS_COMPLETION_REDIRECT;
    }
}
