/* SPDX-License-Identifier: MIT */
/* Units first (known or assumed), then the scope test, then what each kind of driver refuses. */
#include "sim/analysis/iommu_coverage.h"

#include "sim/analysis/dma_alias.h"

#include <stdlib.h>

enum {
    VENDOR_INTEL = 0x8086,
    CLASS_DISPLAY = 0x03, /* base class */
    CLASS_IOMMU = 0x0806,
    STREAMS = 0x10000,
};

static bool is_display(const struct pci_function *function)
{
    return function->class_code >> 16 == CLASS_DISPLAY;
}

static bool is_iommu(const struct pci_function *function)
{
    return function->class_code >> 8 == CLASS_IOMMU;
}

/* Intel graphics at 00:02.0 has a unit of its own, visited first, unless the dump shows that its group came
 * after the host bridge's. */
static bool has_graphics_unit(const struct topology *topology, const struct iommu_platform *platform)
{
    const struct pci_function *graphics = topology_find(topology, 0, 0, pci_devfn(2, 0));
    const struct pci_function *host = topology_find(topology, 0, 0, 0);
    if (platform->kind != IOMMU_VT_D || !graphics || graphics->vendor != VENDOR_INTEL ||
        !is_display(graphics))
        return false;
    return !platform->groups_reported || !host || !host->group_reported || !graphics->group_reported ||
           graphics->reported_group < host->reported_group;
}

/* Units of a machine whose firmware tables are not known. */
static void assume_units(const struct topology *topology, const struct iommu_platform *platform,
                         struct arena *arena, struct iommu_coverage *coverage)
{
    struct iommu_unit *units = arena_array(arena, 2, sizeof(*units));
    enum knowledge remaps = topology->stated.interrupt_remapping;
    uint32_t count = 0;
    if (has_graphics_unit(topology, platform)) {
        struct iommu_scope *scope = arena_alloc(arena, sizeof(*scope));
        *scope = (struct iommu_scope){.kind = SCOPE_FUNCTION, .devfn = pci_devfn(2, 0)};
        units[count++] = (struct iommu_unit){
            .kind = platform->kind, .scopes = scope, .scope_count = 1, .interrupt_remapping = remaps};
    }
    units[count] = (struct iommu_unit){
        .id = count, .kind = platform->kind, .include_all = true, .interrupt_remapping = remaps};
    coverage->units = units;
    coverage->unit_count = count + 1;
}

/* VT-d pushes each unit with scopes to the front of its list and appends those for everything else. */
static void order_units(const struct iommu_platform *platform, struct arena *arena,
                        struct iommu_coverage *coverage)
{
    uint32_t *order = arena_array(arena, coverage->unit_count, sizeof(*order));
    uint32_t count = 0;
    for (uint32_t i = coverage->unit_count; platform->kind == IOMMU_VT_D && i-- > 0;) {
        if (!coverage->units[i].include_all)
            order[count++] = i;
    }
    for (uint32_t i = 0; i < coverage->unit_count; i++) {
        if (platform->kind != IOMMU_VT_D || coverage->units[i].include_all)
            order[count++] = i;
    }
    coverage->visit_order = order;
}

/* The function by which units are looked up: for VT-d a VF is found through its PF; behind a VMD all DMA is
 * the VMD endpoint's. */
static const struct pci_function *lookup_function(const struct topology *topology,
                                                  const struct iommu_platform *platform,
                                                  const struct pci_function *function)
{
    function = dma_alias_real_function(topology, function);
    if (platform->kind == IOMMU_VT_D && function->is_vf && function->pf_id != NONE)
        function = &topology->functions[function->pf_id];
    return function;
}

static bool scope_matches(const struct topology *topology, const struct iommu_scope *scope,
                          const struct pci_function *function)
{
    if (scope->segment != function->segment)
        return false;
    if (scope->kind == SCOPE_BUS_RANGE)
        return scope->bus_start <= function->bus && function->bus <= scope->bus_end;
    if (scope->bus == function->bus && scope->devfn == function->devfn)
        return true;
    /* A bridge stands for all below it, whatever the type of the entry: the kernel keeps only the device. */
    const struct pci_function *bridge = topology_find(topology, scope->segment, scope->bus, scope->devfn);
    return bridge && function_is_bridge(bridge) && bridge->secondary_bus_id != NONE &&
           bridge->secondary_bus <= function->bus && function->bus <= bridge->subordinate_bus;
}

