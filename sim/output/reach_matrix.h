/* SPDX-License-Identifier: MIT */
/**
 * @file reach_matrix.h
 * Who reaches whom at a glance: a row for each function that sends, a column for each that can be reached.
 */
#ifndef IOMMUSIM_OUTPUT_REACH_MATRIX_H
#define IOMMUSIM_OUTPUT_REACH_MATRIX_H

#include "sim/analysis/iommu_groups.h"
#include "sim/analysis/reach.h"
#include "sim/base/text_buffer.h"

enum { REACH_MATRIX_MAX = 64 };

/** How many functions the matrix shows: those that issue requests or have memory to reach, among @p source_id
 * and @p target_id where these are not NONE. */
uint32_t reach_matrix_size(const struct reach *reach, uint32_t source_id, uint32_t target_id);

/** Append the matrix and its legend: at most 80 columns wide (81 behind a VMD). @pre reach_matrix_size() is
 * at most REACH_MATRIX_MAX */
void reach_matrix(const struct reach *reach, const struct iommu_groups *groups, uint32_t source_id,
                  uint32_t target_id, struct text_buffer *out);

#endif
