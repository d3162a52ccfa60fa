/* SPDX-License-Identifier: MIT */
/**
 * @file groups_compare.h
 * Groups as formed here beside those the input says the kernel made.
 */
#ifndef IOMMUSIM_OUTPUT_GROUPS_COMPARE_H
#define IOMMUSIM_OUTPUT_GROUPS_COMPARE_H

#include "sim/analysis/iommu_groups.h"
#include "sim/base/text_buffer.h"

/** Both side by side, with types and reserved regions where the input states them; which groups differ, why
 * they came out so here, and which single assumption, turned round, would make them agree. @param all  groups
 * that agree, too */
void groups_compare_text(const struct iommu_groups *groups, bool all, struct text_buffer *out);

/** One document "iommusim-groups-comparison/1". */
void groups_compare_json(const struct iommu_groups *groups, struct text_buffer *out);

/** One line a function with a stated group: `<address>TAB<stated group>TAB<group here or ->TAB<same|other>`,
 * the last by who is with whom, in the order of the machine. */
void groups_compare_tsv(const struct iommu_groups *groups, struct text_buffer *out);

#endif
