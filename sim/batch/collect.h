/* SPDX-License-Identifier: MIT */
/**
 * @file collect.h
 * All points of a sweep as one table: a pure function of the study and the results in its folder. The same
 * results give the same bytes, in whatever order and by whatever engine they were computed.
 */
#ifndef IOMMUSIM_BATCH_COLLECT_H
#define IOMMUSIM_BATCH_COLLECT_H

#include "sim/batch/sweep.h"

struct arena;

struct collected_point {
    char key[POINT_KEY_SIZE];
    enum stored_state state;
    uint64_t seed;
    const char *reason;  /**< of a failure, first line; else NULL */
    const char **values; /**< [metric_count of the table], JSON texts; NULL: not in this result */
};

struct collected {
    struct arena *arena;
    const struct study *study;
    const char **metrics; /**< [metric_count] names, in order of first occurrence */
    uint32_t metric_count;
    size_t metric_capacity;
    struct collected_point *points; /**< [study_points()] */
    uint64_t missing, failed, damaged;
};

/**
 * Read all results.
 * @return 0, or as sweep_point(); free with collected_free() on success
 */
int collect(struct sweep *sweep, struct collected *table, struct diagnostics *diagnostics);
void collected_free(struct collected *table);

/** Number of a metric, or UINT32_MAX. */
uint32_t collected_metric(const struct collected *table, const char *name);

/** "done", "failed" or "missing". */
const char *collected_state_name(enum stored_state state);

/** Text of an axis value as a table shows it: strings without quotes. @param out appended to */
void collected_value_print(const char *json, struct text_buffer *out);

/** Comma-separated values (RFC 4180), a line of names first. */
void collected_write_csv(const struct collected *table, struct text_buffer *out);

/** One JSON object a line: point, key, repeat, seed, state, parameters, metrics. */
void collected_write_ndjson(const struct collected *table, struct text_buffer *out);

/**
 * A new SQLite database: tables study, points, parameters, metrics; views results (a row a point, a column an
 * axis and a metric) and means (over repeats).
 * @return 0, STATUS_FILE_OPEN or STATUS_FILE_WRITE after a diagnostic; a file that was there is replaced
 * whole
 */
int collected_write_sqlite(const struct collected *table, const char *path, struct diagnostics *diagnostics);

#endif
