/* SPDX-License-Identifier: MIT */
/* Groups for people: a table, one line for each reason, and what rests on assumptions. */
#include "sim/output/groups_output.h"

#include "sim/analysis/group_explain.h"
#include "sim/analysis/isolation_effects.h"
#include "sim/output/group_reasons.h"
#include "sim/output/group_words.h"

#include <stdio.h>
#include <stdlib.h>

enum { EFFECTS_SHOWN = 12 };

struct writer {
    const struct iommu_groups *groups;
    const struct topology *topology;
    bool all; /* one line a function, all assumptions */
    struct text_buffer *out;
};

static void heading(const struct writer *writer)
{
    const struct iommu_platform *platform = &writer->groups->platform;
    struct text_buffer *out = writer->out;
    uint32_t grouped = 0;
    for (uint32_t i = 0; i < writer->groups->group_count; i++)
        grouped += writer->groups->groups[i].member_count;
    if (writer->topology->name)
        text_buffer_format(out, "Machine    %s\n", writer->topology->name);
    text_buffer_format(out, "IOMMU      %s%s%s\n", iommu_kind_name(platform->kind),
                       platform->kind == IOMMU_NONE ? ""
                       : platform->enabled          ? ", on"
                                                    : ", switched off by the command line",
                       platform->units_known || platform->kind == IOMMU_NONE
                           ? ""
                           : " (the input names no unit: one for all functions is assumed)");
    if (platform->algorithm != GROUP_ALGORITHM_LINUX)
        text_buffer_format(out, "Algorithm  %s\n", group_algorithm_name(platform->algorithm));
    text_buffer_format(out, "Functions  %u, of which %u in %u groups\n", writer->topology->function_count,
                       grouped, writer->groups->group_count);
    uint32_t agree, differ;
    iommu_groups_agreement(writer->groups, &agree, &differ);
    if (agree + differ)
        text_buffer_format(out,
                           "Reported   the input states the groups of %u function%s; for %u of them they are "
                           "those below%s\n",
                           agree + differ, agree + differ == 1 ? "" : "s", agree,
                           differ ? " (--compare shows the others)" : "");
    if (kernel_cmdline_overrides_acs(&platform->cmdline))
        text_buffer_add(out, "Warning    pcie_acs_override changes what the kernel believes, not what the "
                             "hardware does; `iommusim diff FILE --acs-override` with its words lists who "
                             "reaches whom all the same\n");
}

static void ungrouped(const struct writer *writer)
{
    bool any = false;
    for (uint32_t id = 0; id < writer->topology->function_count; id++) {
        if (writer->groups->decisions[id].group != NONE)
            continue;
        text_buffer_add(writer->out, any ? "" : "\nNot behind an IOMMU (no group)\n");
        any = true;
        group_words_row(writer->topology, "", id, writer->out);
        text_buffer_add(writer->out, "      because  ");
        group_explain_cause_brief(writer->groups, id, writer->out);
        text_buffer_add(writer->out, "\n");
    }
}

/* "otherwise 12 functions, of groups 5 and up, would form 9 groups, not 1" */
static void effect_line(const struct writer *writer, const struct isolation_effect *effect)
{
    const struct iommu_groups *groups = writer->groups;
    char bdf[BDF_TEXT_SIZE], ids[ID_TEXT_SIZE];
    const struct pci_function *function = &writer->topology->functions[effect->function_id];
    text_buffer_format(writer->out, "  %-13s %s  %-16s ",
                       group_words_brief(writer->topology, effect->function_id, bdf),
                       group_words_id(ids, function), function_kind_name(function));
    group_explain_verdict(groups, effect->function_id, writer->out);
    text_buffer_format(
        writer->out, "\n                otherwise %u functions (group %u%s) would form %u group%s, not %u\n",
        effect->changed, effect->first_group, effect->groups_now > 1 ? " and others" : "",
        effect->groups_flipped, effect->groups_flipped == 1 ? "" : "s", effect->groups_now);
}

/* Ports first, for all below hangs on them; what is contested before what all grounds agree on; then most
 * functions; those of a kind stay in order of the machine. */
static int compare_effects(const void *left, const void *right)
{
    const struct isolation_effect *a = left, *b = right;
    if (a->port != b->port)
        return a->port ? -1 : 1;
    if (a->contested != b->contested)
        return a->contested ? -1 : 1;
    if (a->changed != b->changed)
        return a->changed < b->changed ? 1 : -1;
    return (a->function_id > b->function_id) - (a->function_id < b->function_id);
}

static void assumed(const struct writer *writer)
{
    const struct iommu_groups *groups = writer->groups;
    uint32_t count = 0, effect_count;
    for (uint32_t id = 0; id < writer->topology->function_count; id++)
        count += isolation_assumed(groups, id);
    if (count == 0)
        return;
    struct arena *arena = arena_new();
    struct isolation_effect *effects = isolation_effects(groups, arena, &effect_count);
    if (effect_count)
        qsort(effects, effect_count, sizeof(*effects), compare_effects);
    text_buffer_format(
        writer->out,
        "\nAssumed    The input does not show what %u function%s; %u of these assumptions decide%s "
        "groups (--assume %s)\n",
        count, count == 1 ? " does about isolation" : "s do about isolation", effect_count,
        effect_count == 1 ? "s" : "", isolation_policy_name(groups->platform.assume));
    uint32_t shown = writer->all || effect_count <= EFFECTS_SHOWN ? effect_count : EFFECTS_SHOWN;
    for (uint32_t i = 0; i < shown; i++)
        effect_line(writer, &effects[i]);
    if (shown < effect_count)
        text_buffer_format(writer->out, "  and %u more (-v shows them)\n", effect_count - shown);
    for (uint32_t id = 0; id < writer->topology->function_count && writer->all; id++) {
        char bdf[BDF_TEXT_SIZE];
        bool told = false;
        for (uint32_t i = 0; i < effect_count; i++)
            told |= effects[i].function_id == id;
        if (told || !isolation_assumed(groups, id))
            continue;
        text_buffer_format(writer->out, "  %-13s ", group_words_brief(writer->topology, id, bdf));
        group_explain_verdict(groups, id, writer->out);
        text_buffer_add(writer->out, "\n");
    }
    arena_free(arena);
}

void groups_output_text(const struct iommu_groups *groups, bool all, struct text_buffer *out)
{
    struct writer writer = {groups, groups->topology, all, out};
    heading(&writer);
    for (uint32_t i = 0; i < groups->group_count; i++) {
        const struct iommu_group *group = &groups->groups[i];
        char lead[32];
        snprintf(lead, sizeof(lead), "%4u  %s", group->number, group_type_name(group->type));
        text_buffer_add(out, i ? "" : "\n");
        for (uint32_t j = 0; j < group->member_count; j++)
            group_words_row(groups->topology, j ? "" : lead, group->members[j], out);
        group_reasons(groups, group->members, group->member_count, all, out);
    }
    ungrouped(&writer);
    assumed(&writer);
}
