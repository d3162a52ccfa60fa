/* SPDX-License-Identifier: MIT */
#include "tests/unit/group_listing.h"

#include "sim/base/text_buffer.h"
#include "sim/topology/synthetic.h"

#include <check.h>
#include <stdlib.h>

char *group_listing(const struct iommu_groups *groups)
{
    struct text_buffer text = {0};
    for (uint32_t i = 0; i < groups->group_count; i++) {
        const struct iommu_group *group = &groups->groups[i];
        ck_assert_uint_eq(group->number, i);
        if (i)
            text_buffer_add(&text, " |");
        for (uint32_t j = 0; j < group->member_count; j++) {
            const struct pci_function *function = &groups->topology->functions[group->members[j]];
            char bdf[BDF_TEXT_SIZE];
            bdf_print(bdf, function->segment, function->bus, function->devfn);
            text_buffer_format(&text, "%s%s", i || j ? " " : "", function->segment ? bdf : bdf + 5);
        }
    }
    return text.text ? text.text : memory_string("");
}

char *group_listing_of(const char *machine, enum iommu_choice choice, const char *cmdline)
{
    struct diagnostics *diagnostics = diagnostics_new(20);
    struct topology *topology = synthetic_parse(machine, machine, diagnostics);
    if (!topology)
        diagnostics_print(diagnostics, stderr);
    ck_assert_msg(topology != NULL, "machine refused: %s", machine);
    struct iommu_groups *groups = iommu_groups_form(topology, choice, cmdline, diagnostics);
    char *text = group_listing(groups);
    iommu_groups_free(groups);
    topology_free(topology);
    diagnostics_free(diagnostics);
    return text;
}
