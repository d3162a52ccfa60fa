/* SPDX-License-Identifier: MIT */
/* What a kernel log says of the platform: root buses, the command line, remapping units. */
#include "sim/base/arena.h"
#include "sim/input/dump_cmdline.h"
#include "sim/input/kernel_log_internal.h"

#include <string.h>

static struct dump_host_bridge *find_root(struct dump *dump, uint64_t segment, uint64_t bus)
{
    for (size_t i = 0; i < dump->host_bridge_count; i++) {
        const struct host_bridge *bridge = &dump->host_bridges[i].bridge;
        if (bridge->segment == segment && bridge->bus_start == bus)
            return &dump->host_bridges[i];
    }
    return NULL;
}

void kernel_log_take_root_bus(struct kernel_log *log, struct slice rest,
                              const struct kernel_log_device *device)
{
    uint64_t segment, bus;
    if (!slice_number(&rest, 16, 4, 6, &segment) || !slice_skip(&rest, ":") ||
        !slice_number(&rest, 16, 2, 2, &bus))
        return;
    struct dump_host_bridge stated = {
        .rank = DUMP_LOG,
        .bridge = {.segment = (uint32_t)segment, .bus_start = (uint8_t)bus, .pointer = log->where}};
    if (device) {
        stated.vmd = true;
        stated.vmd_segment = device->segment;
        stated.vmd_bus = device->bus;
        stated.vmd_devfn = device->devfn;
    }
    dump_add_host_bridge(log->dump, &stated);
}

static void take_root_bus(struct kernel_log *log, struct slice rest)
{
    kernel_log_take_root_bus(log, rest, NULL);
}

/* "0000:00: root bus resource [bus 00-fe]" */
static void take_bus(struct kernel_log *log, struct slice rest)
{
    uint64_t segment, bus, last;
    if (!slice_number(&rest, 16, 4, 6, &segment) || !slice_skip(&rest, ":") ||
        !slice_number(&rest, 16, 2, 2, &bus) || !slice_skip(&rest, ": root bus resource [bus "))
        return;
    struct dump_host_bridge *root = find_root(log->dump, segment, bus);
    if (root && slice_number(&rest, 16, 2, 2, &last) && slice_skip(&rest, "-") &&
        slice_number(&rest, 16, 2, 2, &last) && last >= bus)
        root->bridge.bus_end = (uint8_t)last;
}

/* Before 5.0: "iommu: Adding device 0000:00:01.0 to group 1" */
static void take_adding(struct kernel_log *log, struct slice rest)
{
    uint32_t segment;
    uint8_t bus, devfn;
    uint64_t group;
    if (!kernel_log_address(&rest, &segment, &bus, &devfn) || !slice_skip(&rest, " to group ") ||
        !slice_number(&rest, 10, 1, 9, &group))
        return;
    struct dump_part *part = kernel_log_part(log, segment, bus, devfn);
    part->function.group_reported = true;
    part->function.reported_group = (uint32_t)group;
    part->facts |= FACT_GROUP;
}

/* Printed twice: early ("Command line:") and with what the boot loader's configuration adds. */
static void take_cmdline(struct kernel_log *log, struct slice rest)
{
    struct dump *dump = log->dump;
    const char *words = dump_cmdline_words(dump->arena, rest.at, rest.end);
    if (dump->cmdline.text && dump->cmdline.rank == DUMP_LOG && dump->cmdline.place.source == dump->source)
        dump->cmdline.text = NULL;
    dump_set_value(dump, &dump->cmdline, "kernel command line", words, DUMP_LOG, log->offset, log->where);
}

