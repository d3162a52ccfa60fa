/* SPDX-License-Identifier: MIT */
/* The document around the functions. */
#include "sim/input/topology_writer.h"

#include "sim/base/units.h"
#include "sim/input/json_layout.h"
#include "sim/input/parameter_set.h"
#include "sim/input/topology_keys.h"

#include <inttypes.h>

static void write_address(struct json_layout *layout, const char *key, uint32_t segment, uint8_t bus,
                          uint8_t devfn)
{
    char address[BDF_TEXT_SIZE];
    layout_string(layout, key, bdf_print(address, segment, bus, devfn));
}

static void write_scope(struct json_layout *layout, const char *key, const struct iommu_scope *scope)
{
    char address[BDF_TEXT_SIZE];
    bdf_print(address, scope->segment, scope->bus, scope->devfn);
    if (scope->kind == SCOPE_BUS_RANGE)
        layout_format(layout, key, "{\"segment\": \"%04x\", \"buses\": [\"%02x\", \"%02x\"]}", scope->segment,
                      scope->bus_start, scope->bus_end);
    else
        layout_format(layout, key, "{\"%s\": \"%s\"}", scope->kind == SCOPE_BRIDGE ? "bridge" : "function",
                      address);
}

static void write_knowledge(struct json_layout *layout, const char *key, enum knowledge value)
{
    if (value != UNKNOWN)
        layout_boolean(layout, key, value == KNOWN_PRESENT);
}

static void write_unit(struct json_layout *layout, const struct iommu_unit *unit,
                       const struct machine_input *input)
{
    layout_open(layout, NULL, '{');
    layout_text(layout, "name", unit->name);
    layout_string(layout, "kind", iommu_kind_names[unit->kind]);
    layout_format(layout, "segment", "\"%04x\"", unit->segment);
    layout_flag(layout, "include_all", unit->include_all);
    write_knowledge(layout, "interrupt_remapping", unit->interrupt_remapping);
    if (unit->scope_count) {
        layout_open(layout, "scopes", '[');
        for (uint32_t i = 0; i < unit->scope_count; i++)
            write_scope(layout, NULL, &unit->scopes[i]);
        layout_close(layout, ']', false);
    }
    if (input)
        write_unit_parameters(layout, input, unit->id);
    layout_close(layout, '}', false);
}

static void write_firmware(struct json_layout *layout, const struct topology *topology,
                           const struct machine_input *input)
{
    static const char *const kinds[] = {"direct", "direct-relaxable", "msi", "reserved"}; /* ORDER */
    if (topology->units_known) {
        layout_open(layout, "iommus", '[');
        for (uint32_t i = 0; i < topology->unit_count; i++)
            write_unit(layout, &topology->units[i], input);
        layout_close(layout, ']', true);
    }
    if (topology->reserved_count == 0)
        return;
    layout_open(layout, "reserved_regions", '[');
    for (uint32_t i = 0; i < topology->reserved_count; i++) {
        const struct reserved_region *region = &topology->reserved[i];
        layout_open(layout, NULL, '{');
        layout_string(layout, "kind", kinds[region->kind]);
        layout_format(layout, "base", "\"0x%" PRIx64 "\"", region->base);
        layout_format(layout, "limit", "\"0x%" PRIx64 "\"", region->limit);
        if (region->everyone)
            layout_boolean(layout, "everyone", true);
        else
            write_scope(layout, "scope", &region->scope);
        layout_close(layout, '}', false);
    }
    layout_close(layout, ']', true);
}

static void write_reported_groups(struct json_layout *layout, const struct topology *topology)
{
    if (topology->reported_group_count == 0)
        return;
    layout_open(layout, "reported_groups", '[');
    for (uint32_t i = 0; i < topology->reported_group_count; i++) {
        const struct reported_group *group = &topology->reported_groups[i];
        layout_open(layout, NULL, '{');
        layout_format(layout, "group", "%u", group->number);
        layout_text(layout, "type", group->type);
        if (group->regions_known)
            layout_open(layout, "reserved", '[');
        for (uint32_t r = 0; r < group->region_count; r++) {
            const struct reported_region *region = &group->regions[r];
            layout->fresh_line = true;
            layout_open(layout, NULL, '{');
            layout_format(layout, "base", "\"0x%" PRIx64 "\"", region->base);
            layout_format(layout, "limit", "\"0x%" PRIx64 "\"", region->limit);
            layout_string(layout, "type", region->type);
            layout_close(layout, '}', false);
        }
        if (group->regions_known)
            layout_close(layout, ']', false);
        layout_close(layout, '}', false);
    }
    layout_close(layout, ']', true);
}

