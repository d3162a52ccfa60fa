/* SPDX-License-Identifier: MIT */
#include "sim/output/draw_words.h"

#include "sim/analysis/group_explain.h"
#include "sim/output/function_label.h"
#include "sim/output/group_words.h"
#include "sim/output/numa_nodes.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { ADDRESSES_SHOWN = 3, ADDRESSES_IN_DETAIL = 40 };

static const struct topology *machine(const struct drawing *drawing)
{
    return drawing->groups->topology;
}

static void add_device(const struct drawing *drawing, const struct draw_box *box, struct text_buffer *out)
{
    const struct pci_function *first = &machine(drawing)->functions[box->ids[0]];
    char bdf[BDF_TEXT_SIZE];
    const char *brief = group_words_brief(machine(drawing), first->id, bdf);
    text_buffer_add(out, "device ");
    text_buffer_append(out, brief, strlen(brief) - strlen(".0"));
    if (box->count > 1)
        text_buffer_format(out, " and %u more", box->count - 1);
}

void draw_words_address(const struct drawing *drawing, const struct draw_box *box, struct text_buffer *out)
{
    const struct host_bridge *bridge;
    switch (box->kind) {
    case DRAW_ROOT_COMPLEX:
        text_buffer_add(out, "Root complex");
        break;
    case DRAW_HOST_BRIDGE:
        bridge = &machine(drawing)->host_bridges[box->ids[0]];
        text_buffer_format(out, "Host bridge %04x:%02x", bridge->segment, bridge->bus_start);
        for (uint32_t i = 1; i < box->count && i <= ADDRESSES_SHOWN; i++) {
            bridge = &machine(drawing)->host_bridges[box->ids[i]];
            text_buffer_format(out, ", %04x:%02x", bridge->segment, bridge->bus_start);
        }
        if (box->count > 1 + ADDRESSES_SHOWN)
            text_buffer_format(out, " and %u more", box->count - 1 - ADDRESSES_SHOWN);
        break;
    case DRAW_SLOT:
        add_device(drawing, box, out);
        break;
    case DRAW_FUNCTION:
        group_words_list(machine(drawing), box->ids, box->count, ADDRESSES_SHOWN, out);
        break;
    }
}

uint32_t draw_words_one_group(const struct drawing *drawing, const struct draw_box *box)
{
    uint32_t group = NONE;
    for (uint32_t i = 0; i < box->count && box->kind == DRAW_FUNCTION; i++) {
        uint32_t own = drawing->groups->decisions[box->ids[i]].group;
        if (i > 0 && own != group)
            return NONE;
        group = own;
    }
    return group;
}

void draw_words_group(const struct drawing *drawing, const struct draw_box *box, struct text_buffer *out)
{
    uint32_t lowest = NONE, highest = 0, group = draw_words_one_group(drawing, box);
    if (group != NONE) {
        text_buffer_format(out, "group %u", group);
        return;
    }
    for (uint32_t i = 0; i < box->count; i++) {
        group = drawing->groups->decisions[box->ids[i]].group;
        if (group == NONE)
            continue;
        lowest = group < lowest ? group : lowest;
        highest = group > highest ? group : highest;
    }
    /* Instances have groups of their own, or one: see draw_merge_alike(). */
    if (lowest == NONE)
        text_buffer_add(out, "no group");
    else if (highest - lowest + 1 == box->count)
        text_buffer_format(out, "groups %u-%u", lowest, highest);
    else
        text_buffer_format(out, "%u groups", box->count);
}

uint32_t draw_words_usual_unit(const struct drawing *drawing, uint32_t host_bridge_id)
{
    const struct topology *topology = machine(drawing);
    const struct iommu_coverage *coverage = drawing->groups->coverage;
    uint32_t *counts = memory_array((size_t)coverage->unit_count + 1, sizeof(counts[0])), best = NONE;
    uint32_t most = 0;
    for (uint32_t id = 0; id < topology->function_count; id++) {
        if (topology->buses[topology->functions[id].bus_id].host_bridge_id != host_bridge_id)
            continue;
        uint32_t unit = coverage->functions[id].unit;
        uint32_t count = ++counts[unit == NONE ? coverage->unit_count : unit];
        if (count > most) {
            most = count;
            best = unit;
        }
    }
    free(counts);
    return best;
}

