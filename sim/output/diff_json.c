/* SPDX-License-Identifier: MIT */
#include "sim/output/diff_report.h"

#include "sim/output/diff_cost.h"

#include "sim/output/function_label.h"

#include <inttypes.h>
#include <string.h>

static void json_address(const struct machine_view *view, const char *key, uint32_t id,
                         struct text_buffer *out)
{
    char bdf[BDF_TEXT_SIZE];
    if (id == NONE)
        text_buffer_format(out, "\"%s\": null", key);
    else
        text_buffer_format(out, "\"%s\": \"%s\"", key, diff_address(view, id, bdf));
}

static void json_number(const char *key, uint32_t number, struct text_buffer *out)
{
    if (number == NONE)
        text_buffer_format(out, "\"%s\": null", key);
    else
        text_buffer_format(out, "\"%s\": %u", key, number);
}

static void json_text(const char *key, const char *text, struct text_buffer *out)
{
    text_buffer_format(out, "\"%s\": ", key);
    text_buffer_json_string(out, text);
}

static void json_row(const struct machine_diff *diff, uint32_t row, struct text_buffer *out)
{
    json_address(diff->before, "before", diff->rows[row].before_id, out);
    text_buffer_add(out, ", ");
    json_address(diff->after, "after", diff->rows[row].after_id, out);
}

static void json_functions(const struct machine_diff *diff, struct text_buffer *out)
{
    bool any = false;
    text_buffer_add(out, "  \"functions\": [");
    for (uint32_t row = 0; row < diff->row_count; row++) {
        const struct diff_row *at = &diff->rows[row];
        const char *word = diff_row_word(diff, row);
        if (strcmp(word, "same") == 0)
            continue;
        text_buffer_format(out, "%s\n    {\"change\": \"%s\", ", any ? "," : "", word);
        json_row(diff, row, out);
        text_buffer_add(out, ", ");
        json_text("name",
                  function_label(at->after_id == NONE ? &diff->before->topology->functions[at->before_id]
                                                      : &diff->after->topology->functions[at->after_id]),
                  out);
        text_buffer_add(out, "}");
        any = true;
    }
    text_buffer_add(out, any ? "\n  ],\n" : "],\n");
}

/* The groups of one side of a change, with their members. */
static void json_side(const struct machine_view *view, const char *key, const uint32_t *numbers,
                      uint32_t count, struct text_buffer *out)
{
    char bdf[BDF_TEXT_SIZE];
    text_buffer_format(out, ",\n     \"%s\": [", key);
    for (uint32_t i = 0; i < count; i++) {
        const struct iommu_group *group = &view->groups->groups[numbers[i]];
        text_buffer_format(out, "%s\n       {\"number\": %u, \"type\": \"%s\", \"members\": [", i ? "," : "",
                           group->number, group_type_name(group->type));
        for (uint32_t j = 0; j < group->member_count; j++)
            text_buffer_format(out, "%s\"%s\"", j ? ", " : "", diff_address(view, group->members[j], bdf));
        text_buffer_add(out, "]}");
    }
    text_buffer_add(out, "]");
}

static void json_reason(const struct machine_diff *diff, uint32_t row, struct text_buffer *out)
{
    struct text_buffer texts[3] = {{0}, {0}, {0}};
    static const char *const keys[] = {"reason_before", "reason_after", "because"};
    diff_reason(diff, row, &texts[0], &texts[1], &texts[2]);
    for (unsigned i = 0; i < 3; i++) {
        if (texts[i].length) {
            text_buffer_add(out, ", ");
            json_text(keys[i], text_buffer_get(&texts[i]), out);
        }
        text_buffer_fini(&texts[i]);
    }
}

static void json_group_change(const struct machine_diff *diff, const struct group_change *change,
                              struct text_buffer *out)
{
    text_buffer_format(out, "\n    {\"change\": \"%s\"", group_change_name(change->kind));
    json_side(diff->before, "before", change->before, change->before_count, out);
    json_side(diff->after, "after", change->after, change->after_count, out);
    text_buffer_add(out, ",\n     \"functions\": [");
    for (uint32_t i = 0; i < change->row_count; i++) {
        uint32_t row = change->rows[i];
        text_buffer_add(out, i ? ",\n       {" : "\n       {");
        json_row(diff, row, out);
        text_buffer_add(out, ", ");
        json_number("group_before", diff_group_before(diff, row), out);
        text_buffer_add(out, ", ");
        json_number("group_after", diff_group_after(diff, row), out);
        text_buffer_format(out, ", \"decided_otherwise\": %s",
                           diff_decision_differs(diff, row) ? "true" : "false");
        json_reason(diff, row, out);
        text_buffer_add(out, "}");
    }
    text_buffer_add(out, "]}");
}

static void json_groups(const struct machine_diff *diff, struct text_buffer *out)
{
    text_buffer_format(out, "  \"same_groups\": %u,\n  \"group_changes\": [", diff->same_groups);
    for (uint32_t i = 0; i < diff->group_change_count; i++) {
        text_buffer_add(out, i ? "," : "");
        json_group_change(diff, &diff->group_changes[i], out);
    }
    text_buffer_add(out,
                    diff->group_change_count ? "\n  ],\n  \"relabelled\": [" : "],\n  \"relabelled\": [");
    for (uint32_t i = 0; i < diff->relabelled_count; i++) {
        const struct group_relabel *relabel = &diff->relabelled[i];
        text_buffer_format(out,
                           "%s\n    {\"before\": %u, \"after\": %u, \"type_before\": \"%s\", "
                           "\"type_after\": \"%s\"}",
                           i ? "," : "", relabel->before, relabel->after,
                           group_type_name(diff->before->groups->groups[relabel->before].type),
                           group_type_name(diff->after->groups->groups[relabel->after].type));
    }
    text_buffer_add(out, diff->relabelled_count ? "\n  ],\n" : "],\n");
}

