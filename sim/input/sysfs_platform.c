/* SPDX-License-Identifier: MIT */
/* What a sysfs copy says beside functions: groups, remapping units, drivers, root buses, files of /proc. */
#include "sim/base/arena.h"
#include "sim/input/dump_cmdline.h"
#include "sim/input/sysfs_internal.h"

#include <string.h>

/* ---- groups: iommu_groups/12/... ---- */

static void set_group(struct sysfs *sysfs, const struct sysfs_address *address, uint64_t group)
{
    struct dump_part *part = sysfs_part(sysfs, address);
    part->function.group_reported = true;
    part->function.reported_group = (uint32_t)group;
    part->facts |= FACT_GROUP;
}

/* "0x00000000fee00000 0x00000000feefffff msi" */
static bool take_region(struct sysfs *sysfs, struct dump_group *group, struct slice line)
{
    struct reported_region region;
    if (!sysfs_hex(&line, 16, &region.base) || !slice_skip(&line, " ") ||
        !sysfs_hex(&line, 16, &region.limit) || !slice_skip(&line, " ") || region.limit < region.base)
        return false;
    line = slice_trim(line);
    region.type = dump_copy_text(sysfs->dump->arena, line.at, line.end);
    group->regions =
        memory_grow(group->regions, group->region_count, &group->region_capacity, sizeof(*group->regions));
    group->regions[group->region_count++] = region;
    return slice_length(line) > 0;
}

static void take_group_file(struct sysfs *sysfs, uint64_t number, struct slice name)
{
    struct dump_group *group = dump_group(sysfs->dump, (uint32_t)number);
    struct slice content = sysfs_content(sysfs), line;
    if (slice_is(name, "type") && slice_length(content) > 0)
        group->group.type = dump_copy_text(sysfs->dump->arena, content.at, content.end);
    if (!slice_is(name, "reserved_regions") || group->group.regions_known)
        return;
    group->group.regions_known = true;
    while (slice_next_line(&content, &line)) {
        if (take_region(sysfs, group, slice_trim(line)))
            continue;
        sysfs_report(sysfs, line.at, "first byte, last byte and type of a reserved region");
        return;
    }
}

static bool take_group(struct sysfs *sysfs, const struct sysfs_path *path)
{
    struct sysfs_address address;
    uint64_t group;
    bool member = sysfs_step_function(sysfs_path_step(path, 0), &address) &&
                  slice_is(sysfs_path_step(path, 1), "devices");
    struct slice number = sysfs_path_step(path, member ? 2 : 1);
    if (!slice_is(sysfs_path_step(path, member ? 3 : 2), "iommu_groups") ||
        !slice_number(&number, 10, 1, 9, &group) || slice_length(number) > 0)
        return false;
    if (member)
        set_group(sysfs, &address, group);
    else if (sysfs->entry->kind == FILE_REGULAR)
        take_group_file(sysfs, group, sysfs_path_step(path, 0));
    return true;
}

/* ---- remapping units: iommu/dmar0/..., class/iommu/dmar0 -> ... ---- */

static void take_unit_file(struct sysfs *sysfs, struct slice unit, struct slice name)
{
    enum { ECAP_INTERRUPT_REMAPPING = 1 << 3 }; /* VT-d specification, Extended Capability Register */
    struct dump_covered_unit *covered = dump_covered(sysfs->dump, unit.at, unit.end);
    struct slice content = sysfs_content(sysfs);
    uint64_t value;
    if (!covered || slice_length(content) == 0)
        return;
    slice_skip(&content, "0x");
    const char *at = content.at;
    if (!slice_number(&content, 16, 1, 16, &value) || slice_length(content) > 0)
        sysfs_report(sysfs, at, "hexadecimal digits");
    else if (slice_is(name, "address"))
        covered->base = value;
    else if (slice_is(name, "ecap"))
        covered->interrupt_remapping = value & ECAP_INTERRUPT_REMAPPING ? KNOWN_PRESENT : KNOWN_ABSENT;
}

static bool take_unit(struct sysfs *sysfs, const struct sysfs_path *path)
{
    struct sysfs_address address;
    if (sysfs_step_function(sysfs_path_step(path, 0), &address) &&
        slice_is(sysfs_path_step(path, 1), "devices") && slice_is(sysfs_path_step(path, 3), "iommu")) {
        struct slice unit = sysfs_path_step(path, 2);
        dump_cover(sysfs->dump, unit.at, unit.end, address.segment, address.bus, address.devfn);
        return true;
    }
    struct slice folder = sysfs_path_step(path, 1);
    if (!slice_is(sysfs_path_step(path, 3), "iommu") ||
        (!slice_is(folder, "intel-iommu") && !slice_is(folder, "amd-iommu")))
        return false;
    if (sysfs->entry->kind == FILE_REGULAR && slice_is(folder, "intel-iommu"))
        take_unit_file(sysfs, sysfs_path_step(path, 2), sysfs_path_step(path, 0));
    return true;
}

/* ---- drivers: bus/pci/drivers/nvme/0000:03:00.0 ---- */

static bool take_driver(struct sysfs *sysfs, const struct sysfs_path *path)
{
    struct sysfs_address address;
    struct slice driver = sysfs_path_step(path, 1);
    if (!slice_is(sysfs_path_step(path, 2), "drivers") ||
        !sysfs_step_function(sysfs_path_step(path, 0), &address))
        return false;
    struct dump_part *part = sysfs_part(sysfs, &address);
    part->function.driver = dump_copy_text(sysfs->dump->arena, driver.at, driver.end);
    part->facts |= FACT_DRIVER;
    sysfs->links_kept = true;
    return true;
}