void draw_words_host_bridge(const struct drawing *drawing, const struct draw_box *box,
                            struct text_buffer *out)
{
    const struct topology *topology = machine(drawing);
    const struct host_bridge *bridge = &topology->host_bridges[box->ids[0]];
    if (box->count == 1)
        text_buffer_format(out, "buses %02x-%02x", bridge->bus_start, bridge->bus_end);
    if (box->count == 1 && numa_nodes_told(topology))
        text_buffer_format(out, ", node %u", bridge->numa_node);
    text_buffer_add(out, box->count == 1 ? ", " : "");
    if (box->first_child == NONE) {
        text_buffer_add(out, "empty");
        return;
    }
    uint32_t last = NONE;
    for (uint32_t i = 0; i < box->count; i++) {
        uint32_t unit = draw_words_usual_unit(drawing, box->ids[i]);
        if (i > 0 && unit == last)
            continue;
        last = unit;
        if (unit == NONE)
            text_buffer_format(out, "%s", i ? ", none" : "no unit");
        else
            text_buffer_format(out, "%s%u", i ? ", " : "unit ", unit);
    }
}

void draw_words_ids(const struct pci_function *function, struct text_buffer *out)
{
    char ids[ID_TEXT_SIZE];
    const char *class_name = pci_class_name(function->class_code);
    text_buffer_format(out, "%s %04x", group_words_id(ids, function), function->class_code >> 8);
    if (class_name)
        text_buffer_format(out, " %s", class_name);
}

const char *draw_words_name(const struct pci_function *function)
{
    static const char nameless[] = "Device "; /* lspci's for "Device 14dc": the id stands there already */
    const char *name = function_product_name(function);
    if (!name || strncmp(name, nameless, sizeof(nameless) - 1) != 0)
        return name;
    return strspn(name + sizeof(nameless) - 1, "0123456789abcdef") == 4 ? NULL : name;
}

static const char *speed(uint8_t generation)
{
    static const char *const speeds[] = {"?", "2.5GT/s", "5GT/s", "8GT/s", "16GT/s", "32GT/s", "64GT/s"};
    return generation < sizeof(speeds) / sizeof(speeds[0]) ? speeds[generation] : "?";
}

/* The device at the other end of a port's link. */
static const struct pci_function *device_below(const struct topology *topology,
                                               const struct pci_function *port)
{
    if (!function_leads_to_link(port) || port->secondary_bus_id == NONE)
        return NULL;
    const struct pci_bus *bus = &topology->buses[port->secondary_bus_id];
    return bus->function_count ? &topology->functions[bus->functions[0]] : NULL;
}

bool draw_words_link(const struct drawing *drawing, const struct pci_function *function,
                     struct text_buffer *out)
{
    struct link_state link = function->link;
    const struct pci_function *below = device_below(machine(drawing), function);
    if (!link.generation && !link.width && below) {
        link.generation = below->link.generation;
        link.width = below->link.width;
    }
    bool up = link.width != 0, more = false;
    if (up) {
        text_buffer_format(out, "%s x%u", speed(link.generation), link.width);
        more = link.maximum_generation > link.generation || link.maximum_width > link.width;
    }
    if (more || (!up && link.maximum_width))
        text_buffer_format(out, "%s%s x%u", up ? " of " : "up to ",
                           speed(link.maximum_generation ? link.maximum_generation : link.generation),
                           link.maximum_width ? link.maximum_width : link.width);
    return up || link.maximum_width;
}

static void detail_function(const struct drawing *drawing, const struct draw_box *box,
                            struct text_buffer *out)
{
    const struct iommu_groups *groups = drawing->groups;
    uint32_t id = box->ids[0], unit = groups->coverage->functions[id].unit;
    const struct pci_function *function = &machine(drawing)->functions[id];
    group_words_list(machine(drawing), box->ids, box->count, ADDRESSES_IN_DETAIL, out);
    text_buffer_format(out, "%s%s\n", function->name ? " " : "", function->name ? function->name : "");
    draw_words_ids(function, out);
    text_buffer_format(out, "\n%s", function_kind_name(function));
    if (function->driver && *function->driver)
        text_buffer_format(out, ", driver %s", function->driver);
    text_buffer_add(out, "\n");
    struct text_buffer link = {0};
    if (draw_words_link(drawing, function, &link))
        text_buffer_format(out, "link %s\n", text_buffer_get(&link));
    text_buffer_fini(&link);
    draw_words_group(drawing, box, out);
    text_buffer_add(out, ": ");
    group_explain(groups, id, out);
    text_buffer_format(out, "\n%s: ", groups->verdicts[id].isolated ? "isolated" : "not isolated");
    group_explain_verdict(groups, id, out);
    if (unit != NONE)
        text_buffer_format(out, "\ntranslated by unit %u", unit);
    else
        text_buffer_format(out, "\nnot translated: %s",
                           coverage_reason_text(groups->coverage->functions[id].reason));
}

