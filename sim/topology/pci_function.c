/* SPDX-License-Identifier: MIT */
#include "sim/topology/pci_function.h"

#include <stdio.h>
#include <string.h>

char *bdf_print(char *text, uint32_t segment, uint8_t bus, uint8_t devfn)
{
    snprintf(text, BDF_TEXT_SIZE, "%04x:%02x:%02x.%x", segment, bus, pci_slot(devfn), pci_func(devfn));
    return text;
}

/* Up to `digits` hexadecimal digits at *text, at least one; moves *text behind them. */
static bool hex_parse(const char **text, unsigned digits, uint32_t *value)
{
    uint32_t sum = 0;
    unsigned count = 0;
    for (; count < digits; count++) {
        char c = (*text)[count];
        if (c >= '0' && c <= '9')
            sum = sum << 4 | (uint32_t)(c - '0');
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
            sum = sum << 4 | (uint32_t)((c | 0x20) - 'a' + 10);
        else
            break;
    }
    *text += count;
    *value = sum;
    return count > 0;
}

bool bdf_parse(const char *text, uint32_t *segment, uint8_t *bus, uint8_t *devfn)
{
    const char *colon = strchr(text, ':');
    uint32_t domain = 0, number, device, function;
    if (colon && strchr(colon + 1, ':')) {
        if (!hex_parse(&text, 8, &domain) || *text++ != ':')
            return false;
    }
    if (!hex_parse(&text, 2, &number) || *text++ != ':')
        return false;
    if (!hex_parse(&text, 2, &device) || device > 31 || *text++ != '.')
        return false;
    if (!hex_parse(&text, 1, &function) || function > 7 || *text != '\0')
        return false;
    *segment = domain;
    *bus = (uint8_t)number;
    *devfn = pci_devfn(device, function);
    return true;
}

/* ORDER: as kind_names. */
static const struct kind {
    bool pcie;
    enum pcie_type pcie_type;
    uint8_t header_type;
} kinds[] = {
    {true, PCIE_ENDPOINT, 0},      {true, PCIE_LEGACY_ENDPOINT, 0}, {true, PCIE_ROOT_PORT, 1},
    {true, PCIE_UPSTREAM_PORT, 1}, {true, PCIE_DOWNSTREAM_PORT, 1}, {true, PCIE_TO_PCI_BRIDGE, 1},
    {true, PCI_TO_PCIE_BRIDGE, 1}, {true, PCIE_RC_ENDPOINT, 0},     {true, PCIE_RC_EVENT_COLLECTOR, 0},
    {false, PCIE_ENDPOINT, 0},     {false, PCIE_ENDPOINT, 1},       {false, PCIE_ENDPOINT, 2},
};

/* ORDER: as kinds. */
static const char *const kind_names[] = {
    "endpoint",
    "legacy-endpoint",
    "root-port",
    "upstream-port",
    "downstream-port",
    "pcie-to-pci-bridge",
    "pci-to-pcie-bridge",
    "integrated-endpoint",
    "event-collector",
    "conventional",
    "conventional-bridge",
    "cardbus-bridge",
    NULL,
};

enum { KIND_COUNT = sizeof(kinds) / sizeof(kinds[0]) };
_Static_assert(sizeof(kind_names) / sizeof(kind_names[0]) == KIND_COUNT + 1, "one name a kind");

const char *function_kind_name(const struct pci_function *function)
{
    for (unsigned i = 0; i < KIND_COUNT; i++) {
        if (kinds[i].pcie != function->pcie)
            continue;
        /* A PCI Express function is what its type says, whatever its header: configuration space seen in the
         * wild contradicts itself. */
        if (kinds[i].pcie ? kinds[i].pcie_type == function->pcie_type
                          : kinds[i].header_type == function->header_type)
            return kind_names[i];
    }
    return "unknown";
}

bool function_kind_set(struct pci_function *function, const char *kind)
{
    for (unsigned i = 0; i < KIND_COUNT; i++) {
        if (strcmp(kind_names[i], kind) == 0) {
            function->pcie = kinds[i].pcie;
            function->pcie_type = kinds[i].pcie_type;
            function->header_type = kinds[i].header_type;
            return true;
        }
    }
    return false;
}

const char *const *function_kind_names(void)
{
    return kind_names;
}
