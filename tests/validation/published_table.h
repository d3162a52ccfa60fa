/* SPDX-License-Identifier: MIT */
/**
 * @file published_table.h
 * A file of results/published/: lines that begin with '#' say where it comes from, then comma-separated
 * values below a line of column names.
 */
#ifndef IOMMUSIM_TESTS_PUBLISHED_TABLE_H
#define IOMMUSIM_TESTS_PUBLISHED_TABLE_H

#include "sim/base/arena.h"

#include <stdint.h>

struct published_table {
    char ***cells; /**< [row][column]; row 0 has the column names */
    size_t rows, columns;
};

/** Read results/published/NAME into @p arena; ends the program with a message where that fails. */
struct published_table published_table_read(struct arena *arena, const char *name);

/** A cell by row (from 1) and column name. Ends the program where there is no such column. */
const char *published_text(const struct published_table *table, size_t row, const char *column);

/** The same as a number; NAN where the cell is empty. */
double published_number(const struct published_table *table, size_t row, const char *column);

#endif
