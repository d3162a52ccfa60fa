/* SPDX-License-Identifier: MIT */
/* One function in the complete form, with what is below it. Members whose value is what absence means there
 * (false, zero, unknown) are not written. */
#include "sim/input/topology_writer.h"

#include "models/pcie/link.h"
#include "sim/base/units.h"
#include "sim/input/function_registers.h"
#include "sim/input/json_layout.h"
#include "sim/input/topology_keys.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { UNKNOWN_ID = 0xffff };

static void write_ids(struct json_layout *layout, const struct pci_function *function)
{
    if (function->vendor == UNKNOWN_ID)
        layout_string(layout, "id", "unknown");
    else if (function->device == UNKNOWN_ID)
        layout_format(layout, "id", "\"%04x:unknown\"", function->vendor);
    else
        layout_format(layout, "id", "\"%04x:%04x\"", function->vendor, function->device);
}

static void write_place(struct json_layout *layout, const struct pci_function *function)
{
    char address[BDF_TEXT_SIZE];
    struct pci_function plain = {0};
    const char *kind = function_kind_name(function);
    layout_string(layout, "address", bdf_print(address, function->segment, function->bus, function->devfn));
    if (function_kind_set(&plain, kind)) {
        layout_string(layout, "kind", kind);
    } else if (function->pcie) {
        layout_format(layout, "kind", "\"pcie-type-%u\"", (unsigned)function->pcie_type);
    } else {
        layout_string(layout, "kind", "conventional");
    }
    if (plain.header_type != function->header_type)
        layout_format(layout, "header_type", "%u", function->header_type);
    write_ids(layout, function);
    if (function->subvendor || function->subdevice)
        layout_format(layout, "subsystem", "\"%04x:%04x\"", function->subvendor, function->subdevice);
    layout_format(layout, "class", "\"%06x\"", function->class_code);
    if (function->revision)
        layout_format(layout, "revision", "\"%02x\"", function->revision);
    layout_text(layout, "name", function->name);
    layout_text(layout, "driver", function->driver);
}

static void append_bar(struct text_buffer *out, const struct bar *bar, unsigned index)
{
    static const char *const kinds[] = {"none", "io", "memory32", "memory64"}; /* ORDER: enum bar_kind */
    char size[40];
    if (index == BAR_ROM)
        text_buffer_add(out, "{\"index\": \"rom\"");
    else
        text_buffer_format(out, "{\"index\": %u", index);
    text_buffer_format(out, ", \"kind\": \"%s\"", kinds[bar->kind]);
    if (bar->prefetchable)
        text_buffer_add(out, ", \"prefetchable\": true");
    if (bar->assigned)
        text_buffer_format(out, ", \"address\": \"0x%" PRIx64 "\"", bar->address);
    if (bar->size)
        text_buffer_format(out, ", \"size\": \"%s\"", unit_print(size, sizeof(size), bar->size, UNIT_BYTES));
    text_buffer_add(out, "}");
}

static void write_bars(struct json_layout *layout, const char *key, const struct bar *bars, unsigned count)
{
    bool open = false;
    for (unsigned i = 0; i < count; i++) {
        if (bars[i].kind == BAR_NONE)
            continue;
        if (!open)
            layout_open(layout, key, '[');
        open = true;
        struct text_buffer text = {0};
        append_bar(&text, &bars[i], i);
        layout->fresh_line = true;
        layout_raw(layout, NULL, text.text);
        text_buffer_fini(&text);
    }
    if (open) {
        layout_close(layout, ']', false);
        layout->fresh_line = true;
    }
}

static void append_window(struct text_buffer *out, const char *key, const struct window *window)
{
    if (window->open)
        text_buffer_format(out, "%s\"%s\": [\"0x%" PRIx64 "\", \"0x%" PRIx64 "\"]",
                           out->length > 1 ? ", " : "", key, window->base, window->limit);
}

static void write_bridge(struct json_layout *layout, const struct pci_function *function)
{
    if (function->header_type != 0)
        layout_format(layout, "buses", "[\"%02x\", \"%02x\"]", function->secondary_bus,
                      function->subordinate_bus);
    struct text_buffer text = {0};
    text_buffer_add(&text, "{");
    append_window(&text, "memory", &function->memory_window);
    append_window(&text, "prefetchable", &function->prefetchable_window);
    append_window(&text, "io", &function->io_window);
    text_buffer_add(&text, "}");
    if (text.length > 2)
        layout_raw(layout, "windows", text.text);
    text_buffer_fini(&text);
}

