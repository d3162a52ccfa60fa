/* SPDX-License-Identifier: MIT */
/**
 * @file group_statement.h
 * What the input says a running kernel printed of its groups (type, reserved regions) against what they are
 * here. Only groups with the very same members on both sides can be compared.
 */
#ifndef IOMMUSIM_ANALYSIS_GROUP_STATEMENT_H
#define IOMMUSIM_ANALYSIS_GROUP_STATEMENT_H

#include "sim/analysis/reserved_regions.h"

/** One stated group that has its like here. */
struct group_statement {
    const struct reported_group *stated;
    const struct iommu_group *here;
    const struct group_regions *regions; /**< here */
    bool type_same;                      /**< true where none is stated */
    bool regions_same;                   /**< true where none are stated */
};

struct group_statements {
    struct group_statement *rows; /**< by stated number */
    uint32_t count;
    uint32_t types, types_same;     /**< rows with a stated type, and those of them that agree */
    uint32_t regions, regions_same; /**< likewise of reserved regions */
};

/** @param arena  for the result */
struct group_statements group_statements_find(const struct iommu_groups *groups, struct arena *arena);

/** Is @p region one of the @p count reported ones? */
bool group_statement_has(const struct reported_region *reported, uint32_t count,
                         const struct group_region *region);

/** Is @p reported one of the regions here? */
bool group_statement_foresees(const struct group_regions *regions, const struct reported_region *reported);

#endif
