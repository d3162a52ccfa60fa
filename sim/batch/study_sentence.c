/* SPDX-License-Identifier: MIT */
#include "sim/batch/study_sentence.h"

#include "sim/base/arena.h"
#include "sim/batch/point_metrics.h"
#include "sim/batch/study_answers.h"
#include "sim/output/result_text.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct study_metric *metric_of(const struct study *study)
{
    const struct study_metric *metric = study->metrics;
    while (strcmp(metric->name, study->answer.of) != 0)
        metric++;
    return metric;
}

/* [combination] the figure; NAN where a point is missing or has failed. */
static double *read_figure(const struct collected *table)
{
    const struct study_answer *answer = &table->study->answer;
    const struct study_metric *metric = metric_of(table->study);
    uint32_t combinations = table->study->combination_count, columns = 0;
    double *figure = memory_array(combinations, sizeof(*figure));
    for (uint32_t m = 0; m < table->metric_count; m++) {
        struct study_quantity quantity;
        if (!point_metric_has_name(metric, table->metrics[m]) ||
            !study_quantity_read(table, table->metrics[m], &quantity))
            continue;
        columns++;
        for (uint32_t i = 0; i < combinations; i++)
            figure[i] += quantity.values[i];
        free(quantity.values);
    }
    for (uint32_t i = 0; i < combinations; i++)
        figure[i] = columns == 0 ? NAN : answer->total ? figure[i] : figure[i] / columns;
    return figure;
}

static void print_figure(const struct study *study, double value, struct text_buffer *out)
{
    static const char picoseconds[] = "_ps";
    const struct study_answer *answer = &study->answer;
    size_t length = strlen(answer->of), tail = sizeof(picoseconds) - 1;
    char text[AMOUNT_TEXT_SIZE];
    if (isnan(value))
        text_buffer_add(out, "no result");
    else if (!answer->unit && length > tail && strcmp(answer->of + length - tail, picoseconds) == 0)
        text_buffer_add(out, time_print(text, (uint64_t)llround(value)));
    else
        text_buffer_format(out, "%s%s%s", amount_print(text, (uint64_t)llround(value)),
                           answer->unit && value < 1000 ? " " : "", answer->unit ? answer->unit : "");
}

/* The values of the axes. @param named  with their names */
static void print_combination(const struct study *study, uint32_t combination, bool named,
                              struct text_buffer *out)
{
    for (uint32_t axis = 0; axis < study->axis_count; axis++) {
        uint32_t value = study_value_of(study, (uint64_t)combination * study->repeats, axis);
        text_buffer_add(out, axis ? ", " : "");
        if (named)
            text_buffer_format(out, "%s ", study->axes[axis].name);
        collected_value_print(study->axes[axis].values[value], out);
    }
}

static void print_all(const struct study *study, const double *figure, struct text_buffer *out)
{
    for (uint32_t i = 0; i < study->combination_count; i++) {
        text_buffer_add(out, i ? ", " : "");
        print_figure(study, figure[i], out);
        text_buffer_add(out, i ? " " : " with ");
        print_combination(study, i, i == 0, out);
    }
}

static bool is_within(const struct study_answer *answer, double value)
{
    return answer->asks == ANSWER_AT_MOST ? value <= (double)answer->bound : value >= (double)answer->bound;
}

static void print_bound(const struct study *study, const double *figure, struct text_buffer *out)
{
    const struct study_answer *answer = &study->answer;
    uint32_t first = study->combination_count;
    char text[AMOUNT_TEXT_SIZE];
    while (first > 0 && is_within(answer, figure[first - 1]))
        first--;
    if (answer->bound == 0 && answer->asks == ANSWER_AT_MOST)
        text_buffer_add(out, "none");
    else
        text_buffer_format(out, "%s %s", answer->asks == ANSWER_AT_MOST ? "at most" : "at least",
                           amount_print(text, answer->bound));
    if (first == study->combination_count) {
        text_buffer_add(out, " with no combination; ");
    } else {
        text_buffer_add(out, " from ");
        print_combination(study, first, true, out);
        text_buffer_add(out, " on");
    }
    if (first == 0)
        return;
    text_buffer_add(out, first == study->combination_count ? "" : "; ");
    print_figure(study, figure[first - 1], out);
    text_buffer_add(out, " at ");
    print_combination(study, first - 1, false, out);
}

bool study_sentence_print(const struct collected *table, struct text_buffer *out)
{
    const struct study *study = table->study;
    const struct study_answer *answer = &study->answer;
    if (!answer->of)
        return false;
    double *figure = read_figure(table);
    text_buffer_format(out, "%s: ", answer->words ? answer->words : answer->of);
    if (answer->asks == ANSWER_ALL)
        print_all(study, figure, out);
    else
        print_bound(study, figure, out);
    text_buffer_add(out, "\n");
    free(figure);
    return true;
}
