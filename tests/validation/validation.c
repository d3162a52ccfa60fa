/* SPDX-License-Identifier: MIT */
#include "tests/validation/validation.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct validation_table *validation_add_table(struct validation *validation, struct validation_table table)
{
    validation->tables = memory_grow(validation->tables, validation->count, &validation->capacity,
                                     sizeof(*validation->tables));
    validation->tables[validation->count] = table;
    return &validation->tables[validation->count++];
}

struct validation_series *validation_add_series(struct validation_table *table,
                                                struct validation_series series)
{
    table->series = memory_grow(table->series, table->count, &table->capacity, sizeof(*table->series));
    table->series[table->count] = series;
    return &table->series[table->count++];
}

void validation_add_point(struct validation_series *series, struct validation_point point)
{
    series->points = memory_grow(series->points, series->count, &series->capacity, sizeof(*series->points));
    series->points[series->count++] = point;
}

void validation_free(struct validation *validation)
{
    for (size_t t = 0; t < validation->count; t++) {
        for (size_t s = 0; s < validation->tables[t].count; s++)
            free(validation->tables[t].series[s].points);
        free(validation->tables[t].series);
    }
    free(validation->tables);
    arena_free(validation->arena);
    *validation = (struct validation){0};
}

double validation_error(const struct validation_point *point)
{
    return isnan(point->published) ? 0 : point->simulated / point->published - 1;
}

static bool counts(const struct validation_point *point)
{
    return point->tolerance == 0 && !isnan(point->published);
}

double validation_rms(const struct validation_series *series)
{
    double squares = 0;
    size_t count = 0;
    for (size_t i = 0; i < series->count; i++) {
        double error = validation_error(&series->points[i]);
        if (!counts(&series->points[i]))
            continue;
        squares += error * error;
        count++;
    }
    return count ? sqrt(squares / (double)count) : 0;
}

bool validation_point_passes(const struct validation_series *series, const struct validation_point *point)
{
    double tolerance = point->tolerance > 0 ? point->tolerance : series->point_tolerance;
    return tolerance == 0 || fabs(validation_error(point)) <= tolerance;
}

bool validation_series_passes(const struct validation_series *series)
{
    for (size_t i = 0; i < series->count; i++) {
        if (!validation_point_passes(series, &series->points[i]))
            return false;
    }
    return series->rms_tolerance == 0 || validation_rms(series) <= series->rms_tolerance;
}

bool validation_table_passes(const struct validation_table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        if (!validation_series_passes(&table->series[i]))
            return false;
    }
    return true;
}

/* ---- words ---- */

/* "4 KiB", "16 MiB" for powers of two from 1 KiB up, else the plain number. */
static void print_x(char *text, size_t size, const struct validation_point *point)
{
    double x = point->x;
    if (point->label)
        snprintf(text, size, "%s", point->label);
    else if (x >= 1048576 && fmod(x, 524288) == 0)
        snprintf(text, size, "%g MiB", x / 1048576);
    else if (x >= 4096 && fmod(x, 1024) == 0)
        snprintf(text, size, "%g KiB", x / 1024);
    else
        snprintf(text, size, "%g", x);
}

static void print_series_end(const struct validation_series *series, struct text_buffer *out)
{
    double worst = 0;
    for (size_t i = 0; i < series->count; i++) {
        double error = fabs(validation_error(&series->points[i]));
        worst = error > worst ? error : worst;
    }
    text_buffer_format(out, "root mean square error %.1f %%", validation_rms(series) * 100);
    if (series->rms_tolerance > 0)
        text_buffer_format(out, " (at most %.1f %%)", series->rms_tolerance * 100);
    text_buffer_format(out, ", largest %.1f %%", worst * 100);
    if (series->point_tolerance > 0)
        text_buffer_format(out, " (at most %.1f %%)", series->point_tolerance * 100);
    if (series->rms_tolerance == 0 && series->point_tolerance == 0)
        text_buffer_add(out, "; shown, not scored");
}

