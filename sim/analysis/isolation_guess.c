/* SPDX-License-Identifier: MIT */
#include "sim/analysis/isolation_guess.h"

#include <stddef.h>

enum { VENDOR_AMD = 0x1022, VENDOR_HYGON = 0x1d94, VENDOR_INTEL = 0x8086 };

static const struct {
    uint16_t vendor, device;
    bool isolated;
} seen[] = {
#define ISOLATION_GUESS(vendor, device, isolated) {vendor, device, isolated},
#include "sim/analysis/isolation_guess.def"
#undef ISOLATION_GUESS
};

bool isolation_hidden(const struct pci_function *function)
{
    return function->pcie_unknown || (function->pcie && function->acs_unknown);
}

bool isolation_guess(const struct pci_function *function)
{
    /* lspci -v names the capability without its bits: the kernel will have set them. */
    if (function->acs.present)
        return true;
    for (size_t i = 0; i < sizeof(seen) / sizeof(seen[0]); i++) {
        if (seen[i].vendor == function->vendor && seen[i].device == function->device)
            return seen[i].isolated;
    }
    return function_is_type(function, PCIE_ROOT_PORT) &&
           (function->vendor == VENDOR_INTEL || function->vendor == VENDOR_AMD ||
            function->vendor == VENDOR_HYGON);
}
