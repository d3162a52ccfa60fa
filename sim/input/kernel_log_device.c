/* SPDX-License-Identifier: MIT */
/* What a kernel log says of single functions (drivers/pci/probe.c, quirks.c, setup-bus.c; iommu.c). */
#include "sim/input/kernel_log_internal.h"

#include <stdio.h>
#include <string.h>

enum { CLASS_ALL_ONES = 0xffffff, HEADER_LAYOUT = 0x7f };

/* What pci_type_str() of Linux 6.9 and later prints. */
static const struct {
    const char *name;
    bool pcie;
    enum pcie_type type;
} types[] = {
    {"PCIe Endpoint", true, PCIE_ENDPOINT},
    {"PCIe Legacy Endpoint", true, PCIE_LEGACY_ENDPOINT},
    {"PCIe Root Port", true, PCIE_ROOT_PORT},
    {"PCIe Switch Upstream Port", true, PCIE_UPSTREAM_PORT},
    {"PCIe Switch Downstream Port", true, PCIE_DOWNSTREAM_PORT},
    {"PCIe to PCI/PCI-X bridge", true, PCIE_TO_PCI_BRIDGE},
    {"PCI/PCI-X to PCIe bridge", true, PCI_TO_PCIE_BRIDGE},
    {"PCIe Root Complex Integrated Endpoint", true, PCIE_RC_ENDPOINT},
    {"PCIe Root Complex Event Collector", true, PCIE_RC_EVENT_COLLECTOR},
    {"conventional PCI", false, PCIE_ENDPOINT},
    {"CardBus bridge", false, PCIE_ENDPOINT},
};

static void take_type(struct dump_part *part, struct slice rest)
{
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (!slice_skip(&rest, types[i].name))
            continue;
        part->function.pcie = types[i].pcie;
        part->function.pcie_type = types[i].type;
        part->facts |= FACT_TYPE | FACT_EXPRESS;
    }
}

static bool take_pair(struct slice *rest, uint64_t *vendor, uint64_t *device)
{
    return slice_number(rest, 16, 4, 4, vendor) && slice_skip(rest, ":") &&
           slice_number(rest, 16, 4, 4, device) && slice_skip(rest, "] ");
}

static void set_ids(struct dump_part *part, uint64_t vendor, uint64_t device)
{
    part->function.vendor = (uint16_t)vendor;
    part->function.device = (uint16_t)device;
    part->facts |= FACT_VENDOR | FACT_DEVICE;
}

static void set_class(struct dump_part *part, uint64_t header, uint64_t class_code, bool interface)
{
    if (class_code > (interface ? CLASS_ALL_ONES : CLASS_ALL_ONES >> 8))
        return; /* torn */
    part->function.header_type = header & HEADER_LAYOUT;
    part->function.class_code = (uint32_t)(interface ? class_code : class_code << 8);
    part->facts |= FACT_HEADER | FACT_CLASS | (interface ? (uint32_t)FACT_INTERFACE : 0);
}

/* "8086:1901] type 01 class 0x060400 PCIe Root Port"; before 3.4 "type 1 class 0x000604" */
static void take_ids(struct kernel_log *log, struct dump_part *part, struct slice rest)
{
    uint64_t vendor, device, header, class_code;
    (void)log;
    if (!take_pair(&rest, &vendor, &device))
        return;
    if (!slice_skip(&rest, "type "))
        return;
    const char *type = rest.at;
    if (!slice_number(&rest, 16, 1, 2, &header))
        return;
    bool interface = rest.at - type == 2;
    if (!slice_skip(&rest, " class 0x") || !slice_number(&rest, 16, 1, 6, &class_code) ||
        class_code == CLASS_ALL_ONES)
        return;
    set_ids(part, vendor, device);
    set_class(part, header, class_code, interface);
    take_type(part, slice_trim(rest));
}

/* 2.6: "8086:27d0] class 000604 header type 01" */
static void take_found(struct kernel_log *log, struct dump_part *part, struct slice rest)
{
    uint64_t vendor, device, header, class_code;
    (void)log;
    if (take_pair(&rest, &vendor, &device) && slice_skip(&rest, "class ") &&
        slice_number(&rest, 16, 1, 6, &class_code) && slice_skip(&rest, " header type ") &&
        slice_number(&rest, 16, 1, 2, &header)) {
        set_ids(part, vendor, device);
        set_class(part, header, class_code, false);
    }
}

/* "01-07]", "01]" */
static void take_buses(struct kernel_log *log, struct dump_part *part, struct slice rest)
{
    uint64_t secondary, subordinate;
    if (!slice_number(&rest, 16, 2, 2, &secondary))
        return;
    subordinate = secondary;
    if (slice_skip(&rest, "-") && !slice_number(&rest, 16, 2, 2, &subordinate))
        return;
    log->window_list_open = true;
    if (!slice_skip(&rest, "]") || secondary == 0 || subordinate < secondary ||
        secondary <= part->function.bus)
        return;
    part->function.secondary_bus = (uint8_t)secondary;
    part->function.subordinate_bus = (uint8_t)subordinate;
    part->facts |= FACT_BUSES;
    if (!(part->facts & FACT_HEADER)) {
        part->function.header_type = 1;
        part->facts |= FACT_HEADER;
    }
}

