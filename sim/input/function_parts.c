/* SPDX-License-Identifier: MIT */
/* The parts of a function that are objects or arrays of their own: BARs, windows, link, ACS, SR-IOV. */
#include "sim/input/topology_reader.h"

#include "sim/input/topology_keys.h"

#include <inttypes.h>
#include <string.h>

/* "index": a number, or "rom". Without one, the lowest register that is free. */
static bool read_bar_index(const struct json_node *node, const struct bar *bars, unsigned count,
                           unsigned *index)
{
    struct json_node given = json_is_object(node) ? json_member(node, "index") : (struct json_node){0};
    uint32_t number = 0;
    if (!json_given(&given)) {
        while (number < BAR_ROM &&
               (bars[number].kind != BAR_NONE || (number > 0 && bars[number - 1].kind == BAR_MEMORY64)))
            number++;
        if (number == BAR_ROM) {
            json_error(node, "topology-bar-index",
                       "no base address register is left for this BAR: there are six");
            return false;
        }
    } else if (json_is_string(&given) && count > BAR_ROM && strcmp(json_string(&given), "rom") == 0) {
        number = BAR_ROM;
    } else if (!json_get_u32(node, "index", 0, BAR_ROM - 1, &number)) {
        return false;
    }
    *index = number;
    return true;
}

static void read_bar(const struct json_node *node, struct bar *bars, unsigned count)
{
    struct bar bar = {.kind = BAR_MEMORY32};
    unsigned index = 0;
    const char *size = json_string(node);
    if (size) { /* "64KiB": one memory BAR of that size */
        if (!number_parse(size, UINT64_MAX, &bar.size) && !unit_parse(size, UNIT_BYTES, &bar.size)) {
            json_error(node, "json-unit", "\"%s\" is not %s", size, unit_expected(UNIT_BYTES));
            return;
        }
    } else {
        if (!json_expect_object(node))
            return;
        json_check_table(node, &bar_keys);
        json_get_boolean(node, "prefetchable", &bar.prefetchable);
        int kind = bar.prefetchable ? BAR_MEMORY64 - BAR_IO : BAR_MEMORY32 - BAR_IO;
        json_get_choice(node, "kind", bar_kind_words, &kind);
        bar.kind = (enum bar_kind)(kind + BAR_IO);
        json_get_size(node, "size", 0, UINT64_C(1) << 52, &bar.size);
        bar.assigned = json_get_address(node, "address", UINT64_MAX, &bar.address);
    }
    if (bar.size & (bar.size - 1)) {
        json_error(node, "topology-bar-size",
                   "the size of a BAR must be a power of two, not %" PRIu64 " bytes", bar.size);
        return;
    }
    if (!read_bar_index(node, bars, count, &index))
        return;
    bool clash = bars[index].kind != BAR_NONE ||
                 (index > 0 && index < BAR_ROM && bars[index - 1].kind == BAR_MEMORY64) ||
                 (bar.kind == BAR_MEMORY64 && index < 5 && bars[index + 1].kind != BAR_NONE);
    if (clash)
        json_error(node, "topology-bar-index", "base address register %u is used twice", index);
    else if (bar.kind == BAR_MEMORY64 && index >= 5)
        json_error(node, "topology-bar-index", "a 64-bit BAR takes two registers: the last can begin at 4");
    else
        bars[index] = bar;
}

void read_bars(const struct json_node *array, struct bar *bars, unsigned count)
{
    memset(bars, 0, count * sizeof(*bars));
    if (!json_expect_array(array))
        return;
    for (struct json_node node = json_first(array); json_given(&node); json_next(&node))
        read_bar(&node, bars, count);
}

static void read_window(const struct json_node *node, struct window *window)
{
    if (!json_given(node) || !json_expect_array(node))
        return;
    if (json_length(node) != 2) {
        json_error(node, "topology-window-bounds", "a window is two addresses, its first and its last byte");
        return;
    }
    struct json_node item = json_first(node);
    bool good = json_node_address(&item, UINT64_MAX, &window->base);
    json_next(&item);
    good = json_node_address(&item, UINT64_MAX, &window->limit) && good;
    window->open = good;
    if (good && window->base > window->limit)
        json_error(node, "topology-window-bounds", "the window ends before it begins");
}

void read_windows(const struct json_node *node, struct pci_function *function)
{
    if (!json_expect_object(node))
        return;
    json_check_table(node, &windows_keys);
    if (!function_is_bridge(function)) {
        json_error_at_key(node, "topology-not-a-bridge", "only bridges have windows");
        return;
    }
    struct json_node memory = json_member(node, "memory"), io = json_member(node, "io");
    struct json_node prefetchable = json_member(node, "prefetchable");
    read_window(&memory, &function->memory_window);
    read_window(&prefetchable, &function->prefetchable_window);
    read_window(&io, &function->io_window);
}