void draw_words_detail(const struct drawing *drawing, const struct draw_box *box, struct text_buffer *out)
{
    if (box->kind == DRAW_FUNCTION) {
        detail_function(drawing, box, out);
        return;
    }
    draw_words_address(drawing, box, out);
    if (box->kind == DRAW_HOST_BRIDGE) {
        text_buffer_add(out, "\n");
        draw_words_host_bridge(drawing, box, out);
    }
}

void draw_words_arrow(const struct drawing *drawing, const struct draw_arrow *arrow, struct text_buffer *out)
{
    const struct topology *topology = machine(drawing);
    char source[BDF_TEXT_SIZE], target[BDF_TEXT_SIZE], at[BDF_TEXT_SIZE];
    if (arrow->hub)
        text_buffer_format(out, "leaks among many: %" PRIu64 " pairs from here, %" PRIu64 " to here\n",
                           arrow->forward, arrow->backward);
    else if (arrow->from == arrow->to)
        text_buffer_format(out, "%" PRIu64 " pairs leak among these functions\n", arrow->forward);
    else
        text_buffer_format(out, "%" PRIu64 " pairs leak, %" PRIu64 " the other way\n", arrow->forward,
                           arrow->backward);
    struct reach_result result = reach_pair(drawing->reach, arrow->source_id, arrow->target_id);
    text_buffer_format(
        out, "%s%s -> %s, by %s at %s: %s", arrow->forward + arrow->backward > 1 ? "for one, " : "",
        group_words_address(topology, arrow->source_id, source),
        group_words_address(topology, arrow->target_id, target), route_rule_name(result.rule),
        result.at_id == NONE ? "the root complex" : group_words_address(topology, result.at_id, at),
        route_rule_text(result.rule));
}

void draw_words_iommu(const struct drawing *drawing, struct text_buffer *out)
{
    const struct iommu_platform *platform = &drawing->groups->platform;
    text_buffer_add(out, iommu_kind_name(platform->kind));
    if (platform->kind != IOMMU_NONE)
        text_buffer_add(out, platform->enabled ? ", on" : ", switched off by the command line");
    if (!platform->units_known && platform->kind != IOMMU_NONE)
        text_buffer_add(out, " (the input names no unit: assumed)");
}

void draw_words_counts(const struct drawing *drawing, struct text_buffer *out)
{
    const struct iommu_groups *groups = drawing->groups;
    uint32_t grouped = 0;
    for (uint32_t g = 0; g < groups->group_count; g++)
        grouped += groups->groups[g].member_count;
    text_buffer_format(out, "%u functions, %u of them in %u groups", machine(drawing)->function_count,
                       grouped, groups->group_count);
}

static uint32_t count_decoding(const struct drawing *drawing)
{
    uint32_t count = 0;
    for (uint32_t id = 0; id < machine(drawing)->function_count; id++)
        count += drawing->reach->fabric->nodes[id].bar_count > 0;
    return count;
}

bool draw_words_note(const struct drawing *drawing, unsigned n, struct text_buffer *out)
{
    const struct iommu_groups *groups = drawing->groups;
    uint32_t hidden = 0;
    for (uint32_t id = 0; id < machine(drawing)->function_count; id++)
        hidden += isolation_hidden(&machine(drawing)->functions[id]);
    if (count_decoding(drawing) == 0 && n-- == 0)
        text_buffer_add(out, "No leak is shown because the input tells no address of any memory BAR.");
    else if (hidden && n-- == 0)
        text_buffer_format(out, "The input hides the ACS registers of %u functions: what they do is assumed.",
                           hidden);
    else if (kernel_cmdline_overrides_acs(&groups->platform.cmdline) && n-- == 0)
        text_buffer_add(out,
                        "pcie_acs_override changes what the kernel believes, not what the hardware does.");
    else if (drawing->vouched && n-- == 0)
        text_buffer_format(out,
                           "%" PRIu64 " more pairs of different groups rest on vendors' word that functions "
                           "without ACS do not talk to each other.",
                           drawing->vouched);
    else
        return false;
    return true;
}
