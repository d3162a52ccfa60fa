/* SPDX-License-Identifier: MIT */
#include "sim/machine/simulation.h"

#include "sim/base/arena.h"

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
    if (!simulation->units_assumed)
        return;
    struct iommu_parameters *units = arena_array(simulation->arena, coverage->unit_count, sizeof(*units));
    for (uint32_t i = 0; i < coverage->unit_count; i++)
        units[i] = input->unit_defaults[coverage->units[i].kind];
    simulation->in_force.parameters.units = units;
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

    const struct iommu_groups *groups = simulation->groups;
    uint32_t *unit_of = arena_array(simulation->arena, count, sizeof(*unit_of));
    for (uint32_t f = 0; f < count; f++)
        unit_of[f] = groups->platform.enabled ? groups->coverage->functions[f].unit : NO_UNIT;
    simulation->options.acs_control = reach_acs_control(simulation->arena, groups);
    simulation->options.unit_of = unit_of;
}

struct workload_machine simulation_workload_machine(const struct simulation *simulation)
{
    const struct iommu_platform *platform = &simulation->groups->platform;
    return (struct workload_machine){
        .topology = simulation->input->topology,
        .translated = simulation->reach->translated,
        .iommu = platform->enabled ? platform->kind : IOMMU_NONE,
    };
}

int simulation_build(struct simulation *simulation, const struct workload *workload,
                     struct diagnostics *diagnostics)
{
    simulation->workload = workload;
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
