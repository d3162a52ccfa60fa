/* SPDX-License-Identifier: MIT */
#include "sim/output/chart_svg.h"

#include "sim/output/xml_text.h"

#include <math.h>

enum {
    WIDTH = 640,
    HEIGHT = 400,
    LEFT = 74,
    RIGHT = 150, /* the legend */
    TOP = 34,
    BOTTOM = 46,
    TICKS = 5,
    TICKS_MAX = 12,
    DECADES_DIVIDED = 3, /* fewer have ticks at 2 and 5, too */
    LEGEND_STEP = 18,
};

static const double LOGARITHMIC_FROM = 50; /* largest over smallest */

/* Okabe and Ito's colours, which colour-blind eyes tell apart. */
static const char *const colours[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                      "#56b4e9", "#e69f00", "#000000", "#999999"};
enum { COLOURS = sizeof(colours) / sizeof(colours[0]), SHAPES = 4 };

struct axis {
    double low, high; /* of the values, or of their logarithms */
    bool logarithmic;
};

static struct axis find_axis(const struct chart *chart, bool vertical)
{
    struct axis axis = {INFINITY, -INFINITY, false};
    for (size_t s = 0; s < chart->count; s++) {
        for (size_t i = 0; i < chart->series[s].count; i++) {
            double value = vertical ? chart->series[s].points[i].y : chart->series[s].points[i].x;
            axis.low = fmin(axis.low, value);
            axis.high = fmax(axis.high, value);
        }
    }
    axis.logarithmic = axis.low > 0 && axis.high / axis.low > LOGARITHMIC_FROM;
    if (axis.logarithmic) {
        axis.low = log10(axis.low);
        axis.high = log10(axis.high);
    } else if (axis.low > 0) {
        axis.low = 0;
    }
    if (!(axis.high > axis.low)) { /* one value, or none */
        axis.low = isfinite(axis.low) ? axis.low : 0;
        axis.high = axis.low + 1;
    }
    return axis;
}

static double share(const struct axis *axis, double value)
{
    return ((axis->logarithmic ? log10(value) : value) - axis->low) / (axis->high - axis->low);
}

static double pixel_x(const struct axis *axis, double value)
{
    return LEFT + share(axis, value) * (WIDTH - LEFT - RIGHT);
}

static double pixel_y(const struct axis *axis, double value)
{
    return HEIGHT - BOTTOM - share(axis, value) * (HEIGHT - TOP - BOTTOM);
}

/* 1250000 as "1.25M" */
static void add_number(struct text_buffer *out, double value)
{
    static const struct {
        double from;
        const char *letter;
    } prefixes[] = {{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}};
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        if (fabs(value) >= prefixes[i].from) {
            text_buffer_format(out, "%.3g%s", value / prefixes[i].from, prefixes[i].letter);
            return;
        }
    }
    text_buffer_format(out, "%.3g", value);
}

/* Values an axis is divided at: whole decades with 2 and 5 between them where there are few, or steps of 1, 2
 * or 5. @return how many, at most TICKS_MAX */
static size_t choose_ticks(const struct axis *axis, double ticks[TICKS_MAX])
{
    static const double within[] = {1, 2, 5};
    double span = axis->high - axis->low, slack = span * 1e-9;
    size_t count = 0;
    if (axis->logarithmic) {
        unsigned each = span < DECADES_DIVIDED ? 3 : 1;
        int stride = (int)ceil(span / ((double)TICKS_MAX / 2)), last = (int)floor(axis->high + slack);
        for (int decade = (int)floor(axis->low); decade <= last; decade += stride)
            for (unsigned i = 0; i < each && count < TICKS_MAX; i++) {
                double at = decade + log10(within[i]);
                if (at >= axis->low - slack && at <= axis->high + slack)
                    ticks[count++] = pow(10, decade) * within[i];
            }
        return count;
    }
    double decade = pow(10, floor(log10(span / TICKS))), step = 10 * decade;
    for (size_t i = sizeof(within) / sizeof(within[0]); i-- > 0;)
        if (within[i] * decade >= span / TICKS)
            step = within[i] * decade;
    double first = ceil((axis->low - slack) / step);
    while (count < TICKS_MAX && (first + (double)count) * step <= axis->high + slack) {
        ticks[count] = (first + (double)count) * step + 0.0; /* no -0 */
        count++;
    }
    return count;
}

