/* SPDX-License-Identifier: MIT */
/* Attributes of one function (drivers/pci/pci-sysfs.c, iov.c). */
#include "sim/base/arena.h"
#include "sim/input/sysfs_internal.h"
#include "sim/topology/config_space.h"

#include <string.h>

/* What an attribute handler gets; the part may be written to, facts are added by the table. */
struct attribute {
    struct sysfs *sysfs;
    struct dump_part *part;
    struct slice text;
};

/* "0x8086" of @p digits digits at most, and nothing else. */
static bool take_hex(const struct attribute *attribute, unsigned digits, uint64_t *value)
{
    struct slice rest = attribute->text;
    if (sysfs_hex(&rest, digits, value) && slice_length(rest) == 0)
        return true;
    sysfs_report(attribute->sysfs, attribute->text.at, "a number such as 0x8086");
    return false;
}

static bool take_decimal(const struct attribute *attribute, unsigned digits, uint64_t *value)
{
    struct slice rest = attribute->text;
    if (slice_number(&rest, 10, 1, digits, value) && slice_length(rest) == 0)
        return true;
    sysfs_report(attribute->sysfs, attribute->text.at, "a decimal number");
    return false;
}

static uint32_t take_vendor(const struct attribute *attribute)
{
    uint64_t value;
    if (!take_hex(attribute, 4, &value))
        return 0;
    attribute->part->function.vendor = (uint16_t)value;
    return FACT_VENDOR;
}

static uint32_t take_device(const struct attribute *attribute)
{
    uint64_t value;
    if (!take_hex(attribute, 4, &value))
        return 0;
    attribute->part->function.device = (uint16_t)value;
    return FACT_DEVICE;
}

static uint32_t take_subvendor(const struct attribute *attribute)
{
    uint64_t value;
    if (!take_hex(attribute, 4, &value))
        return 0;
    attribute->part->function.subvendor = (uint16_t)value;
    return value ? FACT_SUBSYSTEM : 0; /* of bridges old kernels do not look it up */
}

static uint32_t take_subdevice(const struct attribute *attribute)
{
    uint64_t value;
    if (take_hex(attribute, 4, &value))
        attribute->part->function.subdevice = (uint16_t)value;
    return 0; /* told with the vendor */
}

static uint32_t take_class(const struct attribute *attribute)
{
    uint64_t value;
    if (!take_hex(attribute, 6, &value))
        return 0;
    attribute->part->function.class_code = (uint32_t)value;
    return FACT_CLASS | FACT_INTERFACE;
}

static uint32_t take_revision(const struct attribute *attribute)
{
    uint64_t value;
    if (!take_hex(attribute, 2, &value))
        return 0;
    attribute->part->function.revision = (uint8_t)value;
    return FACT_REVISION;
}

/* -1: no node is known. */
static uint32_t take_numa_node(const struct attribute *attribute)
{
    uint64_t value;
    if (slice_is(attribute->text, "-1") || !take_decimal(attribute, 4, &value))
        return 0;
    attribute->part->numa_node = (uint32_t)value;
    return FACT_NUMA;
}

static uint32_t take_dma_mask(const struct attribute *attribute)
{
    uint64_t value;
    if (!take_decimal(attribute, 3, &value) || value < 24 || value > 64)
        return 0;
    attribute->part->function.dma_mask_bits = (uint8_t)value;
    return FACT_DMA_MASK;
}

/* "8.0 GT/s PCIe", in older kernels "8 GT/s"; "Unknown" and "Unknown speed" where there is no link. */
static uint8_t link_generation(struct slice text)
{
    static const struct {
        const char *start;
        uint8_t generation;
    } speeds[] = {{"2.5 GT/s", 1},  {"5.0 GT/s", 2}, {"5 GT/s", 2},    {"8.0 GT/s", 3}, {"8 GT/s", 3},
                  {"16.0 GT/s", 4}, {"16 GT/s", 4},  {"32.0 GT/s", 5}, {"32 GT/s", 5},  {"64.0 GT/s", 6}};
    for (size_t i = 0; i < sizeof(speeds) / sizeof(speeds[0]); i++) {
        if (slice_skip(&text, speeds[i].start))
            return speeds[i].generation;
    }
    return 0;
}

static uint32_t take_link_speed(const struct attribute *attribute)
{
    attribute->part->function.link.generation = link_generation(attribute->text);
    return FACT_LINK | FACT_EXPRESS;
}

static uint32_t take_maximum_speed(const struct attribute *attribute)
{
    attribute->part->function.link.maximum_generation = link_generation(attribute->text);
    return FACT_LINK | FACT_EXPRESS;
}

/* 255: the kernel could not read it. */
static uint8_t link_width(const struct attribute *attribute)
{
    uint64_t value;
    return take_decimal(attribute, 3, &value) && value <= 32 ? (uint8_t)value : 0;
}

static uint32_t take_link_width(const struct attribute *attribute)
{
    attribute->part->function.link.width = link_width(attribute);
    return FACT_LINK | FACT_EXPRESS;
}

static uint32_t take_maximum_width(const struct attribute *attribute)
{
    attribute->part->function.link.maximum_width = link_width(attribute);
    return FACT_LINK | FACT_EXPRESS;
}

