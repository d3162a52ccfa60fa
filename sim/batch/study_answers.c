/* SPDX-License-Identifier: MIT */
#include "sim/batch/study_answers.h"

#include "sim/base/arena.h"
#include "sim/base/nearest.h"
#include "sim/base/units.h"
#include "sim/batch/point_metrics.h"
#include "sim/input/figure_amount.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

double study_number(const char *json)
{
    struct text_buffer text = {0};
    double value = NAN;
    if (!json || *json == '{' || *json == '[' || strcmp(json, "null") == 0)
        return NAN;
    if (strcmp(json, "true") == 0 || strcmp(json, "false") == 0)
        return *json == 't';
    collected_value_print(json, &text);
    if (!amount_parse(text_buffer_get(&text), &value))
        value = NAN;
    text_buffer_fini(&text);
    return value;
}

/* Of one point; NAN without a result. */
static double value_of(const struct collected *table, uint64_t point, uint32_t metric, uint32_t axis)
{
    const struct study *study = table->study;
    if (table->points[point].state != STORED_RESULT)
        return NAN;
    return metric != UINT32_MAX ? study_number(table->points[point].values[metric])
                                : study_number(study->axes[axis].values[study_value_of(study, point, axis)]);
}

bool study_quantity_read(const struct collected *table, const char *name, struct study_quantity *quantity)
{
    const struct study *study = table->study;
    uint32_t metric = collected_metric(table, name), axis = 0;
    bool any = false;
    while (axis < study->axis_count && strcmp(study->axes[axis].name, name) != 0)
        axis++;
    if (metric == UINT32_MAX && axis == study->axis_count)
        return false;
    quantity->name = name;
    quantity->values = memory_array(study->combination_count, sizeof(*quantity->values));
    for (uint32_t i = 0; i < study->combination_count; i++) {
        double sum = 0;
        for (uint32_t repeat = 0; repeat < study->repeats; repeat++)
            sum += value_of(table, (uint64_t)i * study->repeats + repeat, metric, axis);
        quantity->values[i] = sum / study->repeats;
        any |= !isnan(sum);
    }
    if (!any) {
        free(quantity->values);
        quantity->values = NULL;
    }
    return any;
}

const char *study_quantity_nearest(const struct collected *table, const char *name)
{
    const struct study *study = table->study;
    size_t count = table->metric_count + study->axis_count;
    const char **names = memory_array(count, sizeof(*names));
    for (uint32_t i = 0; i < table->metric_count; i++)
        names[i] = table->metrics[i];
    for (uint32_t i = 0; i < study->axis_count; i++)
        names[table->metric_count + i] = study->axes[i].name;
    const char *near = nearest_name(name, names, count, sizeof(names[0]));
    free(names);
    return near;
}

/* ---- pareto and best ---- */

/* Negative: better, positive: worse, 0: equal. */
static int compare(const struct study_goal *goal, uint32_t left, uint32_t right)
{
    double a = goal->quantity.values[left], b = goal->quantity.values[right];
    int order = (a > b) - (a < b);
    return goal->maximise ? -order : order;
}

static bool complete(const struct study_goal *goals, size_t count, uint32_t at)
{
    for (size_t i = 0; i < count; i++)
        if (isnan(goals[i].quantity.values[at]))
            return false;
    return true;
}

static bool beats(const struct study_goal *goals, size_t count, uint32_t winner, uint32_t loser)
{
    bool better = false;
    for (size_t i = 0; i < count; i++) {
        int order = compare(&goals[i], winner, loser);
        if (order > 0)
            return false;
        better |= order < 0;
    }
    return better;
}

/* A combination is held only against those that nothing has beaten so far: whatever else would beat it was
 * beaten by one of them, which then beats it, too. */
uint32_t study_pareto(const struct collected *table, const struct study_goal *goals, size_t count,
                      bool *chosen)
{
    uint32_t combinations = table->study->combination_count, found = 0;
    uint32_t *front = memory_array(combinations, sizeof(*front));
    for (uint32_t i = 0; i < combinations; i++) {
        bool beaten = !complete(goals, count, i);
        for (uint32_t f = 0; f < found && !beaten; f++)
            beaten = beats(goals, count, front[f], i);
        uint32_t kept = beaten ? found : 0;
        for (uint32_t f = 0; f < found && !beaten; f++)
            if (!beats(goals, count, i, front[f]))
                front[kept++] = front[f];
        found = kept;
        if (!beaten)
            front[found++] = i;
        chosen[i] = false;
    }
    for (uint32_t f = 0; f < found; f++)
        chosen[front[f]] = true;
    free(front);
    return found;
}

/* The pointer of the metric a name is of ("reads.p99_ps"), NULL: the name is an axis's. */
static const char *figure_of(const struct study *study, const char *name)
{
    for (uint32_t axis = 0; axis < study->axis_count; axis++)
        if (strcmp(study->axes[axis].name, name) == 0)
            return NULL;
    const struct study_metric *found = NULL; /* "reads.p99": "p99", unless there is a "reads.p99", too */
    for (uint32_t i = 0; i < study->metric_count; i++) {
        const struct study_metric *metric = &study->metrics[i];
        if (point_metric_has_name(metric, name) && (!found || strlen(metric->name) > strlen(found->name)))
            found = metric;
    }
    return found ? found->pointer : NULL;
}