static bool read_speed(const struct json_node *node, const char *key, uint8_t *generation)
{
    uint64_t speed;
    if (!json_get_quantity(node, key, UNIT_TRANSFERS_PER_S, 0, UINT64_MAX, &speed))
        return false;
    unsigned found = link_generation_of_speed(speed);
    if (!found) {
        struct json_node member = json_member(node, key);
        json_error(&member, "topology-link-speed",
                   "no link runs at \"%s\": 2.5GT/s, 5GT/s, 8GT/s, 16GT/s, 32GT/s or 64GT/s",
                   json_string(&member));
        return false;
    }
    *generation = (uint8_t)found;
    return true;
}

static bool read_width(const struct json_node *node, const char *key, uint8_t *width)
{
    static const uint8_t widths[] = {1, 2, 4, 8, 12, 16, 32};
    uint8_t lanes;
    if (!json_get_u8(node, key, 0, UINT8_MAX, &lanes))
        return false;
    for (size_t i = 0; i < sizeof(widths); i++) {
        if (widths[i] == lanes) {
            *width = lanes;
            return true;
        }
    }
    struct json_node member = json_member(node, key);
    json_error(&member, "topology-link-width", "a link has 1, 2, 4, 8, 12, 16 or 32 lanes, not %u", lanes);
    return false;
}

bool read_link(const struct json_node *node, struct pci_function *function, bool complete)
{
    struct link_state *link = &function->link;
    if (!json_is_object(node))
        return false; /* reported where its keys were checked */
    if (!function->pcie || function->pcie_type == PCIE_RC_ENDPOINT ||
        function->pcie_type == PCIE_RC_EVENT_COLLECTOR) {
        if (!complete)
            json_error_at_key(node, "topology-no-link", "a function of kind %s has no link",
                              function_kind_name(function));
    }
    bool speed = read_speed(node, "speed", &link->generation);
    bool width = read_width(node, "width", &link->width);
    if (!complete) {
        if (speed)
            link->maximum_generation = link->generation;
        if (width)
            link->maximum_width = link->width;
    }
    read_speed(node, "maximum_speed", &link->maximum_generation);
    read_width(node, "maximum_width", &link->maximum_width);
    return speed || width;
}

/* "bifurcation" as a list of lanes. @return their sum, 0 after an error */
static unsigned read_lanes(const struct json_node *array, struct bifurcation *bifurcation)
{
    unsigned sum = 0;
    if (!json_expect_array(array))
        return 0;
    for (struct json_node item = json_first(array); json_given(&item); json_next(&item)) {
        uint64_t lanes;
        if (!json_node_address(&item, SLOT_LANES_MAX, &lanes))
            return 0;
        if (!lanes || (lanes & (lanes - 1)) || bifurcation->ports == SLOT_LANES_MAX) {
            json_error(&item, "topology-link-width",
                       "a port of a divided slot has 1, 2, 4, 8, 16 or 32 lanes, not %u", (unsigned)lanes);
            return 0;
        }
        bifurcation->lanes[bifurcation->ports++] = (uint8_t)lanes;
        sum += (unsigned)lanes;
    }
    if (!sum)
        json_error(array, "topology-bifurcation",
                   "\"bifurcation\" lists the lanes of each port, such as [8, 4, 4]");
    return sum;
}

bool read_bifurcation(const struct json_node *node, const struct pci_function *port,
                      const struct placement *first, struct bifurcation *bifurcation)
{
    struct json_node given = json_member(node, "bifurcation"), count = json_member(node, "count"),
                     below = json_member(node, "functions"), link = json_member(node, "link");
    struct json_node width = json_is_object(&link) ? json_member(&link, "width") : (struct json_node){0};
    unsigned slot = json_given(&width) ? port->link.width : 16, lanes;
    *bifurcation = (struct bifurcation){0};
    if (!json_given(&given))
        return true;
    if (!function_leads_to_link(port)) {
        json_error_at_key(&given, "topology-bifurcation", "only the slot of a port can be divided");
        return false;
    }
    if (json_given(&count)) {
        json_error_at_key(&count, "topology-bifurcation", "a slot that is divided cannot be repeated");
        return false;
    }
    lanes = read_lanes(&given, bifurcation);
    if (!lanes)
        return false;
    if (lanes > slot)
        json_error(&given, "topology-bifurcation", "the ports have %u lanes, the slot has %u", lanes, slot);
    else if ((first->address_known || first->devfn_known) && pci_func(port->devfn) + bifurcation->ports > 8)
        json_error(&given, "topology-bifurcation",
                   "%u ports from %02x.%u on are more than a device has functions", bifurcation->ports,
                   pci_slot(port->devfn), pci_func(port->devfn));
    else if (json_length(&below) > bifurcation->ports)
        json_error_at_key(&below, "topology-bifurcation",
                          "%u functions are below %u ports: each stands for one port's link",
                          (unsigned)json_length(&below), bifurcation->ports);
    else
        return true;
    return false;
}

