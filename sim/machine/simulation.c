/* SPDX-License-Identifier: MIT */
#include "sim/machine/simulation.h"

#include "sim/analysis/reserved_regions.h"
#include "sim/analysis/dma_alias.h"
#include "sim/base/arena.h"
#include "sim/machine/guest_assignment.h"

#include <stdlib.h>

/* The parameters of the units that are built: the input's own, or for assumed ones what a unit of that kind
 * would get. */
static void choose_units(struct simulation *simulation)
{
    const struct machine_input *input = simulation->input;
    const struct iommu_coverage *coverage = simulation->groups->coverage;
    const struct iommu_platform *platform = &simulation->groups->platform;
    simulation->in_force = *input;
    simulation->options.unit_count = platform->enabled ? coverage->unit_count : 0;
    simulation->units_assumed = platform->enabled && coverage->units != input->topology->units;
    struct iommu_parameters *units = arena_array(simulation->arena, coverage->unit_count + 1, sizeof(*units));
    for (uint32_t i = 0; i < simulation->options.unit_count; i++) {
        enum iommu_kind kind = coverage->units[i].kind;
        units[i] = simulation->units_assumed ? input->unit_defaults[kind] : input->parameters.units[i];
        if ((kind == IOMMU_VT_D && platform->cmdline.intel_superpages_off) ||
            (kind == IOMMU_AMD_VI && platform->cmdline.amd_superpages_off))
            units[i].superpages_2m = units[i].superpages_1g = units[i].superpages_any = false;
    }
    simulation->in_force.parameters.units = units;
}

/* Addresses that the kernel's allocator never hands out. A window for interrupt messages that software chose
 * is made in domains of virtual machines only (iova_reserve_iommu_regions() of drivers/iommu/dma-iommu.c). */
struct region_gathering {
    uint32_t function_id;
    size_t capacity;
    struct reserved_range *ranges;
    uint32_t count;
};

static void gather_region(void *data, const struct group_region *region, const struct reserved_region *stated)
{
    (void)stated;
    struct region_gathering *gathering = data;
    if (region->type == REGION_SOFTWARE_MSI)
        return;
    gathering->ranges =
        memory_grow(gathering->ranges, gathering->count, &gathering->capacity, sizeof(*gathering->ranges));
    gathering->ranges[gathering->count++] =
        (struct reserved_range){gathering->function_id, region->start, region->end};
}

static void gather_regions(struct simulation *simulation)
{
    struct region_gathering gathering = {0};
    uint32_t count = simulation->groups->platform.enabled ? simulation->input->topology->function_count : 0;
    for (uint32_t f = 0; f < count; f++) {
        gathering.function_id = f;
        reserved_regions_visit(simulation->groups, f, gather_region, &gathering);
    }
    struct reserved_range *kept = arena_array(simulation->arena, gathering.count, sizeof(*kept));
    for (uint32_t i = 0; i < gathering.count; i++)
        kept[i] = gathering.ranges[i];
    free(gathering.ranges);
    simulation->options.reserved = kept;
    simulation->options.reserved_count = gathering.count;
}

/* Which units remap interrupts: all of which firmware does not say that they cannot, where the command line
 * does not forbid it. */
static const bool *interrupt_remapping(const struct simulation *simulation)
{
    const struct iommu_coverage *coverage = simulation->groups->coverage;
    bool *remaps = arena_array(simulation->arena, coverage->unit_count + 1, sizeof(*remaps));
    bool switched_off = iommu_platform_interrupts_switched_off(&simulation->groups->platform);
    for (uint32_t i = 0; i < coverage->unit_count; i++)
        remaps[i] = coverage->units[i].interrupt_remapping != KNOWN_ABSENT && !switched_off;
    return remaps;
}

/* [function] index of its group, NONE where it is in none. */
static const uint32_t *groups_of_functions(const struct simulation *simulation)
{
    const struct iommu_groups *groups = simulation->groups;
    uint32_t count = simulation->input->topology->function_count;
    uint32_t *group_of = arena_array(simulation->arena, count, sizeof(*group_of));
    for (uint32_t f = 0; f < count; f++)
        group_of[f] = NONE;
    for (uint32_t g = 0; g < groups->group_count; g++) {
        for (uint32_t i = 0; i < groups->groups[g].member_count; i++)
            group_of[groups->groups[g].members[i]] = g;
    }
    return group_of;
}

