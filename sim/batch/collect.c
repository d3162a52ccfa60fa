/* SPDX-License-Identifier: MIT */
#include "sim/batch/collect.h"

#include "sim/base/arena.h"
#include "sim/base/status.h"
#include "sim/batch/point_metrics.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct filling {
    struct collected *table;
    struct collected_point *point;
    uint32_t width; /* of its values */
};

void collected_free(struct collected *table)
{
    for (uint64_t i = 0; table->points && i < study_points(table->study); i++)
        free(table->points[i].values);
    free(table->points);
    free(table->metrics);
    arena_free(table->arena);
    *table = (struct collected){0};
}

uint32_t collected_metric(const struct collected *table, const char *name)
{
    for (uint32_t i = 0; i < table->metric_count; i++)
        if (strcmp(table->metrics[i], name) == 0)
            return i;
    return UINT32_MAX;
}

static uint32_t add_metric(struct collected *table, const char *name)
{
    uint32_t index = collected_metric(table, name);
    if (index != UINT32_MAX)
        return index;
    table->metrics =
        memory_grow(table->metrics, table->metric_count, &table->metric_capacity, sizeof(*table->metrics));
    table->metrics[table->metric_count] = arena_string(table->arena, name);
    return table->metric_count++;
}

static void fill(void *context, const char *name, const char *value)
{
    struct filling *filling = context;
    uint32_t metric = add_metric(filling->table, name);
    struct collected_point *point = filling->point;
    if (metric >= filling->width) {
        uint32_t width = filling->table->metric_count;
        point->values = memory_resize(point->values, width, sizeof(*point->values));
        memset(point->values + filling->width, 0, (width - filling->width) * sizeof(*point->values));
        filling->width = width;
    }
    point->values[metric] = arena_string(filling->table->arena, value);
}

/* @return width of the row */
static uint32_t read_point(struct sweep *sweep, struct collected *table, struct collected_point *point)
{
    struct text_buffer body = {0};
    struct filling filling = {table, point, 0};
    point->state = result_store_read(sweep->folder, point->key, &body);
    if (point->state == STORED_RESULT) {
        point_metrics_find(sweep->study, text_buffer_get(&body), fill, &filling);
    } else if (point->state == STORED_FAILURE) {
        char *line = memory_string(text_buffer_get(&body));
        line[strcspn(line, "\n")] = '\0';
        point->reason = arena_string(table->arena, line);
        free(line);
    }
    table->failed += point->state == STORED_FAILURE;
    table->damaged += point->state == STORED_DAMAGED;
    table->missing += point->state == STORED_NOTHING || point->state == STORED_DAMAGED;
    text_buffer_fini(&body);
    return filling.width;
}

/* A row read before a metric was first seen is shorter than the table: make all equally wide. */
static void widen(struct collected *table, const uint32_t *widths, uint64_t points)
{
    for (uint64_t i = 0; i < points; i++) {
        struct collected_point *point = &table->points[i];
        point->values = memory_resize(point->values, table->metric_count + 1, sizeof(*point->values));
        memset(point->values + widths[i], 0, (table->metric_count + 1 - widths[i]) * sizeof(*point->values));
    }
}

int collect(struct sweep *sweep, struct collected *table, struct diagnostics *diagnostics)
{
    uint64_t points = study_points(sweep->study);
    *table = (struct collected){.arena = arena_new(), .study = sweep->study};
    table->points = memory_array(points, sizeof(*table->points));
    uint32_t *widths = memory_array(points, sizeof(*widths));
    for (uint64_t i = 0; i < points; i++) {
        int status = sweep_key(sweep, i, table->points[i].key, &table->points[i].seed, diagnostics);
        if (status < 0) {
            free(widths);
            collected_free(table);
            return status;
        }
        widths[i] = read_point(sweep, table, &table->points[i]);
    }
    widen(table, widths, points);
    free(widths);
    if (table->missing + table->failed < points)
        point_metrics_report_empty(table->study, table->metrics, table->metric_count, diagnostics);
    return STATUS_OK;
}

