/* SPDX-License-Identifier: MIT */
/* Every invariant of a finished topology: the tree and the bus numbers, ports and links, what firmware tables
 * name. Addresses are checked in topology_check_addresses.c. */
#include "sim/base/arena.h"
#include "sim/topology/check_internal.h"

#include <stdio.h>
#include <stdlib.h>

const char *check_text(const struct pci_function *function, char *text)
{
    return bdf_print(text, function->segment, function->bus, function->devfn);
}

/* What the builder guarantees and everyone relies on. A finding is a bug of iommusim, not of the input. */
static bool check_ids(const struct topology_checker *checker)
{
    const struct topology *topology = checker->topology;
    bool good = true;
    for (uint32_t i = 0; i < topology->function_count; i++) {
        const struct pci_function *function = &topology->functions[i];
        good &= function->id == i && function->bus_id < topology->bus_count;
        good &= function->real_dma_id < topology->function_count;
        good &= function->is_vf || function->pf_id == NONE;
        good &= function->pf_id == NONE || function->pf_id < i;
        if (!good)
            break;
        const struct pci_bus *bus = &topology->buses[function->bus_id];
        good &= bus->number == function->bus && bus->segment == function->segment;
        good &= topology_find(topology, function->segment, function->bus, function->devfn) == function;
        const struct pci_function *parent = topology_parent(topology, function);
        good &= !parent || parent->id < i;
    }
    for (uint32_t i = 0; i < topology->bus_count && good; i++) {
        const struct pci_bus *bus = &topology->buses[i];
        good &= bus->id == i && bus->host_bridge_id < topology->host_bridge_count;
        good &= bus->parent_id == NONE || bus->parent_id < i;
        good &= bus->self_id == NONE || topology->functions[bus->self_id].secondary_bus_id == i;
        for (uint32_t f = 0; f < bus->function_count; f++)
            good &= topology->functions[bus->functions[f]].bus_id == i;
    }
    if (!good)
        CHECK_ERROR(checker, NULL, "topology-inconsistent",
                    "the tree of functions is inconsistent: this is a bug of iommusim");
    return good;
}

static bool has_range(const struct pci_function *bridge)
{
    return owns_bus(bridge) && bridge->secondary_bus != 0;
}

/* The numbers a bridge states, inside those of the bridge or host bridge above it. */
static void check_bus_range(const struct topology_checker *checker, const struct pci_function *bridge)
{
    const struct topology *topology = checker->topology;
    const struct pci_bus *above = &topology->buses[bridge->bus_id];
    char text[BDF_TEXT_SIZE], parent_text[BDF_TEXT_SIZE];
    if (bridge->subordinate_bus < bridge->secondary_bus) {
        CHECK_ERROR(checker, bridge->pointer, "topology-bus-range",
                    "bridge %s has the buses %02x to %02x: the subordinate is below the secondary",
                    check_text(bridge, text), bridge->secondary_bus, bridge->subordinate_bus);
        return;
    }
    if (bridge->subordinate_bus <= above->subordinate)
        return;
    /* Kernels give CardBus bridges four buses, even where the transparent bridge above has fewer left
     * (drivers/pci/probe.c, "partially hidden behind"). */
    if (bridge->header_type == 2 && bridge->secondary_bus <= above->subordinate)
        return;
    if (above->self_id == NONE)
        CHECK_ERROR(checker, bridge->pointer, "topology-bus-outside-host",
                    "bridge %s has the buses %02x to %02x, but its host bridge ends at bus %02x",
                    check_text(bridge, text), bridge->secondary_bus, bridge->subordinate_bus,
                    above->subordinate);
    else
        CHECK_ERROR(checker, bridge->pointer, "topology-bus-outside-parent",
                    "bridge %s has the buses %02x to %02x, outside %02x to %02x of the bridge %s above it",
                    check_text(bridge, text), bridge->secondary_bus, bridge->subordinate_bus, above->number,
                    above->subordinate, check_text(&topology->functions[above->self_id], parent_text));
}

static int compare_by_secondary(const void *left, const void *right)
{
    const struct pci_function *const *a = left, *const *b = right;
    return (int)(*a)->secondary_bus - (int)(*b)->secondary_bus;
}

