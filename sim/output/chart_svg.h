/* SPDX-License-Identifier: MIT */
/**
 * @file chart_svg.h
 * A chart of points and lines as SVG, and its numbers as a table for gnuplot.
 */
#ifndef IOMMUSIM_OUTPUT_CHART_SVG_H
#define IOMMUSIM_OUTPUT_CHART_SVG_H

#include "sim/base/text_buffer.h"

#include <stdbool.h>

struct chart_point {
    double x, y;
};

/** A line with a mark at each point. */
struct chart_series {
    const char *name; /**< in the legend; NULL: it has none */
    struct chart_point *points;
    size_t count;
    bool marks_only; /**< no line between the points */
};

struct chart {
    const char *title, *x_name, *y_name;
    const struct chart_series *series;
    size_t count;
};

/** Append the picture. An axis whose values are all above 0 and span more than a factor of 50 is logarithmic.
 * Series differ in colour and in the shape of their marks. */
void chart_svg_write(const struct chart *chart, struct text_buffer *out);

/** Append the numbers: a block a series, blocks parted by two empty lines (gnuplot's index). */
void chart_data_write(const struct chart *chart, struct text_buffer *out);

#endif
