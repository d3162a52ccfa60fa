/* SPDX-License-Identifier: MIT */
#include "sim/output/groups_output.h"

#include "sim/analysis/group_explain.h"
#include "sim/analysis/isolation_effects.h"
#include "sim/output/function_label.h"
#include "sim/output/group_words.h"
#include "sim/output/reserved_output.h"

static const char *address(const struct iommu_groups *groups, uint32_t id, char *bdf)
{
    return group_words_address(groups->topology, id, bdf);
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

static void json_address(const struct iommu_groups *groups, const char *key, uint32_t id,
                         struct text_buffer *out)
{
    char bdf[BDF_TEXT_SIZE];
    if (id != NONE)
        text_buffer_format(out, ", \"%s\": \"%s\"", key, address(groups, id, bdf));
}

static void json_function(const struct iommu_groups *groups, uint32_t id, struct text_buffer *out)
{
    char bdf[BDF_TEXT_SIZE], ids[ID_TEXT_SIZE];
    const struct pci_function *function = &groups->topology->functions[id];
    const struct group_decision *decision = &groups->decisions[id];
    const struct function_coverage *coverage = &groups->coverage->functions[id];
    struct text_buffer reason = {0};
    group_explain(groups, id, &reason);
    text_buffer_format(out, "{\"address\": \"%s\", \"kind\": \"%s\", \"id\": \"%s\", \"class\": \"%06x\"",
                       address(groups, id, bdf), function_kind_name(function), group_words_id(ids, function),
                       function->class_code);
    text_buffer_add(out, ", \"name\": ");
    text_buffer_json_string(out, function_label(function));
    text_buffer_format(out, ", \"rule\": \"%s\"",
                       decision->rule == GROUP_RULE_NONE ? coverage_reason_name(coverage->reason)
                                                         : group_rule_name(decision->rule));
    json_address(groups, "joined", decision->via, out);
    json_address(groups, "culprit", decision->culprit, out);
    json_address(groups, "stream_owner", coverage->owner_id, out);
    text_buffer_format(out, ", \"isolated\": %s", groups->verdicts[id].isolated ? "true" : "false");
    if (isolation_assumed(groups, id))
        text_buffer_add(out, ", \"assumed\": true");
    text_buffer_add(out, ", \"reason\": ");
    text_buffer_json_string(out, text_buffer_get(&reason));
    text_buffer_add(out, "}");
    text_buffer_fini(&reason);
}

/* The assumptions that decide something. */
static void json_assumptions(const struct iommu_groups *groups, struct arena *arena, struct text_buffer *out)
{
    uint32_t count;
    const struct isolation_effect *effects = isolation_effects(groups, arena, &count);
    text_buffer_format(out, ",\n  \"assume\": \"%s\",\n  \"assumptions\": [",
                       isolation_policy_name(groups->platform.assume));
    for (uint32_t i = 0; i < count; i++) {
        char bdf[BDF_TEXT_SIZE];
        uint32_t id = effects[i].function_id;
        struct text_buffer reason = {0};
        group_explain_verdict(groups, id, &reason);
        text_buffer_format(
            out, "%s\n    {\"address\": \"%s\", \"isolated\": %s, \"ground\": \"%s\", ", i ? "," : "",
            address(groups, id, bdf), groups->verdicts[id].isolated ? "true" : "false",
            groups->views[id].assumed ? "workaround" : isolation_ground_name(groups->views[id].guess.ground));
        text_buffer_format(out, "\"contested\": %s, ", effects[i].contested ? "true" : "false");
        text_buffer_format(out, "\"changes\": {\"functions\": %u, \"groups\": %u, \"would_be\": %u}, ",
                           effects[i].changed, effects[i].groups_now, effects[i].groups_flipped);
        text_buffer_add(out, "\"reason\": ");
        text_buffer_json_string(out, text_buffer_get(&reason));
        text_buffer_add(out, "}");
        text_buffer_fini(&reason);
    }
    text_buffer_add(out, count ? "\n  ]" : "]");
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
    text_buffer_add(out, any ? "\n  ]" : "]");
    json_assumptions(groups, arena, out);
    text_buffer_add(out, "\n}\n");
    arena_free(arena);
}