void validation_print(const struct validation_table *table, struct text_buffer *out)
{
    char x[48];
    text_buffer_format(out, "%s  %s  [%s]\n", table->id, table->title,
                       validation_table_passes(table) ? "within tolerance" : "OUTSIDE");
    for (size_t s = 0; s < table->count; s++) {
        const struct validation_series *series = &table->series[s];
        text_buffer_format(out, "  %s, %s\n    %14s %12s %12s %9s\n", series->name, series->unit,
                           table->x_name, "published", "simulated", "error");
        for (size_t i = 0; i < series->count; i++) {
            const struct validation_point *point = &series->points[i];
            print_x(x, sizeof(x), point);
            if (isnan(point->published))
                text_buffer_format(out, "    %14s %12s %12.2f\n", x, "-", point->simulated);
            else
                text_buffer_format(out, "    %14s %12.2f %12.2f %+8.1f%%%s%s%s\n", x, point->published,
                                   point->simulated, validation_error(point) * 100,
                                   validation_point_passes(series, point) ? "" : "  OUTSIDE",
                                   point->note ? "  " : "", point->note ? point->note : "");
        }
        text_buffer_add(out, "    ");
        print_series_end(series, out);
        text_buffer_add(out, validation_series_passes(series) ? "\n" : "  OUTSIDE\n");
    }
}

static void markdown_series(const struct validation_table *table, const struct validation_series *series,
                            struct text_buffer *out)
{
    char x[48];
    text_buffer_format(out, "\n**%s** (%s): ", series->name, series->unit);
    print_series_end(series, out);
    text_buffer_format(out, "%s\n\n| %s | published | simulated | error | |\n|---:|---:|---:|---:|---|\n",
                       validation_series_passes(series) ? "" : ", **outside**", table->x_name);
    for (size_t i = 0; i < series->count; i++) {
        const struct validation_point *point = &series->points[i];
        print_x(x, sizeof(x), point);
        text_buffer_format(out, "| %s | ", x);
        if (isnan(point->published))
            text_buffer_format(out, "- | %.2f | ", point->simulated);
        else
            text_buffer_format(out, "%.2f | %.2f | %+.1f %%", point->published, point->simulated,
                               validation_error(point) * 100);
        text_buffer_format(out, " | %s%s |\n", validation_point_passes(series, point) ? "" : "**outside** ",
                           point->note ? point->note : "");
    }
}

/* Points with a tolerance of their own are not in the root mean square. @return their number; *worst: the
 * largest error among them and those before */
static size_t points_apart(const struct validation_series *series, double *worst)
{
    size_t count = 0;
    for (size_t i = 0; i < series->count; i++) {
        const struct validation_point *point = &series->points[i];
        if (point->tolerance <= 0 || isnan(point->published))
            continue;
        *worst = fmax(*worst, fabs(validation_error(point)));
        count++;
    }
    return count;
}

void validation_markdown(const struct validation *validation, const char *plots, struct text_buffer *out)
{
    text_buffer_add(
        out, "# Published measurements and the simulator\n\n"
             "Written by `make validate`, which fails where a point is outside its tolerance. "
             "The published values stand in `published/` with their sources; the parameters of "
             "the hosts in `topologies/presets/`: one preset serves all tables of its host.\n\n"
             "| table | what | largest rms error | points held to wider bounds, with a reason: how many, "
             "the worst | |\n|---|---|---:|---:|---|\n");
    for (size_t t = 0; t < validation->count; t++) {
        const struct validation_table *table = &validation->tables[t];
        double rms = 0, worst = 0;
        size_t apart = 0;
        for (size_t s = 0; s < table->count; s++) {
            if (table->series[s].rms_tolerance > 0 || table->series[s].point_tolerance > 0)
                rms = fmax(rms, validation_rms(&table->series[s]));
            apart += points_apart(&table->series[s], &worst);
        }
        text_buffer_format(out, "| %s | %s | %.1f %% | ", table->id, table->title, rms * 100);
        if (apart)
            text_buffer_format(out, "%zu, %.0f %%", apart, worst * 100);
        text_buffer_format(out, " | %s |\n",
                           validation_table_passes(table) ? "within tolerance" : "**outside**");
    }
    for (size_t t = 0; t < validation->count; t++) {
        const struct validation_table *table = &validation->tables[t];
        text_buffer_format(out,
                           "\n## %s: %s\n\nPublished: %s.  \nSimulated: %s.  \nTolerance: %s.\n\n"
                           "![%s](%s/%s.svg)\n",
                           table->id, table->title, table->source, table->machine, table->tolerance,
                           table->title, plots, table->id);
        for (size_t s = 0; s < table->count; s++)
            markdown_series(table, &table->series[s], out);
    }
}