static void append_speed(struct text_buffer *out, const char *key, unsigned generation)
{
    char speed[32];
    if (generation)
        text_buffer_format(
            out, "%s\"%s\": \"%s\"", out->length > 1 ? ", " : "", key,
            unit_print(speed, sizeof(speed), link_speed_of_generation(generation), UNIT_TRANSFERS_PER_S));
}

static void append_width(struct text_buffer *out, const char *key, unsigned width)
{
    if (width)
        text_buffer_format(out, "%s\"%s\": %u", out->length > 1 ? ", " : "", key, width);
}

static void write_link(struct json_layout *layout, const struct pci_function *function,
                       const struct machine_input *input)
{
    const struct link_state *link = &function->link;
    struct text_buffer text = {0};
    text_buffer_add(&text, "{");
    append_speed(&text, "speed", link->generation);
    append_width(&text, "width", link->width);
    append_speed(&text, "maximum_speed", link->maximum_generation);
    append_width(&text, "maximum_width", link->maximum_width);
    if (input && function_leads_to_link(function))
        append_own_parameters(&text, input, "link", NULL, &input->parameters.links[function->id]);
    text_buffer_add(&text, "}");
    if (text.length > 2)
        layout_raw(layout, "link", text.text);
    text_buffer_fini(&text);
}

static void append_acs_bits(struct text_buffer *out, const char *const *words, unsigned count, uint16_t bits)
{
    if (bits >> count) { /* of a capability: the egress vector's size is in the upper half */
        text_buffer_format(out, "\"0x%04x\"", bits);
        return;
    }
    text_buffer_add(out, "[");
    bool first = true;
    for (unsigned i = 0; i < count; i++) {
        if (!(bits & 1U << i))
            continue;
        text_buffer_format(out, "%s\"%s\"", first ? "" : ", ", words[i]);
        first = false;
    }
    text_buffer_add(out, "]");
}

static void append_egress_vector(struct text_buffer *out, const struct acs *acs)
{
    unsigned dwords = 8;
    if (!acs->egress_vector_known)
        return;
    while (dwords > 1 && acs->egress_vector_more[dwords - 2] == 0)
        dwords--;
    text_buffer_format(out, ", \"egress_vector\": %s\"0x%" PRIx32 "\"", dwords > 1 ? "[" : "",
                       acs->egress_vector);
    for (unsigned i = 1; i < dwords; i++)
        text_buffer_format(out, ", \"0x%" PRIx32 "\"", acs->egress_vector_more[i - 1]);
    text_buffer_add(out, dwords > 1 ? "]" : "");
}

static void write_acs(struct json_layout *layout, const struct pci_function *function)
{
    const struct acs *acs = &function->acs;
    if (function->acs_unknown || !acs->present) {
        if (function->acs_unknown)
            layout_string(layout, "acs", acs->present ? "present" : "unknown");
        return;
    }
    enum { CAPABILITY_BITS = 8, CONTROL_BITS = 13 };
    struct text_buffer text = {0};
    text_buffer_add(&text, "{\"capability\": ");
    append_acs_bits(&text, acs_bit_words, CAPABILITY_BITS, acs->capability);
    text_buffer_add(&text, ", \"control\": ");
    append_acs_bits(&text, acs_control_words, CONTROL_BITS, acs->control);
    append_egress_vector(&text, acs);
    text_buffer_add(&text, "}");
    layout_raw(layout, "acs", text.text);
    text_buffer_fini(&text);
}

static void write_flags(struct json_layout *layout, const struct pci_function *function)
{
    layout_flag(layout, "multifunction", function->multifunction);
    layout_flag(layout, "capabilities_hidden", function->pcie_unknown);
    layout_flag(layout, "pcix", function->pcix);
    layout_count(layout, "max_payload_supported", function->max_payload_supported);
    layout_count(layout, "max_payload", function->max_payload);
    layout_count(layout, "max_read_request", function->max_read_request);
    layout_flag(layout, "extended_tags", function->extended_tags);
    layout_flag(layout, "ari", function->ari);
    layout_count(layout, "ari_next_function", function->ari_next_function);
    layout_flag(layout, "ari_acs_groups", function->ari_acs_groups);
    layout_count(layout, "ari_function_group", function->ari_function_group);
    layout_flag(layout, "ari_forwarding", function->ari_forwarding);
    layout_flag(layout, "no_atomic_routing", function->no_atomic_routing);
    layout_flag(layout, "atomic_egress_blocking", function->atomic_egress_blocking);
    layout_flag(layout, "ats", function->ats);
    layout_flag(layout, "ats_enabled", function->ats_enabled);
    layout_flag(layout, "pri", function->pri);
    layout_flag(layout, "pasid", function->pasid);
    layout_flag(layout, "external_facing", function->external_facing);
    layout_flag(layout, "untrusted", function->untrusted);
    layout_flag(layout, "observed", function->observed);
    layout_flag(layout, "bus_master", function->bus_master);
    layout_flag(layout, "memory_space", function->memory_space);
    layout_flag(layout, "io_space_disabled", function->io_space_disabled);
    if (function->port_number)
        layout_format(layout, "port_number", "%u", function->port_number - 1U);
    write_registers(layout, function);
    layout_count(layout, "dma_mask_bits", function->dma_mask_bits);
    if (function->group_reported)
        layout_format(layout, "reported_group", "%" PRIu32, function->reported_group);
}