static void write_platform(struct json_layout *layout, const struct topology *topology)
{
    layout_open(layout, "platform", '{');
    write_knowledge(layout, "rcba_enabled", topology->rcba_enabled);
    write_knowledge(layout, "interrupt_remapping", topology->stated.interrupt_remapping);
    write_knowledge(layout, "default_passthrough", topology->stated.passthrough);
    write_knowledge(layout, "default_strict", topology->stated.strict);
    layout_boolean(layout, "root_complex_peer_to_peer", topology->root_complex_peer_to_peer);
    if (topology->ivrs_alias_count) {
        layout_open(layout, "ivrs_aliases", '[');
        for (uint32_t i = 0; i < topology->ivrs_alias_count; i++) {
            const struct ivrs_alias *alias = &topology->ivrs_aliases[i];
            layout_open(layout, NULL, '{');
            write_address(layout, "function", alias->segment, alias->bus, alias->devfn);
            write_address(layout, "alias", alias->segment, alias->alias_bus, alias->alias_devfn);
            layout_close(layout, '}', false);
        }
        layout_close(layout, ']', true);
    }
    layout_close(layout, '}', false);
}

static void write_memory(struct json_layout *layout, const struct topology *topology)
{
    if (topology->memory_count == 0)
        return;
    layout_open(layout, "memory", '[');
    for (uint32_t i = 0; i < topology->memory_count; i++) {
        const struct memory_range *range = &topology->memory[i];
        char size[40];
        layout_open(layout, NULL, '{');
        layout_format(layout, "base", "\"0x%" PRIx64 "\"", range->base);
        layout_string(layout, "size",
                      unit_print(size, sizeof(size), range->limit - range->base + 1, UNIT_BYTES));
        layout_count(layout, "numa_node", range->numa_node);
        layout_close(layout, '}', false);
    }
    layout_close(layout, ']', true);
}

static void write_host_bridge(struct json_layout *layout, const struct topology *topology,
                              const struct machine_input *input, const struct host_bridge *host)
{
    layout_open(layout, NULL, '{');
    layout_format(layout, "segment", "\"%04x\"", host->segment);
    layout_format(layout, "bus", "\"%02x\"", host->bus_start);
    layout_format(layout, "bus_end", "\"%02x\"", host->bus_end);
    layout_count(layout, "numa_node", host->numa_node);
    layout_flag(layout, "found", host->found);
    if (host->peer_routing != PEER_ROUTING_DEFAULT)
        layout_string(layout, "peer_to_peer", peer_routing_words[host->peer_routing - PEER_ROUTING_NONE]);
    if (host->vmd_function_id != NONE) {
        const struct pci_function *vmd = &topology->functions[host->vmd_function_id];
        write_address(layout, "vmd", vmd->segment, vmd->bus, vmd->devfn);
    }
    if (host->window_count) {
        layout_open(layout, "windows", '[');
        for (uint32_t i = 0; i < host->window_count; i++) {
            layout->fresh_line = true;
            layout_format(layout, NULL, "{\"base\": \"0x%" PRIx64 "\", \"limit\": \"0x%" PRIx64 "\"}",
                          host->windows[i].base, host->windows[i].limit);
        }
        layout_close(layout, ']', false);
    }
    layout_open(layout, "functions", '[');
    write_bus(layout, topology, input, host->root_bus_id);
    layout_close(layout, ']', true);
    layout_close(layout, '}', true);
}

static void write_document(const struct topology *topology, const struct machine_input *input,
                           struct text_buffer *out)
{
    struct json_layout layout = {.out = out};
    layout_open(&layout, NULL, '{');
    layout.fresh_line = true;
    layout_string(&layout, "format", "iommusim-topology/1");
    layout_string(&layout, "form", "complete");
    layout.fresh_line = true;
    layout_text(&layout, "name", topology->name);
    layout.fresh_line = true;
    layout_text(&layout, "source", topology->source);
    layout.fresh_line = true;
    layout_string(&layout, "acs_control", topology->acs_state == ACS_BOOTED ? "booted" : "firmware");
    if (topology->cmdline && *topology->cmdline) {
        layout_open(&layout, "kernel", '{');
        layout_string(&layout, "cmdline", topology->cmdline);
        layout_close(&layout, '}', false);
    }
    write_platform(&layout, topology);
    write_memory(&layout, topology);
    write_firmware(&layout, topology, input);
    write_reported_groups(&layout, topology);
    if (input)
        write_machine_parameters(&layout, input);
    layout_open(&layout, "host_bridges", '[');
    for (uint32_t i = 0; i < topology->host_bridge_count; i++)
        write_host_bridge(&layout, topology, input, &topology->host_bridges[i]);
    layout_close(&layout, ']', true);
    layout_close(&layout, '}', true);
}

void topology_write(const struct topology *topology, struct text_buffer *out)
{
    write_document(topology, NULL, out);
}

void machine_write(const struct machine_input *input, struct text_buffer *out)
{
    write_document(input->topology, input, out);
}