/* Bits as a number, or as a list of @p words. */
static bool read_acs_bits(const struct json_node *node, const char *const *words, uint16_t *bits)
{
    uint64_t number;
    if (!json_is_array(node)) {
        if (!json_node_address(node, 0xffff, &number))
            return false;
        *bits = (uint16_t)number;
        return true;
    }
    *bits = 0;
    for (struct json_node item = json_first(node); json_given(&item); json_next(&item)) {
        int bit;
        if (!json_node_choice(&item, words, &bit))
            return false;
        bool enhanced = strcmp(words[bit], "ES") == 0;
        *bits = (uint16_t)(*bits | (enhanced ? ACS_ENHANCED : 1U << bit));
    }
    return true;
}

/* The first dword, or a list of dwords. */
static bool read_egress_vector(const struct json_node *node, struct acs *acs)
{
    enum { DWORDS = 8 };
    uint64_t dword;
    if (!json_is_array(node)) {
        bool good = json_node_address(node, UINT32_MAX, &dword);
        acs->egress_vector = good ? (uint32_t)dword : 0;
        return good;
    }
    if (json_length(node) == 0 || json_length(node) > DWORDS) {
        json_error(node, "topology-egress-vector", "an egress control vector is one to eight dwords");
        return false;
    }
    unsigned at = 0;
    for (struct json_node item = json_first(node); json_given(&item); json_next(&item), at++) {
        if (!json_node_address(&item, UINT32_MAX, &dword))
            return false;
        *(at ? &acs->egress_vector_more[at - 1] : &acs->egress_vector) = (uint32_t)dword;
    }
    return true;
}

void read_acs(const struct topology_reading *reading, const struct json_node *node,
              struct pci_function *function)
{
    struct acs *acs = &function->acs;
    const char *word = json_string(node);
    if (word) {
        /* "present": there is the capability, but the input did not show its registers */
        static const char *const words[] = {"none", "unknown", "present", NULL};
        int choice = 0;
        json_node_choice(node, words, &choice);
        function->acs_unknown = choice > 0;
        acs->present = choice == 2;
        return;
    }
    struct json_node capability = *node, control = {0};
    if (json_is_object(node)) {
        json_check_table(node, &acs_keys);
        capability = json_member(node, "capability");
        control = json_member(node, "control");
        if (!json_require(node, "capability", "the ACS capability bits"))
            return;
    } else if (!json_is_array(node)) {
        json_error(node, "json-type",
                   "expected \"none\", \"unknown\", \"present\", a list of ACS bits or an object");
        return;
    }
    acs->present = read_acs_bits(&capability, acs_bit_words, &acs->capability);
    /* What the kernel sets is SV, RR, CR and UF as far as they are implemented (pci_std_enable_acs). */
    acs->control = reading->topology->acs_state == ACS_BOOTED && !reading->complete
                       ? acs->capability & (ACS_SOURCE_VALIDATION | ACS_REQUEST_REDIRECT |
                                            ACS_COMPLETION_REDIRECT | ACS_UPSTREAM_FORWARDING)
                       : 0;
    if (json_given(&control))
        read_acs_bits(&control, acs_control_words, &acs->control);
    acs->egress_vector_known = !reading->complete;
    struct json_node vector =
        json_is_object(node) ? json_member(node, "egress_vector") : (struct json_node){0};
    if (json_given(&vector))
        acs->egress_vector_known = read_egress_vector(&vector, acs);
}

void read_sriov(const struct json_node *node, struct pci_function *function, bool complete)
{
    struct sriov *sriov = &function->sriov;
    uint32_t device;
    if (!json_expect_object(node))
        return;
    json_check_table(node, &sriov_keys);
    sriov->present = true;
    json_get_u16(node, "num_vfs", 0, UINT16_MAX, &sriov->num_vfs);
    sriov->enabled = !complete && sriov->num_vfs > 0;
    json_get_boolean(node, "enabled", &sriov->enabled);
    if (!complete)
        sriov->total_vfs = sriov->num_vfs;
    json_get_u16(node, "total_vfs", 0, UINT16_MAX, &sriov->total_vfs);
    if (sriov->num_vfs > sriov->total_vfs && !complete) {
        struct json_node num = json_member(node, "num_vfs");
        json_error(&num, "topology-vf-count", "%u virtual functions are enabled, but there are only %u",
                   sriov->num_vfs, sriov->total_vfs);
    }
    json_get_u16(node, "first_vf_offset", 0, UINT16_MAX, &sriov->first_vf_offset);
    json_get_u16(node, "vf_stride", 0, UINT16_MAX, &sriov->vf_stride);
    sriov->vf_device = complete ? 0 : function->device;
    if (json_get_hex(node, "vf_device", 4, &device))
        sriov->vf_device = (uint16_t)device;
    struct json_node bars = json_member(node, "vf_bars");
    if (json_given(&bars))
        read_bars(&bars, sriov->vf_bars, 6);
    else if (!complete)
        sriov->vf_bars[0] = (struct bar){.kind = BAR_MEMORY64, .prefetchable = true, .size = 16384};
}
