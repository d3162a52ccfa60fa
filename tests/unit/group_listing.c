/* SPDX-License-Identifier: MIT */
#include "tests/unit/group_listing.h"

#include "sim/base/text_buffer.h"
#include "sim/topology/synthetic.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
    struct group_options options = {.choice = choice, .cmdline = cmdline};
    return group_listing_as(machine, &options);
}

char *group_listing_as(const char *machine, const struct group_options *options)
{
    struct diagnostics *diagnostics = diagnostics_new(20);
    struct topology *topology = synthetic_parse(machine, machine, diagnostics);
    if (!topology)
        diagnostics_print(diagnostics, stderr);
    ck_assert_msg(topology != NULL, "machine refused: %s", machine);
    struct iommu_groups *groups = iommu_groups_form_as(topology, options, diagnostics);
    char *text = group_listing(groups);
    iommu_groups_free(groups);
    topology_free(topology);
    diagnostics_free(diagnostics);
    return text;
}

void group_cases_check(const struct group_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char *groups = group_listing_of(cases[i].machine, cases[i].choice, cases[i].cmdline);
        ck_assert_msg(strcmp(groups, cases[i].groups) == 0, "%s [%s]:\n  %s\nexpected\n  %s",
                      cases[i].machine, cases[i].cmdline ? cases[i].cmdline : "", groups, cases[i].groups);
        free(groups);
    }
}

static char *difference(const struct iommu_groups *groups, uint32_t id, const char *what)
{
    struct text_buffer text = {0};
    char bdf[BDF_TEXT_SIZE] = "";
    if (id != NONE) {
        const struct pci_function *function = &groups->topology->functions[id];
        bdf_print(bdf, function->segment, function->bus, function->devfn);
    }
    text_buffer_format(&text, "%s %s", bdf, what);
    return text.text;
}

/* expected[id] = group number, NONE without; the first unknown address is reported. */
static char *read_expected(const struct iommu_groups *groups, const char *text, uint32_t *expected)
{
    const struct topology *topology = groups->topology;
    for (uint32_t id = 0; id < topology->function_count; id++)
        expected[id] = NONE;
    for (const char *line = text; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        unsigned number;
        char bdf[32];
        uint32_t segment;
        uint8_t bus, devfn;
        if (sscanf(line, "%u %31s", &number, bdf) != 2 || !bdf_parse(bdf, &segment, &bus, &devfn))
            return difference(groups, NONE, "malformed line of expected groups");
        const struct pci_function *function = topology_find(topology, segment, bus, devfn);
        if (!function)
            return difference(groups, NONE, "expected function is missing");
        expected[function->id] = number;
    }
    return NULL;
}

static char *compare(const struct iommu_groups *groups, const uint32_t *expected, bool numbers,
                     const char *ignore)
{
    uint32_t count = groups->topology->function_count;
    for (uint32_t id = 0; id < count; id++) {
        const struct pci_function *function = &groups->topology->functions[id];
        uint32_t group = groups->decisions[id].group;
        char bdf[BDF_TEXT_SIZE];
        bdf_print(bdf, function->segment, function->bus, function->devfn);
        if (ignore && strstr(ignore, bdf))
            continue;
        if ((group == NONE) != (expected[id] == NONE))
            return difference(groups, id,
                              group == NONE ? "has no group, but should" : "should have no group");
        if (numbers && group != expected[id])
            return difference(groups, id, "has another group number");
        for (uint32_t other = 0; other < id && group != NONE; other++) {
            if (expected[other] != NONE && groups->decisions[other].group != NONE &&
                (expected[other] == expected[id]) != (groups->decisions[other].group == group))
                return difference(groups, id,
                                  expected[other] == expected[id] ? "is apart from one it belongs with"
                                                                  : "is with one it does not belong with");
        }
    }
    return NULL;
}

char *group_difference(const struct iommu_groups *groups, const char *expected, bool numbers,
                       const char *ignore)
{
    uint32_t *numbers_expected = memory_array(groups->topology->function_count + 1, sizeof(uint32_t));
    char *found = read_expected(groups, expected, numbers_expected);
    if (!found)
        found = compare(groups, numbers_expected, numbers, ignore);
    free(numbers_expected);
    return found;
}