/* [function] the requester id its DMA carries: that of the kernel's table of quirks (or of firmware) where
 * there is one. Of functions with several nobody knows, nor of those that the topology says may use others.
 */
static const uint16_t *aliases_of_functions(const struct simulation *simulation)
{
    const struct topology *topology = simulation->input->topology;
    uint16_t *alias_of = arena_array(simulation->arena, topology->function_count, sizeof(*alias_of));
    for (uint32_t f = 0; f < topology->function_count; f++) {
        const struct pci_function *function = &topology->functions[f];
        struct devfn_set set = simulation->groups->alias_sets[f];
        uint8_t alias = function->devfn;
        unsigned count = 0;
        for (unsigned devfn = 0; devfn <= UINT8_MAX; devfn++) {
            if (devfn == function->devfn || !devfn_set_has(&set, (uint8_t)devfn))
                continue;
            alias = (uint8_t)devfn;
            count++;
        }
        alias_of[f] =
            pci_requester_id(function->bus, count == 1 && !function->alias_count ? alias : function->devfn);
    }
    return alias_of;
}

void simulation_init(struct simulation *simulation, const struct machine_input *input,
                     enum iommu_choice choice, const char *cmdline, struct diagnostics *diagnostics)
{
    const struct topology *topology = input->topology;
    uint32_t count = topology->function_count;
    *simulation = (struct simulation){.input = input, .arena = arena_new()};
    simulation->groups = iommu_groups_form(topology, choice, cmdline, diagnostics);
    simulation->reach = reach_new(simulation->arena, simulation->groups);
    choose_units(simulation);
    gather_regions(simulation);

    const struct iommu_groups *groups = simulation->groups;
    uint32_t *unit_of = arena_array(simulation->arena, count, sizeof(*unit_of));
    for (uint32_t f = 0; f < count; f++)
        unit_of[f] = groups->platform.enabled ? groups->coverage->functions[f].unit : NO_UNIT;
    simulation->options.alias_of = aliases_of_functions(simulation);
    simulation->options.group_of = groups_of_functions(simulation);
    simulation->options.acs_control = reach_acs_control(simulation->arena, groups);
    simulation->options.unit_of = unit_of;
    simulation->options.interrupt_remapping = interrupt_remapping(simulation);
    simulation->options.interrupts_any_source = iommu_platform_interrupts_any_source(&groups->platform);
    const struct kernel_cmdline *words = &groups->platform.cmdline;
    simulation->options.bounce_slots = words->swiotlb_slots;
    simulation->options.bounce_areas = words->swiotlb_areas;
    simulation->options.bounce_all = words->swiotlb_force == GIVEN_ON;
    simulation->options.bounce_none = words->swiotlb_force == GIVEN_OFF;
    /* pci_swiotlb_detect() of arch/x86/kernel/pci-dma.c */
    simulation->options.bounce_none_for_reach =
        words->iommu_off && groups->platform.kind != IOMMU_SMMUV3 && words->swiotlb_force != GIVEN_ON;
    simulation->options.no_32_bit_addresses = words->forcedac;
}

/* [function] how the kernel has its DMA translated: by the type of its group. */
static const enum translation_mode *kernel_modes(const struct simulation *simulation)
{
    static const enum translation_mode modes[] = {[GROUP_TYPE_DMA] = TRANSLATION_STRICT,
                                                  [GROUP_TYPE_DMA_FQ] = TRANSLATION_LAZY,
                                                  [GROUP_TYPE_IDENTITY] = TRANSLATION_PASSTHROUGH};
    const struct iommu_groups *groups = simulation->groups;
    uint32_t count = simulation->input->topology->function_count;
    enum translation_mode *of = arena_array(simulation->arena, count, sizeof(*of));
    for (uint32_t f = 0; f < count; f++)
        of[f] = TRANSLATION_OFF;
    for (uint32_t g = 0; g < groups->group_count; g++) {
        for (uint32_t i = 0; i < groups->groups[g].member_count; i++)
            of[groups->groups[g].members[i]] = modes[groups->groups[g].type];
    }
    return of;
}

