/* SPDX-License-Identifier: MIT */
/* The page of a run. */
#include "sim/base/arena.h"
#include "sim/output/chart_svg.h"
#include "sim/output/html_page.h"
#include "sim/output/html_reports.h"
#include "sim/output/xml_text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS(list) list, sizeof(list) / sizeof((list)[0])

static const struct html_column stream_columns[] = {
    {"Stream", "name", HTML_TEXT},
    {"Device", "device", HTML_TEXT},
    {"Operation", "operation", HTML_TEXT},
    {"Recorded", "recorded", HTML_COUNT},
    {"Failed", "failed", HTML_COUNT},
    {"Operations/s", "operations_per_s", HTML_AMOUNT},
    {"Gb/s", "bits_per_s", HTML_GIGABITS},
    {"Minimum", "latency/minimum_ps", HTML_TIME},
    {"Mean", "latency/mean_ps", HTML_TIME},
    {"p50", "latency/p50_ps", HTML_TIME},
    {"p99", "latency/p99_ps", HTML_TIME},
    {"p99.9", "latency/p99.9_ps", HTML_TIME},
    {"Maximum", "latency/maximum_ps", HTML_TIME},
};

static const struct html_column device_columns[] = {
    {"Device", "device", HTML_TEXT},           {"Recorded", "recorded", HTML_COUNT},
    {"Failed", "failed", HTML_COUNT},          {"Gb/s", "bits_per_s", HTML_GIGABITS},
    {"Mean", "mean_latency_ps", HTML_TIME},    {"Maximum", "maximum_latency_ps", HTML_TIME},
    {"Tags at most", "tags_high", HTML_COUNT},
};

static const struct html_column unit_columns[] = {
    {"Unit", "name", HTML_TEXT},
    {"Kind", "kind", HTML_TEXT},
    {"Assumed", "assumed", HTML_TEXT},
    {"Requests", "counters/requests", HTML_COUNT},
    {"Context hits", "context_hit_rate", HTML_SHARE},
    {"IOTLB hits", "iotlb_hit_rate", HTML_SHARE},
    {"Walk cache hits", "walk_cache_hit_rate", HTML_SHARE},
    {"Walks", "counters/walks", HTML_COUNT},
    {"Walkers busy", "walker_occupancy", HTML_SHARE},
    {"Faults", "counters/faults", HTML_COUNT},
};

static const struct html_column link_columns[] = {
    {"Link above", "function", HTML_TEXT}, {"Direction", "direction", HTML_TEXT},
    {"Speed", "speed", HTML_TEXT},         {"Width", "width", HTML_COUNT},
    {"TLPs", "tlps", HTML_COUNT},          {"Payload, bytes", "payload_bytes", HTML_COUNT},
    {"Busy", "utilisation", HTML_SHARE},
};

static const struct html_column queue_columns[] = {
    {"Waiting for", "kind", HTML_TEXT},   {"Of", "owner", HTML_TEXT},
    {"Arrivals", "arrivals", HTML_COUNT}, {"Mean length", "mean_length", HTML_TEXT},
    {"Longest", "longest", HTML_COUNT},   {"Mean wait", "mean_wait_ps", HTML_TIME},
};

static const struct html_column leak_columns[] = {
    {"From", "source", HTML_TEXT}, {"To", "target", HTML_TEXT},       {"By rule", "rule", HTML_TEXT},
    {"At", "at", HTML_TEXT},       {"Address", "address", HTML_TEXT},
};

static const struct html_column observed_columns[] = {
    {"Kind", "kind", HTML_TEXT},    {"From", "source", HTML_TEXT},  {"To", "target", HTML_TEXT},
    {"By rule", "rule", HTML_TEXT}, {"At", "at", HTML_TEXT},        {"Judged", "leak", HTML_TEXT},
    {"TLPs", "tlps", HTML_COUNT},   {"Bytes", "bytes", HTML_COUNT}, {"First", "first_ps", HTML_TIME},
    {"Last", "last_ps", HTML_TIME},
};

static const struct html_column parameter_columns[] = {
    {"Parameter", "pointer", HTML_TEXT},
    {"Value", "value", HTML_TEXT},
    {"From", "from", HTML_TEXT},
    {"Source", "source", HTML_TEXT},
};

/* ---- the head ---- */

