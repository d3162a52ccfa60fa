/* SPDX-License-Identifier: MIT */
#include "sim/output/groups_lspci.h"

#include "sim/output/address_order.h"
#include "sim/output/function_label.h"
#include "sim/output/numa_nodes.h"

/* A value is one line: what would break it is shown as '?'. */
static void add_name(const char *name, struct text_buffer *out)
{
    for (; *name; name++)
        text_buffer_append(out, (unsigned char)*name < ' ' ? "?" : name, 1);
}

static void add_ids(const struct pci_function *function, struct text_buffer *out)
{
    const char *class = pci_class_name(function->class_code);
    const char *vendor = pci_vendor_name(function->vendor, function->name);
    const char *product = function_product_name(function);
    text_buffer_format(out, "Class:\t%s [%04x]\n", class ? class : "Class", function->class_code >> 8);
    text_buffer_format(out, "Vendor:\t%s [%04x]\nDevice:\t", vendor ? vendor : "Vendor", function->vendor);
    add_name(product ? product : "Device", out);
    text_buffer_format(out, " [%04x]\n", function->device);
    if (function->subvendor && function->subvendor != 0xffff) {
        const char *subvendor = pci_vendor_name(function->subvendor, NULL);
        text_buffer_format(out, "SVendor:\t%s [%04x]\nSDevice:\tDevice [%04x]\n",
                           subvendor ? subvendor : "Vendor", function->subvendor, function->subdevice);
    }
    if (function->revision)
        text_buffer_format(out, "Rev:\t%02x\n", function->revision);
    text_buffer_format(out, "ProgIf:\t%02x\n", function->class_code & 0xff);
}

static void add_record(const struct iommu_groups *groups, uint32_t id, bool nodes_told,
                       struct text_buffer *out)
{
    const struct pci_function *function = &groups->topology->functions[id];
    text_buffer_add(out, "Slot:\t");
    if (function->segment)
        text_buffer_format(out, "%04x:", function->segment);
    text_buffer_format(out, "%02x:%02x.%x\n", function->bus, pci_slot(function->devfn),
                       pci_func(function->devfn));
    add_ids(function, out);
    if (function->driver && *function->driver) {
        text_buffer_add(out, "Driver:\t");
        add_name(function->driver, out);
        text_buffer_add(out, "\n");
    }
    if (nodes_told)
        text_buffer_format(out, "NUMANode:\t%u\n", numa_node_of(groups->topology, function));
    if (groups->decisions[id].group != NONE)
        text_buffer_format(out, "IOMMUGroup:\t%u\n", groups->decisions[id].group);
    text_buffer_add(out, "\n");
}

void groups_output_lspci(const struct iommu_groups *groups, struct text_buffer *out)
{
    struct arena *arena = arena_new();
    const uint32_t *order = address_order(groups->topology, arena);
    bool nodes_told = numa_nodes_told(groups->topology);
    for (uint32_t i = 0; i < groups->topology->function_count; i++)
        add_record(groups, order[i], nodes_told, out);
    arena_free(arena);
}
