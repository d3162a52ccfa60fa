/* SPDX-License-Identifier: MIT */
/**
 * @file point_metrics.h
 * The figures a study keeps, out of result documents.
 */
#ifndef IOMMUSIM_BATCH_POINT_METRICS_H
#define IOMMUSIM_BATCH_POINT_METRICS_H

#include "sim/input/study.h"

/** Called for each figure found. @param value  JSON text: a number, a string, true, false or null */
typedef void metric_visitor(void *context, const char *name, const char *value);

/**
 * Find the figures of one result. Where a pointer has a "*", each element gives one, named after the
 * element's "name" (or its index) and the metric: "reads.p99_ps".
 * @param text  result document
 * @return false where the text is no JSON
 */
bool point_metrics_find(const struct study *study, const char *text, metric_visitor *visit, void *context);

/** May point_metrics_find() give a figure of @p metric this name: the metric's own, or one before it and a
 * "."? */
bool point_metric_has_name(const struct study_metric *metric, const char *name);

/**
 * Warn of metrics that found nothing in any result: a pointer that is misspelt is not to pass for a figure
 * that is always absent.
 * @param names  [count] of all figures that were found
 */
void point_metrics_report_empty(const struct study *study, const char *const *names, size_t count,
                                struct diagnostics *diagnostics);

/** Parts of the result document a study needs (bits as in struct scenario): those its metrics are in. */
unsigned point_metrics_sections(const struct study *study);

#endif
