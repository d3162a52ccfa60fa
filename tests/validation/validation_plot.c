/* SPDX-License-Identifier: MIT */
/* Plots as SVG: one panel a series, two panels a row. */
#include "tests/validation/validation.h"

#include <math.h>

enum {
    PANEL_WIDTH = 380,
    PANEL_HEIGHT = 230,
    LEFT = 52,
    RIGHT = 14,
    TOP = 30,
    BOTTOM = 36,
    Y_STEPS = 4,
    X_LABELS = 6
};

/* Where the values of a series lie. */
struct axes {
    double x_low, x_high, y_high;
    bool logarithmic;
};

static double x_of(const struct axes *axes, double x)
{
    return axes->logarithmic ? log2(x) : x;
}

/* 1, 2, 2.5 or 5 times a power of ten, at least y. */
static double round_up(double y)
{
    static const double steps[] = {1, 2, 2.5, 5, 10};
    double power = pow(10, floor(log10(y > 0 ? y : 1)));
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        if (steps[i] * power >= y)
            return steps[i] * power;
    }
    return y;
}

static bool is_bars(const struct validation_series *series)
{
    return series->count && series->points[0].label;
}

static struct axes make_axes(const struct validation_table *table, const struct validation_series *series)
{
    struct axes axes = {.x_low = INFINITY, .x_high = -INFINITY, .logarithmic = table->logarithmic};
    bool bars = is_bars(series);
    axes.logarithmic &= !bars;
    for (size_t i = 0; i < series->count; i++) {
        const struct validation_point *point = &series->points[i];
        double x = bars ? (double)i : x_of(&axes, point->x);
        axes.x_low = fmin(axes.x_low, x);
        axes.x_high = fmax(axes.x_high, x);
        axes.y_high = fmax(axes.y_high, point->simulated);
        axes.y_high = isnan(point->published) ? axes.y_high : fmax(axes.y_high, point->published);
    }
    axes.x_high = axes.x_high > axes.x_low ? axes.x_high : axes.x_low + 1;
    axes.y_high = round_up(axes.y_high);
    return axes;
}

static double pixel_x(const struct axes *axes, double x)
{
    return LEFT + (x - axes->x_low) / (axes->x_high - axes->x_low) * (PANEL_WIDTH - LEFT - RIGHT);
}

static double pixel_y(const struct axes *axes, double y)
{
    return PANEL_HEIGHT - BOTTOM - y / axes->y_high * (PANEL_HEIGHT - TOP - BOTTOM);
}

static void short_number(struct text_buffer *out, double x)
{
    if (x >= 1048576 && fmod(x, 1048576) == 0)
        text_buffer_format(out, "%gM", x / 1048576);
    else if (x >= 4096 && fmod(x, 1024) == 0)
        text_buffer_format(out, "%gK", x / 1024);
    else
        text_buffer_format(out, "%g", x);
}

static double place(const struct axes *axes, const struct validation_series *series, size_t i)
{
    return pixel_x(axes, is_bars(series) ? (double)i : x_of(axes, series->points[i].x));
}

static void draw_axes(const struct validation_table *table, const struct validation_series *series,
                      const struct axes *axes, struct text_buffer *out)
{
    for (int i = 0; i <= Y_STEPS; i++) {
        double y = axes->y_high * i / Y_STEPS;
        text_buffer_format(out,
                           "<path class=\"grid\" d=\"M%d %.1fH%d\"/><text x=\"%d\" y=\"%.1f\" "
                           "text-anchor=\"end\">%g</text>\n",
                           LEFT, pixel_y(axes, y), PANEL_WIDTH - RIGHT, LEFT - 5, pixel_y(axes, y) + 4, y);
    }
    size_t step = (series->count + X_LABELS - 1) / X_LABELS;
    for (size_t i = 0; i < series->count; i += step ? step : 1) {
        text_buffer_format(out, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">", place(axes, series, i),
                           PANEL_HEIGHT - BOTTOM + 15);
        if (series->points[i].label)
            text_buffer_add(out, series->points[i].label);
        else
            short_number(out, series->points[i].x);
        text_buffer_add(out, "</text>\n");
    }
    text_buffer_format(out,
                       "<text x=\"%d\" y=\"18\" class=\"title\">%s (%s)</text>\n"
                       "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>\n",
                       LEFT, series->name, series->unit, PANEL_WIDTH - RIGHT, PANEL_HEIGHT - 6,
                       table->x_name);
}

static void draw_values(const struct validation_series *series, const struct axes *axes,
                        struct text_buffer *out)
{
    text_buffer_add(out, "<path class=\"simulated\" d=\"");
    for (size_t i = 0; i < series->count; i++)
        text_buffer_format(out, "%c%.1f %.1f", i ? 'L' : 'M', place(axes, series, i),
                           pixel_y(axes, series->points[i].simulated));
    text_buffer_add(out, "\"/>\n");
    for (size_t i = 0; i < series->count; i++) {
        if (!isnan(series->points[i].published))
            text_buffer_format(out, "<circle class=\"published\" cx=\"%.1f\" cy=\"%.1f\" r=\"3\"/>\n",
                               place(axes, series, i), pixel_y(axes, series->points[i].published));
    }
}

void validation_plot(const struct validation_table *table, struct text_buffer *out)
{
    size_t rows = (table->count + 1) / 2;
    text_buffer_format(out,
                       "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%zu\" "
                       "font-family=\"sans-serif\" font-size=\"11\">\n"
                       "<style>.grid{stroke:#ddd;fill:none}.title{font-size:12px;font-weight:bold}"
                       ".simulated{stroke:#1668b0;stroke-width:1.5;fill:none}"
                       ".published{fill:#d03b2c}</style>\n"
                       "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n"
                       "<circle class=\"published\" cx=\"12\" cy=\"12\" r=\"3\"/><text x=\"20\" y=\"16\">"
                       "published</text><path class=\"simulated\" d=\"M90 12h20\"/><text x=\"114\" y=\"16\">"
                       "simulated</text>\n",
                       2 * PANEL_WIDTH, rows * PANEL_HEIGHT + 24);
    for (size_t s = 0; s < table->count; s++) {
        struct axes axes = make_axes(table, &table->series[s]);
        text_buffer_format(out, "<g transform=\"translate(%zu %zu)\">\n", s % 2 * PANEL_WIDTH,
                           s / 2 * PANEL_HEIGHT + 24);
        draw_axes(table, &table->series[s], &axes, out);
        draw_values(&table->series[s], &axes, out);
        text_buffer_add(out, "</g>\n");
    }
    text_buffer_add(out, "</svg>\n");
}