static bool take_count(const struct attribute *attribute, uint16_t *count)
{
    uint64_t value;
    if (!take_decimal(attribute, 5, &value) || value > UINT16_MAX)
        return false;
    *count = (uint16_t)value;
    attribute->part->function.sriov.present = true;
    return true;
}

static uint32_t take_total_vfs(const struct attribute *attribute)
{
    take_count(attribute, &attribute->part->function.sriov.total_vfs);
    return FACT_SRIOV;
}

static uint32_t take_num_vfs(const struct attribute *attribute)
{
    struct sriov *sriov = &attribute->part->function.sriov;
    sriov->enabled = take_count(attribute, &sriov->num_vfs) && sriov->num_vfs > 0;
    return FACT_SRIOV;
}

static uint32_t take_vf_offset(const struct attribute *attribute)
{
    take_count(attribute, &attribute->part->function.sriov.first_vf_offset);
    return FACT_SRIOV;
}

static uint32_t take_vf_stride(const struct attribute *attribute)
{
    take_count(attribute, &attribute->part->function.sriov.vf_stride);
    return FACT_SRIOV;
}

/* Printed without "0x" until Linux 4.16 gave it one, and still so today: "154c". */
static uint32_t take_vf_device(const struct attribute *attribute)
{
    struct slice rest = attribute->text;
    uint64_t value;
    slice_skip(&rest, "0x");
    if (!slice_number(&rest, 16, 1, 4, &value) || slice_length(rest) > 0) {
        sysfs_report(attribute->sysfs, attribute->text.at, "a device id such as 154c");
        return 0;
    }
    attribute->part->function.sriov.vf_device = (uint16_t)value;
    return FACT_SRIOV;
}

/* "DRIVER=nvme" among other lines; without it no driver is bound. */
static uint32_t take_uevent(const struct attribute *attribute)
{
    struct slice rest = attribute->text, line;
    attribute->part->function.driver = "";
    attribute->sysfs->events_kept = true;
    while (slice_next_line(&rest, &line)) {
        if (slice_skip(&line, "DRIVER="))
            attribute->part->function.driver =
                dump_copy_text(attribute->sysfs->dump->arena, line.at, slice_trim(line).end);
    }
    return FACT_DRIVER;
}

static const struct {
    const char *name;
    uint32_t (*take)(const struct attribute *attribute);
} attributes[] = {
    {"vendor", take_vendor},
    {"device", take_device},
    {"subsystem_vendor", take_subvendor},
    {"subsystem_device", take_subdevice},
    {"class", take_class},
    {"revision", take_revision},
    {"numa_node", take_numa_node},
    {"dma_mask_bits", take_dma_mask},
    {"current_link_speed", take_link_speed},
    {"current_link_width", take_link_width},
    {"max_link_speed", take_maximum_speed},
    {"max_link_width", take_maximum_width},
    {"sriov_totalvfs", take_total_vfs},
    {"sriov_numvfs", take_num_vfs},
    {"sriov_offset", take_vf_offset},
    {"sriov_stride", take_vf_stride},
    {"sriov_vf_device", take_vf_device},
    {"uevent", take_uevent},
};

/* "driver" and "iommu_group" lead to the thing, whose name is the last step. */
static void take_link(struct sysfs *sysfs, const struct sysfs_address *address, struct slice name)
{
    struct sysfs_path target = sysfs_path_split(sysfs->entry->text.text, sysfs->entry->text.length);
    struct slice last = sysfs_path_step(&target, 0);
    uint64_t group;
    if (slice_is(name, "driver")) {
        struct dump_part *part = sysfs_part(sysfs, address);
        part->function.driver = dump_copy_text(sysfs->dump->arena, last.at, last.end);
        part->facts |= FACT_DRIVER;
        sysfs->links_kept = true;
    } else if (slice_is(name, "iommu_group")) {
        if (!slice_number(&last, 10, 1, 9, &group) || slice_length(last) > 0)
            return;
        struct dump_part *part = sysfs_part(sysfs, address);
        part->function.group_reported = true;
        part->function.reported_group = (uint32_t)group;
        part->facts |= FACT_GROUP;
    } else if (slice_is(name, "iommu")) {
        dump_cover(sysfs->dump, last.at, last.end, address->segment, address->bus, address->devfn);
    }
}

void sysfs_take_attribute(struct sysfs *sysfs, const struct sysfs_address *address, struct slice name)
{
    if (sysfs->entry->kind == FILE_LINK) {
        take_link(sysfs, address, name);
        return;
    }
    struct attribute attribute = {sysfs, NULL, sysfs_content(sysfs)};
    if (sysfs->entry->text.length == 0)
        return; /* it could not be read when the copy was made */
    if (slice_is(name, "config"))
        sysfs_take_config(sysfs, address);
    else if (slice_is(name, "resource"))
        sysfs_take_resources(sysfs, address);
    for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++) {
        if (!slice_is(name, attributes[i].name))
            continue;
        attribute.part = strncmp(attributes[i].name, "sriov_", 6) == 0 ? sysfs_vf_part(sysfs, address)
                                                                       : sysfs_part(sysfs, address);
        attribute.part->facts |= attributes[i].take(&attribute);
    }
}