struct workload_machine simulation_workload_machine(const struct simulation *simulation)
{
    const struct iommu_platform *platform = &simulation->groups->platform;
    return (struct workload_machine){
        .topology = simulation->input->topology,
        .translated = simulation->reach->translated,
        .kernel_modes = kernel_modes(simulation),
        .group_of = groups_of_functions(simulation),
        .iommu = platform->enabled ? platform->kind : IOMMU_NONE,
    };
}

/* The domain a function's DMA uses, NONE where the workload gives it none. */
static uint32_t *domains_of_functions(const struct simulation *simulation, const struct workload *workload)
{
    uint32_t count = simulation->input->topology->function_count;
    uint32_t *domain_of = arena_array(simulation->arena, count, sizeof(*domain_of));
    for (uint32_t f = 0; f < count; f++)
        domain_of[f] = NONE;
    for (uint32_t d = 0; d < workload->domain_count; d++) {
        for (uint32_t i = 0; i < workload->domains[d].function_count; i++)
            domain_of[workload->domains[d].function_ids[i]] = d;
    }
    return domain_of;
}

static void warn(const struct workload *workload, struct diagnostics *diagnostics,
                 const struct domain *domain, const char *code, const char *text)
{
    workload_report(workload, diagnostics, DIAGNOSTIC_WARNING, domain->pointer, code, "%s", text);
}

/* What the workload asks for and a kernel would not do: the run goes on, as hardware can. */
static void warn_of_group(const struct simulation *simulation, const struct workload *workload,
                          const struct iommu_group *group, const uint32_t *domain_of, bool *told,
                          struct diagnostics *diagnostics)
{
    uint32_t first = NONE;
    for (uint32_t i = 0; i < group->member_count; i++) {
        uint32_t d = domain_of[group->members[i]];
        if (d == NONE || workload->domains[d].mode == TRANSLATION_OFF)
            continue;
        const struct domain *domain = &workload->domains[d];
        if (!told[d] && group->type == GROUP_TYPE_IDENTITY && translation_mode_translates(domain->mode) &&
            !domain->virtual_machine) { /* VFIO's domain takes the place of the group's default one */
            told[d] = true;             /* once a domain is enough */
            warn(workload, diagnostics, domain, "workload-identity-group",
                 arena_format(simulation->arena,
                              "group %u is of type identity by the kernel's command line, but domain \"%s\" "
                              "translates; the workload is followed",
                              group->number, domain->name));
        }
        if (first != NONE && first != d) {
            warn(workload, diagnostics, domain, "workload-group-split",
                 arena_format(simulation->arena,
                              "domains \"%s\" and \"%s\" have functions of group %u, which Linux gives one "
                              "domain only; the workload is followed",
                              workload->domains[first].name, domain->name, group->number));
            return;
        }
        first = d;
    }
}

int simulation_build(struct simulation *simulation, const struct workload *workload,
                     struct diagnostics *diagnostics)
{
    const uint32_t *domain_of = domains_of_functions(simulation, workload);
    bool *told = arena_array(simulation->arena, workload->domain_count, sizeof(*told));
    simulation->workload = workload;
    int status = guest_assignment_check(simulation->groups, workload, diagnostics);
    if (status < 0)
        return status;
    for (uint32_t g = 0; g < simulation->groups->group_count; g++)
        warn_of_group(simulation, workload, &simulation->groups->groups[g], domain_of, told, diagnostics);
    return machine_new(&simulation->in_force, workload, &simulation->options, &simulation->machine,
                       diagnostics);
}

void simulation_fini(struct simulation *simulation)
{
    machine_free(simulation->machine);
    iommu_groups_free(simulation->groups);
    arena_free(simulation->arena);
    *simulation = (struct simulation){0};
}
