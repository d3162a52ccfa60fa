/* SPDX-License-Identifier: MIT */
#include "sim/output/study_chart.h"

#include "sim/base/arena.h"

#include <math.h>
#include <stdlib.h>

struct quantities {
    const struct collected *table;
    const struct study_goal *x, *y;
};

static int by_x(const void *left, const void *right)
{
    const struct chart_point *a = left, *b = right;
    return a->x != b->x ? (a->x > b->x) - (a->x < b->x) : (a->y > b->y) - (a->y < b->y);
}

/* Combinations with value @p value of axis @p axis; UINT32_MAX: all. Others' values are all in it. */
static void add_series(struct study_chart *made, const struct quantities *of, const char *name, uint32_t axis,
                       uint32_t value)
{
    const struct study *study = of->table->study;
    struct chart_series *series = &made->series[made->chart.count++];
    *series = (struct chart_series){.name = name};
    series->points = arena_array(made->arena, study->combination_count, sizeof(*series->points));
    for (uint32_t i = 0; i < study->combination_count; i++) {
        if ((axis != UINT32_MAX && study_value_of(study, (uint64_t)i * study->repeats, axis) != value) ||
            isnan(of->x->quantity.values[i]) || isnan(of->y->quantity.values[i]))
            continue;
        series->points[series->count++] =
            (struct chart_point){of->x->quantity.values[i], of->y->quantity.values[i]};
    }
    qsort(series->points, series->count, sizeof(*series->points), by_x);
}

/* The points that none beats, of all: with the sign turned where more is better, less is. */
static void add_front(struct study_chart *made, const struct quantities *of)
{
    const struct chart_series *all = &made->series[0];
    struct chart_series *front = &made->series[made->chart.count++];
    const int x = of->x->maximise ? -1 : 1, y = of->y->maximise ? -1 : 1;
    double lowest = INFINITY;
    *front = (struct chart_series){.name = "nothing beats these"};
    front->points = arena_array(made->arena, all->count, sizeof(*front->points));
    for (size_t i = 0; i < all->count; i++)
        front->points[i] = (struct chart_point){x * all->points[i].x, y * all->points[i].y};
    qsort(front->points, all->count, sizeof(*front->points), by_x);
    for (size_t i = 0; i < all->count; i++) {
        if (front->points[i].y >= lowest)
            continue;
        lowest = front->points[i].y;
        front->points[front->count++] = front->points[i];
    }
    for (size_t i = 0; i < front->count; i++)
        front->points[i] = (struct chart_point){x * front->points[i].x, y * front->points[i].y};
    qsort(front->points, front->count, sizeof(*front->points), by_x);
}

void study_chart_make(const struct collected *table, const struct study_goal *x, const struct study_goal *y,
                      uint32_t by, struct study_chart *made)
{
    const struct study *study = table->study;
    const struct quantities of = {table, x, y};
    *made = (struct study_chart){.arena = arena_new()};
    made->chart = (struct chart){study->name ? study->name : "study", x->quantity.name, y->quantity.name,
                                 made->series, 0};
    if (by == UINT32_MAX) {
        add_series(made, &of, "combinations", UINT32_MAX, 0);
        made->series[0].marks_only = true;
        add_front(made, &of);
        return;
    }
    for (uint32_t value = 0; value < study->axes[by].value_count && value < STUDY_CHART_SERIES_MAX; value++) {
        struct text_buffer text = {0};
        collected_value_print(study->axes[by].values[value], &text);
        add_series(made, &of,
                   arena_format(made->arena, "%s %s", study->axes[by].name, text_buffer_get(&text)), by,
                   value);
        text_buffer_fini(&text);
    }
}

void study_chart_fini(struct study_chart *made)
{
    arena_free(made->arena);
    *made = (struct study_chart){0};
}
