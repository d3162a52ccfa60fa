/* SPDX-License-Identifier: MIT */
/* The page of a study. */
#include "sim/base/arena.h"
#include "sim/output/html_page.h"
#include "sim/output/html_reports.h"
#include "sim/output/study_chart.h"
#include "sim/output/xml_text.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

enum { CHARTS_MAX = 12, LINES_MAX = 8, ROWS_MAX = 1000, FAILURES_MAX = 10 };

static void add_state(const struct collected *table, struct text_buffer *out)
{
    const struct study *study = table->study;
    uint64_t points = study_points(study);
    unsigned shown = 0;
    text_buffer_format(out,
                       "<p>%" PRIu64 " points: %" PRIu32 " combinations, %" PRIu32 " repeats; %" PRIu64
                       " done, %" PRIu64 " failed, %" PRIu64 " missing.</p>\n",
                       points, study->combination_count, study->repeats,
                       points - table->failed - table->missing, table->failed, table->missing);
    if (table->failed == 0)
        return;
    html_part_begin(out, "Points that failed", false);
    for (uint64_t i = 0; i < points && shown < FAILURES_MAX; i++) {
        if (table->points[i].state != STORED_FAILURE)
            continue;
        text_buffer_format(out, "<p class=\"bad\"><code>%s</code>: ", table->points[i].key);
        xml_text_add(out, table->points[i].reason);
        text_buffer_add(out, "</p>\n");
        shown++;
    }
    if (table->failed > shown)
        text_buffer_format(out, "<p>... and %" PRIu64 " more</p>\n", table->failed - shown);
    html_part_end(out, false);
}

/* The axis whose values explain the metric best, of those whose values are numbers. */
static uint32_t choose_axis(const struct collected *table, const struct axis_effect *effects, uint32_t count,
                            struct study_quantity *x)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct study_axis *axis = &table->study->axes[effects[i].axis];
        if (axis->value_count > 1 && study_quantity_read(table, axis->name, x))
            return effects[i].axis;
    }
    return UINT32_MAX;
}

/* The next best of those with few values, for a line each; UINT32_MAX where none is left. */
static uint32_t choose_lines(const struct collected *table, const struct axis_effect *effects, uint32_t count,
                             uint32_t across)
{
    for (uint32_t i = 0; i < count; i++)
        if (effects[i].axis != across && table->study->axes[effects[i].axis].value_count <= LINES_MAX)
            return effects[i].axis;
    return UINT32_MAX;
}

static void add_effects(const struct collected *table, const struct axis_effect *effects, uint32_t count,
                        struct text_buffer *out)
{
    text_buffer_add(out, "<p>Share of the variance that an axis alone explains: ");
    for (uint32_t i = 0; i < count; i++) {
        text_buffer_add(out, i ? ", " : "");
        xml_text_add(out, table->study->axes[effects[i].axis].name);
        text_buffer_format(out, " %.0f %%", 100 * effects[i].share);
    }
    text_buffer_add(out, ".</p>\n");
}

static void add_metric(const struct collected *table, const char *name, struct text_buffer *out)
{
    struct study_quantity y, x;
    struct axis_effect effects[STUDY_AXES_MAX];
    if (!study_quantity_read(table, name, &y))
        return;
    uint32_t count = study_sensitivity(table, &y, effects), across = choose_axis(table, effects, count, &x);
    if (across != UINT32_MAX) {
        struct study_chart made;
        /* One axis: one line, which is by that axis's only companion: none. */
        uint32_t lines = choose_lines(table, effects, count, across);
        html_part_begin(out, name, false);
        add_effects(table, effects, count, out);
        study_chart_make(table, &(struct study_goal){x, false}, &(struct study_goal){y, false}, lines, &made);
        if (lines == UINT32_MAX)
            made.chart.count = 1; /* the points; which of them "nothing beats" is no question here */
        chart_svg_write(&made.chart, out);
        html_part_end(out, false);
        study_chart_fini(&made);
        free(x.values);
    }
    free(y.values);
}

static void add_heading(struct text_buffer *out, const char *text, bool number)
{
    text_buffer_add(out, number ? "<th class=\"n\">" : "<th>");
    xml_text_add(out, text);
    text_buffer_add(out, "</th>");
}

static void add_combination(const struct collected *table, const struct study_quantity *means,
                            uint32_t combination, struct text_buffer *out)
{
    const struct study *study = table->study;
    text_buffer_add(out, "<tr>");
    for (uint32_t i = 0; i < study->axis_count; i++) {
        struct text_buffer value = {0};
        uint32_t at = study_value_of(study, (uint64_t)combination * study->repeats, i);
        collected_value_print(study->axes[i].values[at], &value);
        text_buffer_add(out, "<td>");
        xml_text_add(out, text_buffer_get(&value));
        text_buffer_add(out, "</td>");
        text_buffer_fini(&value);
    }
    for (uint32_t i = 0; i < table->metric_count; i++) {
        text_buffer_add(out, "<td class=\"n\">");
        if (means[i].values && !isnan(means[i].values[combination]))
            text_buffer_format(out, "%.6g", means[i].values[combination]);
        text_buffer_add(out, "</td>");
    }
    text_buffer_add(out, "</tr>\n");
}

static void add_combinations(const struct collected *table, struct text_buffer *out)
{
    const struct study *study = table->study;
    struct study_quantity *means = memory_array(table->metric_count, sizeof(*means));
    html_part_begin(out, "All combinations: means over repeats", true);
    text_buffer_add(out, "<table>\n<thead><tr>");
    for (uint32_t i = 0; i < study->axis_count; i++)
        add_heading(out, study->axes[i].name, false);
    for (uint32_t i = 0; i < table->metric_count; i++) {
        add_heading(out, table->metrics[i], true);
        study_quantity_read(table, table->metrics[i], &means[i]);
    }
    text_buffer_add(out, "</tr></thead>\n<tbody>\n");
    for (uint32_t i = 0; i < study->combination_count && i < ROWS_MAX; i++)
        add_combination(table, means, i, out);
    text_buffer_add(out, "</tbody>\n</table>\n");
    if (study->combination_count > ROWS_MAX)
        text_buffer_format(out, "<p>The first %d of %" PRIu32 "; `iommusim sweep collect` has all.</p>\n",
                           ROWS_MAX, study->combination_count);
    html_part_end(out, true);
    for (uint32_t i = 0; i < table->metric_count; i++)
        free(means[i].values);
    free(means);
}

void html_report_study(const struct collected *table, struct text_buffer *out)
{
    html_page_begin(out, table->study->name ? table->study->name : "A study");
    add_state(table, out);
    for (uint32_t i = 0; i < table->metric_count && i < CHARTS_MAX; i++)
        add_metric(table, table->metrics[i], out);
    if (table->metric_count > CHARTS_MAX)
        text_buffer_format(out, "<p>Charts of the first %d of %" PRIu32 " metrics.</p>\n", CHARTS_MAX,
                           table->metric_count);
    add_combinations(table, out);
    html_page_end(out);
}
