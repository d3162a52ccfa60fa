/* SPDX-License-Identifier: MIT */
/* One function of a topology file, and what is below it. */
#include "sim/input/topology_reader.h"

#include "sim/base/arena.h"
#include "sim/input/function_registers.h"
#include "sim/input/topology_keys.h"

#include <string.h>

enum { FUNCTIONS_MAX = 1 << 20, UNKNOWN_ID = 0xffff };

static const char hex_digits[] = "0123456789abcdefABCDEF";

/* What stands for what a hand-written function leaves out: ids of QEMU's devices, which are on no quirk
 * list. */
static const struct kind_default {
    const char *kind;
    uint16_t device;
    uint32_t class_code;
    bool linked, has_bar;
} kind_defaults[] = {
    {"root-port", 0x000c, 0x060400, true, false},
    {"upstream-port", 0x00a0, 0x060400, true, false},
    {"downstream-port", 0x00a1, 0x060400, true, false},
    {"endpoint", 0x00a2, 0x020000, true, true},
    {"legacy-endpoint", 0x00a3, 0x020000, true, true},
    {"integrated-endpoint", 0x00a4, 0x020000, false, true},
    {"event-collector", 0x00a5, 0x080700, false, false},
    {"pcie-to-pci-bridge", 0x000e, 0x060400, true, false},
    {"pci-to-pcie-bridge", 0x00a6, 0x060400, true, false},
    {"conventional", 0x00a7, 0x020000, false, true},
    {"conventional-bridge", 0x0001, 0x060400, false, false},
    {"cardbus-bridge", 0x00a8, 0x060700, false, false},
};

static void set_defaults(struct pci_function *function, const char *kind)
{
    function->vendor = 0x1b36;
    function->bus_master = function->memory_space = true;
    if (function->pcie) {
        function->max_payload_supported = function->max_payload = 256;
        function->max_read_request = 512;
        function->extended_tags = true;
    }
    for (size_t i = 0; i < sizeof(kind_defaults) / sizeof(kind_defaults[0]); i++) {
        const struct kind_default *defaults = &kind_defaults[i];
        if (strcmp(defaults->kind, kind) != 0)
            continue;
        function->device = defaults->device;
        function->class_code = defaults->class_code;
        if (defaults->linked)
            function->link = (struct link_state){3, 8, 3, 8};
        if (defaults->has_bar)
            function->bars[0] = (struct bar){.kind = BAR_MEMORY32, .size = 65536};
    }
}

/* The kind a function has where the file does not say: what usually is at such a place. */
static const char *usual_kind(const struct topology_reading *reading, const struct json_node *node,
                              const struct function_place *place)
{
    struct json_node below = json_member(node, "functions");
    if (place->pf != NONE)
        return "endpoint";
    if (place->parent == NONE)
        return json_given(&below) ? "root-port" : "integrated-endpoint";
    const struct pci_function *parent = topology_builder_function(reading->builder, place->parent);
    if (function_is_type(parent, PCIE_UPSTREAM_PORT))
        return "downstream-port";
    if (!parent->pcie || parent->pcie_type == PCIE_TO_PCI_BRIDGE)
        return json_given(&below) ? "conventional-bridge" : "conventional";
    return json_given(&below) ? "upstream-port" : "endpoint";
}

static bool read_kind(const struct topology_reading *reading, const struct json_node *node,
                      const struct function_place *place, struct pci_function *function)
{
    struct json_node given = json_member(node, "kind");
    const char *kind = json_given(&given) ? json_expect_string(&given, "a kind of function")
                                          : usual_kind(reading, node, place);
    if (!kind)
        return false;
    uint64_t number;
    if (strncmp(kind, "pcie-type-", 10) == 0 && number_parse(kind + 10, 15, &number)) {
        function->pcie = true; /* device/port types the specification reserves, seen in dumps */
        function->pcie_type = (enum pcie_type)number;
    } else if (!function_kind_set(function, kind)) {
        int unused;
        return json_node_choice(&given, function_kind_names(), &unused);
    }
    if (reading->complete)
        function->vendor = function->device = UNKNOWN_ID;
    else
        set_defaults(function, kind);
    json_get_u8(node, "header_type", 0, 127, &function->header_type);
    return true;
}

/* Up to four digits, or "unknown", up to a colon or the end. @return what follows, or NULL */
static const char *read_id(const char *text, uint16_t *id)
{
    static const char unknown[] = "unknown";
    size_t digits = strspn(text, hex_digits);
    *id = UNKNOWN_ID;
    if (digits >= 1 && digits <= 4)
        *id = (uint16_t)strtoul(text, NULL, 16);
    else if (strncmp(text, unknown, strlen(unknown)) == 0)
        digits = strlen(unknown);
    else
        return NULL;
    return text + digits;
}

