/* SPDX-License-Identifier: MIT */
/* The document, host bridges, and the order in which everything is read. */
#include "sim/input/topology_reader.h"

#include "sim/base/arena.h"
#include "sim/base/json_scan.h"
#include "sim/base/text_buffer.h"
#include "sim/input/topology_keys.h"

#include <stdlib.h>
#include <string.h>

bool read_segment(const struct json_node *object, uint32_t *segment)
{
    struct json_node node = json_member(object, "segment");
    if (!json_given(&node))
        return false;
    if (json_is_number(&node))
        return json_get_u32(object, "segment", 0, 0xffffff, segment);
    return json_node_hex(&node, 6, segment);
}

bool read_bus(const struct json_node *node, uint8_t *bus)
{
    uint32_t value;
    if (!json_node_hex(node, 2, &value))
        return false;
    *bus = (uint8_t)value;
    return true;
}

/* Report what is wrong with values now, with everything else; they are read again when the defaults below
 * them are known. @return true if there are any */
static bool check_values(struct topology_reading *reading, const struct json_node *node,
                         const struct field_table *table)
{
    const struct field_context context = {reading->arena, "", false};
    void *values = memory_alloc(table->struct_size);
    bool any = field_table_load(node, table, values, NULL, &context) > 0;
    free(values);
    return any;
}

void keep_override(struct topology_reading *reading, const struct json_node *owner,
                   const struct json_node *node, enum parameter_section section,
                   const struct json_key_table *beside)
{
    struct key_list keys = {0};
    if (!json_given(node) || !json_expect_object(node))
        return;
    const struct field_table *table = parameter_table(section);
    key_list_add_fields(&keys, table);
    if (beside)
        json_check_table(node, beside);
    else
        json_check_keys(node, &keys);
    if (!check_values(reading, node, table) || !owner)
        return;
    char *pointer = json_pointer(owner);
    reading->overrides = memory_grow(reading->overrides, reading->override_count, &reading->override_capacity,
                                     sizeof(*reading->overrides));
    reading->overrides[reading->override_count++] =
        (struct parameter_override){arena_string(reading->arena, pointer), section, node->value};
    free(pointer);
}

static void read_host_windows(struct topology_reading *reading, const struct json_node *node,
                              struct host_bridge *host)
{
    if (!json_given(node) || !json_expect_array(node))
        return;
    host->windows = arena_array(reading->arena, json_length(node), sizeof(*host->windows));
    for (struct json_node item = json_first(node); json_given(&item); json_next(&item)) {
        struct window *window = &host->windows[host->window_count];
        if (!json_expect_object(&item) || !json_check_table(&item, &host_window_keys) ||
            !json_require(&item, "base", "first byte of the window") ||
            !json_require(&item, "limit", "last byte of the window"))
            continue;
        if (!json_get_address(&item, "base", UINT64_MAX, &window->base) ||
            !json_get_address(&item, "limit", UINT64_MAX, &window->limit))
            continue;
        window->open = true;
        host->window_count++;
        if (window->base > window->limit)
            json_error(&item, "topology-window-bounds", "the window ends before it begins");
    }
}

static void read_host_bridge(struct topology_reading *reading, const struct json_node *node)
{
    struct host_bridge host = {.vmd_function_id = NONE};
    if (!json_expect_object(node))
        return;
    json_check_table(node, &host_bridge_keys);
    read_segment(node, &host.segment);
    struct json_node bus = json_member(node, "bus"), end = json_member(node, "bus_end");
    if (json_given(&bus))
        read_bus(&bus, &host.bus_start);
    if (json_given(&end) && read_bus(&end, &host.bus_end) && host.bus_end < host.bus_start)
        json_error(&end, "topology-bus-range", "the host bridge's last bus %02x is below its first, %02x",
                   host.bus_end, host.bus_start);
    json_get_u32(node, "numa_node", 0, 1023, &host.numa_node);
    json_get_boolean(node, "found", &host.found);
    int routing;
    if (json_get_choice(node, "peer_to_peer", peer_routing_words, &routing))
        host.peer_routing = (enum peer_routing)(routing + PEER_ROUTING_NONE);
    struct json_node windows = json_member(node, "windows");
    read_host_windows(reading, &windows, &host);
    char *pointer = json_pointer(node);
    host.pointer = arena_string(reading->arena, pointer);
    free(pointer);
    struct function_place place = {
        .host_bridge = topology_builder_add_host_bridge(reading->builder, &host),
        .segment = host.segment,
        .parent = NONE,
        .pf = NONE,
        .first_of_bus = true,
    };
    struct json_node functions = json_member(node, "functions");
    if (json_given(&functions))
        read_functions(reading, &functions, place);
}