static void json_route(const struct machine_view *view, enum route_rule rule, uint32_t at_id,
                       struct text_buffer *out)
{
    text_buffer_format(out, ", \"rule\": \"%s\", ", route_rule_name(rule));
    json_address(view, "at", at_id, out);
}

static void json_leaks(const struct machine_diff *diff, struct text_buffer *out)
{
    text_buffer_format(out,
                       "  \"leaks\": {\"before\": %" PRIu64 ", \"after\": %" PRIu64
                       ", \"reaches_before\": %" PRIu64 ", \"reaches_after\": %" PRIu64
                       ",\n    \"changes\": [",
                       diff->leaks_before, diff->leaks_after, diff->reaches_before, diff->reaches_after);
    for (size_t i = 0; i < diff->leak_change_count; i++) {
        const struct leak_change *change = &diff->leak_changes[i];
        const struct machine_view *view = diff_leak_view(diff, change);
        text_buffer_format(out, "%s\n      {\"change\": \"%s\", ", i ? "," : "",
                           leak_change_name(change->kind));
        json_address(view, "source", diff_leak_function(diff, change, change->source), out);
        text_buffer_add(out, ", ");
        json_address(view, "target", diff_leak_function(diff, change, change->target), out);
        text_buffer_format(out, ", \"leak\": %s, \"vouched\": %s",
                           change->leak == REACH_LEAK ? "true" : "false",
                           change->leak == REACH_VOUCHED ? "true" : "false");
        json_route(view, change->rule, change->at_id, out);
        text_buffer_add(out, "}");
    }
    text_buffer_add(out, diff->leak_change_count ? "\n    ]}" : "]}");
}

static void json_verdict(const char *side, bool there, enum viability_verdict verdict, const char *reason,
                         struct text_buffer *out)
{
    if (!there) {
        text_buffer_format(out, ", \"%s\": null", side);
        return;
    }
    text_buffer_format(out, ", \"%s\": {\"verdict\": \"%s\"", side, viability_verdict_name(verdict));
    if (reason) {
        text_buffer_add(out, ", ");
        json_text("reason", reason, out);
    }
    text_buffer_add(out, "}");
}

static void json_viability(const struct diff_report *report, struct text_buffer *out)
{
    const struct viability_diff *viability = report->viability;
    text_buffer_format(out,
                       ",\n  \"viability\": {\"viable_before\": %u, \"viable_after\": %u, \"changes\": [",
                       viability->viable_before, viability->viable_after);
    for (uint32_t i = 0; i < viability->change_count; i++) {
        const struct viability_change *change = &viability->changes[i];
        text_buffer_add(out, i ? ",\n      {\"functions\": [" : "\n      {\"functions\": [");
        for (uint32_t j = 0; j < change->row_count; j++) {
            text_buffer_add(out, j ? ", {" : "{");
            json_row(report->diff, change->rows[j], out);
            text_buffer_add(out, "}");
        }
        text_buffer_add(out, "]");
        json_verdict("before", change->there_before, change->before, change->reason_before, out);
        json_verdict("after", change->there_after, change->after, change->reason_after, out);
        text_buffer_add(out, "}");
    }
    text_buffer_add(out, viability->change_count ? "\n    ]}" : "]}");
}

static void json_override(const struct override_exposure *exposure, struct text_buffer *out)
{
    text_buffer_format(out,
                       ",\n  \"override\": {\"groups_claimed\": %u, \"groups_proven\": %u, "
                       "\"pairs_separated\": %" PRIu64 ", \"pairs_exposed\": %" PRIu64
                       ", \"pairs_silent\": %" PRIu64 ",\n    \"exposed\": [",
                       exposure->claimed->groups->group_count, exposure->proven.groups->group_count,
                       exposure->separated, exposure->separated_exposed, exposure->separated_silent);
    for (size_t i = 0; i < exposure->pair_count; i++) {
        const struct exposed_pair *pair = &exposure->pairs[i];
        text_buffer_add(out, i ? ",\n      {" : "\n      {");
        json_address(exposure->claimed, "source", pair->source_id, out);
        text_buffer_add(out, ", ");
        json_address(exposure->claimed, "target", pair->target_id, out);
        json_route(exposure->claimed, pair->rule, pair->at_id, out);
        text_buffer_add(out, "}");
    }
    text_buffer_add(out, exposure->pair_count ? "\n    ]}" : "]}");
}

void diff_report_json(const struct diff_report *report, struct text_buffer *out)
{
    const struct machine_diff *diff = report->diff;
    text_buffer_add(out, "{\n  \"format\": \"iommusim-diff/1\",\n  ");
    json_text("before", report->before, out);
    text_buffer_add(out, ",\n  ");
    json_text("after", report->after, out);
    text_buffer_format(out, ",\n  \"differ\": %s,\n", diff_report_any(report) ? "true" : "false");
    json_functions(diff, out);
    json_groups(diff, out);
    json_leaks(diff, out);
    json_viability(report, out);
    if (report->exposure)
        json_override(report->exposure, out);
    if (report->cost)
        diff_cost_json(report->cost, out);
    struct text_buffer summary = {0};
    diff_summary(report, &summary);
    text_buffer_add(out, ",\n  \"summary\": ");
    text_buffer_json_string(out, text_buffer_get(&summary));
    text_buffer_fini(&summary);
    text_buffer_add(out, "\n}\n");
}
