/* SPDX-License-Identifier: MIT */
/* What a change costs, and all of a comparison in one sentence. */
#include "sim/output/diff_cost.h"

#include "sim/output/result_text.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { FIGURE_TEXT_SIZE = 40, NAMED_IN_SUMMARY = 2 };

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), own = strlen(end);
    return length >= own && strcmp(text + length - own, end) == 0;
}

/* With the unit its name tells. */
static const char *print_figure(char text[FIGURE_TEXT_SIZE], const char *name, double value)
{
    char amount[AMOUNT_TEXT_SIZE];
    if (isnan(value))
        return "-";
    if (ends_with(name, "_ps"))
        snprintf(text, FIGURE_TEXT_SIZE, "%s", time_print(amount, (uint64_t)value));
    else if (ends_with(name, "bytes_per_s"))
        snprintf(text, FIGURE_TEXT_SIZE, "%sB/s", amount_print(amount, (uint64_t)value));
    else if (ends_with(name, "_per_s"))
        snprintf(text, FIGURE_TEXT_SIZE, "%s/s", amount_print(amount, (uint64_t)value));
    else
        snprintf(text, FIGURE_TEXT_SIZE, "%.6g", value);
    return text;
}

void diff_cost_text(const struct cost_comparison *cost, struct text_buffer *out)
{
    text_buffer_format(out, "\nCost       %s on both\n", cost->workload);
    for (size_t i = 0; i < cost->count; i++) {
        const struct cost_figure *figure = &cost->figures[i];
        char before[FIGURE_TEXT_SIZE], after[FIGURE_TEXT_SIZE];
        double change = cost_change(figure);
        text_buffer_format(out, "    %-28s %13s -> %-13s", figure->name,
                           print_figure(before, figure->name, figure->before),
                           print_figure(after, figure->name, figure->after));
        if (!isnan(change))
            text_buffer_format(out, " %+.1f %%", change == 0 ? 0 : 100 * change);
        text_buffer_add(out, "\n");
    }
}

static void add_number(struct text_buffer *out, const char *key, double value)
{
    text_buffer_format(out, ", \"%s\": ", key);
    if (isnan(value))
        text_buffer_add(out, "null");
    else
        text_buffer_format(out, "%.15g", value);
}

void diff_cost_json(const struct cost_comparison *cost, struct text_buffer *out)
{
    text_buffer_add(out, ",\n  \"cost\": {\"workload\": ");
    text_buffer_json_string(out, cost->workload);
    text_buffer_add(out, ", \"figures\": [");
    for (size_t i = 0; i < cost->count; i++) {
        text_buffer_add(out, i ? ",\n      {\"name\": " : "\n      {\"name\": ");
        text_buffer_json_string(out, cost->figures[i].name);
        add_number(out, "before", cost->figures[i].before);
        add_number(out, "after", cost->figures[i].after);
        add_number(out, "change", cost_change(&cost->figures[i]));
        text_buffer_add(out, "}");
    }
    text_buffer_add(out, "\n    ]}");
}

static void add_field(struct text_buffer *out, double value)
{
    text_buffer_format(out, isnan(value) ? "\t-" : "\t%.15g", value);
}

void diff_cost_tsv(const struct cost_comparison *cost, struct text_buffer *out)
{
    for (size_t i = 0; i < cost->count; i++) {
        text_buffer_format(out, "cost\t%s", cost->figures[i].name);
        add_field(out, cost->figures[i].before);
        add_field(out, cost->figures[i].after);
        text_buffer_add(out, "\n");
    }
}

bool diff_cost_any(const struct cost_comparison *cost)
{
    for (size_t i = 0; i < cost->count; i++) {
        const struct cost_figure *figure = &cost->figures[i];
        bool none = isnan(figure->before) && isnan(figure->after);
        if (!none && !(figure->before == figure->after))
            return true;
    }
    return false;
}

/* ---- in one sentence ---- */

static void add_part(struct text_buffer *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add_part(struct text_buffer *out, const char *format, ...)
{
    char text[200];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    text_buffer_format(out, "%s%s", out->length ? ", " : "", text);
}

static void add_leaks(const struct machine_diff *diff, struct text_buffer *out)
{
    uint64_t more = diff->leak_counts_leaking[LEAK_OPENED] + diff->leak_counts_leaking[LEAK_EXPOSED],
             fewer = diff->leak_counts_leaking[LEAK_CLOSED] + diff->leak_counts[LEAK_CONTAINED];
    if (more)
        add_part(out, "%" PRIu64 " leak%s more", more, more == 1 ? "" : "s");
    if (fewer)
        add_part(out, "%" PRIu64 " leak%s closed", fewer, fewer == 1 ? "" : "s");
}

/* The figure of a kind ("bytes_per_s") that changed most over all streams. */
static const struct cost_figure *most_changed(const struct cost_comparison *cost, const char *kind)
{
    const struct cost_figure *found = NULL;
    for (size_t i = 0; i < cost->count; i++) {
        double change = fabs(cost_change(&cost->figures[i]));
        if (ends_with(cost->figures[i].name, kind) && !isnan(change) && change > 0.0005 &&
            (!found || change > fabs(cost_change(found))))
            found = &cost->figures[i];
    }
    return found;
}

void diff_summary(const struct diff_report *report, struct text_buffer *out)
{
    static const char *const kinds[NAMED_IN_SUMMARY] = {".bytes_per_s", ".p99_ps"};
    uint32_t before = report->diff->before->groups->group_count,
             after = report->diff->after->groups->group_count;
    struct text_buffer text = {0};
    if (machine_diff_unguarded(report->diff))
        add_part(&text, "%u groups become 0: nothing is behind an IOMMU any more", before);
    else if (before != after)
        add_part(&text, "%u groups become %u", before, after);
    else if (machine_diff_groups_differ(report->diff))
        add_part(&text, "%u groups with other members", after);
    else
        add_part(&text, "the same %u groups", after);
    if (after) /* without groups nothing leaks from one to another, and nothing is closed */
        add_leaks(report->diff, &text);
    for (size_t i = 0; report->cost && i < NAMED_IN_SUMMARY; i++) {
        const struct cost_figure *figure = most_changed(report->cost, kinds[i]);
        char old[FIGURE_TEXT_SIZE], new[FIGURE_TEXT_SIZE];
        if (figure)
            add_part(&text, "%s from %s to %s", figure->name, print_figure(old, figure->name, figure->before),
                     print_figure(new, figure->name, figure->after));
    }
    text_buffer_add(out, text_buffer_get(&text));
    text_buffer_fini(&text);
}