/* "0x000000fed90000 flags: 0x1": INCLUDE_PCI_ALL is bit 0. Printed in the order of the firmware's table. */
static void take_drhd(struct kernel_log *log, struct slice rest)
{
    uint64_t base, flags;
    if (slice_skip(&rest, "0x") && slice_number(&rest, 16, 1, 16, &base) && slice_skip(&rest, " flags: 0x") &&
        slice_number(&rest, 16, 1, 2, &flags)) {
        struct dump *dump = log->dump;
        struct dump_unit unit = {.base = base};
        unit.unit = (struct iommu_unit){.kind = IOMMU_VT_D,
                                        .include_all = flags & 1,
                                        .name = arena_format(dump->arena, "dmar%zu", dump->unit_count),
                                        .pointer = log->where};
        dump_add_unit(dump, DUMP_LOG, &unit);
    }
}

/* "0x0000003b800000 end: 0x0000003fffffff" */
static void take_rmrr(struct kernel_log *log, struct slice rest)
{
    uint64_t base, limit;
    if (slice_skip(&rest, "0x") && slice_number(&rest, 16, 1, 16, &base) && slice_skip(&rest, " end: 0x") &&
        slice_number(&rest, 16, 1, 16, &limit) && limit > base)
        dump_add_rmrr(log->dump, base, limit);
}

void kernel_log_take_amd_unit(struct kernel_log *log, uint32_t segment, uint8_t bus, uint8_t devfn)
{
    struct dump *dump = log->dump;
    for (size_t i = 0; i < dump->unit_count; i++) {
        const struct dump_unit *known = &dump->units[i];
        if (known->unit.kind == IOMMU_AMD_VI && known->unit.segment == segment && known->bus == bus &&
            known->devfn == devfn)
            return;
    }
    struct dump_unit unit = {.bus = bus, .devfn = devfn};
    unit.unit = (struct iommu_unit){.kind = IOMMU_AMD_VI,
                                    .segment = segment,
                                    .name = arena_format(dump->arena, "ivhd%zu", dump->unit_count),
                                    .pointer = log->where};
    dump_add_unit(dump, DUMP_LOG, &unit);
}

/* Older kernels: "0000:00:00.2 cap 0x40" */
static void take_amd_unit(struct kernel_log *log, struct slice rest)
{
    uint32_t segment;
    uint8_t bus, devfn;
    if (kernel_log_address(&rest, &segment, &bus, &devfn))
        kernel_log_take_amd_unit(log, segment, bus, devfn);
}

static void take_interrupt_remapping(struct kernel_log *log, struct slice rest)
{
    (void)rest;
    log->dump->stated.interrupt_remapping = KNOWN_PRESENT;
}

static void take_no_interrupt_remapping(struct kernel_log *log, struct slice rest)
{
    (void)rest;
    log->dump->stated.interrupt_remapping = KNOWN_ABSENT;
}

/* What the command line asked for is a word of it, not the kernel's own choice. */
static void state_word(struct dump *dump, const char *word)
{
    dump->stated_words =
        dump->stated_words ? arena_format(dump->arena, "%s %s", dump->stated_words, word) : word;
}

static void state_mode(struct kernel_log *log, struct slice rest, bool on, enum knowledge *stated,
                       const char *word)
{
    struct dump *dump = log->dump;
    if (slice_find(rest, "(set via kernel command line)"))
        state_word(dump, arena_format(dump->arena, "%s=%u", word, on));
    else
        *stated = on ? KNOWN_PRESENT : KNOWN_ABSENT;
}

/* Said while the command line is read, of the word itself. */
static void take_intel_off(struct kernel_log *log, struct slice rest)
{
    (void)rest;
    state_word(log->dump, "intel_iommu=off");
}

static void take_amd_off(struct kernel_log *log, struct slice rest)
{
    (void)rest;
    state_word(log->dump, "amd_iommu=off");
}

/* "Translated", "Passthrough (set via kernel command line)" */
static void take_domain_type(struct kernel_log *log, struct slice rest)
{
    bool on = slice_skip(&rest, "Passthrough");
    if (on || slice_skip(&rest, "Translated"))
        state_mode(log, rest, on, &log->dump->stated.passthrough, "iommu.passthrough");
}

