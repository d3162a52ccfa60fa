/* SPDX-License-Identifier: MIT */
/**
 * @file diff_cost.h
 * Parts of the answer of `iommusim diff`: the cost of a workload on both machines.
 */
#ifndef IOMMUSIM_OUTPUT_DIFF_COST_H
#define IOMMUSIM_OUTPUT_DIFF_COST_H

#include "sim/output/diff_report.h"

/** A line a figure, with units and the change in percent. */
void diff_cost_text(const struct cost_comparison *cost, struct text_buffer *out);
/** A member "cost" of the document. */
void diff_cost_json(const struct cost_comparison *cost, struct text_buffer *out);
/** Lines "cost NAME BEFORE AFTER". */
void diff_cost_tsv(const struct cost_comparison *cost, struct text_buffer *out);

/** True where a figure differs. */
bool diff_cost_any(const struct cost_comparison *cost);

#endif