static void draw_ticks(const struct axis *x, const struct axis *y, struct text_buffer *out)
{
    double ticks[TICKS_MAX];
    size_t count = choose_ticks(x, ticks);
    for (size_t i = 0; i < count; i++) {
        double left = pixel_x(x, ticks[i]);
        text_buffer_format(out, "<path class=\"grid\" d=\"M%.1f %dV%d\"/>", left, HEIGHT - BOTTOM, TOP);
        text_buffer_format(out, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">", left,
                           HEIGHT - BOTTOM + 16);
        add_number(out, ticks[i]);
        text_buffer_add(out, "</text>\n");
    }
    count = choose_ticks(y, ticks);
    for (size_t i = 0; i < count; i++) {
        double top = pixel_y(y, ticks[i]);
        text_buffer_format(out, "<path class=\"grid\" d=\"M%d %.1fH%d\"/>", LEFT, top, WIDTH - RIGHT);
        text_buffer_format(out, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">", LEFT - 6, top + 4);
        add_number(out, ticks[i]);
        text_buffer_add(out, "</text>\n");
    }
}

static void draw_mark(size_t shape, double x, double y, const char *colour, struct text_buffer *out)
{
    static const char *const outlines[SHAPES] = {
        "m-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0 -7 0z", /* circle */
        "m-3.5 -3.5h7v7h-7z",                            /* square */
        "m0 -4l4 7h-8z",                                 /* triangle */
        "m0 -4.5l4.5 4.5l-4.5 4.5l-4.5 -4.5z",           /* diamond */
    };
    text_buffer_format(out, "<path d=\"M%.1f %.1f%s\" fill=\"%s\"/>", x, y, outlines[shape % SHAPES], colour);
}

static void draw_series(const struct chart *chart, size_t number, const struct axis *x, const struct axis *y,
                        struct text_buffer *out)
{
    const struct chart_series *series = &chart->series[number];
    const char *colour = colours[number % COLOURS];
    if (!series->marks_only && series->count > 1) {
        text_buffer_add(out, "<path class=\"line\" d=\"");
        for (size_t i = 0; i < series->count; i++)
            text_buffer_format(out, "%c%.1f %.1f", i ? 'L' : 'M', pixel_x(x, series->points[i].x),
                               pixel_y(y, series->points[i].y));
        text_buffer_format(out, "\" stroke=\"%s\"/>\n", colour);
    }
    for (size_t i = 0; i < series->count; i++)
        draw_mark(number, pixel_x(x, series->points[i].x), pixel_y(y, series->points[i].y), colour, out);
    if (series->name) {
        double top = TOP + 8 + (double)(number * LEGEND_STEP);
        text_buffer_add(out, "\n");
        draw_mark(number, WIDTH - RIGHT + 16, top, colour, out);
        text_buffer_format(out, "<text x=\"%d\" y=\"%.1f\">", WIDTH - RIGHT + 26, top + 4);
        xml_text_add(out, series->name);
        text_buffer_add(out, "</text>");
    }
    text_buffer_add(out, "\n");
}

void chart_svg_write(const struct chart *chart, struct text_buffer *out)
{
    struct axis x = find_axis(chart, false), y = find_axis(chart, true);
    text_buffer_format(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" font-family=\"sans-serif\" "
        "font-size=\"11\">\n<style>.grid{stroke:#ddd;fill:none}.line{stroke-width:1.5;fill:none}"
        "</style>\n<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n"
        "<text x=\"%d\" y=\"20\" font-size=\"13\" font-weight=\"bold\">",
        WIDTH, HEIGHT, LEFT);
    xml_text_add(out, chart->title);
    text_buffer_add(out, "</text>\n");
    draw_ticks(&x, &y, out);
    text_buffer_format(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">", (LEFT + WIDTH - RIGHT) / 2,
                       HEIGHT - 10);
    xml_text_add(out, chart->x_name);
    text_buffer_format(out, "</text><text transform=\"translate(16 %d) rotate(-90)\" text-anchor=\"middle\">",
                       (TOP + HEIGHT - BOTTOM) / 2);
    xml_text_add(out, chart->y_name);
    text_buffer_add(out, "</text>\n");
    for (size_t i = 0; i < chart->count; i++)
        draw_series(chart, i, &x, &y, out);
    text_buffer_add(out, "</svg>\n");
}

void chart_data_write(const struct chart *chart, struct text_buffer *out)
{
    text_buffer_format(out, "# %s\n# %s\t%s\n", chart->title, chart->x_name, chart->y_name);
    for (size_t s = 0; s < chart->count; s++) {
        text_buffer_format(out, "%s# %s\n", s ? "\n\n" : "",
                           chart->series[s].name ? chart->series[s].name : "");
        for (size_t i = 0; i < chart->series[s].count; i++)
            text_buffer_format(out, "%.10g\t%.10g\n", chart->series[s].points[i].x,
                               chart->series[s].points[i].y);
    }
}