/* "vvvv:dddd", "vvvv:unknown" or "unknown" */
static void read_ids(const struct json_node *object, const char *key, uint16_t *vendor, uint16_t *device)
{
    struct json_node node = json_member(object, key);
    const char *text = json_given(&node) ? json_expect_string(&node, "ids such as \"8086:1572\"") : NULL;
    if (!text)
        return;
    uint16_t ids[2] = {UNKNOWN_ID, UNKNOWN_ID};
    const char *rest = read_id(text, &ids[0]);
    if (rest && *rest == ':')
        rest = read_id(rest + 1, &ids[1]);
    else if (rest && ids[0] != UNKNOWN_ID)
        rest = NULL;
    if (rest && !*rest) {
        *vendor = ids[0];
        *device = ids[1];
        return;
    }
    json_error(&node, "json-unit", "\"%s\" is not a vendor and device id such as \"8086:1572\"", text);
}

static void read_identity(const struct topology_reading *reading, const struct json_node *node,
                          struct pci_function *function)
{
    uint32_t value;
    const char *text;
    read_ids(node, "id", &function->vendor, &function->device);
    read_ids(node, "subsystem", &function->subvendor, &function->subdevice);
    struct json_node class_node = json_member(node, "class");
    if (json_get_hex(node, "class", 6, &value)) {
        size_t digits = strlen(json_string(&class_node));
        if (digits == 4)
            function->class_code = value << 8;
        else if (digits == 6)
            function->class_code = value;
        else
            json_error(&class_node, "json-unit", "a class has four or six digits: \"0604\" or \"060400\"");
    }
    if (json_get_hex(node, "revision", 2, &value))
        function->revision = (uint8_t)value;
    if (json_get_string(node, "driver", &text))
        function->driver = arena_string(reading->arena, text);
    if (json_get_string(node, "name", &text))
        function->name = arena_string(reading->arena, text);
}

/* Dumps hold the two reserved encodings, too. */
static void read_payload(const struct json_node *node, const char *key, bool reserved, uint16_t *bytes)
{
    uint64_t value;
    if (!json_get_count(node, key, 128, reserved ? 16384 : 4096, &value))
        return;
    if (value & (value - 1)) {
        struct json_node member = json_member(node, key);
        json_error(&member, "topology-payload-size", "\"%s\" is 128, 256, 512, 1024, 2048 or 4096 bytes",
                   key);
        return;
    }
    *bytes = (uint16_t)value;
}

static void read_flags(const struct json_node *node, struct pci_function *function)
{
    json_get_boolean(node, "extended_tags", &function->extended_tags);
    json_get_boolean(node, "ari", &function->ari);
    json_get_boolean(node, "ari_acs_groups", &function->ari_acs_groups);
    json_get_u8(node, "ari_function_group", 0, 7, &function->ari_function_group);
    json_get_u8(node, "ari_next_function", 0, UINT8_MAX, &function->ari_next_function);
    json_get_boolean(node, "ari_forwarding", &function->ari_forwarding);
    json_get_boolean(node, "no_atomic_routing", &function->no_atomic_routing);
    json_get_boolean(node, "atomic_egress_blocking", &function->atomic_egress_blocking);
    json_get_boolean(node, "ats", &function->ats);
    json_get_boolean(node, "ats_enabled", &function->ats_enabled);
    json_get_boolean(node, "pri", &function->pri);
    json_get_boolean(node, "pasid", &function->pasid);
    json_get_boolean(node, "external_facing", &function->external_facing);
    json_get_boolean(node, "untrusted", &function->untrusted);
    json_get_boolean(node, "observed", &function->observed);
    json_get_boolean(node, "bus_master", &function->bus_master);
    json_get_boolean(node, "memory_space", &function->memory_space);
    json_get_boolean(node, "io_space_disabled", &function->io_space_disabled);
    json_get_boolean(node, "pcix", &function->pcix);
    json_get_boolean(node, "capabilities_hidden", &function->pcie_unknown);
    function->group_reported =
        json_get_u32(node, "reported_group", 0, UINT32_MAX - 1, &function->reported_group);
    uint8_t bits = function->dma_mask_bits;
    if (json_get_u8(node, "dma_mask_bits", 24, 64, &bits))
        function->dma_mask_bits = bits;
}

