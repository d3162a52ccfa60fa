/* SPDX-License-Identifier: MIT */
#include "sim/output/groups_output.h"

#include "sim/analysis/group_explain.h"
#include "sim/output/function_label.h"
#include "sim/output/reserved_output.h"

#include <string.h>

enum { NAMED_TOGETHER = 6 }; /* addresses listed after one reason */

static const char *address(const struct iommu_groups *groups, uint32_t id, char *bdf)
{
    const struct pci_function *function = &groups->topology->functions[id];
    return bdf_print(bdf, function->segment, function->bus, function->devfn);
}

void groups_output_tsv(const struct iommu_groups *groups, struct text_buffer *out)
{
    char bdf[BDF_TEXT_SIZE];
    for (uint32_t i = 0; i < groups->group_count; i++) {
        for (uint32_t j = 0; j < groups->groups[i].member_count; j++)
            text_buffer_format(out, "%u\t%s\n", groups->groups[i].number,
                               address(groups, groups->groups[i].members[j], bdf));
    }
}

static void text_function(const struct iommu_groups *groups, const char *lead, uint32_t id,
                          struct text_buffer *out)
{
    char bdf[BDF_TEXT_SIZE];
    const struct pci_function *function = &groups->topology->functions[id];
    text_buffer_format(out, "%-16s%-13s %04x:%04x %04x  %-20s %s\n", lead, address(groups, id, bdf),
                       function->vendor, function->device, function->class_code >> 8,
                       function_kind_name(function), function_label(function));
}

/* The same rule and the same function to blame: one line for all of them. */
static bool same_reason(const struct group_decision *a, const struct group_decision *b)
{
    return a->rule == b->rule && a->culprit == b->culprit && (a->rule == GROUP_RULE_PATH || a->via == b->via);
}

static void text_reasons(const struct iommu_groups *groups, const struct iommu_group *group,
                         struct text_buffer *out)
{
    for (uint32_t i = 0; i < group->member_count; i++) {
        const struct group_decision *decision = &groups->decisions[group->members[i]];
        bool told = decision->rule == GROUP_RULE_NEW;
        for (uint32_t j = 0; j < i && !told; j++)
            told = same_reason(decision, &groups->decisions[group->members[j]]);
        if (told)
            continue;
        char bdf[BDF_TEXT_SIZE];
        uint32_t count = 0;
        text_buffer_add(out, "      because  ");
        for (uint32_t j = i; j < group->member_count; j++) {
            if (!same_reason(decision, &groups->decisions[group->members[j]]))
                continue;
            if (count < NAMED_TOGETHER)
                text_buffer_format(out, "%s%s", count ? ", " : "", address(groups, group->members[j], bdf));
            count++;
        }
        if (count > NAMED_TOGETHER)
            text_buffer_format(out, " and %u more", count - NAMED_TOGETHER);
        if (decision->rule == GROUP_RULE_PATH) {
            text_buffer_add(out, ": ");
            group_explain_cause(groups, group->members[i], out);
        } else {
            text_buffer_add(out, " ");
            group_explain(groups, group->members[i], out);
        }
        text_buffer_add(out, "\n");
    }
}

static void text_heading(const struct iommu_groups *groups, struct text_buffer *out)
{
    const struct iommu_platform *platform = &groups->platform;
    const struct topology *topology = groups->topology;
    uint32_t grouped = 0;
    for (uint32_t i = 0; i < groups->group_count; i++)
        grouped += groups->groups[i].member_count;
    if (topology->name)
        text_buffer_format(out, "Machine    %s\n", topology->name);
    text_buffer_format(out, "IOMMU      %s%s%s\n", iommu_kind_name(platform->kind),
                       platform->kind == IOMMU_NONE ? ""
                       : platform->enabled          ? ", on"
                                                    : ", switched off by the command line",
                       platform->units_known || platform->kind == IOMMU_NONE
                           ? ""
                           : " (the input names no unit: one for all functions is assumed)");
    text_buffer_format(out, "Functions  %u, of which %u in %u groups\n", topology->function_count, grouped,
                       groups->group_count);
    if (platform->algorithm != GROUP_ALGORITHM_LINUX)
        text_buffer_format(out, "Algorithm  %s\n", group_algorithm_name(platform->algorithm));
    uint32_t agree, differ;
    iommu_groups_agreement(groups, &agree, &differ);
    if (agree + differ)
        text_buffer_format(out,
                           "Reported   the input states the groups of %u functions; for %u of them they are "
                           "those below\n",
                           agree + differ, agree);
    if (kernel_cmdline_overrides_acs(&platform->cmdline))
        text_buffer_add(out, "Warning    pcie_acs_override changes what the kernel believes, not what the "
                             "hardware does\n");
}

static void text_ungrouped(const struct iommu_groups *groups, struct text_buffer *out)
{
    bool any = false;
    for (uint32_t id = 0; id < groups->topology->function_count; id++) {
        if (groups->decisions[id].group != NONE)
            continue;
        if (!any)
            text_buffer_add(out, "\nNot behind an IOMMU (no group)\n");
        any = true;
        text_function(groups, "", id, out);
        text_buffer_add(out, "      because  ");
        group_explain_cause(groups, id, out);
        text_buffer_add(out, "\n");
    }
}

