/* SPDX-License-Identifier: MIT */
/**
 * @file group_reasons.h
 * Why functions joined, in as few lines as the reasons are.
 */
#ifndef IOMMUSIM_OUTPUT_GROUP_REASONS_H
#define IOMMUSIM_OUTPUT_GROUP_REASONS_H

#include "sim/analysis/iommu_groups.h"
#include "sim/base/text_buffer.h"

/**
 * Append a line "      because  00:18.1-7 join 00:18.0: ..." for each reason for which functions of @p ids
 * joined somebody; those that started a group, or have none, are passed over.
 * @param ids  by address
 * @param all  one line a function
 */
void group_reasons(const struct iommu_groups *groups, const uint32_t *ids, uint32_t count, bool all,
                   struct text_buffer *out);

#endif
