/* SPDX-License-Identifier: MIT */
/**
 * @file validation.h
 * Published curves beside simulated ones: tables of series of points, how far off they may be, and what is
 * said about them.
 */
#ifndef IOMMUSIM_TESTS_VALIDATION_H
#define IOMMUSIM_TESTS_VALIDATION_H

#include "sim/base/arena.h"
#include "sim/base/text_buffer.h"

#include <stdbool.h>
#include <stddef.h>

struct validation_point {
    double x;
    const char *label;           /**< of a point without an x (bars); else NULL */
    double published, simulated; /**< published NAN: not published, shown only */
    double tolerance;            /**< relative; 0: as the series says */
    const char *note;            /**< why it is off or treated apart; may be NULL */
};

/** A curve. Errors are relative: simulated / published - 1. */
struct validation_series {
    const char *name, *unit;
    double point_tolerance; /**< of each point without its own; 0: points are not held to one */
    double rms_tolerance;   /**< of the root mean square over points without their own; 0: not held to one */
    struct validation_point *points;
    size_t count, capacity;
};

/** One published table. */
struct validation_table {
    const char *id, *title, *x_name;
    const char *source;    /**< of the published values */
    const char *machine;   /**< topology and preset that were simulated */
    const char *tolerance; /**< in words, with the reason */
    bool logarithmic;      /**< the x axis of its plot */
    struct validation_series *series;
    size_t count, capacity;
};

/** Everything that was compared. Names and notes live in the arena; tables are freed by validation_free(). */
struct validation {
    struct arena *arena;
    struct validation_table *tables;
    size_t count, capacity;
};

/** Add an empty table or series; the pointer holds until the next is added. */
struct validation_table *validation_add_table(struct validation *validation, struct validation_table table);
struct validation_series *validation_add_series(struct validation_table *table,
                                                struct validation_series series);
void validation_add_point(struct validation_series *series, struct validation_point point);
void validation_free(struct validation *validation);

/** simulated / published - 1; 0 where nothing is published. */
double validation_error(const struct validation_point *point);

/** Root mean square of the errors of the points that count in it. */
double validation_rms(const struct validation_series *series);

/** Is a point, a series, a table within its tolerances? A series that has none always is. */
bool validation_point_passes(const struct validation_series *series, const struct validation_point *point);
bool validation_series_passes(const struct validation_series *series);
bool validation_table_passes(const struct validation_table *table);

/** Each point beside the published value, for the terminal. */
void validation_print(const struct validation_table *table, struct text_buffer *out);

/** The same as Markdown, all tables, with plots at @p plots/ID.svg. */
void validation_markdown(const struct validation *validation, const char *plots, struct text_buffer *out);

/** One SVG with a small plot for each series: published points as dots, simulated ones as a line. */
void validation_plot(const struct validation_table *table, struct text_buffer *out);

/* ---- the tables; each runs the engine. Published values stand in results/published/ ---- */

void table_link(struct validation *validation);        /**< P1 */
void table_link_sizes(struct validation *validation);  /**< P2 */
void table_device(struct validation *validation);      /**< P3 */
void table_read_window(struct validation *validation); /**< P4 */
void table_read_latency(struct validation *validation);
void table_three_numbers(struct validation *validation); /**< P5 */
void table_nic_flows(struct validation *validation);     /**< P6 */
void table_peer_copies(struct validation *validation);   /**< P7 */
void table_driver_costs(struct validation *validation);  /**< P8 */
void table_nested_guest(struct validation *validation);  /**< P8, of guests */
void table_nic_receive(struct validation *validation);   /**< P9 */
void table_tenants(struct validation *validation);       /**< H1 */

#endif