/* Host bridges name the VMD endpoint that emulates them: possible once all functions are read. */
static void connect_vmd(struct topology_reading *reading, const struct json_node *node, uint32_t host)
{
    uint32_t segment;
    uint8_t bus, devfn;
    struct json_node vmd = json_member(node, "vmd");
    if (!json_given(&vmd) || !json_node_bdf(&vmd, &segment, &bus, &devfn))
        return;
    for (size_t i = 0; i < reading->address_count; i++) {
        const struct stated_address *address = &reading->addresses[i];
        if (address->segment == segment && address->bus == bus && address->devfn == devfn) {
            topology_builder_set_vmd(reading->builder, host, address->index);
            return;
        }
    }
    json_error(&vmd, "topology-unknown-function", "no function states the address %s", json_string(&vmd));
}

static void read_reported_regions(struct topology_reading *reading, const struct json_node *array,
                                  struct reported_group *group)
{
    group->regions_known = true;
    group->regions = arena_array(reading->arena, json_length(array), sizeof(*group->regions));
    for (struct json_node node = json_first(array); json_given(&node); json_next(&node)) {
        struct reported_region *region = &group->regions[group->region_count++];
        const char *type = "";
        if (!json_expect_object(&node) || !json_check_table(&node, &reported_region_keys))
            continue;
        json_get_address(&node, "base", UINT64_MAX, &region->base);
        json_get_address(&node, "limit", UINT64_MAX, &region->limit);
        if (region->limit < region->base)
            json_error(&node, "topology-region-bounds", "the region ends before it begins");
        json_get_string(&node, "type", &type);
        region->type = arena_string(reading->arena, type);
    }
}

static int compare_reported_groups(const void *left, const void *right)
{
    const struct reported_group *a = left, *b = right;
    return a->number < b->number ? -1 : a->number > b->number;
}

static void read_reported_groups(struct topology_reading *reading, const struct json_node *root)
{
    struct topology *topology = reading->topology;
    struct json_node array = json_member(root, "reported_groups");
    if (!json_given(&array) || !json_expect_array(&array))
        return;
    topology->reported_groups =
        arena_array(reading->arena, json_length(&array), sizeof(*topology->reported_groups));
    for (struct json_node node = json_first(&array); json_given(&node); json_next(&node)) {
        struct reported_group *group = &topology->reported_groups[topology->reported_group_count++];
        const char *type;
        if (!json_expect_object(&node) || !json_check_table(&node, &reported_group_keys))
            continue;
        json_get_u32(&node, "group", 0, 999999999, &group->number);
        if (json_get_string(&node, "type", &type))
            group->type = arena_string(reading->arena, type);
        struct json_node regions = json_member(&node, "reserved");
        if (json_given(&regions) && json_expect_array(&regions))
            read_reported_regions(reading, &regions, group);
    }
    qsort(topology->reported_groups, topology->reported_group_count, sizeof(*topology->reported_groups),
          compare_reported_groups);
}

static void read_host_bridges(struct topology_reading *reading, const struct json_node *root)
{
    struct json_node array = json_member(root, "host_bridges");
    if (!json_require(root, "host_bridges", "the host bridges with the functions below them") ||
        !json_expect_array(&array))
        return;
    if (json_length(&array) == 0)
        json_error(&array, "topology-empty", "a machine has at least one host bridge");
    for (struct json_node node = json_first(&array); json_given(&node); json_next(&node))
        read_host_bridge(reading, &node);
    uint32_t host = 0;
    for (struct json_node node = json_first(&array); json_given(&node); json_next(&node), host++) {
        if (json_is_object(&node))
            connect_vmd(reading, &node, host);
    }
}

