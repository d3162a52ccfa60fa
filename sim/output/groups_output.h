/* SPDX-License-Identifier: MIT */
/**
 * @file groups_output.h
 * IOMMU groups as text, JSON and tab-separated values.
 */
#ifndef IOMMUSIM_OUTPUT_GROUPS_OUTPUT_H
#define IOMMUSIM_OUTPUT_GROUPS_OUTPUT_H

#include "sim/analysis/iommu_groups.h"
#include "sim/base/text_buffer.h"

/**
 * One line a grouped function, `<group number>TAB<ssss:bb:dd.f>`, by group number, then address, and nothing
 * else. A stable contract (segments of five digits where the machine has them).
 */
void groups_output_tsv(const struct iommu_groups *groups, struct text_buffer *out);

/** For people: a table of groups, the reasons of each merge, functions outside every IOMMU, and which
 * assumptions decide groups. @param all  a line for each function that joined, and for each assumption */
void groups_output_text(const struct iommu_groups *groups, bool all, struct text_buffer *out);

/** One document "iommusim-groups/1": every decision with its record, and the assumptions that decide groups.
 */
void groups_output_json(const struct iommu_groups *groups, struct text_buffer *out);

#endif
