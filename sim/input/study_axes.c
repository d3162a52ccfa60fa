/* SPDX-License-Identifier: MIT */
#include "sim/input/study_axes.h"

#include "sim/base/arena.h"
#include "sim/base/text_buffer.h"
#include "sim/input/study_keys.h"
#include "sim/input/workload_keys.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { VALUES_MAX = 100000 };

static const char *const member_names[] = {"topology", "workload", "iommu", "cmdline", NULL};

const char *study_value_text(struct study *study, const cJSON *value)
{
    char *text = cJSON_PrintUnformatted(value);
    const char *kept = arena_string(study->arena, text);
    cJSON_free(text);
    return kept;
}

/* One of many texts, and which. */
struct listed {
    const char *text;
    uint32_t at;
};

static int by_text(const void *left, const void *right)
{
    const struct listed *a = left, *b = right;
    int order = strcmp(a->text, b->text);
    return order ? order : (a->at > b->at) - (a->at < b->at);
}

/* For each of the texts the first that is equal. @return malloc'ed [count] */
static uint32_t *find_equals(const char *const *texts, uint32_t count)
{
    struct listed *sorted = memory_array(count, sizeof(*sorted));
    uint32_t *first = memory_array(count, sizeof(*first));
    for (uint32_t i = 0; i < count; i++)
        sorted[i] = (struct listed){texts[i], i};
    qsort(sorted, count, sizeof(*sorted), by_text);
    for (uint32_t i = 0; i < count; i++) {
        bool same = i && strcmp(sorted[i].text, sorted[i - 1].text) == 0;
        first[sorted[i].at] = same ? first[sorted[i - 1].at] : sorted[i].at;
    }
    free(sorted);
    return first;
}

/* The values of an axis among others it moves with may come back: each is kept once. */
static void pick_values(struct study *study, struct study_axis *axis, const uint32_t *first)
{
    uint32_t *picks = arena_array(study->arena, axis->place_count, sizeof(*picks)), kept = 0;
    for (uint32_t i = 0; i < axis->place_count; i++) {
        picks[i] = first[i] == i ? kept : picks[first[i]];
        if (first[i] == i)
            axis->values[kept++] = axis->values[i];
    }
    axis->picks = picks;
    axis->value_count = kept;
}

static bool read_values(struct study *study, const struct json_node *array, bool zipped,
                        struct study_axis *axis)
{
    if (!json_expect_array(array))
        return false;
    size_t count = json_length(array);
    if (count == 0 || count > VALUES_MAX) {
        json_error(array, "study-values", "an axis has 1 to %d values, found %zu", VALUES_MAX, count);
        return false;
    }
    axis->values = arena_array(study->arena, count, sizeof(*axis->values));
    /* null takes away, so elements are taken as they are and not through nodes, for which null is absent */
    const cJSON *value;
    cJSON_ArrayForEach(value, array->value)
    {
        axis->values[axis->value_count++] = study_value_text(study, value);
    }
    axis->place_count = axis->value_count;
    uint32_t *first = find_equals(axis->values, axis->value_count), twice = 0;
    while (twice < axis->value_count && first[twice] == twice)
        twice++;
    bool good = zipped || twice == axis->value_count;
    if (!good)
        json_error(array, "study-values", "the value %s is there twice", axis->values[twice]);
    else if (twice < axis->value_count)
        pick_values(study, axis, first);
    free(first);
    return good;
}