static void read_knowledge(const struct json_node *node, const char *key, enum knowledge *value)
{
    bool flag;
    if (json_get_boolean(node, key, &flag))
        *value = flag ? KNOWN_PRESENT : KNOWN_ABSENT;
}

static void read_software(struct topology_reading *reading, const struct json_node *root)
{
    struct topology *topology = reading->topology;
    int state = ACS_FIRMWARE;
    json_get_choice(root, "acs_control", acs_state_words, &state);
    topology->acs_state = (enum acs_state)state;

    const char *cmdline = "";
    struct json_node kernel = json_member(root, "kernel");
    if (json_given(&kernel) && json_expect_object(&kernel)) {
        json_check_table(&kernel, &kernel_keys);
        json_get_string(&kernel, "cmdline", &cmdline);
    }
    topology->cmdline = arena_string(reading->arena, cmdline);

    struct json_node platform = json_member(root, "platform");
    topology->rcba_enabled = UNKNOWN;
    topology->root_complex_peer_to_peer = !reading->complete;
    if (!json_given(&platform) || !json_expect_object(&platform))
        return;
    json_check_table(&platform, &platform_keys);
    read_knowledge(&platform, "rcba_enabled", &topology->rcba_enabled);
    read_knowledge(&platform, "interrupt_remapping", &topology->stated.interrupt_remapping);
    read_knowledge(&platform, "default_passthrough", &topology->stated.passthrough);
    read_knowledge(&platform, "default_strict", &topology->stated.strict);
    json_get_boolean(&platform, "root_complex_peer_to_peer", &topology->root_complex_peer_to_peer);
    struct json_node aliases = json_member(&platform, "ivrs_aliases");
    if (json_given(&aliases))
        read_ivrs_aliases(reading, &aliases);
}

/* False where the document is so wrong that reading on would only add noise. */
static bool read_heading(struct topology_reading *reading, const struct json_node *root)
{
    const char *text = NULL;
    int form = 0;
    if (!json_expect_object(root) || !json_require(root, "format", "\"iommusim-topology/1\"") ||
        !json_get_string(root, "format", &text))
        return false;
    if (strcmp(text, "iommusim-topology/1") != 0) {
        struct json_node format = json_member(root, "format");
        json_error(&format, "topology-format", "a topology's format is \"iommusim-topology/1\", found \"%s\"",
                   text);
        return false;
    }
    json_check_table(root, &topology_keys);
    json_get_choice(root, "form", topology_forms, &form);
    reading->complete = form;
    if (json_get_string(root, "name", &text))
        reading->topology->name = arena_string(reading->arena, text);
    if (json_get_string(root, "source", &text))
        reading->topology->source = arena_string(reading->arena, text);
    return true;
}

static int compare_overrides(const void *left, const void *right)
{
    const struct parameter_override *a = left, *b = right;
    int order = strcmp(a->owner, b->owner);
    return order ? order : (int)a->section - (int)b->section;
}

struct topology *topology_read(const struct json_document *document, struct parameter_override **overrides,
                               size_t *override_count)
{
    struct topology_reading reading = {.document = document, .builder = topology_builder_new()};
    struct json_node root = json_root(document);
    unsigned errors = diagnostics_errors(document->diagnostics);
    reading.topology = topology_builder_topology(reading.builder);
    reading.arena = reading.topology->arena;
    if (read_heading(&reading, &root)) {
        read_software(&reading, &root);
        read_memory(&reading, &root);
        read_units(&reading, &root);
        read_reserved_regions(&reading, &root);
        read_reported_groups(&reading, &root);
        read_host_bridges(&reading, &root);
    }
    struct topology *topology = NULL;
    if (diagnostics_errors(document->diagnostics) == errors)
        topology = topology_builder_finish(reading.builder, document->source, json_locate_value,
                                           document->diagnostics);
    else
        topology_builder_free(reading.builder);
    free(reading.addresses);
    if (topology && !topology_reader_check(document, topology)) {
        topology_free(topology);
        topology = NULL;
    }
    if (!topology) {
        free(reading.overrides);
        return NULL;
    }
    if (reading.override_count)
        qsort(reading.overrides, reading.override_count, sizeof(*reading.overrides), compare_overrides);
    *overrides = reading.overrides;
    *override_count = reading.override_count;
    return topology;
}
