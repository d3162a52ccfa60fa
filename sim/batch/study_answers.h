/* SPDX-License-Identifier: MIT */
/**
 * @file study_answers.h
 * What a what-if study asks of its table: which combinations nothing else beats, which is best, what matters.
 *
 * All work on means over the repeats of a combination; combinations with a repeat that is missing or has
 * failed are left out, and counted. A quantity is a metric or an axis; an axis's values count as numbers,
 * those with a unit ("64KiB", "330ns") by their amount in base units.
 */
#ifndef IOMMUSIM_BATCH_STUDY_ANSWERS_H
#define IOMMUSIM_BATCH_STUDY_ANSWERS_H

#include "sim/batch/collect.h"

/** One quantity for all combinations. */
struct study_quantity {
    const char *name;
    double *values; /**< [combination], NAN where there is none; owned */
};

/** Means of what @p name stands for. @return false where no metric or axis has that name, or its values are
 * no numbers anywhere. Free the values. */
bool study_quantity_read(const struct collected *table, const char *name, struct study_quantity *quantity);

/** The name nearest to @p name among metrics and axes, or NULL. */
const char *study_quantity_nearest(const struct collected *table, const char *name);

/** A goal of `pareto` and `best`. */
struct study_goal {
    struct study_quantity quantity;
    bool maximise;
};

/**
 * Combinations that no other beats: none is at least as good in all goals and better in one.
 * @param chosen  [combination] filled in
 * @return their number
 */
uint32_t study_pareto(const struct collected *table, const struct study_goal *goals, size_t count,
                      bool *chosen);

enum study_relation { RELATION_LESS, RELATION_LESS_EQUAL, RELATION_GREATER, RELATION_GREATER_EQUAL };

/** A condition of `best`: quantity, relation, limit. */
struct study_constraint {
    struct study_quantity quantity;
    enum study_relation relation;
    double limit;
};

/** The number a JSON value or its text stands for: itself, or an amount with a unit ("64KiB") in base units.
 * NAN where it is none. */
double study_number(const char *json);

/**
 * Cut a condition apart: "reads.p99_ps<=800ns". The limit of a metric is in what the metric is measured in
 * (figure_amount.h), that of an axis in base units.
 * @param name      malloc'ed; NULL where the text is no condition
 * @param expected  what there should be, for a message, where it is no condition; not to be freed
 * @return false where it is none
 */
bool study_condition_parse(const struct study *study, const char *text, char **name,
                           enum study_relation *relation, double *limit, const char **expected);

/** Is @p value < (<=, >, >=) @p limit? Not where it is NAN. */
bool study_relation_holds(double value, enum study_relation relation, double limit);

/** The combination that is best in the first goal, ties broken by the next, under all constraints; UINT32_MAX
 * where none fits. */
uint32_t study_best(const struct collected *table, const struct study_goal *goals, size_t goal_count,
                    const struct study_constraint *constraints, size_t constraint_count);

/** How much one axis alone explains of a quantity. */
struct axis_effect {
    uint32_t axis;
    double share; /**< of the variance between combinations, 0 to 1: the correlation ratio (eta squared) */
    double low, high;               /**< smallest and largest mean over the combinations with one value ... */
    uint32_t low_value, high_value; /**< ... and which values these are */
};

/** Effects of all axes, the largest share first. @param effects [axis_count] @return their number */
uint32_t study_sensitivity(const struct collected *table, const struct study_quantity *quantity,
                           struct axis_effect *effects);

#endif