/* Bridges of one bus have ranges of their own. */
static void check_siblings(const struct topology_checker *checker, const struct pci_bus *bus)
{
    const struct pci_function *bridges[256];
    unsigned count = 0;
    char text[BDF_TEXT_SIZE], other[BDF_TEXT_SIZE];
    for (uint32_t i = 0; i < bus->function_count && count < 256; i++) {
        const struct pci_function *function = &checker->topology->functions[bus->functions[i]];
        if (has_range(function))
            bridges[count++] = function;
    }
    qsort(bridges, count, sizeof(const struct pci_function *), compare_by_secondary);
    const struct pci_function *widest = count ? bridges[0] : NULL;
    for (unsigned i = 1; i < count; i++) {
        if (bridges[i]->secondary_bus <= widest->subordinate_bus) {
            CHECK_ERROR(checker, bridges[i]->pointer, "topology-bus-overlap",
                        "bridge %s has the buses %02x to %02x, which overlap %02x to %02x of %s",
                        check_text(bridges[i], text), bridges[i]->secondary_bus, bridges[i]->subordinate_bus,
                        widest->secondary_bus, widest->subordinate_bus, check_text(widest, other));
            CHECK_NOTE(checker, widest->pointer, "topology-bus-overlap", "the other bridge");
        }
        if (bridges[i]->subordinate_bus > widest->subordinate_bus)
            widest = bridges[i];
    }
}

static void check_host_windows(const struct topology_checker *checker, const struct host_bridge *host)
{
    for (uint32_t w = 0; w < host->window_count; w++) {
        if (host->windows[w].base > host->windows[w].limit)
            CHECK_ERROR(checker, host->pointer, "topology-window-order",
                        "a window of host bridge %04x:%02x ends before it begins", host->segment,
                        host->bus_start);
    }
}

/* Behind a VMD endpoint is a segment of its own, and in it no further VMD endpoint at work: it takes what
 * hangs on root ports of the processor, and itself is none of that (drivers/pci/controller/vmd.c). */
static void check_vmd(const struct topology_checker *checker, const struct host_bridge *host)
{
    const struct topology *topology = checker->topology;
    char text[BDF_TEXT_SIZE];
    if (host->vmd_function_id == NONE)
        return;
    const struct pci_function *endpoint = &topology->functions[host->vmd_function_id];
    const struct host_bridge *around =
        &topology->host_bridges[topology->buses[endpoint->bus_id].host_bridge_id];
    if (around->vmd_function_id != NONE)
        CHECK_ERROR(checker, host->pointer, "topology-vmd-nested",
                    "host bridge %04x:%02x is emulated by the VMD endpoint %s, which is itself behind a VMD "
                    "endpoint",
                    host->segment, host->bus_start, check_text(endpoint, text));
}

/* Host bridges of a segment have ranges of their own. */
static void check_host(const struct topology_checker *checker, const struct host_bridge *host)
{
    const struct topology *topology = checker->topology;
    check_host_windows(checker, host);
    check_vmd(checker, host);
    if (host->bus_end < host->bus_start) {
        CHECK_ERROR(checker, host->pointer, "topology-bus-range",
                    "host bridge %04x:%02x ends at bus %02x, before it begins", host->segment,
                    host->bus_start, host->bus_end);
        return;
    }
    for (unsigned number = host->bus_start + 1U; number <= host->bus_end; number++) {
        const struct pci_bus *bus = topology_find_bus(topology, host->segment, (uint8_t)number);
        if (!bus || bus->self_id != NONE || bus->parent_id != NONE)
            continue;
        const struct host_bridge *other = &topology->host_bridges[bus->host_bridge_id];
        if (other->found)
            CHECK_WARNING(checker, topology->functions[bus->functions[0]].pointer, "topology-bus-unexplained",
                          "functions are on bus %04x:%02x, to which no bridge leads, although it lies in the "
                          "buses %02x to %02x of a host bridge",
                          other->segment, other->bus_start, host->bus_start, host->bus_end);
        else
            CHECK_ERROR(checker, other->pointer, "topology-bus-overlap",
                        "host bridge %04x:%02x lies in the buses %02x to %02x of another", other->segment,
                        other->bus_start, host->bus_start, host->bus_end);
    }
}

/* A VF's bus number has to be one that requests are routed to: sriov_enable() in drivers/pci/iov.c refuses
 * others. */
static void check_vf(const struct topology_checker *checker, const struct pci_function *vf)
{
    const struct topology *topology = checker->topology;
    char text[BDF_TEXT_SIZE], pf_text[BDF_TEXT_SIZE];
    if (vf->pf_id == NONE)
        return;
    const struct pci_function *pf = &topology->functions[vf->pf_id];
    const struct pci_bus *bus = &topology->buses[pf->bus_id];
    if (vf->bus >= bus->number && vf->bus <= bus->subordinate)
        return;
    CHECK_ERROR(checker, pf->pointer, "topology-vf-out-of-reach",
                "virtual function %u of %s would be at %s, but only buses %02x to %02x are routed there",
                vf->vf_index, check_text(pf, pf_text), check_text(vf, text), bus->number, bus->subordinate);
}

