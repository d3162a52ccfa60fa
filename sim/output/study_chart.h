/* SPDX-License-Identifier: MIT */
/**
 * @file study_chart.h
 * One quantity of a study over another as a chart: means over repeats.
 */
#ifndef IOMMUSIM_OUTPUT_STUDY_CHART_H
#define IOMMUSIM_OUTPUT_STUDY_CHART_H

#include "sim/batch/study_answers.h"
#include "sim/output/chart_svg.h"

enum { STUDY_CHART_SERIES_MAX = 24 };

struct study_chart {
    struct arena *arena;
    struct chart chart;
    struct chart_series series[STUDY_CHART_SERIES_MAX];
};

/**
 * Make a chart.
 * @param x, y  quantities of the table, and whether more of them is better; borrowed only for the call
 * @param by    axis with at most STUDY_CHART_SERIES_MAX values, each of which gets a line; UINT32_MAX: none,
 *              points instead, and a line through those that no other beats
 * @param made  filled; free with study_chart_fini(); valid as long as the table and the names of x and y
 */
void study_chart_make(const struct collected *table, const struct study_goal *x, const struct study_goal *y,
                      uint32_t by, struct study_chart *made);
void study_chart_fini(struct study_chart *made);

#endif