/* Requester ids beside its own: "00.1", or a full address on the same bus. */
static void read_aliases(const struct topology_reading *reading, const struct json_node *array,
                         struct pci_function *function)
{
    if (!json_expect_array(array))
        return;
    function->alias_devfns = arena_alloc(reading->arena, json_length(array));
    for (struct json_node node = json_first(array); json_given(&node); json_next(&node)) {
        char text[32];
        uint32_t segment;
        uint8_t bus, devfn;
        const char *given = json_expect_string(&node, "a device and function such as \"00.1\"");
        if (!given)
            continue;
        snprintf(text, sizeof(text), "%s%s", strchr(given, ':') ? "" : "00:", given);
        if (!bdf_parse(text, &segment, &bus, &devfn)) {
            json_error(&node, "json-address", "\"%s\" is not a device and function such as \"00.1\"", given);
            continue;
        }
        function->alias_devfns[function->alias_count++] = devfn;
    }
}

static void read_bus_numbers(const struct topology_reading *reading, const struct json_node *node,
                             struct pci_function *function, struct placement *placement)
{
    struct json_node buses = json_member(node, "buses");
    placement->bus_numbers_known = reading->complete && function->header_type != 0;
    if (!json_given(&buses) || !json_expect_array(&buses))
        return;
    if (function->header_type == 0) {
        json_error_at_key(&buses, "topology-not-a-bridge", "only bridges have buses below them");
        return;
    }
    if (json_length(&buses) != 2) {
        json_error(&buses, "topology-bus-range",
                   "\"buses\" holds two bus numbers, secondary and subordinate");
        return;
    }
    struct json_node item = json_first(&buses);
    bool good = read_bus(&item, &function->secondary_bus);
    json_next(&item);
    good = read_bus(&item, &function->subordinate_bus) && good;
    placement->bus_numbers_known = good;
}

/* "0000:3b:00.0", "3b:00.0", "00.0" (bus automatic), ".1" (slot of the function before). */
static bool read_address(const struct json_node *node, const struct function_place *place,
                         struct pci_function *function, struct placement *placement)
{
    struct json_node address = json_member(node, "address");
    char padded[32];
    uint32_t segment = place->segment;
    uint8_t bus = 0, devfn;
    if (!json_given(&address))
        return true;
    const char *text = json_expect_string(&address, "an address such as \"0000:3b:00.0\" or \"1c.0\"");
    if (!text)
        return false;
    const char *colon = strchr(text, ':');
    if (!colon && strlen(text) < 8) {
        snprintf(padded, sizeof(padded), "00:%s%s", text[0] == '.' ? "0" : "", text);
        text = padded;
    }
    if (!bdf_parse(text, &segment, &bus, &devfn)) {
        json_error(&address, "json-address", "\"%s\" is not an address such as \"0000:3b:00.0\" or \"1c.0\"",
                   json_string(&address));
        return false;
    }
    function->devfn = devfn;
    if (!colon) {
        placement->devfn_known = true;
        placement->same_slot =
            text == padded && padded[3] == '0' && padded[4] == '.' && json_string(&address)[0] == '.';
        if (placement->same_slot && place->first_of_bus)
            json_error(&address, "json-address",
                       "\"%s\" takes the slot of the function before, but this is the first on its bus",
                       json_string(&address));
        return true;
    }
    if (strchr(colon + 1, ':') && segment != place->segment) {
        json_error(&address, "topology-segment", "the address is in segment %04x, its host bridge in %04x",
                   segment, place->segment);
        return false;
    }
    placement->address_known = true;
    function->segment = place->segment;
    function->bus = bus;
    return true;
}

/* A link has one speed and one width: what one end says holds for the other. */
static void agree_on_link(struct topology_reading *reading, const struct function_place *place,
                          const struct json_node *node, struct pci_function *function, bool given)
{
    if (reading->complete || place->parent == NONE || !function->link.width)
        return;
    struct pci_function *port = topology_builder_function(reading->builder, place->parent);
    if (!function_leads_to_link(port))
        return;
    if (!given) {
        function->link = port->link;
    } else if (!place->parent_link_given) {
        port->link = function->link;
    } else if (port->link.generation != function->link.generation ||
               port->link.width != function->link.width) {
        struct json_node link = json_member(node, "link");
        json_error(&link, "topology-link-ends",
                   "the port above says that this link is generation %u, %u lanes wide",
                   port->link.generation, port->link.width);
    }
}