static void add_fact(struct text_buffer *out, const char *name, const cJSON *value, enum html_kind kind)
{
    struct text_buffer text = {0};
    html_value(&text, value, kind);
    if (text.length) {
        text_buffer_format(out, "<tr><th>%s</th><td>", name);
        xml_text_add(out, text.text);
        text_buffer_add(out, "</td></tr>\n");
    }
    text_buffer_fini(&text);
}

static void add_head(const cJSON *result, struct text_buffer *out)
{
    const cJSON *run = html_member(result, "run");
    text_buffer_add(out, "<table>\n<tbody>\n");
    add_fact(out, "Machine", html_member(result, "machine"), HTML_TEXT);
    add_fact(out, "IOMMU", html_member(result, "iommu/kind"), HTML_TEXT);
    add_fact(out, "Kernel command line", html_member(result, "iommu/cmdline"), HTML_TEXT);
    add_fact(out, "Simulated", html_member(run, "simulated_ps"), HTML_TIME);
    add_fact(out, "Operations", html_member(run, "operations"), HTML_COUNT);
    add_fact(out, "Failed", html_member(run, "failed"), HTML_COUNT);
    add_fact(out, "Seed", html_member(result, "seed"), HTML_TEXT);
    add_fact(out, "Program", html_member(result, "program"), HTML_TEXT);
    add_fact(out, "Model", html_member(result, "model"), HTML_TEXT);
    text_buffer_add(out, "</tbody>\n</table>\n");
    if (cJSON_IsFalse(html_member(run, "complete")))
        text_buffer_add(out,
                        "<p class=\"bad\">The run was interrupted: this is what was done until then.</p>\n");
}

/* ---- where the time went ---- */

static int by_share(const void *left, const void *right)
{
    double a = (*(const cJSON *const *)left)->valuedouble, b = (*(const cJSON *const *)right)->valuedouble;
    return (a < b) - (a > b);
}

static void add_ledger(const cJSON *stream, struct text_buffer *out)
{
    const cJSON *parts = html_member(stream, "ledger/mean_ps"), *part;
    double total = 0;
    size_t count = 0, size = (size_t)cJSON_GetArraySize(parts);
    const cJSON **sorted = memory_array(size, sizeof(const cJSON *));
    cJSON_ArrayForEach(part, parts)
    {
        total += part->valuedouble;
        sorted[count++] = part;
    }
    qsort(sorted, count, sizeof(const cJSON *), by_share);
    cJSON *rows = cJSON_CreateArray();
    for (size_t i = 0; i < count && sorted[i]->valuedouble > 0; i++) {
        cJSON *row = cJSON_CreateObject();
        char name[64];
        snprintf(name, sizeof(name), "%s", sorted[i]->string);
        for (char *at = strchr(name, '_'); at; at = strchr(at, '_'))
            *at = ' ';
        cJSON_AddStringToObject(row, "part", name);
        cJSON_AddNumberToObject(row, "ps", sorted[i]->valuedouble);
        cJSON_AddNumberToObject(row, "share", sorted[i]->valuedouble / total);
        cJSON_AddItemToArray(rows, row);
    }
    static const struct html_column columns[] = {{"Part", "part", HTML_TEXT},
                                                 {"Mean of an operation", "ps", HTML_TIME},
                                                 {"Share", "share", HTML_SHARE}};
    struct text_buffer heading = {0};
    text_buffer_add(&heading, "Where the time went: ");
    html_value(&heading, html_member(stream, "name"), HTML_TEXT);
    if (total > 0) {
        html_part_begin(out, text_buffer_get(&heading), false);
        html_table(out, rows, COLUMNS(columns));
        html_part_end(out, false);
    }
    text_buffer_fini(&heading);
    cJSON_Delete(rows);
    free(sorted);
}

/* ---- over time ---- */

/* Column of the series' rows, or -1. */
static int find_column(const cJSON *series, const char *name)
{
    int index = 0;
    const cJSON *column;
    cJSON_ArrayForEach(column, html_member(series, "columns"))
    {
        if (cJSON_IsString(column) && strcmp(column->valuestring, name) == 0)
            return index;
        index++;
    }
    return -1;
}