/* "lazy mode", "strict mode (set via kernel command line)" */
static void take_policy(struct kernel_log *log, struct slice rest)
{
    bool on = slice_skip(&rest, "strict mode");
    if (on || slice_skip(&rest, "lazy mode"))
        state_mode(log, rest, on, &log->dump->stated.strict, "iommu.strict");
}

/* The AMD-Vi driver of older kernels says it in its own words. */
static void take_lazy(struct kernel_log *log, struct slice rest)
{
    (void)rest;
    log->dump->stated.strict = KNOWN_ABSENT;
}

/* "0000:00:1d.0 [0x7b800000 - 0x7fffffff]" */
static void take_identity_map(struct kernel_log *log, struct slice rest)
{
    struct kernel_log_device device = {.body = {rest.at, rest.at}};
    if (!kernel_log_address(&rest, &device.segment, &device.bus, &device.devfn) || !slice_skip(&rest, " ["))
        return;
    static const char start[] = "Setting identity map [";
    struct text_buffer body = {0};
    text_buffer_add(&body, start);
    text_buffer_append(&body, rest.at, slice_length(rest));
    const char *text = text_buffer_get(&body);
    device.body = (struct slice){text, text + body.length};
    device.driver = (struct slice){text, text};
    kernel_log_take_device(log, &device);
    text_buffer_fini(&body);
}

static const struct {
    const char *start;
    void (*take)(struct kernel_log *log, struct slice rest);
} messages[] = {
    {"PCI host bridge to bus ", take_root_bus},
    {"pci_bus ", take_bus},
    {"iommu: Adding device ", take_adding},
    {"Kernel command line: ", take_cmdline},
    {"Command line: ", take_cmdline},
    {"BOOT_IMAGE=", take_cmdline}, /* what /proc/cmdline shows, alone */
    {"DMAR: DRHD base: ", take_drhd},
    {"dmar: DRHD base: ", take_drhd},
    {"DMAR:DRHD base: ", take_drhd},
    {"DMAR-IR: Enabled IRQ remapping", take_interrupt_remapping},
    {"AMD-Vi: Interrupt remapping enabled", take_interrupt_remapping},
    {"AMD-Vi: Disabling interrupt remapping", take_no_interrupt_remapping},
    {"DMAR-IR: Failed to enable irq remapping", take_no_interrupt_remapping},
    {"DMAR: IOMMU disabled", take_intel_off},
    {"Intel-IOMMU: disabled", take_intel_off},
    {"AMD-Vi: AMD IOMMU disabled", take_amd_off},
    {"AMD-Vi: Found IOMMU at ", take_amd_unit},
    {"AMD-Vi: Lazy IO/TLB flushing enabled", take_lazy},
    {"iommu: Default domain type: ", take_domain_type},
    {"iommu: DMA domain TLB invalidation policy: ", take_policy},
    {"DMAR: RMRR base: ", take_rmrr},
    {"dmar: RMRR base: ", take_rmrr},
    {"DMAR:RMRR base: ", take_rmrr},
    {"DMAR: Setting identity map for device ", take_identity_map},
    {"IOMMU: Setting identity map for device ", take_identity_map},
};

enum { MESSAGES = sizeof(messages) / sizeof(messages[0]) };

/* The row of the table @p message is about, cut off its front; MESSAGES where there is none. */
static size_t find_message(struct slice *message)
{
    size_t i = 0;
    while (i < MESSAGES && !slice_skip(message, messages[i].start))
        i++;
    return i;
}

bool kernel_log_is_platform(struct slice message)
{
    return find_message(&message) < MESSAGES;
}

bool kernel_log_take_platform(struct kernel_log *log, struct slice message)
{
    size_t i = find_message(&message);
    if (i < MESSAGES)
        messages[i].take(log, message);
    return i < MESSAGES;
}
