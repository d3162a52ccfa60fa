/* SPDX-License-Identifier: MIT */
/**
 * @file explain_report.h
 * The life of requests as text, as JSON (`iommusim-explain/1`), and as trace events for a timeline.
 */
#ifndef IOMMUSIM_OUTPUT_EXPLAIN_REPORT_H
#define IOMMUSIM_OUTPUT_EXPLAIN_REPORT_H

#include "sim/base/text_buffer.h"
#include "sim/machine/simulation.h"

/** Each followed request, in the order of their ends: hop, rule, lookup, walk step, waiting, and the time of
 * each, which add up to its latency. */
void explain_text_write(const struct simulation *simulation, const struct request_trace *trace,
                        struct text_buffer *out);
void explain_json_write(const struct simulation *simulation, const struct request_trace *trace,
                        struct text_buffer *out);

/**
 * Trace events (the JSON of chrome://tracing, read by Perfetto): a process a stream, a row for each followed
 * operation that is under way at once, slices for the operation and its steps within. Times in microseconds.
 */
void timeline_write(const struct simulation *simulation, const struct request_trace *trace,
                    struct text_buffer *out);

/** Latencies of all streams together as an HdrHistogram percentile file (.hgrm), in nanoseconds. */
void histogram_hgrm_write(const struct simulation *simulation, struct text_buffer *out);

#endif