static void add_series(const cJSON *series, const char *name, const char *title, double factor,
                       struct text_buffer *out)
{
    const cJSON *rows = html_member(series, "rows"), *row;
    int end = find_column(series, "end_ps"), wanted = find_column(series, name);
    if (end < 0 || wanted < 0 || cJSON_GetArraySize(rows) < 2)
        return;
    struct chart_series line = {
        .points = memory_array((size_t)cJSON_GetArraySize(rows), sizeof(struct chart_point))};
    cJSON_ArrayForEach(row, rows)
    {
        const cJSON *at = cJSON_GetArrayItem(row, end), *value = cJSON_GetArrayItem(row, wanted);
        if (cJSON_IsNumber(at) && cJSON_IsNumber(value))
            line.points[line.count++] =
                (struct chart_point){at->valuedouble / 1e6, value->valuedouble * factor};
    }
    const struct chart chart = {title, "simulated time, us", title, &line, 1};
    chart_svg_write(&chart, out);
    free(line.points);
}

static void add_over_time(const cJSON *result, struct text_buffer *out)
{
    const cJSON *series = html_member(result, "series"), *interval = html_member(series, "interval_ps");
    if (!cJSON_IsNumber(interval) || interval->valuedouble <= 0)
        return;
    html_part_begin(out, "Over time", false);
    add_series(series, "bytes", "Gb/s", 8e3 / interval->valuedouble, out);
    add_series(series, "outstanding", "operations under way", 1, out);
    add_series(series, "walks_waiting", "misses that wait for a walker", 1, out);
    html_part_end(out, false);
}

/* ---- all ---- */

static void add_part(struct text_buffer *out, const char *heading, const cJSON *rows,
                     const struct html_column *columns, size_t count, bool folded)
{
    if (cJSON_GetArraySize(rows) == 0)
        return;
    html_part_begin(out, heading, folded);
    html_table(out, rows, columns, count);
    html_part_end(out, folded);
}

static void add_leaks(const cJSON *result, struct text_buffer *out)
{
    const cJSON *leaks = html_member(result, "reach/leaks"),
                *observed = html_member(result, "reach/observed");
    html_part_begin(out, "Leaks", false);
    if (cJSON_GetArraySize(leaks) == 0)
        html_paragraph(out, "No function can reach one of another group past the IOMMU.");
    else
        html_paragraph(out,
                       "Functions that can reach one of another group past the IOMMU, and by which rule:");
    html_table(out, leaks, COLUMNS(leak_columns));
    if (cJSON_GetArraySize(observed))
        html_paragraph(out, "Requests of this run that arrived though the IOMMU had not seen them, or by a "
                            "translation that was not theirs:");
    html_table(out, observed, COLUMNS(observed_columns));
    html_part_end(out, false);
}

static void add_groups(const cJSON *result, struct text_buffer *out)
{
    static const struct html_column columns[] = {
        {"Function", "address", HTML_TEXT}, {"Kind", "kind", HTML_TEXT},       {"Id", "id", HTML_TEXT},
        {"Name", "name", HTML_TEXT},        {"Why here", "reason", HTML_TEXT},
    };
    const cJSON *group;
    html_part_begin(out, "Groups", true);
    cJSON_ArrayForEach(group, html_member(result, "groups/groups"))
    {
        struct text_buffer heading = {0};
        text_buffer_add(&heading, "Group ");
        html_value(&heading, html_member(group, "number"), HTML_TEXT);
        text_buffer_add(&heading, ", ");
        html_value(&heading, html_member(group, "type"), HTML_TEXT);
        html_paragraph(out, text_buffer_get(&heading));
        html_table(out, html_member(group, "functions"), COLUMNS(columns));
        text_buffer_fini(&heading);
    }
    html_part_end(out, true);
}

void html_report_run(const cJSON *result, struct text_buffer *out)
{
    struct text_buffer title = {0};
    const cJSON *stream, *streams = html_member(result, "streams");
    html_value(&title, html_member(result, "name"), HTML_TEXT);
    html_page_begin(out, title.length ? title.text : "A run");
    text_buffer_fini(&title);
    add_head(result, out);
    add_part(out, "Streams", streams, COLUMNS(stream_columns), false);
    cJSON_ArrayForEach(stream, streams) add_ledger(stream, out);
    add_over_time(result, out);
    add_leaks(result, out);
    add_part(out, "Remapping units", html_member(result, "units"), COLUMNS(unit_columns), false);
    add_part(out, "Devices", html_member(result, "devices"), COLUMNS(device_columns), false);
    add_part(out, "Links", html_member(result, "links"), COLUMNS(link_columns), false);
    add_part(out, "Queues", html_member(result, "queues"), COLUMNS(queue_columns), true);
    add_groups(result, out);
    add_part(out, "Parameters in force, and where they come from", html_member(result, "parameters"),
             COLUMNS(parameter_columns), true);
    html_page_end(out);
}
