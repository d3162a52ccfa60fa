/* SPDX-License-Identifier: MIT */
/**
 * @file oracle_misses.h
 * The table of machines that did not come out right, with the reasons.
 */
#ifndef IOMMUSIM_TESTS_ORACLE_MISSES_H
#define IOMMUSIM_TESTS_ORACLE_MISSES_H

#include "sim/base/text_buffer.h"
#include "tests/oracle/oracle_case.h"

/** Add the row of a predicted machine. */
void oracle_misses_add(const char *name, const struct oracle_case *oracle, const struct iommu_groups *groups,
                       struct text_buffer *rows);

/** Write the file: a table of rows with the carried table, one with each machine left out of it.
 * @return false where it cannot be written */
bool oracle_misses_write(const char *path, const struct text_buffer *carried,
                         const struct text_buffer *left_out);

#endif
