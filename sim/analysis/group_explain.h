/* SPDX-License-Identifier: MIT */
/**
 * @file group_explain.h
 * The reasons behind groups, in words.
 */
#ifndef IOMMUSIM_ANALYSIS_GROUP_EXPLAIN_H
#define IOMMUSIM_ANALYSIS_GROUP_EXPLAIN_H

#include "sim/analysis/iommu_groups.h"
#include "sim/base/text_buffer.h"

/**
 * Append one line (without line end) that says how @p function_id came to its group, or why it has none, e.g.
 * "joins 0000:00:01.0: the path up is not isolated, 0000:00:01.0 (root-port): it has no ACS capability".
 */
void group_explain(const struct iommu_groups *groups, uint32_t function_id, struct text_buffer *text);

/** Append the cause alone: what stands behind "joins ...: " or "no group: ". */
void group_explain_cause(const struct iommu_groups *groups, uint32_t function_id, struct text_buffer *text);

#endif
