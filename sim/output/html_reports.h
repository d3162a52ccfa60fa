/* SPDX-License-Identifier: MIT */
/**
 * @file html_reports.h
 * What a run, a regression or a study came to, as a page to read in a browser (html_page.h).
 */
#ifndef IOMMUSIM_OUTPUT_HTML_REPORTS_H
#define IOMMUSIM_OUTPUT_HTML_REPORTS_H

#include "sim/batch/collect.h"

#include <cjson/cJSON.h>

/** A run. @param result  an iommusim-result/1 document */
void html_report_run(const cJSON *result, struct text_buffer *out);

/** A regression. @param report  an iommusim-check-report/1 document */
void html_report_check(const cJSON *report, struct text_buffer *out);

/** A study: what is there and what failed, which axis matters, each metric over that axis, all combinations.
 */
void html_report_study(const struct collected *table, struct text_buffer *out);

#endif