static void write_aliases(struct json_layout *layout, const struct pci_function *function)
{
    struct text_buffer text = {0};
    for (uint32_t i = 0; i < function->alias_count; i++)
        text_buffer_format(&text, "%s\"%02x.%x\"", i ? ", " : "[", pci_slot(function->alias_devfns[i]),
                           pci_func(function->alias_devfns[i]));
    text_buffer_add(&text, "]");
    if (function->alias_count)
        layout_raw(layout, "aliases", text.text);
    text_buffer_fini(&text);
}

static void write_function(struct json_layout *layout, const struct topology *topology,
                           const struct machine_input *input, const struct pci_function *function);

static void write_sriov(struct json_layout *layout, const struct topology *topology,
                        const struct machine_input *input, const struct pci_function *function)
{
    const struct sriov *sriov = &function->sriov;
    bool open = false;
    if (!sriov->present)
        return;
    layout_open(layout, "sriov", '{');
    layout_format(layout, "total_vfs", "%u", sriov->total_vfs);
    layout_count(layout, "num_vfs", sriov->num_vfs);
    layout_flag(layout, "enabled", sriov->enabled);
    layout_count(layout, "first_vf_offset", sriov->first_vf_offset);
    layout_count(layout, "vf_stride", sriov->vf_stride);
    layout_format(layout, "vf_device", "\"%04x\"", sriov->vf_device);
    write_bars(layout, "vf_bars", sriov->vf_bars, 6);
    uint32_t id = pci_requester_id(function->bus, function->devfn) + (uint32_t)sriov->first_vf_offset;
    for (uint32_t i = 0; i < sriov->num_vfs && sriov->enabled && id <= UINT16_MAX;
         i++, id += sriov->vf_stride) {
        const struct pci_function *vf =
            topology_find(topology, function->segment, (uint8_t)(id >> 8), (uint8_t)id);
        if (!vf || vf->pf_id != function->id || vf->vf_index != i)
            continue;
        if (!open)
            layout_open(layout, "virtual_functions", '[');
        open = true;
        write_function(layout, topology, input, vf);
    }
    if (open)
        layout_close(layout, ']', true);
    layout_close(layout, '}', open);
    layout->fresh_line = true;
}

static void write_function(struct json_layout *layout, const struct topology *topology,
                           const struct machine_input *input, const struct pci_function *function)
{
    layout_open(layout, NULL, '{');
    write_place(layout, function);
    layout->fresh_line = true;
    write_flags(layout, function);
    write_link(layout, function, input);
    write_acs(layout, function);
    write_aliases(layout, function);
    write_bridge(layout, function);
    write_bars(layout, "bars", function->bars, BAR_COUNT);
    if (input && !function->is_vf) {
        write_own_parameters(layout, input, "switch", NULL, &input->parameters.switches[function->id]);
        write_own_parameters(layout, input, "bridge", NULL, &input->parameters.bridges[function->id]);
    }
    if (input)
        write_own_parameters(layout, input, "endpoint", function->pointer,
                             &input->parameters.engines[function->id]);
    write_sriov(layout, topology, input, function);
    bool below =
        function->secondary_bus_id != NONE && topology->buses[function->secondary_bus_id].function_count;
    if (below) {
        layout_open(layout, "functions", '[');
        write_bus(layout, topology, input, function->secondary_bus_id);
        layout_close(layout, ']', true);
    }
    layout_close(layout, '}', below);
}

void write_bus(struct json_layout *layout, const struct topology *topology, const struct machine_input *input,
               uint32_t bus_id)
{
    const struct pci_bus *bus = &topology->buses[bus_id];
    for (uint32_t i = 0; i < bus->function_count; i++) {
        const struct pci_function *function = &topology->functions[bus->functions[i]];
        if (!function->is_vf) /* VFs stand with their PF */
            write_function(layout, topology, input, function);
    }
}
