/* SPDX-License-Identifier: MIT */
/**
 * @file viability_report.h
 * The answer of `iommusim viable` as text or JSON.
 */
#ifndef IOMMUSIM_OUTPUT_VIABILITY_REPORT_H
#define IOMMUSIM_OUTPUT_VIABILITY_REPORT_H

#include "sim/analysis/viability.h"
#include "sim/base/text_buffer.h"

/** For people: the answer, each group with its members, what stands in the way with the texts users meet,
 * warnings, requests that pass the IOMMU, and the plan. */
void viability_report_text(const struct viability *answer, struct text_buffer *out);

/** One document "iommusim-viable/1". */
void viability_report_json(const struct viability *answer, struct text_buffer *out);

#endif