bool kernel_log_range(struct slice *rest, struct kernel_log_range *range)
{
    struct slice at = *rest;
    *range = (struct kernel_log_range){0};
    if (slice_skip(&at, "[mem "))
        range->kind = BAR_MEMORY32;
    else if (slice_skip(&at, "[io "))
        range->kind = BAR_IO;
    else
        return false;
    at = slice_trim(at);
    if (!slice_skip(&at, "0x") || !slice_number(&at, 16, 1, 16, &range->base) || !slice_skip(&at, "-0x") ||
        !slice_number(&at, 16, 1, 16, &range->limit))
        return false;
    const char *end = memchr(at.at, ']', slice_length(at));
    if (!end || range->limit < range->base)
        return false;
    struct slice words = {at.at, end};
    if (slice_find(words, "64bit"))
        range->kind = BAR_MEMORY64;
    range->prefetchable = slice_find(words, "pref") != NULL;
    rest->at = end + 1;
    return !slice_find(words, "disabled");
}

/* "[mem 0xb1000000-0xb10fffff]" after "bridge window "; behind it words of what became of a request. */
static void take_window(struct kernel_log *log, struct dump_part *part, struct slice rest)
{
    struct kernel_log_range range;
    struct pci_function *function = &part->function;
    if (!kernel_log_range(&rest, &range) || !(part->facts & FACT_BUSES))
        return;
    if (slice_length(slice_trim(rest)) > 0 && !slice_skip(&rest, ": assigned"))
        return;
    if (log->window_list_open) {
        function->io_window = function->memory_window = function->prefetchable_window = (struct window){0};
        log->window_list_open = false;
    }
    log->windows_seen = true;
    struct window window = {true, range.base, range.limit};
    if (range.kind == BAR_IO)
        function->io_window = window;
    else if (range.prefetchable)
        function->prefetchable_window = window;
    else
        function->memory_window = window;
}

static void set_bar(struct dump_part *part, unsigned number, const struct kernel_log_range *range)
{
    if (number >= BAR_COUNT)
        return;
    struct bar *bar = &part->function.bars[number];
    *bar = (struct bar){.kind = number == BAR_ROM ? BAR_MEMORY32 : range->kind,
                        .prefetchable = range->prefetchable && number != BAR_ROM,
                        .assigned = range->base != 0,
                        .address = range->base,
                        .size = range->limit - range->base + 1};
    part->facts |= FACT_BARS;
    if (range->kind != BAR_IO && number != BAR_ROM) {
        part->function.memory_space = true;
        part->facts |= FACT_COMMAND;
    }
}

/* "0x10: [mem 0xb1000000-0xb10fffff 64bit]", before 3.x "10: [...]" */
static void take_register(struct kernel_log *log, struct dump_part *part, struct slice rest)
{
    uint64_t place;
    struct kernel_log_range range;
    (void)log;
    slice_skip(&rest, "0x");
    if (!slice_number(&rest, 16, 2, 3, &place) || !slice_skip(&rest, ": ") ||
        !kernel_log_range(&rest, &range))
        return;
    if (place >= 0x10 && place < 0x28 && place % 4 == 0)
        set_bar(part, (unsigned)(place - 0x10) / 4, &range);
    else if (place == 0x30 || place == 0x38)
        set_bar(part, BAR_ROM, &range);
}

/* "0 [mem 0xb1000000-0xb10fffff 64bit]" with nothing or ": assigned" behind it, "0: assigned [mem ...]" */
static void take_bar(struct kernel_log *log, struct dump_part *part, struct slice rest)
{
    uint64_t number;
    struct kernel_log_range range;
    (void)log;
    if (!slice_number(&rest, 10, 1, 2, &number) || number >= BAR_COUNT)
        return;
    if (slice_skip(&rest, ": assigned ") || slice_skip(&rest, ": set to ")) {
        if (kernel_log_range(&rest, &range))
            set_bar(part, (unsigned)number, &range);
    } else if (slice_skip(&rest, " ") && kernel_log_range(&rest, &range) &&
               (slice_length(slice_trim(rest)) == 0 || slice_skip(&rest, ": assigned"))) {
        set_bar(part, (unsigned)number, &range);
    }
}

static void take_rom(struct kernel_log *log, struct dump_part *part, struct slice rest)
{
    struct kernel_log_range range;
    (void)log;
    if (kernel_log_range(&rest, &range) &&
        (slice_length(slice_trim(rest)) == 0 || slice_skip(&rest, ": assigned")))
        set_bar(part, BAR_ROM, &range);
}