/* Everything but the place. @return true if speed or width of its link is given */
static bool read_body(struct topology_reading *reading, const struct json_node *node,
                      struct pci_function *function)
{
    bool link_given = false;
    read_identity(reading, node, function);
    read_flags(node, function);
    read_payload(node, "max_payload_supported", reading->complete, &function->max_payload_supported);
    read_payload(node, "max_payload", reading->complete, &function->max_payload);
    read_payload(node, "max_read_request", reading->complete, &function->max_read_request);
    uint8_t port;
    if (json_get_u8(node, "port_number", 0, UINT8_MAX, &port))
        function->port_number = port + 1;
    read_registers(node, function);
    struct json_node bars = json_member(node, "bars"), windows = json_member(node, "windows");
    struct json_node link = json_member(node, "link"), acs = json_member(node, "acs");
    struct json_node sriov = json_member(node, "sriov"), aliases = json_member(node, "aliases");
    if (json_given(&bars))
        read_bars(&bars, function->bars, BAR_COUNT);
    if (json_given(&windows))
        read_windows(&windows, function);
    keep_override(reading, node, &link, SECTION_LINK, &function_link_keys);
    if (json_given(&link))
        link_given = read_link(&link, function, reading->complete);
    function->acs.egress_vector_known = !reading->complete;
    if (json_given(&acs))
        read_acs(reading, &acs, function);
    if (json_given(&sriov))
        read_sriov(&sriov, function, reading->complete);
    if (json_given(&aliases))
        read_aliases(reading, &aliases, function);
    static const struct {
        const char *key;
        enum parameter_section section;
    } overrides[] = {{"switch", SECTION_SWITCH}, {"bridge", SECTION_BRIDGE}, {"endpoint", SECTION_ENDPOINT}};
    for (size_t i = 0; i < sizeof(overrides) / sizeof(overrides[0]); i++) {
        struct json_node own = json_member(node, overrides[i].key);
        keep_override(reading, node, &own, overrides[i].section, NULL);
    }
    return link_given;
}

/* Written by hand, ports stand where they belong. (Dumps of real machines show stranger things;
 * topology_check() remarks on those.) */
static void check_place(const struct topology_reading *reading, const struct json_node *node,
                        const struct function_place *place, const struct pci_function *function)
{
    if (reading->complete || place->pf != NONE)
        return;
    const struct pci_function *above =
        place->parent == NONE ? NULL : topology_builder_function(reading->builder, place->parent);
    bool below_upstream = above && function_is_type(above, PCIE_UPSTREAM_PORT);
    const char *rule = NULL;
    if (below_upstream && !function_is_type(function, PCIE_DOWNSTREAM_PORT))
        rule = "below an upstream port are the downstream ports of its switch";
    else if (function_is_type(function, PCIE_DOWNSTREAM_PORT) && !below_upstream)
        rule = "a downstream port is below the upstream port of its switch";
    else if (function_is_type(function, PCIE_ROOT_PORT) && above)
        rule = "a root port is on a root bus";
    else if (function_is_type(function, PCIE_UPSTREAM_PORT) && !(above && function_leads_to_link(above)))
        rule = "an upstream port is below a root port or a downstream port";
    else if ((function_is_type(function, PCIE_RC_ENDPOINT) ||
              function_is_type(function, PCIE_RC_EVENT_COLLECTOR)) &&
             above)
        rule = "what is integrated in the root complex is on a root bus";
    else if (above && above->pcie && above->pcie_type == PCIE_TO_PCI_BRIDGE && function->pcie &&
             function->pcie_type != PCI_TO_PCIE_BRIDGE)
        rule = "below a PCIe-to-PCI bridge is conventional PCI";
    if (rule)
        json_error(node, "topology-port-place", "%s cannot be here: %s", function_kind_name(function), rule);
}

static void remember_address(struct topology_reading *reading, const struct pci_function *function,
                             uint32_t index)
{
    reading->addresses = memory_grow(reading->addresses, reading->address_count, &reading->address_capacity,
                                     sizeof(*reading->addresses));
    reading->addresses[reading->address_count++] =
        (struct stated_address){function->segment, function->bus, function->devfn, index};
}

