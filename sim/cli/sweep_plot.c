/* SPDX-License-Identifier: MIT */
/* iommusim sweep plot: a figure over an axis as SVG, gnuplot's data beside it. */
#include "sim/base/arena.h"
#include "sim/base/status.h"
#include "sim/batch/study_answers.h"
#include "sim/cli/sweep_words.h"
#include "sim/output/chart_svg.h"
#include "sim/output/output_file.h"

#include <argp.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_BAD_INPUT = 2, ERRORS_SHOWN = 20, SERIES_MAX = 24 };
enum { OPTION_X = 256, OPTION_Y, OPTION_BY };

struct plot_choice {
    const char *folder, *x, *y, *by, *output;
};

static const struct argp_option options[] = {
    {"x", OPTION_X, "NAME", 0, "Across: an axis or a metric", 0},
    {"y", OPTION_Y, "NAME", 0, "Up: a metric or an axis", 0},
    {"by", OPTION_BY, "AXIS", 0,
     "A line for each value of this axis; without: points, and a line where nothing "
     "beats them (less x, less y)",
     0},
    {"output", 'o', "FILE", 0, "The picture, FILE.svg; its numbers go to FILE.dat", 0},
    {0},
};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct plot_choice *chosen = state->input;
    switch (key) {
    case OPTION_X:
        chosen->x = text;
        return 0;
    case OPTION_Y:
        chosen->y = text;
        return 0;
    case OPTION_BY:
        chosen->by = text;
        return 0;
    case 'o':
        chosen->output = text;
        return 0;
    case ARGP_KEY_ARG:
        if (chosen->folder)
            argp_error(state, "one FOLDER only, not also '%s'", text);
        chosen->folder = text;
        return 0;
    case ARGP_KEY_END:
        if (!chosen->folder || !chosen->x || !chosen->y || !chosen->output)
            argp_error(state, "FOLDER, --x, --y and -o are needed");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

struct picture {
    struct arena *arena;
    const struct collected *table;
    struct study_quantity x, y;
    struct chart_series series[SERIES_MAX];
    size_t count;
};

static int by_x(const void *left, const void *right)
{
    const struct chart_point *a = left, *b = right;
    return a->x != b->x ? (a->x > b->x) - (a->x < b->x) : (a->y > b->y) - (a->y < b->y);
}

/* Combinations with value @p value of axis @p axis; UINT32_MAX: all. Others' values are all in it. */
static void add_series(struct picture *picture, const char *name, uint32_t axis, uint32_t value)
{
    const struct study *study = picture->table->study;
    struct chart_series *series = &picture->series[picture->count++];
    *series = (struct chart_series){.name = name};
    series->points = arena_array(picture->arena, study->combination_count, sizeof(*series->points));
    for (uint32_t i = 0; i < study->combination_count; i++) {
        if ((axis != UINT32_MAX && study_value_of(study, (uint64_t)i * study->repeats, axis) != value) ||
            isnan(picture->x.values[i]) || isnan(picture->y.values[i]))
            continue;
        series->points[series->count++] = (struct chart_point){picture->x.values[i], picture->y.values[i]};
    }
    qsort(series->points, series->count, sizeof(*series->points), by_x);
}

/* The points that none beats, of all. */
static void add_front(struct picture *picture)
{
    const struct chart_series *all = &picture->series[0];
    struct chart_series *front = &picture->series[picture->count++];
    double lowest = INFINITY;
    *front = (struct chart_series){.name = "nothing beats these"};
    front->points = arena_array(picture->arena, all->count, sizeof(*front->points));
    for (size_t i = 0; i < all->count; i++) {
        if (all->points[i].y >= lowest)
            continue;
        lowest = all->points[i].y;
        front->points[front->count++] = all->points[i];
    }
}

static int add_all(struct picture *picture, const char *by)
{
    const struct study *study = picture->table->study;
    uint32_t axis = 0;
    if (!by) {
        add_series(picture, "combinations", UINT32_MAX, 0);
        picture->series[0].marks_only = true;
        add_front(picture);
        return STATUS_OK;
    }
    while (axis < study->axis_count && strcmp(study->axes[axis].name, by) != 0)
        axis++;
    if (axis == study->axis_count || study->axes[axis].value_count > SERIES_MAX) {
        fprintf(stderr, "iommusim sweep plot: error: '%s' is no axis with at most %d values\n", by,
                SERIES_MAX);
        return STATUS_BAD_USAGE;
    }
    for (uint32_t value = 0; value < study->axes[axis].value_count; value++) {
        struct text_buffer text = {0};
        collected_value_print(study->axes[axis].values[value], &text);
        add_series(picture, arena_format(picture->arena, "%s %s", by, text_buffer_get(&text)), axis, value);
        text_buffer_fini(&text);
    }
    return STATUS_OK;
}

static int write_both(const struct chart *chart, const char *output, struct diagnostics *diagnostics)
{
    struct text_buffer picture = {0}, data = {0}, path = {0};
    size_t length = strlen(output);
    if (length > 4 && strcmp(output + length - 4, ".svg") == 0)
        length -= 4;
    chart_svg_write(chart, &picture);
    chart_data_write(chart, &data);
    text_buffer_format(&path, "%.*s.svg", (int)length, output);
    int status = output_file_write(path.text, picture.text, picture.length, diagnostics);
    text_buffer_fini(&path);
    text_buffer_format(&path, "%.*s.dat", (int)length, output);
    if (status == STATUS_OK)
        status = output_file_write(path.text, data.text, data.length, diagnostics);
    text_buffer_fini(&path);
    text_buffer_fini(&picture);
    text_buffer_fini(&data);
    return status;
}

static int draw(const struct collected *table, const struct plot_choice *chosen,
                struct diagnostics *diagnostics)
{
    struct picture picture = {.arena = arena_new(), .table = table};
    int status = STATUS_BAD_USAGE;
    if (sweep_find_quantity(table, chosen->x, &picture.x) &&
        sweep_find_quantity(table, chosen->y, &picture.y))
        status = add_all(&picture, chosen->by);
    if (status == STATUS_OK) {
        const struct chart chart = {table->study->name ? table->study->name : "study", chosen->x, chosen->y,
                                    picture.series, picture.count};
        status = write_both(&chart, chosen->output, diagnostics);
    }
    free(picture.x.values);
    free(picture.y.values);
    arena_free(picture.arena);
    return status;
}

int sweep_plot_word(int argc, char **argv)
{
    struct plot_choice chosen = {0};
    struct argp argp = {options, parse_option, "FOLDER", "Draw a study: means over repeats.",
                        NULL,    NULL,         NULL};
    struct sweep sweep = {.lock = -1};
    struct collected table;
    argp_err_exit_status = EXIT_BAD_INPUT;
    argp_parse(&argp, argc, argv, 0, NULL, &chosen);
    struct diagnostics *diagnostics = diagnostics_new(ERRORS_SHOWN);
    int status = sweep_open(&sweep, chosen.folder, NULL, false, diagnostics);
    if (status == STATUS_OK)
        status = collect(&sweep, &table, diagnostics);
    if (status == STATUS_OK) {
        status = draw(&table, &chosen, diagnostics);
        collected_free(&table);
    }
    sweep_close(&sweep);
    diagnostics_print(diagnostics, stderr);
    diagnostics_free(diagnostics);
    return status_exit_code(status);
}