/* ---- files of /proc ---- */

/* "00100000-bfffffff : System RAM"; without root all addresses read as zero. */
static void take_iomem(struct sysfs *sysfs)
{
    struct slice rest = sysfs_content(sysfs), line;
    while (slice_next_line(&rest, &line)) {
        uint64_t base, limit;
        if (slice_number(&line, 16, 8, 16, &base) && slice_skip(&line, "-") &&
            slice_number(&line, 16, 8, 16, &limit) && slice_skip(&line, " : System RAM") && limit > base)
            dump_add_memory(sysfs->dump, base, limit);
    }
}

static void take_cmdline(struct sysfs *sysfs)
{
    struct dump *dump = sysfs->dump;
    struct slice content = sysfs_content(sysfs);
    dump_set_value(dump, &dump->cmdline, "kernel command line",
                   dump_cmdline_words(dump->arena, content.at, content.end), DUMP_SYSFS, DIAGNOSTIC_NO_OFFSET,
                   arena_string(dump->arena, sysfs->entry->path));
}

static bool take_proc(struct sysfs *sysfs, const struct sysfs_path *path)
{
    struct slice name = sysfs_path_step(path, 0);
    if (sysfs->entry->kind != FILE_REGULAR)
        return false;
    if (slice_is(name, "iomem"))
        take_iomem(sysfs);
    else if (slice_is(name, "cmdline"))
        take_cmdline(sysfs);
    else
        return false;
    return true;
}

bool sysfs_take_platform(struct sysfs *sysfs, const struct sysfs_path *path)
{
    return take_group(sysfs, path) || take_unit(sysfs, path) || take_driver(sysfs, path) ||
           take_proc(sysfs, path);
}

/* ---- the way to a function: devices/pci0000:00/0000:00:1c.0/0000:01:00.0 ---- */

static bool read_step(struct slice step, struct sysfs_address *address)
{
    struct slice rest = step;
    uint64_t segment, bus;
    if (slice_skip(&rest, "pci") && slice_number(&rest, 16, 4, 6, &segment) && slice_skip(&rest, ":") &&
        slice_number(&rest, 16, 2, 2, &bus) && slice_length(rest) == 0) {
        *address = (struct sysfs_address){.segment = (uint32_t)segment, .bus = (uint8_t)bus, .root = true};
        return true;
    }
    return sysfs_step_function(step, address);
}

static void add_root(struct sysfs *sysfs, const struct sysfs_address *root, const struct sysfs_address *above)
{
    struct dump_host_bridge stated = {
        .rank = DUMP_INFERRED,
        .bridge = {.segment = root->segment,
                   .bus_start = root->bus,
                   .pointer = arena_string(sysfs->dump->arena, sysfs->entry->path)}};
    if (above) {
        stated.vmd = true;
        stated.vmd_segment = above->segment;
        stated.vmd_bus = above->bus;
        stated.vmd_devfn = above->devfn;
    }
    dump_add_host_bridge(sysfs->dump, &stated);
}

/* What is below a bridge shows its secondary bus, where no configuration space does. */
static void add_bridge(struct sysfs *sysfs, const struct sysfs_address *bridge,
                       const struct sysfs_address *below)
{
    struct dump *dump = sysfs->dump;
    if (below->segment != bridge->segment || below->bus <= bridge->bus)
        return;
    struct dump_part *part = dump_find(dump, DUMP_INFERRED, bridge->segment, bridge->bus, bridge->devfn);
    if (!part)
        part = dump_add(dump, DUMP_INFERRED, bridge->segment, bridge->bus, bridge->devfn,
                        DIAGNOSTIC_NO_OFFSET, arena_string(dump->arena, sysfs->entry->path));
    part->function.header_type = 1;
    part->function.secondary_bus = below->bus;
    if (part->function.subordinate_bus < below->bus)
        part->function.subordinate_bus = below->bus;
    part->facts |= FACT_HEADER | FACT_BUSES;
}

/* The last step on a bridge's way reaches at least as far as what is below that. */
static void extend_bridges(struct sysfs *sysfs, const struct sysfs_address *steps, unsigned count)
{
    for (unsigned i = 0; i + 1 < count; i++) {
        struct dump_part *part =
            dump_find(sysfs->dump, DUMP_INFERRED, steps[i].segment, steps[i].bus, steps[i].devfn);
        if (!steps[i].root && part && steps[count - 1].segment == steps[i].segment &&
            part->function.subordinate_bus < steps[count - 1].bus)
            part->function.subordinate_bus = steps[count - 1].bus;
    }
}

void sysfs_take_way(struct sysfs *sysfs, const struct sysfs_path *path)
{
    struct sysfs_address steps[SYSFS_STEPS];
    unsigned count = 0;
    for (unsigned i = 0; i < path->count; i++) {
        if (read_step(path->steps[i], &steps[count]))
            count++;
        else
            count = 0;
    }
    for (unsigned i = 0; i < count; i++) {
        if (steps[i].root)
            add_root(sysfs, &steps[i], i ? &steps[i - 1] : NULL);
        else if (i + 1 < count && !steps[i + 1].root)
            add_bridge(sysfs, &steps[i], &steps[i + 1]);
    }
    extend_bridges(sysfs, steps, count);
}