static bool unit_scope_matches(const struct topology *topology, const struct iommu_unit *unit,
                               const struct pci_function *function)
{
    for (uint32_t i = 0; i < unit->scope_count; i++) {
        if (scope_matches(topology, &unit->scopes[i], function))
            return true;
    }
    return false;
}

static uint32_t find_unit(const struct topology *topology, const struct iommu_platform *platform,
                          const struct iommu_coverage *coverage, const struct pci_function *function)
{
    /* VT-d takes the first match of its list. Elsewhere a table entry is more than a catch-all. */
    bool list_order = platform->kind == IOMMU_VT_D;
    uint32_t all = NONE;
    for (uint32_t i = 0; i < coverage->unit_count; i++) {
        uint32_t index = coverage->visit_order[i];
        const struct iommu_unit *unit = &coverage->units[index];
        if (platform->units_known && unit->segment != function->segment)
            continue;
        if (unit_scope_matches(topology, unit, function))
            return index;
        if (unit->include_all && all == NONE)
            all = index;
        if (unit->include_all && list_order)
            return index;
    }
    return all;
}

/* intel_iommu=igfx_off ignores units with graphics only. */
static bool unit_is_graphics_only(const struct topology *topology, const struct iommu_unit *unit)
{
    bool any = false;
    for (uint32_t i = 0; i < unit->scope_count; i++) {
        const struct iommu_scope *scope = &unit->scopes[i];
        const struct pci_function *function =
            scope->kind == SCOPE_BUS_RANGE
                ? NULL
                : topology_find(topology, scope->segment, scope->bus, scope->devfn);
        if (!function)
            continue;
        if (!is_display(function))
            return false;
        any = true;
    }
    return any && !unit->include_all;
}

/* Where units are unknown: firmware lists what follows the IOMMU's own function. */
static bool before_amd_iommu(const struct topology *topology, const struct pci_function *function)
{
    const struct pci_bus *bus = &topology->buses[function->bus_id];
    for (uint32_t i = 0; i < bus->function_count; i++) {
        const struct pci_function *other = &topology->functions[bus->functions[i]];
        if (is_iommu(other) && pci_slot(other->devfn) == pci_slot(function->devfn) &&
            other->devfn > function->devfn)
            return true;
    }
    return false;
}

static struct function_coverage cover(const struct topology *topology, const struct iommu_platform *platform,
                                      const struct iommu_coverage *coverage,
                                      const struct pci_function *function)
{
    struct function_coverage none = {.unit = NONE, .owner_id = NONE};
    if (!coverage->unit_count || !platform->enabled) {
        none.reason =
            platform->kind == IOMMU_NONE || platform->enabled ? UNCOVERED_NO_IOMMU : UNCOVERED_SWITCHED_OFF;
        return none;
    }
    bool amd = platform->kind == IOMMU_AMD_VI;
    if (amd && is_iommu(function)) {
        none.reason = UNCOVERED_IOMMU_ITSELF;
        return none;
    }
    if (amd && !platform->units_known && !platform->virtualised && !function->group_reported &&
        before_amd_iommu(topology, function)) {
        none.reason = UNCOVERED_BEFORE_IOMMU;
        return none;
    }
    if (platform->groups_reported && !function->group_reported) {
        none.reason = UNCOVERED_REPORTED;
        return none;
    }
    const struct pci_function *asked = lookup_function(topology, platform, function);
    uint32_t unit = find_unit(topology, platform, coverage, asked);
    if (unit == NONE) {
        none.reason = UNCOVERED_OUTSIDE;
        return none;
    }
    if (platform->kind == IOMMU_VT_D && platform->cmdline.intel_graphics_off &&
        unit_is_graphics_only(topology, &coverage->units[unit])) {
        none.reason = UNCOVERED_UNIT_IGNORED;
        return none;
    }
    return (struct function_coverage){.unit = unit, .reason = COVERED, .owner_id = NONE};
}

/* Who owns each stream id of a unit, one table a segment (firmware maps segments apart). */
struct stream_table {
    struct stream_table *next;
    uint32_t unit, segment;
    uint32_t owners[STREAMS];
};