/* Ports where the specification has them (PCIe Base Spec 1.3). Configuration space found in the wild breaks
 * every one of these rules, and the kernel lives with it: warnings. */
static void check_port(const struct topology_checker *checker, const struct pci_function *function)
{
    const struct topology *topology = checker->topology;
    const struct pci_function *parent = topology_parent(topology, function);
    char text[BDF_TEXT_SIZE], parent_text[BDF_TEXT_SIZE];
    if (!function->pcie || function->is_vf)
        return;
    if (function->pcie_type == PCIE_DOWNSTREAM_PORT && parent &&
        !function_is_type(parent, PCIE_UPSTREAM_PORT))
        CHECK_WARNING(checker, function->pointer, "topology-port-place",
                      "%s is a downstream port of a switch, but %s above it is no upstream port",
                      check_text(function, text), check_text(parent, parent_text));
    if (function->pcie_type == PCIE_UPSTREAM_PORT && parent && !leads_to_link(parent))
        CHECK_WARNING(checker, function->pointer, "topology-port-place",
                      "%s is an upstream port of a switch, but %s above it leads to no link",
                      check_text(function, text), check_text(parent, parent_text));
    if (function->pcie_type == PCIE_ROOT_PORT && parent)
        CHECK_WARNING(checker, function->pointer, "topology-port-place",
                      "%s is a root port, but sits below %s and not on a root bus",
                      check_text(function, text), check_text(parent, parent_text));
    bool integrated =
        function->pcie_type == PCIE_RC_ENDPOINT || function->pcie_type == PCIE_RC_EVENT_COLLECTOR;
    if (integrated && parent)
        CHECK_WARNING(checker, function->pointer, "topology-port-place",
                      "%s is integrated into the root complex, but sits below %s", check_text(function, text),
                      check_text(parent, parent_text));
    bool is_endpoint = function->pcie_type == PCIE_ENDPOINT || function->pcie_type == PCIE_LEGACY_ENDPOINT;
    if (is_endpoint && parent && function_is_type(parent, PCIE_UPSTREAM_PORT))
        CHECK_WARNING(checker, function->pointer, "topology-port-place",
                      "%s is an endpoint inside a switch: below the upstream port %s are downstream ports",
                      check_text(function, text), check_text(parent, parent_text));
}

static bool leads_nowhere(const struct topology *topology, const struct pci_function *port)
{
    return leads_to_link(port) &&
           (port->secondary_bus_id == NONE || topology->buses[port->secondary_bus_id].function_count == 0);
}

static bool is_lane_count(unsigned width)
{
    return width == 12 || (width <= 32 && (width & (width - 1)) == 0);
}

static bool has_link(const struct link_state *link)
{
    return link->generation && link->width && is_lane_count(link->width);
}

static void check_link(const struct topology_checker *checker, const struct pci_function *function)
{
    const struct link_state *link = &function->link;
    char text[BDF_TEXT_SIZE];
    if (function->is_vf)
        return;
    if (link->generation > 6 || link->maximum_generation > 6 || !is_lane_count(link->width) ||
        !is_lane_count(link->maximum_width))
        CHECK_OBSERVED(
            checker, function, "topology-link-width",
            "%s has a link of generation %u with %u lanes: generations are 1 to 6, widths 1, 2, 4, 8, 12, "
            "16 and 32",
            check_text(function, text), link->generation, link->width);
    /* A port that leads nowhere shows whatever it pleases. */
    else if (link->generation && !link->width && !leads_nowhere(checker->topology, function))
        CHECK_OBSERVED(checker, function, "topology-zero-width-link",
                       "%s has a link of generation %u with no lanes", check_text(function, text),
                       link->generation);
    else if (link->width && !link->generation)
        CHECK_OBSERVED(checker, function, "topology-link-speed",
                       "%s has a link of %u lanes without a generation", check_text(function, text),
                       link->width);
}

/* Both ends of a link agree on speed and width; a device on a link is device 0, unless ARI gives it more
 * functions than eight. */
/* Device Control may not ask for more than Device Capabilities offer (PCIe Base Spec 7.5.3.4). */
static void check_payload(const struct topology_checker *checker, const struct pci_function *function)
{
    char text[BDF_TEXT_SIZE];
    if (function->is_vf || !function->max_payload_supported ||
        function->max_payload <= function->max_payload_supported)
        return;
    CHECK_OBSERVED(checker, function, "topology-max-payload",
                   "%s is set to payloads of %u bytes but supports %u at most", check_text(function, text),
                   function->max_payload, function->max_payload_supported);
}

