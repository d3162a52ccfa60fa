/* SPDX-License-Identifier: MIT */
#include "sim/input/sysfs_writer.h"

#include "sim/base/arena.h"
#include "sim/input/lspci_platform.h"
#include "sim/input/sysfs_archive.h"
#include "sim/topology/config_space.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct writing {
    const struct topology *topology;
    const struct sysfs_running *running;
    struct arena *arena;
    struct sysfs_archive *archive;
};

#define FILE_FORMAT(writing, folder, name, ...)                                                              \
    sysfs_archive_file((writing)->archive, arena_format((writing)->arena, "%s/%s", folder, name),            \
                       arena_format((writing)->arena, __VA_ARGS__))

/* ---- where things are ---- */

static const char *function_folder(const struct writing *writing, const struct pci_function *function);

static const char *host_folder(const struct writing *writing, const struct host_bridge *host)
{
    if (host->found) /* nobody knows what leads there: a folder would say that it is a root bus */
        return "sys/devices";
    const char *above = host->vmd_function_id == NONE
                            ? "sys/devices"
                            : function_folder(writing, &writing->topology->functions[host->vmd_function_id]);
    return arena_format(writing->arena, "%s/pci%04x:%02x", above, host->segment, host->bus_start);
}

static const char *function_folder(const struct writing *writing, const struct pci_function *function)
{
    const struct topology *topology = writing->topology;
    const struct pci_function *parent = topology_parent(topology, function);
    const struct pci_bus *bus = &topology->buses[function->bus_id];
    char address[BDF_TEXT_SIZE];
    return arena_format(writing->arena, "%s/%s",
                        parent ? function_folder(writing, parent)
                               : host_folder(writing, &topology->host_bridges[bus->host_bridge_id]),
                        bdf_print(address, function->segment, function->bus, function->devfn));
}

static const char *unit_name(const struct writing *writing, uint32_t unit)
{
    static const char *const formats[] = {"none%u", "dmar%u", "ivhd%u",
                                          "smmu3.0x%016x"}; /* ORDER: iommu_kind */
    char name[40];
    snprintf(name, sizeof(name), formats[writing->topology->units[unit].kind], unit);
    return arena_string(writing->arena, name);
}

/* A link at @p path to @p target, both from the top of the tree. */
static void write_link(const struct writing *writing, const char *path, const char *target)
{
    struct text_buffer relative = {0};
    for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/'))
        text_buffer_add(&relative, "../");
    text_buffer_add(&relative, target);
    sysfs_archive_link(writing->archive, path, text_buffer_get(&relative));
    text_buffer_fini(&relative);
}

static const char *inside(const struct writing *writing, const char *folder, const char *name)
{
    return arena_format(writing->arena, "%s/%s", folder, name);
}

/* ---- a function's own files ---- */

static void write_config(const struct writing *writing, const char *folder,
                         const struct pci_function *function)
{
    uint8_t image[CONFIG_EXPRESS_SIZE];
    size_t length = CONFIG_EXPRESS_SIZE;
    if (function->pcie_unknown)
        length = CONFIG_HEADER_SIZE;
    else if (!function->pcie || function->acs_unknown)
        length = CONFIG_PCI_SIZE;
    struct pci_function shown = *function;
    if (writing->running->acs_control && shown.acs.present) {
        uint16_t control = writing->running->acs_control[function->id];
        if (writing->running->acs_dword[function->id])
            shown.acs.egress_vector = (shown.acs.egress_vector & 0xffff0000U) | control;
        else
            shown.acs.control = control;
    }
    config_space_encode(&shown, image);
    if (function->segment == 0 && function->bus == 0 && function->devfn == LSPCI_ISA_BRIDGE)
        lspci_rcba_put(image, writing->topology->rcba_enabled);
    sysfs_archive_bytes(writing->archive, inside(writing, folder, "config"), image, length);
}

/* include/linux/ioport.h: IORESOURCE_*; the low bits are those of the BAR. */
static uint64_t resource_flags(const struct bar *bar)
{
    static const uint64_t flags[] = {
        [BAR_NONE] = 0, [BAR_IO] = 0x40101, [BAR_MEMORY32] = 0x40200, [BAR_MEMORY64] = 0x140204};
    return flags[bar->kind] | (bar->prefetchable ? 0x2008U : 0U) | (bar->assigned ? 0U : 0x20000000U);
}