static void take_group(struct kernel_log *log, struct dump_part *part, struct slice rest)
{
    uint64_t group;
    (void)log;
    if (!slice_number(&rest, 10, 1, 9, &group))
        return;
    part->function.group_reported = true;
    part->function.reported_group = (uint32_t)group;
    part->facts |= FACT_GROUP;
}

/* The chipset's root ports are isolated by the register block, which is there. */
static void take_pch_quirk(struct kernel_log *log, struct dump_part *part, struct slice rest)
{
    (void)part, (void)rest;
    if (log->dump->rcba_enabled == UNKNOWN)
        log->dump->rcba_enabled = KNOWN_PRESENT;
}

/* The kernel does this where there is an ACS capability in Intel's own layout. */
static void take_spt_quirk(struct kernel_log *log, struct dump_part *part, struct slice rest)
{
    (void)log, (void)rest;
    part->function.acs.present = true;
    part->facts |= FACT_ACS;
}

static void take_extended_tags(struct kernel_log *log, struct dump_part *part, struct slice rest)
{
    (void)log, (void)rest;
    part->function.pcie = true;
    part->facts |= FACT_EXPRESS;
}

static void take_host_bridge(struct kernel_log *log, struct dump_part *part, struct slice rest)
{
    struct kernel_log_device device = {
        .segment = part->function.segment, .bus = part->function.bus, .devfn = part->function.devfn};
    kernel_log_take_root_bus(log, rest, &device);
}

/* "[0x000000007b800000 - 0x000000007fffffff]": a region of the firmware's, mapped as it is for the function
 */
static void take_identity_map(struct kernel_log *log, struct dump_part *part, struct slice rest)
{
    uint64_t base, limit;
    if (!slice_skip(&rest, "0x") || !slice_number(&rest, 16, 1, 16, &base))
        return;
    slice_skip(&rest, " ");
    if (!slice_skip(&rest, "-"))
        return;
    rest = slice_trim(rest);
    if (slice_skip(&rest, "0x") && slice_number(&rest, 16, 1, 16, &limit) && limit > base)
        dump_add_reserved(log->dump, &(struct reserved_region){.kind = RESERVED_DIRECT,
                                                               .base = base,
                                                               .limit = limit,
                                                               .scope = {.segment = part->function.segment,
                                                                         .kind = SCOPE_FUNCTION,
                                                                         .bus = part->function.bus,
                                                                         .devfn = part->function.devfn},
                                                               .pointer = log->where});
}

static const struct {
    const char *start;
    void (*take)(struct kernel_log *log, struct dump_part *part, struct slice rest);
} messages[] = {
    {"[", take_ids},
    {"found [", take_found},
    {"PCI bridge to [bus ", take_buses},
    {"bridge window ", take_window},
    {"reg ", take_register},
    {"BAR ", take_bar},
    {"ROM ", take_rom},
    {"Adding to iommu group ", take_group},
    {"Intel PCH root port ACS workaround enabled", take_pch_quirk},
    {"Intel SPT PCH root port ACS workaround enabled", take_spt_quirk},
    {"enabling Extended Tags", take_extended_tags},
    {"PCI host bridge to bus ", take_host_bridge},
    {"DMAR: Setting identity map [", take_identity_map},
    {"Setting identity map [", take_identity_map},
};

/* Messages of a driver that is bound start with its name. Port services are for PCI Express ports only. */
static void take_driver(struct kernel_log *log, struct dump_part *part, struct slice driver)
{
    if (slice_length(driver) == 0 || slice_is(driver, "pci"))
        return;
    part->function.driver = dump_copy_text(log->dump->arena, driver.at, driver.end);
    part->facts |= FACT_DRIVER;
    if (slice_is(driver, "pcieport")) {
        part->function.pcie = true;
        part->facts |= FACT_EXPRESS;
        if (!(part->facts & FACT_HEADER)) {
            part->function.header_type = 1;
            part->function.class_code = 0x060400;
            part->facts |= FACT_HEADER | FACT_CLASS;
        }
    }
}

void kernel_log_take_device(struct kernel_log *log, const struct kernel_log_device *device)
{
    size_t i = 0;
    struct slice rest = device->body;
    if (slice_skip(&rest, "AMD-Vi: Found IOMMU cap ")) {
        kernel_log_take_amd_unit(log, device->segment, device->bus, device->devfn);
        return;
    }
    while (i < sizeof(messages) / sizeof(messages[0]) && !slice_skip(&rest, messages[i].start))
        i++;
    bool known = i < sizeof(messages) / sizeof(messages[0]);
    if (!known && (slice_length(device->driver) == 0 || slice_is(device->driver, "pci")))
        return;
    struct dump_part *part = kernel_log_part(log, device->segment, device->bus, device->devfn);
    take_driver(log, part, device->driver);
    if (known)
        messages[i].take(log, part, rest);
}
