/* SPDX-License-Identifier: MIT */
#include "sim/input/lspci_writer.h"

#include "sim/base/arena.h"
#include "sim/input/lspci_platform.h"
#include "sim/topology/config_space.h"

#include <stdlib.h>

enum {
    ROW_BYTES = 16,
    CAPABILITIES_END = 0x180, /* no extended capability of config_space_encode() reaches farther */
};

static uint64_t address_of(const struct pci_function *function)
{
    return (uint64_t)function->segment << 16 | pci_requester_id(function->bus, function->devfn);
}

static int compare_addresses(const void *left, const void *right)
{
    uint64_t a = address_of(*(const struct pci_function *const *)left);
    uint64_t b = address_of(*(const struct pci_function *const *)right);
    return a < b ? -1 : a > b;
}

/* Bytes to print: what a dump of this kind of function shows, cut after the last capability. */
static unsigned shown_length(const struct pci_function *function, const uint8_t *image)
{
    if (function->pcie_unknown)
        return CONFIG_HEADER_SIZE;
    if (!function->pcie || function->acs_unknown)
        return CONFIG_PCI_SIZE;
    /* Whole capabilities: lspci -F does not guess zeros. */
    const struct config_space space = {image, CONFIG_EXPRESS_SIZE};
    return config_read32(&space, CONFIG_EXTENDED_START) ? CAPABILITIES_END
                                                        : CONFIG_EXTENDED_START + ROW_BYTES;
}

static void write_row(struct text_buffer *out, const uint8_t *bytes, unsigned offset)
{
    static const char digits[] = "0123456789abcdef";
    char row[3 * ROW_BYTES];
    for (size_t i = 0; i < ROW_BYTES; i++) {
        row[3 * i] = ' ';
        row[3 * i + 1] = digits[bytes[offset + i] >> 4];
        row[3 * i + 2] = digits[bytes[offset + i] & 0xf];
    }
    text_buffer_format(out, "%02x:", offset);
    text_buffer_append(out, row, sizeof(row));
    text_buffer_add(out, "\n");
}

static void write_function(const struct topology *topology, const struct pci_function *function,
                           struct text_buffer *out)
{
    uint8_t image[CONFIG_EXPRESS_SIZE];
    char address[BDF_TEXT_SIZE];
    config_space_encode(function, image);
    if (function->segment == 0 && function->bus == 0 && function->devfn == LSPCI_ISA_BRIDGE)
        lspci_rcba_put(image, topology->rcba_enabled);
    text_buffer_format(out, "%s %04x: %04x:%04x",
                       bdf_print(address, function->segment, function->bus, function->devfn),
                       function->class_code >> 8, function->vendor, function->device);
    if (function->revision)
        text_buffer_format(out, " (rev %02x)", function->revision);
    text_buffer_add(out, "\n");
    unsigned length = shown_length(function, image);
    for (unsigned offset = 0; offset < length; offset += ROW_BYTES)
        write_row(out, image, offset);
    text_buffer_add(out, "\n");
}

void lspci_write(const struct topology *topology, struct text_buffer *out)
{
    uint32_t count = topology->function_count;
    const struct pci_function **order = memory_array((size_t)count + 1, sizeof(const struct pci_function *));
    for (uint32_t i = 0; i < count; i++)
        order[i] = &topology->functions[i];
    qsort(order, count, sizeof(const struct pci_function *), compare_addresses);
    for (uint32_t i = 0; i < count; i++)
        write_function(topology, order[i], out);
    free(order);
}