static void append_resource(struct text_buffer *out, const struct bar *bar, uint64_t count)
{
    bool any = bar->kind != BAR_NONE && bar->size;
    text_buffer_format(out, "0x%016" PRIx64 " 0x%016" PRIx64 " 0x%016" PRIx64 "\n", any ? bar->address : 0,
                       any ? bar->address + bar->size * count - 1 : 0, any ? resource_flags(bar) : 0);
}

static void write_resources(const struct writing *writing, const char *folder,
                            const struct pci_function *function)
{
    struct text_buffer rows = {0};
    bool known = true;
    for (unsigned i = 0; i < BAR_COUNT; i++) {
        known &= function->bars[i].kind == BAR_NONE || function->bars[i].size;
        append_resource(&rows, &function->bars[i], 1);
    }
    for (unsigned i = 0; i < 6; i++)
        append_resource(&rows, &function->sriov.vf_bars[i], function->sriov.total_vfs);
    if (known)
        sysfs_archive_file(writing->archive, inside(writing, folder, "resource"), text_buffer_get(&rows));
    text_buffer_fini(&rows);
}

static void write_speed(const struct writing *writing, const char *folder, const char *which,
                        unsigned generation, unsigned width)
{
    static const char *const speeds[] = {"Unknown",        "2.5 GT/s PCIe",  "5.0 GT/s PCIe", "8.0 GT/s PCIe",
                                         "16.0 GT/s PCIe", "32.0 GT/s PCIe", "64.0 GT/s PCIe"};
    const char *speed = generation < sizeof(speeds) / sizeof(speeds[0]) ? speeds[generation] : speeds[0];
    sysfs_archive_file(writing->archive, arena_format(writing->arena, "%s/%s_link_speed", folder, which),
                       arena_format(writing->arena, "%s\n", speed));
    sysfs_archive_file(writing->archive, arena_format(writing->arena, "%s/%s_link_width", folder, which),
                       arena_format(writing->arena, "%u\n", width));
}

static void write_sriov(const struct writing *writing, const char *folder, const struct sriov *sriov)
{
    FILE_FORMAT(writing, folder, "sriov_totalvfs", "%u\n", sriov->total_vfs);
    FILE_FORMAT(writing, folder, "sriov_numvfs", "%u\n", sriov->enabled ? sriov->num_vfs : 0U);
    FILE_FORMAT(writing, folder, "sriov_offset", "%u\n", sriov->first_vf_offset);
    FILE_FORMAT(writing, folder, "sriov_stride", "%u\n", sriov->vf_stride);
    FILE_FORMAT(writing, folder, "sriov_vf_device", "%x\n", sriov->vf_device);
}

static void write_driver(const struct writing *writing, const char *folder,
                         const struct pci_function *function)
{
    if (!function->driver)
        return;
    FILE_FORMAT(writing, folder, "uevent", "%s%s%sPCI_CLASS=%X\nPCI_ID=%04X:%04X\n",
                *function->driver ? "DRIVER=" : "", function->driver, *function->driver ? "\n" : "",
                function->class_code, function->vendor, function->device);
    if (*function->driver)
        write_link(writing, inside(writing, folder, "driver"),
                   inside(writing, "sys/bus/pci/drivers", function->driver));
}

static void write_attributes(const struct writing *writing, const char *folder,
                             const struct pci_function *function)
{
    const struct topology *topology = writing->topology;
    const struct host_bridge *host =
        &topology->host_bridges[topology->buses[function->bus_id].host_bridge_id];
    if (function->vendor != 0xffff)
        FILE_FORMAT(writing, folder, "vendor", "0x%04x\n", function->vendor);
    if (function->device != 0xffff)
        FILE_FORMAT(writing, folder, "device", "0x%04x\n", function->device);
    FILE_FORMAT(writing, folder, "subsystem_vendor", "0x%04x\n", function->subvendor);
    FILE_FORMAT(writing, folder, "subsystem_device", "0x%04x\n", function->subdevice);
    FILE_FORMAT(writing, folder, "class", "0x%06x\n", function->class_code);
    FILE_FORMAT(writing, folder, "revision", "0x%02x\n", function->revision);
    FILE_FORMAT(writing, folder, "numa_node", "%u\n", host->numa_node);
    if (function->dma_mask_bits)
        FILE_FORMAT(writing, folder, "dma_mask_bits", "%u\n", function->dma_mask_bits);
    if (function->pcie && !function->pcie_unknown) {
        write_speed(writing, folder, "current", function->link.generation, function->link.width);
        write_speed(writing, folder, "max", function->link.maximum_generation, function->link.maximum_width);
    }
    if (function->sriov.present)
        write_sriov(writing, folder, &function->sriov);
}

