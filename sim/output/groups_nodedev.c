/* SPDX-License-Identifier: MIT */
#include "sim/output/groups_nodedev.h"

#include "sim/analysis/dma_alias.h"
#include "sim/output/address_order.h"
#include "sim/output/function_label.h"
#include "sim/output/numa_nodes.h"
#include "sim/output/xml_text.h"

static void add_name(const struct pci_function *function, struct text_buffer *out)
{
    text_buffer_format(out, "pci_%04x_%02x_%02x_%x", function->segment, function->bus,
                       pci_slot(function->devfn), pci_func(function->devfn));
}

static void add_address(const struct pci_function *function, const char *indent, struct text_buffer *out)
{
    text_buffer_format(out, "%s<address domain='0x%04x' bus='0x%02x' slot='0x%02x' function='0x%x'/>\n",
                       indent, function->segment, function->bus, pci_slot(function->devfn),
                       pci_func(function->devfn));
}

/* What sysfs shows above: the bridge, for a function behind a VMD in the end its endpoint. NULL: the root. */
static const struct pci_function *parent_of(const struct topology *topology,
                                            const struct pci_function *function)
{
    const struct pci_function *bridge = topology_parent(topology, function);
    const struct pci_function *real = dma_alias_real_function(topology, function);
    return bridge || real == function ? bridge : real;
}

/* "/pci0000:00/0000:00:1c.0/0000:01:00.0": the root bus and all from it down to @p function. */
static void add_tree_path(const struct topology *topology, const struct pci_function *function,
                          struct text_buffer *out)
{
    char bdf[BDF_TEXT_SIZE];
    const struct pci_function *bridge = topology_parent(topology, function);
    if (bridge) {
        add_tree_path(topology, bridge, out);
    } else {
        const struct pci_bus *bus = &topology->buses[function->bus_id];
        const struct host_bridge *host = &topology->host_bridges[bus->host_bridge_id];
        text_buffer_format(out, "/pci%04x:%02x", host->segment, topology->buses[host->root_bus_id].number);
    }
    text_buffer_format(out, "/%s", bdf_print(bdf, function->segment, function->bus, function->devfn));
}

/* Behind a VMD the path goes through its endpoint. */
static void add_path(const struct topology *topology, const struct pci_function *function,
                     struct text_buffer *out)
{
    const struct pci_function *real = dma_alias_real_function(topology, function);
    text_buffer_add(out, "/sys/devices");
    if (real != function)
        add_tree_path(topology, real, out);
    add_tree_path(topology, function, out);
}

static void add_ids(const struct pci_function *function, struct text_buffer *out)
{
    const char *product = function_product_name(function);
    const char *vendor = pci_vendor_name(function->vendor, function->name);
    text_buffer_format(out,
                       "    <class>0x%06x</class>\n    <domain>%u</domain>\n    <bus>%u</bus>\n"
                       "    <slot>%u</slot>\n    <function>%u</function>\n    <product id='0x%04x'",
                       function->class_code, function->segment, function->bus, pci_slot(function->devfn),
                       pci_func(function->devfn), function->device);
    if (product) {
        text_buffer_add(out, ">");
        xml_text_add(out, product);
        text_buffer_add(out, "</product>\n");
    } else {
        text_buffer_add(out, "/>\n");
    }
    text_buffer_format(out, "    <vendor id='0x%04x'", function->vendor);
    if (vendor) {
        text_buffer_add(out, ">");
        xml_text_add(out, vendor);
        text_buffer_add(out, "</vendor>\n");
    } else {
        text_buffer_add(out, "/>\n");
    }
}

static void add_virtual_functions(const struct topology *topology, const struct pci_function *function,
                                  struct text_buffer *out)
{
    bool any = false;
    if (function->is_vf && function->pf_id != NONE) {
        text_buffer_add(out, "    <capability type='phys_function'>\n");
        add_address(&topology->functions[function->pf_id], "      ", out);
        text_buffer_add(out, "    </capability>\n");
    }
    if (!function->sriov.present)
        return;
    text_buffer_add(out, "    <capability type='virt_functions'");
    if (function->sriov.total_vfs)
        text_buffer_format(out, " maxCount='%u'", function->sriov.total_vfs);
    for (uint32_t id = 0; id < topology->function_count; id++) {
        const struct pci_function *vf = &topology->functions[id];
        if (!vf->is_vf || vf->pf_id != function->id)
            continue;
        text_buffer_add(out, any ? "" : ">\n");
        any = true;
        add_address(vf, "      ", out);
    }
    text_buffer_add(out, any ? "    </capability>\n" : "/>\n");
}

