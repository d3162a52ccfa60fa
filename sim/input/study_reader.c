/* SPDX-License-Identifier: MIT */
#include "sim/base/arena.h"
#include "sim/base/nearest.h"
#include "sim/base/status.h"
#include "sim/input/source_file.h"
#include "sim/input/study.h"
#include "sim/input/study_axes.h"
#include "sim/input/study_keys.h"
#include "sim/input/workload_keys.h"
#include "sim/input/workload_reader.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { POINTS_DEFAULT = 100000, CPU_LIMIT_DEFAULT_MS = 3600000 };
static const uint64_t MEMORY_DEFAULT = UINT64_C(4) << 30;

/* ---- conditions ---- */

static const struct study_axis *find_axis(const struct study *study, const struct json_node *node)
{
    for (uint32_t i = 0; i < study->axis_count; i++)
        if (strcmp(study->axes[i].name, node->key) == 0)
            return &study->axes[i];
    const char *near =
        nearest_name(node->key, &study->axes[0].name, study->axis_count, sizeof(study->axes[0]));
    json_error_at_key(node, "study-condition", "no axis has the name \"%s\"%s%s%s", node->key,
                      near ? ", did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    return NULL;
}

/* The values of @p axis a condition is for: one, or an array of them. NULL after an error. */
static const bool *read_taken(struct study *study, const struct json_node *node,
                              const struct study_axis *axis)
{
    bool *taken = arena_array(study->arena, axis->value_count, sizeof(*taken));
    const cJSON *value = cJSON_IsArray(node->value) ? node->value->child : node->value;
    for (; value; value = cJSON_IsArray(node->value) ? value->next : NULL) {
        const char *text = study_value_text(study, value);
        uint32_t i = 0;
        while (i < axis->value_count && strcmp(axis->values[i], text) != 0)
            i++;
        if (i == axis->value_count) {
            json_error(node, "study-condition", "%s never is %s", axis->name, text);
            return NULL;
        }
        taken[i] = true;
    }
    return taken;
}

static struct study_condition *read_conditions(struct study *study, const struct json_node *root,
                                               const char *key, uint32_t *count)
{
    struct json_node array = json_member(root, key);
    if (!json_given(&array) || !json_expect_array(&array) || study->axis_count == 0)
        return NULL;
    struct study_condition *list = arena_array(study->arena, json_length(&array), sizeof(*list));
    for (struct json_node node = json_first(&array); json_given(&node); json_next(&node)) {
        struct study_condition *condition = &list[*count];
        if (!json_expect_object(&node))
            continue;
        for (struct json_node member = json_first(&node); json_given(&member); json_next(&member)) {
            const struct study_axis *axis = find_axis(study, &member);
            const bool *takes = axis ? read_taken(study, &member, axis) : NULL;
            if (!takes || condition->axis_count == STUDY_AXES_MAX)
                continue;
            condition->axes[condition->axis_count] = (uint32_t)(axis - study->axes);
            condition->takes[condition->axis_count++] = takes;
        }
        if (condition->axis_count == 0 && !json_first(&node).value)
            json_error(&node, "study-condition", "this fits every combination");
        ++*count;
    }
    return list;
}

static bool fits(const struct study *study, const struct study_condition *list, uint32_t count, uint32_t at)
{
    uint32_t places[STUDY_AXES_MAX];
    for (uint32_t d = study->dimension_count; d-- > 0; at /= study->dimensions[d])
        places[d] = at % study->dimensions[d];
    for (uint32_t i = 0; i < count; i++) {
        bool all = true;
        for (uint32_t j = 0; j < list[i].axis_count; j++) {
            const struct study_axis *axis = &study->axes[list[i].axes[j]];
            uint32_t place = places[axis->dimension];
            all &= list[i].takes[j][axis->picks ? axis->picks[place] : place];
        }
        if (all)
            return true;
    }
    return false;
}

static void enumerate(struct study *study, const struct json_node *root, uint64_t budget)
{
    uint64_t grid = 1;
    for (uint32_t d = 0; d < study->dimension_count && grid <= STUDY_POINTS_MAX; d++)
        grid *= study->dimensions[d];
    if (grid > STUDY_POINTS_MAX) {
        json_error(root, "study-size", "more than %d combinations", STUDY_POINTS_MAX);
        return;
    }
    study->combinations = memory_array(grid, sizeof(*study->combinations));
    for (uint32_t at = 0; at < grid; at++)
        if ((study->only_count == 0 || fits(study, study->only, study->only_count, at)) &&
            !fits(study, study->except, study->except_count, at))
            study->combinations[study->combination_count++] = at;
    if (study->combination_count == 0)
        json_error(root, "study-empty", "the conditions leave no combination over");
    if (study_points(study) > budget)
        json_error(root, "study-size",
                   "%" PRIu64 " points, and the budget (\"budget\": {\"points\"}) is %" PRIu64,
                   study_points(study), budget);
}

/* ---- metrics ---- */

const struct study_metric study_default_metrics[STUDY_DEFAULT_METRICS] = {
    {"bytes_per_s", "/streams/*/bytes_per_s"},       {"operations_per_s", "/streams/*/operations_per_s"},
    {"mean_ps", "/streams/*/latency/mean_ps"},       {"p50_ps", "/streams/*/latency/p50_ps"},
    {"p99_ps", "/streams/*/latency/p99_ps"},         {"p99.9_ps", "/streams/*/latency/p99.9_ps"},
    {"maximum_ps", "/streams/*/latency/maximum_ps"}, {"failed", "/run/failed"},
};

static void read_metrics(struct study *study, const struct json_node *root)
{
    struct json_node object = json_member(root, "metrics");
    study->metrics = study_default_metrics;
    study->metric_count = STUDY_DEFAULT_METRICS;
    if (!json_given(&object) || !json_expect_object(&object))
        return;
    struct study_metric *metrics =
        arena_array(study->arena, (size_t)cJSON_GetArraySize(object.value), sizeof(*metrics));
    study->metrics = metrics;
    study->metric_count = 0;
    for (struct json_node node = json_first(&object); json_given(&node); json_next(&node)) {
        const char *pointer = json_expect_string(&node, "a JSON pointer into the result");
        if (!pointer)
            continue;
        for (uint32_t i = 0; i < study->axis_count; i++)
            if (strcmp(study->axes[i].name, node.key) == 0)
                json_error_at_key(&node, "study-name-twice", "an axis has the name \"%s\", too", node.key);
        if (*pointer != '/')
            json_error(&node, "study-metric", "no JSON pointer such as \"/streams/0/latency/p99_ps\"");
        metrics[study->metric_count++] =
            (struct study_metric){arena_string(study->arena, node.key), arena_string(study->arena, pointer)};
    }
    if (study->metric_count == 0)
        json_error(&object, "study-metric", "no figure is kept");
}

/* ---- the answer ---- */

static const char *find_metric(const struct study *study, const struct json_node *of)
{
    const char *name = json_string(of);
    for (uint32_t i = 0; i < study->metric_count; i++) {
        if (strcmp(study->metrics[i].name, name) == 0)
            return study->metrics[i].name;
    }
    const char *near =
        nearest_name(name, &study->metrics[0].name, study->metric_count, sizeof(study->metrics[0]));
    json_error(of, "study-answer", "no metric has the name \"%s\"%s%s%s", name,
               near ? ", did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    return NULL;
}

static void read_answer(struct study *study, const struct json_node *root)
{
    struct study_answer *answer = &study->answer;
    struct json_node object = json_member(root, "answer"), of = json_member(&object, "of"),
                     most = json_member(&object, "at_most"), least = json_member(&object, "at_least");
    const char *text = NULL;
    if (!json_given(&object) || !json_expect_object(&object) || !json_check_table(&object, &answer_keys) ||
        !json_require(&object, "of", "the name of a metric") || !json_get_string(&object, "of", &text))
        return;
    answer->of = study->metric_count ? find_metric(study, &of) : NULL;
    if (json_get_string(&object, "words", &text))
        answer->words = arena_string(study->arena, text);
    if (json_get_string(&object, "unit", &text))
        answer->unit = arena_string(study->arena, text);
    json_get_boolean(&object, "total", &answer->total);
    if (json_given(&most) && json_given(&least))
        json_error_at_key(&least, "study-answer", "either \"at_most\" or \"at_least\"");
    else if (json_get_count(&object, "at_most", 0, UINT64_C(1) << 52, &answer->bound))
        answer->asks = ANSWER_AT_MOST;
    else if (json_get_count(&object, "at_least", 0, UINT64_C(1) << 52, &answer->bound))
        answer->asks = ANSWER_AT_LEAST;
}

/* ---- the file ---- */

static void read_limits(struct study *study, const struct json_node *root, uint64_t *points)
{
    struct json_node limits = json_member(root, "limits"), budget = json_member(root, "budget");
    uint64_t time_ps = 0;
    if (json_given(&limits) && json_expect_object(&limits) && json_check_table(&limits, &limits_keys)) {
        if (json_get_quantity(&limits, "cpu_time", UNIT_PICOSECONDS, 1, UINT64_MAX, &time_ps))
            study->cpu_limit_ms = (time_ps - 1) / UINT64_C(1000000000) + 1;
        json_get_size(&limits, "memory", UINT64_C(16) << 20, UINT64_MAX, &study->memory_limit);
    }
    if (json_given(&budget) && json_expect_object(&budget) && json_check_table(&budget, &budget_keys))
        json_get_count(&budget, "points", 1, STUDY_POINTS_MAX, points);
}

static void read_scenario(struct study *study, const struct json_node *root)
{
    struct json_node node = json_member(root, "scenario");
    if (!json_require(root, "scenario", "what is varied"))
        return;
    if (json_is_object(&node)) {
        char *text = cJSON_Print(node.value);
        study->scenario = (struct source_text){study->path, arena_string(study->arena, text), strlen(text)};
        cJSON_free(text);
        return;
    }
    const char *name = json_expect_string(&node, "the path of a scenario, or an object");
    if (name) {
        char *path = path_beside(study->path, name);
        study->scenario_path = arena_string(study->arena, path);
        free(path);
    }
}

static void read_study(struct study *study, const struct json_node *root)
{
    const char *text = NULL;
    uint64_t points = POINTS_DEFAULT;
    if (!json_expect_object(root) || !json_require(root, "format", "\"iommusim-study/1\"") ||
        !json_get_string(root, "format", &text))
        return;
    if (strcmp(text, "iommusim-study/1") != 0) {
        struct json_node format = json_member(root, "format");
        json_error(&format, "study-format", "a study's format is \"iommusim-study/1\", found \"%s\"", text);
        return;
    }
    json_check_table(root, &study_keys);
    if (json_get_string(root, "name", &text))
        study->name = arena_string(study->arena, text);
    read_scenario(study, root);
    json_require(root, "axes", "what is varied");
    study_axes_read(study, root);
    if (diagnostics_errors(root->document->diagnostics) == 0) { /* they name axes */
        study->only = read_conditions(study, root, "only", &study->only_count);
        study->except = read_conditions(study, root, "except", &study->except_count);
    }
    json_get_u32(root, "repeats", 1, 100000, &study->repeats);
    study->seed_given = json_get_count(root, "seed", 0, UINT64_C(1) << 52, &study->seed);
    read_metrics(study, root);
    read_answer(study, root);
    read_limits(study, root, &points);
    if (diagnostics_errors(root->document->diagnostics) == 0)
        enumerate(study, root, points);
}

/* @param source  its text becomes the study's; its name stands in findings
 * @param path    what is named in the study is seen from the folder of this file */
static int load(const struct source_text *source, const char *path, struct study **result,
                struct diagnostics *diagnostics)
{
    struct arena *arena = arena_new();
    struct study *study = arena_alloc(arena, sizeof(*study));
    struct json_document document;
    unsigned errors = diagnostics_errors(diagnostics);
    XXH128_hash_t hash = XXH3_128bits(source->text, source->length);
    *study = (struct study){.arena = arena,
                            .source = *source,
                            .repeats = 1,
                            .cpu_limit_ms = CPU_LIMIT_DEFAULT_MS,
                            .memory_limit = MEMORY_DEFAULT};
    study->path = arena_string(arena, path);
    study->source.name = arena_string(arena, source->name);
    study->hash =
        arena_format(arena, "%016" PRIx64 "%016" PRIx64, (uint64_t)hash.high64, (uint64_t)hash.low64);
    int status = json_document_init(&document, &study->source, diagnostics);
    if (status == STATUS_OK) {
        struct json_node root = json_root(&document);
        read_study(study, &root);
        json_document_fini(&document);
        if (diagnostics_errors(diagnostics) != errors)
            status = STATUS_BAD_INPUT;
    }
    if (status == STATUS_OK)
        *result = study;
    else
        study_free(study);
    return status;
}

int study_load_source(const struct source_text *source, const char *path, struct study **study,
                      struct diagnostics *diagnostics)
{
    char *text = memory_alloc(source->length + 1);
    memcpy(text, source->text, source->length); /* it may hold a NUL, for the scanner to report */
    text[source->length] = '\0';
    const struct source_text copy = {source->name, text, source->length};
    return load(&copy, path, study, diagnostics);
}

int study_load(const char *path, struct study **study, struct diagnostics *diagnostics)
{
    struct source_text source;
    int status = source_file_read(path, &source, diagnostics);
    if (status < 0)
        return status;
    char *full = realpath(path, NULL);
    status = load(&source, full ? full : path, study, diagnostics);
    free(full);
    return status;
}