static void write_function(const struct writing *writing, const struct pci_function *function)
{
    const struct topology *topology = writing->topology;
    const char *folder = function_folder(writing, function);
    char address[BDF_TEXT_SIZE];
    bdf_print(address, function->segment, function->bus, function->devfn);
    write_config(writing, folder, function);
    write_resources(writing, folder, function);
    write_attributes(writing, folder, function);
    write_driver(writing, folder, function);
    if (function->is_vf && function->pf_id != NONE)
        write_link(writing, inside(writing, folder, "physfn"),
                   function_folder(writing, &topology->functions[function->pf_id]));
    if (function->group_reported) {
        const char *group =
            arena_format(writing->arena, "sys/kernel/iommu_groups/%u", function->reported_group);
        write_link(writing, inside(writing, folder, "iommu_group"), group);
        write_link(writing, arena_format(writing->arena, "%s/devices/%s", group, address), folder);
    }
    if (writing->running->unit_of && writing->running->unit_of[function->id] != NONE) {
        const char *unit = inside(writing, "sys/devices/virtual/iommu",
                                  unit_name(writing, writing->running->unit_of[function->id]));
        write_link(writing, arena_format(writing->arena, "%s/devices/%s", unit, address), folder);
    }
    write_link(writing, inside(writing, "sys/bus/pci/devices", address), folder);
}

/* ---- the machine ---- */

static void write_groups(const struct writing *writing)
{
    for (uint32_t i = 0; i < writing->topology->reported_group_count; i++) {
        const struct reported_group *group = &writing->topology->reported_groups[i];
        const char *folder = arena_format(writing->arena, "sys/kernel/iommu_groups/%u", group->number);
        if (group->type)
            FILE_FORMAT(writing, folder, "type", "%s\n", group->type);
        struct text_buffer regions = {0};
        for (uint32_t r = 0; r < group->region_count; r++)
            text_buffer_format(&regions, "0x%016" PRIx64 " 0x%016" PRIx64 " %s\n", group->regions[r].base,
                               group->regions[r].limit, group->regions[r].type);
        if (group->regions_known)
            sysfs_archive_file(writing->archive, inside(writing, folder, "reserved_regions"),
                               text_buffer_get(&regions));
        text_buffer_fini(&regions);
    }
}

static void write_units(const struct writing *writing)
{
    enum { ECAP_INTERRUPT_REMAPPING = 1 << 3 };
    for (uint32_t i = 0; writing->running->unit_of && i < writing->topology->unit_count; i++) {
        const struct iommu_unit *unit = &writing->topology->units[i];
        const char *name = unit_name(writing, i);
        const char *folder = inside(writing, "sys/devices/virtual/iommu", name);
        write_link(writing, inside(writing, "sys/class/iommu", name), folder);
        if (unit->kind == IOMMU_VT_D && unit->interrupt_remapping != UNKNOWN)
            FILE_FORMAT(writing, folder, "intel-iommu/ecap", "%x\n",
                        unit->interrupt_remapping == KNOWN_PRESENT ? (unsigned)ECAP_INTERRUPT_REMAPPING : 0U);
    }
}

static void write_proc(const struct writing *writing)
{
    const struct topology *topology = writing->topology;
    struct text_buffer memory = {0};
    FILE_FORMAT(writing, "proc", "cmdline", "%s\n", topology->cmdline ? topology->cmdline : "");
    for (uint32_t i = 0; i < topology->memory_count; i++)
        text_buffer_format(&memory, "%08" PRIx64 "-%08" PRIx64 " : System RAM\n", topology->memory[i].base,
                           topology->memory[i].limit);
    if (topology->memory_count)
        sysfs_archive_file(writing->archive, "proc/iomem", text_buffer_get(&memory));
    text_buffer_fini(&memory);
}

void sysfs_write(const struct topology *topology, const struct sysfs_running *running,
                 struct text_buffer *out)
{
    struct writing writing = {topology, running, arena_new(), sysfs_archive_new(out)};
    for (uint32_t i = 0; i < topology->function_count; i++)
        write_function(&writing, &topology->functions[i]);
    write_groups(&writing);
    write_units(&writing);
    write_proc(&writing);
    sysfs_archive_finish(writing.archive);
    arena_free(writing.arena);
}