static void check_link_below(const struct topology_checker *checker, const struct pci_function *port)
{
    const struct topology *topology = checker->topology;
    char text[BDF_TEXT_SIZE], port_text[BDF_TEXT_SIZE];
    if (!leads_to_link(port) || port->secondary_bus_id == NONE)
        return;
    const struct pci_bus *bus = &topology->buses[port->secondary_bus_id];
    for (uint32_t i = 0; i < bus->function_count; i++) {
        const struct pci_function *below = &topology->functions[bus->functions[i]];
        if (below->is_vf || !below->pcie || !has_link(&below->link) || !has_link(&port->link))
            continue;
        if (below->link.width != port->link.width || below->link.generation != port->link.generation) {
            CHECK_WARNING(
                checker, below->pointer, "topology-link-mismatch",
                "the link between %s and %s is generation %u x%u at one end and %u x%u at the other",
                check_text(port, port_text), check_text(below, text), port->link.generation, port->link.width,
                below->link.generation, below->link.width);
            break;
        }
    }
}

static bool scope_names_something(const struct topology *topology, const struct iommu_scope *scope)
{
    if (scope->kind == SCOPE_BUS_RANGE)
        return scope->bus_start <= scope->bus_end;
    return topology_find(topology, scope->segment, scope->bus, scope->devfn) != NULL;
}

static void check_scope(const struct topology_checker *checker, const struct iommu_scope *scope,
                        const char *pointer, const char *owner)
{
    char text[BDF_TEXT_SIZE];
    if (scope->kind == SCOPE_BUS_RANGE && scope->bus_start > scope->bus_end) {
        CHECK_ERROR(checker, pointer, "topology-scope-range", "%s names the buses %02x to %02x: none", owner,
                    scope->bus_start, scope->bus_end);
        return;
    }
    if (scope_names_something(checker->topology, scope))
        return;
    bdf_print(text, scope->segment, scope->bus, scope->devfn);
    CHECK_ERROR(checker, pointer, "topology-scope-absent", "%s names %s, which is not there", owner, text);
}

static void check_units(const struct topology_checker *checker)
{
    const struct topology *topology = checker->topology;
    for (uint32_t i = 0; i < topology->unit_count; i++) {
        const struct iommu_unit *unit = &topology->units[i];
        for (uint32_t s = 0; s < unit->scope_count; s++) {
            char place[64]; /* of the scope itself, where the unit's is a JSON pointer */
            bool json = unit->pointer && unit->pointer[0] == '/';
            snprintf(place, sizeof(place), "%s/scopes/%u", json ? unit->pointer : "", s);
            check_scope(checker, &unit->scopes[s], json ? place : unit->pointer, "the scope of an IOMMU");
        }
    }
    for (uint32_t i = 0; i < topology->reserved_count; i++) {
        const struct reserved_region *region = &topology->reserved[i];
        if (region->base > region->limit)
            CHECK_ERROR(checker, region->pointer, "topology-reserved-order",
                        "a reserved region from 0x%llx to 0x%llx ends before it begins",
                        (unsigned long long)region->base, (unsigned long long)region->limit);
        if (!region->everyone)
            check_scope(checker, &region->scope, region->pointer, "a reserved region");
    }
    for (uint32_t i = 0; i < topology->ivrs_alias_count; i++) {
        const struct ivrs_alias *alias = &topology->ivrs_aliases[i];
        char text[BDF_TEXT_SIZE];
        if (!topology_find(topology, alias->segment, alias->bus, alias->devfn))
            CHECK_WARNING(checker, NULL, "topology-scope-absent",
                          "an alias entry names %s, which is not there",
                          bdf_print(text, alias->segment, alias->bus, alias->devfn));
    }
}

bool topology_check(const struct topology *topology, const struct source_text *source, locate_function locate,
                    struct diagnostics *diagnostics)
{
    const struct topology_checker checker = {topology, source, locate, diagnostics};
    unsigned errors = diagnostics_errors(diagnostics);
    if (!check_ids(&checker))
        return false;
    for (uint32_t i = 0; i < topology->host_bridge_count; i++)
        check_host(&checker, &topology->host_bridges[i]);
    for (uint32_t i = 0; i < topology->bus_count; i++)
        check_siblings(&checker, &topology->buses[i]);
    for (uint32_t i = 0; i < topology->function_count; i++) {
        const struct pci_function *function = &topology->functions[i];
        if (has_range(function))
            check_bus_range(&checker, function);
        check_vf(&checker, function);
        check_port(&checker, function);
        check_link(&checker, function);
        check_payload(&checker, function);
        check_link_below(&checker, function);
    }
    check_units(&checker);
    check_addresses(&checker);
    return diagnostics_errors(diagnostics) == errors;
}