struct stream_claim {
    struct stream_table **tables;
    uint32_t unit;
    uint32_t function_id;
    uint32_t conflict_id;
    bool take;
};

static struct stream_table *stream_table_get(struct stream_table **tables, uint32_t unit, uint32_t segment)
{
    for (struct stream_table *table = *tables; table; table = table->next) {
        if (table->unit == unit && table->segment == segment)
            return table;
    }
    struct stream_table *table = memory_alloc(sizeof(*table));
    table->next = *tables;
    table->unit = unit;
    table->segment = segment;
    for (uint32_t i = 0; i < STREAMS; i++)
        table->owners[i] = NONE;
    *tables = table;
    return table;
}

static bool claim_stream(void *data, const struct dma_alias *alias)
{
    struct stream_claim *claim = data;
    struct stream_table *table = stream_table_get(claim->tables, claim->unit, alias->segment);
    uint32_t *owner = &table->owners[alias->requester_id];
    if (claim->take) {
        *owner = claim->function_id;
        return false;
    }
    claim->conflict_id = *owner;
    return *owner != NONE;
}

/* The SMMUv3 driver gives every alias of a function a stream, and refuses a function one of whose streams is
 * another's: behind a bridge that takes ownership only the first function is translated. */
static void refuse_shared_streams(const struct topology *topology, struct iommu_coverage *coverage)
{
    struct stream_table *tables = NULL;
    for (uint32_t i = 0; i < topology->function_count; i++) {
        struct function_coverage *entry = &coverage->functions[i];
        struct stream_claim claim = {.tables = &tables, .unit = entry->unit, .function_id = i};
        if (entry->reason != COVERED)
            continue;
        if (dma_alias_walk(topology, &topology->functions[i], claim_stream, &claim)) {
            *entry = (struct function_coverage){
                .unit = NONE, .reason = UNCOVERED_STREAM_IN_USE, .owner_id = claim.conflict_id};
            continue;
        }
        claim.take = true;
        dma_alias_walk(topology, &topology->functions[i], claim_stream, &claim);
    }
    while (tables) {
        struct stream_table *next = tables->next;
        free(tables);
        tables = next;
    }
}

struct iommu_coverage *iommu_coverage_find(const struct topology *topology,
                                           const struct iommu_platform *platform, struct arena *arena)
{
    struct iommu_coverage *coverage = arena_alloc(arena, sizeof(*coverage));
    if (platform->units_known) {
        coverage->units = topology->units;
        coverage->unit_count = topology->unit_count;
    } else if (platform->kind != IOMMU_NONE) {
        assume_units(topology, platform, arena, coverage);
    }
    order_units(platform, arena, coverage);
    coverage->functions = arena_array(arena, topology->function_count, sizeof(*coverage->functions));
    for (uint32_t i = 0; i < topology->function_count; i++)
        coverage->functions[i] = cover(topology, platform, coverage, &topology->functions[i]);
    if (platform->kind == IOMMU_SMMUV3)
        refuse_shared_streams(topology, coverage);
    return coverage;
}

struct reason_words {
    const char *name;
    const char *text;
};

static const struct reason_words reasons[] = {
    [COVERED] = {"covered", "translated by a unit"},
    [UNCOVERED_NO_IOMMU] = {"no-iommu", "the machine has no IOMMU"},
    [UNCOVERED_SWITCHED_OFF] = {"switched-off", "the command line switches the IOMMU off"},
    [UNCOVERED_OUTSIDE] = {"outside-scope", "outside every unit's scope"},
    [UNCOVERED_UNIT_IGNORED] = {"unit-ignored", "igfx_off switches its unit off"},
    [UNCOVERED_IOMMU_ITSELF] = {"iommu-itself", "the IOMMU's own function"},
    [UNCOVERED_BEFORE_IOMMU] = {"before-iommu", "before the first function AMD firmware lists (assumed)"},
    [UNCOVERED_REPORTED] = {"reported", "the input shows that the kernel gave it no group"},
    [UNCOVERED_STREAM_IN_USE] = {"stream-in-use", "the SMMUv3 driver refuses a stream id twice"},
};

const char *coverage_reason_text(enum coverage_reason reason)
{
    return reasons[reason].text;
}

const char *coverage_reason_name(enum coverage_reason reason)
{
    return reasons[reason].name;
}