static void read_below(struct topology_reading *reading, const struct json_node *node,
                       const struct function_place *place, uint32_t index, bool link_given)
{
    struct json_node below = json_member(node, "functions");
    struct json_node sriov = json_member(node, "sriov");
    if (json_given(&below)) {
        if (topology_builder_function(reading->builder, index)->header_type == 0) {
            json_error_at_key(&below, "topology-not-a-bridge", "nothing can be below a function of kind %s",
                              function_kind_name(topology_builder_function(reading->builder, index)));
            return;
        }
        read_functions(reading, &below,
                       (struct function_place){.host_bridge = place->host_bridge,
                                               .segment = place->segment,
                                               .parent = index,
                                               .pf = NONE,
                                               .parent_link_given = link_given,
                                               .first_of_bus = true});
    }
    if (!json_is_object(&sriov))
        return;
    struct json_node virtual_functions = json_member(&sriov, "virtual_functions");
    if (json_given(&virtual_functions))
        read_functions(reading, &virtual_functions,
                       (struct function_place){.host_bridge = NONE,
                                               .segment = place->segment,
                                               .parent = NONE,
                                               .pf = index,
                                               .first_of_bus = true});
}

static void read_function(struct topology_reading *reading, const struct json_node *node,
                          const struct function_place *place);

/* The ports of a divided slot: functions one after the other, of "functions" each has one. */
static void read_ports(struct topology_reading *reading, const struct json_node *node,
                       const struct function_place *place, const struct bifurcation *bifurcation,
                       struct pci_function port, struct placement placement)
{
    struct json_node below = json_member(node, "functions"), child = {0};
    if (json_given(&below) && json_expect_array(&below))
        child = json_first(&below);
    for (uint32_t i = 0; i < bifurcation->ports; i++, port.devfn++) {
        port.link.width = port.link.maximum_width = bifurcation->lanes[i];
        uint32_t index = topology_builder_add(reading->builder, &port, placement);
        if (placement.address_known)
            remember_address(reading, &port, index);
        if (!json_given(&child))
            continue;
        read_function(reading, &child,
                      &(struct function_place){.host_bridge = place->host_bridge,
                                               .segment = place->segment,
                                               .parent = index,
                                               .pf = NONE,
                                               .parent_link_given = true,
                                               .first_of_bus = true});
        json_next(&child);
    }
}

static void read_function(struct topology_reading *reading, const struct json_node *node,
                          const struct function_place *place)
{
    struct bifurcation bifurcation;
    struct pci_function function = {.real_dma_id = NONE, .pf_id = NONE, .secondary_bus_id = NONE};
    struct placement placement = {.host_bridge = place->host_bridge, .parent = place->parent};
    uint32_t count = 1;
    if (!json_expect_object(node))
        return;
    json_check_table(node, &function_keys);
    if (!read_kind(reading, node, place, &function) || !read_address(node, place, &function, &placement))
        return;
    if (!placement.address_known && (reading->complete || place->pf != NONE)) {
        json_error(node, "topology-no-address", "%s states its full address",
                   place->pf != NONE ? "a virtual function" : "in the complete form every function");
        return;
    }
    placement.multifunction_known =
        json_get_boolean(node, "multifunction", &function.multifunction) || reading->complete;
    placement.addresses_known = reading->complete;
    check_place(reading, node, place, &function);
    read_bus_numbers(reading, node, &function, &placement);
    bool link_given = read_body(reading, node, &function);
    agree_on_link(reading, place, node, &function, link_given);
    json_get_u32(node, "count", 1, 65536, &count);
    if (count > 1 && (placement.address_known || placement.devfn_known || placement.bus_numbers_known)) {
        json_error(node, "topology-count", "a function that is repeated cannot state its address or buses");
        return;
    }
    char *pointer = json_pointer(node);
    function.pointer = arena_string(reading->arena, pointer);
    free(pointer);
    if (!read_bifurcation(node, &function, &placement, &bifurcation))
        return;
    if (bifurcation.ports) {
        read_ports(reading, node, place, &bifurcation, function, placement);
        return;
    }
    /* What is wrong with one is wrong with all copies: report it once. */
    unsigned errors = diagnostics_errors(reading->document->diagnostics);
    for (uint32_t i = 0; i < count && diagnostics_errors(reading->document->diagnostics) == errors; i++) {
        if (topology_builder_count(reading->builder) >= FUNCTIONS_MAX) {
            json_error(node, "topology-too-large", "more than %d functions", FUNCTIONS_MAX);
            return;
        }
        uint32_t index = topology_builder_add(reading->builder, &function, placement);
        if (placement.address_known)
            remember_address(reading, &function, index);
        read_below(reading, node, place, index, link_given);
    }
}

void read_functions(struct topology_reading *reading, const struct json_node *array,
                    struct function_place place)
{
    if (!json_expect_array(array))
        return;
    for (struct json_node node = json_first(array); json_given(&node); json_next(&node)) {
        if (diagnostics_full(reading->document->diagnostics))
            return;
        read_function(reading, &node, &place);
        place.first_of_bus = false;
    }
}