static bool read_range(struct study *study, const struct json_node *node, struct study_axis *axis)
{
    uint64_t from = 0, to = 0, step = 0, factor = 0;
    const uint64_t top = UINT64_C(1) << 53;
    const char *unit = NULL;
    if (!json_expect_object(node) || !json_check_table(node, &range_keys) ||
        !json_require(node, "from", "the first value") || !json_require(node, "to", "the last value") ||
        !json_get_count(node, "from", 0, top, &from) || !json_get_count(node, "to", 0, top, &to))
        return false;
    json_get_count(node, "step", 1, top, &step);
    json_get_count(node, "factor", 2, top, &factor);
    json_get_string(node, "unit", &unit);
    if (to < from || (step && factor) || (factor && from == 0)) {
        json_error(node, "study-range",
                   "a range goes up from \"from\" to \"to\", by \"step\" or, from 1 or more, by \"factor\"");
        return false;
    }
    uint64_t count = 0;
    for (uint64_t at = from; at <= to && count <= VALUES_MAX;
         at = factor ? at * factor : at + (step ? step : 1))
        count++;
    if (count > VALUES_MAX) {
        json_error(node, "study-range", "more than %d values", VALUES_MAX);
        return false;
    }
    axis->values = arena_array(study->arena, count, sizeof(*axis->values));
    for (uint64_t at = from; at <= to; at = factor ? at * factor : at + (step ? step : 1))
        axis->values[axis->value_count++] =
            arena_format(study->arena, unit ? "\"%" PRIu64 "%s\"" : "%" PRIu64, at, unit ? unit : "");
    axis->place_count = axis->value_count;
    return true;
}

/* The values of a "/scenario/..." axis are strings, those of the IOMMU one of its words. */
static bool check_member(const struct json_node *node, const struct study_axis *axis, const char *name)
{
    const struct json_node pointer = json_member(node, "pointer");
    size_t known = 0;
    while (member_names[known] && strcmp(member_names[known], name) != 0)
        known++;
    if (!member_names[known]) {
        json_error(
            &pointer, "study-pointer",
            "of the scenario an axis can change /scenario/topology, /scenario/workload, /scenario/iommu "
            "and /scenario/cmdline; for a seed there is \"repeats\"");
        return false;
    }
    for (uint32_t i = 0; i < axis->value_count; i++) {
        size_t word = 0;
        const char *value = axis->values[i];
        bool good = *value == '"';
        if (good && strcmp(name, "iommu") == 0) {
            while (scenario_iommu_words[word] &&
                   (strncmp(scenario_iommu_words[word], value + 1, strlen(value) - 2) != 0 ||
                    strlen(scenario_iommu_words[word]) != strlen(value) - 2))
                word++;
            good = scenario_iommu_words[word] != NULL;
        }
        if (!good) {
            json_error(node, "study-values", "%s cannot be %s", axis->pointer, value);
            return false;
        }
    }
    return true;
}

static const char *place_of(struct study *study, const struct json_node *node)
{
    char *pointer = json_pointer(node);
    const char *kept = arena_string(study->arena, pointer);
    free(pointer);
    return kept;
}

static void read_axis(struct study *study, const struct json_node *node, bool zipped)
{
    static const char member[] = "/scenario/";
    struct study_axis *axis = &study->axes[study->axis_count];
    struct json_node values = json_member(node, "values"), range = json_member(node, "range");
    *axis = (struct study_axis){.dimension = study->dimension_count, .where = place_of(study, node)};
    if (!json_expect_object(node) || !json_check_table(node, &axis_keys) ||
        !json_require(node, "pointer", "what changes") || !json_get_string(node, "pointer", &axis->pointer))
        return;
    axis->name = axis->pointer;
    json_get_string(node, "name", &axis->name);
    axis->pointer = arena_string(study->arena, axis->pointer);
    axis->name = arena_string(study->arena, axis->name);
    if (!*axis->pointer || strchr(axis->pointer, '=')) {
        const struct json_node pointer = json_member(node, "pointer");
        json_error(&pointer, "study-pointer", "no JSON pointer such as \"/parameters/iommu/walkers\"");
        return;
    }
    if (json_given(&values) == json_given(&range)) {
        json_error(node, "study-axis", "an axis has either \"values\" or \"range\"");
        return;
    }
    if (json_given(&values) ? !read_values(study, &values, zipped, axis) : !read_range(study, &range, axis))
        return;
    if (strncmp(axis->pointer, member, strlen(member)) == 0 &&
        !check_member(node, axis, axis->pointer + strlen(member)))
        return;
    static const char *const columns[] = {"point",   "key",  "combination", "repeat",
                                          "repeats", "seed", "state",       "reason"};
    for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
        if (strcmp(columns[i], axis->name) == 0) {
            json_error(node, "study-name-twice",
                       "\"%s\" is a column of its own in the answer: give another name", axis->name);
            return;
        }
    }
    for (uint32_t i = 0; i < study->axis_count; i++) {
        if (strcmp(study->axes[i].name, axis->name) == 0 ||
            strcmp(study->axes[i].pointer, axis->pointer) == 0) {
            json_error(node, "study-name-twice", "another axis has the name or pointer \"%s\"", axis->name);
            return;
        }
    }
    study->axis_count++;
}