static void add_group(const struct iommu_groups *groups, const struct pci_function *function,
                      struct text_buffer *out)
{
    uint32_t number = groups->decisions[function->id].group;
    if (number == NONE)
        return;
    const struct iommu_group *group = &groups->groups[number];
    text_buffer_format(out, "    <iommuGroup number='%u'>\n", number);
    for (uint32_t i = 0; i < group->member_count; i++)
        add_address(&groups->topology->functions[group->members[i]], "      ", out);
    text_buffer_add(out, "    </iommuGroup>\n");
}

static void add_link(const char *validity, int port, uint8_t generation, uint8_t width,
                     struct text_buffer *out)
{
    static const char *const speeds[] = {NULL, "2.5", "5", "8", "16", "32", "64"};
    text_buffer_format(out, "      <link validity='%s'", validity);
    if (port >= 0)
        text_buffer_format(out, " port='%d'", port);
    if (generation > 0 && generation < sizeof(speeds) / sizeof(speeds[0]))
        text_buffer_format(out, " speed='%s'", speeds[generation]);
    text_buffer_format(out, " width='%u'/>\n", width);
}

static void add_express(const struct pci_function *function, struct text_buffer *out)
{
    const struct link_state *link = &function->link;
    if (!function->pcie)
        return;
    /* Integrated functions have no link registers. */
    bool registers =
        function->pcie_type != PCIE_RC_ENDPOINT && function->pcie_type != PCIE_RC_EVENT_COLLECTOR;
    bool maximum = link->maximum_generation || link->maximum_width;
    bool state = maximum || link->generation || link->width;
    if (!registers || (!maximum && !state)) {
        text_buffer_add(out, "    <pci-express/>\n");
        return;
    }
    text_buffer_add(out, "    <pci-express>\n");
    if (maximum)
        add_link("cap", function->port_number - 1, link->maximum_generation, link->maximum_width, out);
    add_link("sta", -1, link->generation, link->width, out);
    text_buffer_add(out, "    </pci-express>\n");
}

static void add_device(const struct iommu_groups *groups, const struct pci_function *function,
                       bool nodes_told, struct text_buffer *out)
{
    const struct topology *topology = groups->topology;
    const struct pci_function *above = parent_of(topology, function);
    text_buffer_add(out, "<device>\n  <name>");
    add_name(function, out);
    text_buffer_add(out, "</name>\n  <path>");
    add_path(topology, function, out);
    text_buffer_add(out, "</path>\n  <parent>");
    if (above)
        add_name(above, out);
    else
        text_buffer_add(out, "computer");
    text_buffer_add(out, "</parent>\n");
    if (function->driver && *function->driver) {
        text_buffer_add(out, "  <driver>\n    <name>");
        xml_text_add(out, function->driver);
        text_buffer_add(out, "</name>\n  </driver>\n");
    }
    text_buffer_add(out, "  <capability type='pci'>\n");
    add_ids(function, out);
    add_virtual_functions(topology, function, out);
    if (function->header_type)
        text_buffer_format(out, "    <capability type='%s'/>\n",
                           function->header_type == 1 ? "pci-bridge" : "cardbus-bridge");
    add_group(groups, function, out);
    if (nodes_told)
        text_buffer_format(out, "    <numa node='%u'/>\n", numa_node_of(topology, function));
    add_express(function, out);
    text_buffer_add(out, "  </capability>\n</device>\n");
}

void groups_output_nodedev(const struct iommu_groups *groups, struct text_buffer *out)
{
    struct arena *arena = arena_new();
    const uint32_t *order = address_order(groups->topology, arena);
    bool nodes_told = numa_nodes_told(groups->topology);
    text_buffer_add(out, "<devices>\n");
    for (uint32_t i = 0; i < groups->topology->function_count; i++)
        add_device(groups, &groups->topology->functions[order[i]], nodes_told, out);
    text_buffer_add(out, "</devices>\n");
    arena_free(arena);
}