const char *collected_state_name(enum stored_state state)
{
    return state == STORED_RESULT ? "done" : state == STORED_FAILURE ? "failed" : "missing";
}

void collected_value_print(const char *json, struct text_buffer *out)
{
    cJSON *value = *json == '"' ? cJSON_Parse(json) : NULL;
    text_buffer_add(out, value ? cJSON_GetStringValue(value) : json);
    cJSON_Delete(value);
}

/* ---- comma-separated values ---- */

static void add_field(struct text_buffer *out, const char *text)
{
    if (out->length && out->text[out->length - 1] != '\n')
        text_buffer_add(out, ",");
    if (!strpbrk(text, ",\"\r\n")) {
        text_buffer_add(out, text);
        return;
    }
    text_buffer_add(out, "\"");
    for (; *text; text++) {
        text_buffer_append(out, text, 1);
        if (*text == '"')
            text_buffer_add(out, "\"");
    }
    text_buffer_add(out, "\"");
}

static void add_json_field(struct text_buffer *out, const char *json)
{
    struct text_buffer text = {0};
    if (json && strcmp(json, "null") != 0)
        collected_value_print(json, &text);
    add_field(out, text_buffer_get(&text));
    text_buffer_fini(&text);
}

void collected_write_csv(const struct collected *table, struct text_buffer *out)
{
    const struct study *study = table->study;
    text_buffer_add(out, "point,key,repeat,seed,state");
    for (uint32_t i = 0; i < study->axis_count; i++)
        add_field(out, study->axes[i].name);
    for (uint32_t i = 0; i < table->metric_count; i++)
        add_field(out, table->metrics[i]);
    text_buffer_add(out, "\n");
    for (uint64_t p = 0; p < study_points(study); p++) {
        const struct collected_point *point = &table->points[p];
        text_buffer_format(out, "%" PRIu64 ",%s,%u,%" PRIu64 ",%s", p, point->key, study_repeat_of(study, p),
                           point->seed, collected_state_name(point->state));
        for (uint32_t i = 0; i < study->axis_count; i++)
            add_json_field(out, study->axes[i].values[study_value_of(study, p, i)]);
        for (uint32_t i = 0; i < table->metric_count; i++)
            add_json_field(out, point->values[i]);
        text_buffer_add(out, "\n");
    }
}

/* ---- newline-delimited JSON ---- */

void collected_write_ndjson(const struct collected *table, struct text_buffer *out)
{
    const struct study *study = table->study;
    for (uint64_t p = 0; p < study_points(study); p++) {
        const struct collected_point *point = &table->points[p];
        const char *separator = "";
        text_buffer_format(out,
                           "{\"point\": %" PRIu64 ", \"key\": \"%s\", \"repeat\": %u, \"seed\": %" PRIu64
                           ", \"state\": \"%s\", \"parameters\": {",
                           p, point->key, study_repeat_of(study, p), point->seed,
                           collected_state_name(point->state));
        for (uint32_t i = 0; i < study->axis_count; i++) {
            text_buffer_add(out, i ? ", " : "");
            text_buffer_json_string(out, study->axes[i].name);
            text_buffer_format(out, ": %s", study->axes[i].values[study_value_of(study, p, i)]);
        }
        text_buffer_add(out, "}, \"metrics\": {");
        for (uint32_t i = 0; i < table->metric_count; i++) {
            if (!point->values[i])
                continue;
            text_buffer_add(out, separator);
            text_buffer_json_string(out, table->metrics[i]);
            text_buffer_format(out, ": %s", point->values[i]);
            separator = ", ";
        }
        text_buffer_add(out, "}");
        if (point->reason) {
            text_buffer_add(out, ", \"reason\": ");
            text_buffer_json_string(out, point->reason);
        }
        text_buffer_add(out, "}\n");
    }
}