static bool axes_full(const struct study *study, const struct json_node *node)
{
    if (study->axis_count < STUDY_AXES_MAX)
        return false;
    json_error(node, "study-axis", "more than %d axes", STUDY_AXES_MAX);
    return true;
}

/* Values may come back in one axis, not in all at once. */
static void check_zipped(struct study *study, const struct json_node *zip, uint32_t first)
{
    uint32_t places = study->axes[first].place_count, twice = 0;
    const char **rows = arena_array(study->arena, places, sizeof(*rows));
    for (uint32_t place = 0; place < places; place++) {
        struct text_buffer row = {0};
        for (uint32_t i = first; i < study->axis_count; i++) {
            const struct study_axis *axis = &study->axes[i];
            text_buffer_format(&row, "%s%s", i > first ? ", " : "",
                               axis->values[axis->picks ? axis->picks[place] : place]);
        }
        rows[place] = arena_string(study->arena, row.text);
        text_buffer_fini(&row);
    }
    uint32_t *equal = find_equals(rows, places);
    while (twice < places && equal[twice] == twice)
        twice++;
    if (twice < places)
        json_error(zip, "study-values", "the values %s are there twice", rows[twice]);
    free(equal);
}

static void read_zipped(struct study *study, const struct json_node *node, const struct json_node *zip)
{
    uint32_t first = study->axis_count;
    json_check_table(node, &zipped_keys);
    if (!json_expect_array(zip))
        return;
    for (struct json_node axis = json_first(zip); json_given(&axis) && !axes_full(study, &axis);
         json_next(&axis))
        read_axis(study, &axis, true);
    bool even = true;
    for (uint32_t i = first + 1; i < study->axis_count; i++) {
        if (study->axes[i].place_count == study->axes[first].place_count)
            continue;
        even = false;
        json_error(zip, "study-zip", "axes that move together have equally many values: %s has %u, %s %u",
                   study->axes[first].name, study->axes[first].place_count, study->axes[i].name,
                   study->axes[i].place_count);
    }
    if (even && study->axis_count > first)
        check_zipped(study, zip, first);
    if (study->axis_count == first)
        json_error(zip, "study-zip", "nothing is zipped here");
}

void study_axes_read(struct study *study, const struct json_node *root)
{
    struct json_node array = json_member(root, "axes");
    if (!json_given(&array) || !json_expect_array(&array))
        return;
    study->axes = arena_array(study->arena, STUDY_AXES_MAX, sizeof(*study->axes));
    for (struct json_node node = json_first(&array); json_given(&node) && !axes_full(study, &node);
         json_next(&node)) {
        struct json_node zip = json_member(&node, "zip");
        uint32_t first = study->axis_count;
        if (json_given(&zip))
            read_zipped(study, &node, &zip);
        else
            read_axis(study, &node, false);
        if (study->axis_count > first)
            study->dimensions[study->dimension_count++] = study->axes[first].place_count;
    }
}
