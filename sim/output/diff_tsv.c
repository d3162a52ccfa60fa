/* SPDX-License-Identifier: MIT */
/* Tab-separated lines, and what the three writers share. */
#include "sim/output/diff_report.h"

#include "sim/output/diff_cost.h"

#include <stdio.h>
#include <string.h>

const char *diff_address(const struct machine_view *view, uint32_t id, char *bdf)
{
    if (id == NONE)
        return "-";
    const struct pci_function *function = &view->topology->functions[id];
    return bdf_print(bdf, function->segment, function->bus, function->devfn);
}

const struct machine_view *diff_leak_view(const struct machine_diff *diff, const struct leak_change *change)
{
    return change->kind == LEAK_CLOSED ? diff->before : diff->after;
}

uint32_t diff_leak_function(const struct machine_diff *diff, const struct leak_change *change, uint32_t row)
{
    return change->kind == LEAK_CLOSED ? diff->rows[row].before_id : diff->rows[row].after_id;
}

const char *diff_row_word(const struct machine_diff *diff, uint32_t row)
{
    const struct diff_row *at = &diff->rows[row];
    if (at->before_id == NONE)
        return "new";
    return at->after_id == NONE ? "gone" : match_kind_name(diff->match.kind[at->before_id]);
}

const char *diff_leak_word(enum reach_leak leak)
{
    static const char *const words[] = {
        [REACH_NO_LEAK] = "-", [REACH_LEAK] = "leak", [REACH_VOUCHED] = "vouched"};
    return words[leak];
}

static void tsv_functions(const struct machine_diff *diff, struct text_buffer *out)
{
    char before[BDF_TEXT_SIZE], after[BDF_TEXT_SIZE];
    for (uint32_t row = 0; row < diff->row_count; row++) {
        const char *word = diff_row_word(diff, row);
        if (strcmp(word, "same") != 0)
            text_buffer_format(out, "function\t%s\t%s\t%s\n", word,
                               diff_address(diff->before, diff->rows[row].before_id, before),
                               diff_address(diff->after, diff->rows[row].after_id, after));
    }
}

static void tsv_number(uint32_t group, struct text_buffer *out)
{
    if (group == NONE)
        text_buffer_add(out, "\t-");
    else
        text_buffer_format(out, "\t%u", group);
}

static void tsv_groups(const struct machine_diff *diff, struct text_buffer *out)
{
    char before[BDF_TEXT_SIZE], after[BDF_TEXT_SIZE];
    for (uint32_t i = 0; i < diff->group_change_count; i++) {
        const struct group_change *change = &diff->group_changes[i];
        for (uint32_t j = 0; j < change->row_count; j++) {
            uint32_t row = change->rows[j];
            text_buffer_format(out, "group\t%s\t%s\t%s", group_change_name(change->kind),
                               diff_address(diff->before, diff->rows[row].before_id, before),
                               diff_address(diff->after, diff->rows[row].after_id, after));
            tsv_number(diff_group_before(diff, row), out);
            tsv_number(diff_group_after(diff, row), out);
            text_buffer_add(out, "\n");
        }
    }
    for (uint32_t i = 0; i < diff->relabelled_count; i++) {
        const struct group_relabel *relabel = &diff->relabelled[i];
        text_buffer_format(out, "relabel\t%u\t%u\t%s\t%s\n", relabel->before, relabel->after,
                           group_type_name(diff->before->groups->groups[relabel->before].type),
                           group_type_name(diff->after->groups->groups[relabel->after].type));
    }
}

static void tsv_leaks(const struct machine_diff *diff, struct text_buffer *out)
{
    char source[BDF_TEXT_SIZE], target[BDF_TEXT_SIZE], at[BDF_TEXT_SIZE];
    for (size_t i = 0; i < diff->leak_change_count; i++) {
        const struct leak_change *change = &diff->leak_changes[i];
        const struct machine_view *view = diff_leak_view(diff, change);
        text_buffer_format(out, "leak\t%s\t%s\t%s\t%s\t%s\t%s\n", leak_change_name(change->kind),
                           diff_address(view, diff_leak_function(diff, change, change->source), source),
                           diff_address(view, diff_leak_function(diff, change, change->target), target),
                           diff_leak_word(change->leak), route_rule_name(change->rule),
                           diff_address(view, change->at_id, at));
    }
}

bool diff_report_machine_any(const struct diff_report *report)
{
    return machine_diff_any(report->diff) || report->viability->change_count;
}

bool diff_report_any(const struct diff_report *report)
{
    return diff_report_machine_any(report) || (report->cost && diff_cost_any(report->cost));
}

const char *diff_verdict_word(bool there, enum viability_verdict verdict)
{
    return there ? viability_verdict_name(verdict) : "-";
}

const char *diff_viable_address(const struct machine_diff *diff, uint32_t row, char *bdf)
{
    const struct diff_row *at = &diff->rows[row];
    return at->before_id != NONE ? diff_address(diff->before, at->before_id, bdf)
                                 : diff_address(diff->after, at->after_id, bdf);
}

static void tsv_viability(const struct diff_report *report, struct text_buffer *out)
{
    char bdf[BDF_TEXT_SIZE];
    for (uint32_t i = 0; i < report->viability->change_count; i++) {
        const struct viability_change *change = &report->viability->changes[i];
        text_buffer_format(out, "viable\t%s\t%s\t", diff_verdict_word(change->there_before, change->before),
                           diff_verdict_word(change->there_after, change->after));
        for (uint32_t j = 0; j < change->row_count; j++)
            text_buffer_format(out, "%s%s", j ? "," : "",
                               diff_viable_address(report->diff, change->rows[j], bdf));
        text_buffer_add(out, "\n");
    }
}

static void tsv_override(const struct override_exposure *exposure, struct text_buffer *out)
{
    char source[BDF_TEXT_SIZE], target[BDF_TEXT_SIZE], at[BDF_TEXT_SIZE];
    for (size_t i = 0; i < exposure->pair_count; i++) {
        const struct exposed_pair *pair = &exposure->pairs[i];
        text_buffer_format(out, "override\texposed\t%s\t%s\t%s\t%s\n",
                           diff_address(exposure->claimed, pair->source_id, source),
                           diff_address(exposure->claimed, pair->target_id, target),
                           route_rule_name(pair->rule), diff_address(exposure->claimed, pair->at_id, at));
    }
}

void diff_report_tsv(const struct diff_report *report, struct text_buffer *out)
{
    tsv_functions(report->diff, out);
    tsv_groups(report->diff, out);
    tsv_leaks(report->diff, out);
    tsv_viability(report, out);
    if (report->exposure)
        tsv_override(report->exposure, out);
    if (report->cost)
        diff_cost_tsv(report->cost, out);
}