/* Functions whose isolation the input could not show, where it decides something. */
static void text_assumed(const struct iommu_groups *groups, struct text_buffer *out)
{
    bool any = false;
    for (uint32_t id = 0; id < groups->topology->function_count; id++) {
        const struct acs_verdict *verdict = &groups->verdicts[id];
        char bdf[BDF_TEXT_SIZE];
        const char *what = NULL;
        if (verdict->reason == ACS_REASON_ASSUMED)
            what = verdict->isolated ? "isolated (capabilities hidden; by its id)"
                                     : "not isolated (capabilities hidden; by its id)";
        else if (groups->views[id].assumed)
            what = groups->views[id].dword_control ? "the kernel's ACS workaround for its chipset worked"
                                                   : "its chipset's peer decode could be switched off";
        if (!what)
            continue;
        text_buffer_add(out, any ? "" : "\nAssumed, since the input does not show it\n");
        text_buffer_format(out, "                %s %s\n", address(groups, id, bdf), what);
        any = true;
    }
}

void groups_output_text(const struct iommu_groups *groups, struct text_buffer *out)
{
    text_heading(groups, out);
    for (uint32_t i = 0; i < groups->group_count; i++) {
        const struct iommu_group *group = &groups->groups[i];
        char lead[32];
        snprintf(lead, sizeof(lead), "%4u  %s", group->number, group_type_name(group->type));
        text_buffer_add(out, i ? "" : "\n");
        for (uint32_t j = 0; j < group->member_count; j++)
            text_function(groups, j ? "" : lead, group->members[j], out);
        text_reasons(groups, group, out);
    }
    text_ungrouped(groups, out);
    text_assumed(groups, out);
}

static void json_address(const struct iommu_groups *groups, const char *key, uint32_t id,
                         struct text_buffer *out)
{
    char bdf[BDF_TEXT_SIZE];
    if (id != NONE)
        text_buffer_format(out, ", \"%s\": \"%s\"", key, address(groups, id, bdf));
}

static void json_function(const struct iommu_groups *groups, uint32_t id, struct text_buffer *out)
{
    char bdf[BDF_TEXT_SIZE];
    const struct pci_function *function = &groups->topology->functions[id];
    const struct group_decision *decision = &groups->decisions[id];
    const struct function_coverage *coverage = &groups->coverage->functions[id];
    struct text_buffer reason = {0};
    group_explain(groups, id, &reason);
    text_buffer_format(out,
                       "{\"address\": \"%s\", \"kind\": \"%s\", \"id\": \"%04x:%04x\", \"class\": \"%06x\"",
                       address(groups, id, bdf), function_kind_name(function), function->vendor,
                       function->device, function->class_code);
    text_buffer_add(out, ", \"name\": ");
    text_buffer_json_string(out, function_label(function));
    text_buffer_format(out, ", \"rule\": \"%s\"",
                       decision->group == NONE ? coverage_reason_name(coverage->reason)
                                               : group_rule_name(decision->rule));
    json_address(groups, "joined", decision->via, out);
    json_address(groups, "culprit", decision->culprit, out);
    json_address(groups, "stream_owner", coverage->owner_id, out);
    text_buffer_format(out, ", \"isolated\": %s", groups->verdicts[id].isolated ? "true" : "false");
    if (groups->views[id].assumed || groups->verdicts[id].reason == ACS_REASON_ASSUMED)
        text_buffer_add(out, ", \"assumed\": true");
    text_buffer_add(out, ", \"reason\": ");
    text_buffer_json_string(out, text_buffer_get(&reason));
    text_buffer_add(out, "}");
    text_buffer_fini(&reason);
}

void groups_output_json(const struct iommu_groups *groups, struct text_buffer *out)
{
    const struct iommu_platform *platform = &groups->platform;
    text_buffer_add(out, "{\n  \"format\": \"iommusim-groups/1\",\n  \"machine\": ");
    if (groups->topology->name)
        text_buffer_json_string(out, groups->topology->name);
    else
        text_buffer_add(out, "null");
    uint32_t agree, differ;
    iommu_groups_agreement(groups, &agree, &differ);
    struct arena *arena = arena_new();
    const struct group_regions *regions = reserved_regions_find(groups, arena);
    text_buffer_format(
        out,
        ",\n  \"algorithm\": \"%s\",\n  \"iommu\": {\"kind\": \"%s\", \"enabled\": %s, "
        "\"units_known\": %s},\n  \"reported\": {\"agree\": %u, \"differ\": %u},\n  \"groups\": [",
        group_algorithm_name(platform->algorithm), iommu_kind_name(platform->kind),
        platform->enabled ? "true" : "false", platform->units_known ? "true" : "false", agree, differ);
    for (uint32_t i = 0; i < groups->group_count; i++) {
        const struct iommu_group *group = &groups->groups[i];
        text_buffer_format(out,
                           "%s\n    {\"number\": %u, \"type\": \"%s\", \"reserved_regions\": ", i ? "," : "",
                           group->number, group_type_name(group->type));
        reserved_output_json(&regions[i], out);
        text_buffer_add(out, ", \"functions\": [");
        for (uint32_t j = 0; j < group->member_count; j++) {
            text_buffer_add(out, j ? ",\n      " : "\n      ");
            json_function(groups, group->members[j], out);
        }
        text_buffer_add(out, "\n    ]}");
    }
    text_buffer_add(out, "\n  ],\n  \"ungrouped\": [");
    bool any = false;
    for (uint32_t id = 0; id < groups->topology->function_count; id++) {
        if (groups->decisions[id].group != NONE)
            continue;
        text_buffer_add(out, any ? ",\n    " : "\n    ");
        json_function(groups, id, out);
        any = true;
    }
    text_buffer_add(out, any ? "\n  ]\n}\n" : "]\n}\n");
    arena_free(arena);
}