bool study_condition_parse(const struct study *study, const char *text, char **name,
                           enum study_relation *relation, double *limit, const char **expected)
{
    size_t length = strcspn(text, "<>");
    bool equal = text[length] && text[length + 1] == '=', less = text[length] == '<';
    *expected = "such as 'reads.p99_ps<800ns' or 'walkers<=8'";
    *name = NULL;
    if (!text[length] || length == 0)
        return false;
    *name = memory_string(text);
    (*name)[length] = '\0';
    const char *amount = text + length + 1 + equal, *figure = figure_of(study, *name);
    *limit = figure ? NAN : study_number(amount);
    if (figure ? !figure_amount_parse(figure, amount, limit) : isnan(*limit)) {
        *expected = figure ? figure_amount_expected(figure) : "a number, or an amount such as 64KiB or 330ns";
        free(*name);
        *name = NULL;
        return false;
    }
    *relation = less ? (equal ? RELATION_LESS_EQUAL : RELATION_LESS)
                     : (equal ? RELATION_GREATER_EQUAL : RELATION_GREATER);
    return true;
}

bool study_relation_holds(double value, enum study_relation relation, double limit)
{
    switch (relation) {
    case RELATION_LESS:
        return value < limit;
    case RELATION_LESS_EQUAL:
        return value <= limit;
    case RELATION_GREATER:
        return value > limit;
    case RELATION_GREATER_EQUAL:
        return value >= limit;
    }
    return false;
}

static bool fits(const struct study_constraint *constraint, uint32_t at)
{
    return study_relation_holds(constraint->quantity.values[at], constraint->relation, constraint->limit);
}

uint32_t study_best(const struct collected *table, const struct study_goal *goals, size_t goal_count,
                    const struct study_constraint *constraints, size_t constraint_count)
{
    uint32_t best = UINT32_MAX;
    for (uint32_t i = 0; i < table->study->combination_count; i++) {
        bool good = complete(goals, goal_count, i);
        for (size_t c = 0; c < constraint_count; c++)
            good &= fits(&constraints[c], i);
        int order = 0;
        for (size_t g = 0; good && best != UINT32_MAX && order == 0 && g < goal_count; g++)
            order = compare(&goals[g], i, best);
        if (good && (best == UINT32_MAX || order < 0))
            best = i;
    }
    return best;
}

/* ---- sensitivity ---- */

static int by_share(const void *left, const void *right)
{
    const struct axis_effect *a = left, *b = right;
    if (a->share != b->share)
        return a->share < b->share ? 1 : -1;
    return a->axis < b->axis ? -1 : a->axis > b->axis;
}

/* Between-values share of the sum of squares: 1 - (sum of squares within values) / (all). */
static struct axis_effect effect_of(const struct collected *table, const struct study_quantity *quantity,
                                    uint32_t axis, double mean, double squares)
{
    const struct study *study = table->study;
    uint32_t values = study->axes[axis].value_count;
    double *sums = memory_array(values, sizeof(*sums)), between = 0;
    uint32_t *counts = memory_array(values, sizeof(*counts));
    struct axis_effect effect = {.axis = axis, .low = INFINITY, .high = -INFINITY};
    for (uint32_t i = 0; i < study->combination_count; i++) {
        if (isnan(quantity->values[i]))
            continue;
        uint32_t value = study_value_of(study, (uint64_t)i * study->repeats, axis);
        sums[value] += quantity->values[i];
        counts[value]++;
    }
    for (uint32_t v = 0; v < values; v++) {
        if (counts[v] == 0)
            continue;
        double own = sums[v] / counts[v];
        between += counts[v] * (own - mean) * (own - mean);
        if (own < effect.low) {
            effect.low = own;
            effect.low_value = v;
        }
        if (own > effect.high) {
            effect.high = own;
            effect.high_value = v;
        }
    }
    effect.share = squares > 0 ? between / squares : 0;
    free(sums);
    free(counts);
    return effect;
}

uint32_t study_sensitivity(const struct collected *table, const struct study_quantity *quantity,
                           struct axis_effect *effects)
{
    const struct study *study = table->study;
    double sum = 0, squares = 0;
    uint32_t count = 0;
    for (uint32_t i = 0; i < study->combination_count; i++) {
        if (isnan(quantity->values[i]))
            continue;
        sum += quantity->values[i];
        count++;
    }
    double mean = count ? sum / count : 0;
    for (uint32_t i = 0; i < study->combination_count; i++)
        if (!isnan(quantity->values[i]))
            squares += (quantity->values[i] - mean) * (quantity->values[i] - mean);
    for (uint32_t axis = 0; axis < study->axis_count && count; axis++)
        effects[axis] = effect_of(table, quantity, axis, mean, squares);
    qsort(effects, count ? study->axis_count : 0, sizeof(*effects), by_share);
    return count ? study->axis_count : 0;
}
