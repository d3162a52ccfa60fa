/* SPDX-License-Identifier: MIT */
/* What a running kernel shows of its units and groups: collected while reading, settled by dump_running.h. */
#include "sim/base/arena.h"
#include "sim/input/dump.h"
#include "sim/input/slice.h"

#include <string.h>

enum { UNITS_MAX = 1024, MEMORY_MAX = 1024 }; /* no machine has more; hostile copies may */

/* What the drivers call their units: iommu_device_sysfs_add() in drivers/iommu/intel/dmar.c, amd/init.c,
 * arm/arm-smmu-v3/arm-smmu-v3.c. */
static const struct {
    const char *start;
    enum iommu_kind kind;
    unsigned base;
} unit_names[] = {{"dmar", IOMMU_VT_D, 10}, {"ivhd", IOMMU_AMD_VI, 10}, {"smmu3.0x", IOMMU_SMMUV3, 16}};

struct dump_covered_unit *dump_covered(struct dump *dump, const char *name, const char *end)
{
    for (size_t i = 0; i < dump->covered_count; i++) {
        if (slice_is((struct slice){name, end}, dump->covered[i].name))
            return &dump->covered[i];
    }
    struct dump_covered_unit unit = {.kind = IOMMU_NONE, .interrupt_remapping = UNKNOWN};
    for (size_t i = 0; i < sizeof(unit_names) / sizeof(unit_names[0]); i++) {
        struct slice rest = {name, end};
        if (slice_skip(&rest, unit_names[i].start) &&
            slice_number(&rest, unit_names[i].base, 1, 16, &unit.order) && slice_length(rest) == 0)
            unit.kind = unit_names[i].kind;
    }
    if (unit.kind == IOMMU_NONE || dump->covered_count == UNITS_MAX)
        return NULL;
    unit.name = dump_copy_text(dump->arena, name, end);
    dump->covered = memory_grow(dump->covered, dump->covered_count, &dump->covered_capacity, sizeof(unit));
    dump->covered[dump->covered_count] = unit;
    return &dump->covered[dump->covered_count++];
}

void dump_cover(struct dump *dump, const char *name, const char *end, uint32_t segment, uint8_t bus,
                uint8_t devfn)
{
    struct dump_covered_unit *unit = dump_covered(dump, name, end);
    if (!unit)
        return;
    unit->members =
        memory_grow(unit->members, unit->member_count, &unit->member_capacity, sizeof(*unit->members));
    unit->members[unit->member_count++] = (struct dump_member){segment, bus, devfn};
}

struct dump_group *dump_group(struct dump *dump, uint32_t number)
{
    /* Files of a group come one after the other; what several copies say is merged at the end. */
    if (dump->group_count && dump->groups[dump->group_count - 1].group.number == number)
        return &dump->groups[dump->group_count - 1];
    dump->groups = memory_grow(dump->groups, dump->group_count, &dump->group_capacity, sizeof(*dump->groups));
    dump->groups[dump->group_count] = (struct dump_group){.group.number = number};
    return &dump->groups[dump->group_count++];
}

void dump_add_memory(struct dump *dump, uint64_t base, uint64_t limit)
{
    for (size_t i = 0; i < dump->memory_count; i++) {
        if (base <= dump->memory[i].limit && limit >= dump->memory[i].base)
            return;
    }
    if (dump->memory_count == MEMORY_MAX)
        return;
    dump->memory =
        memory_grow(dump->memory, dump->memory_count, &dump->memory_capacity, sizeof(*dump->memory));
    dump->memory[dump->memory_count++] = (struct memory_range){.base = base, .limit = limit};
}
