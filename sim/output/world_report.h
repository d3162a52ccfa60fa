/* SPDX-License-Identifier: MIT */
/**
 * @file world_report.h
 * What a world came to, as text and as `iommusim-world-result/1`.
 */
#ifndef IOMMUSIM_OUTPUT_WORLD_REPORT_H
#define IOMMUSIM_OUTPUT_WORLD_REPORT_H

#include "sim/base/text_buffer.h"
#include "sim/world/world_result.h"

void world_report_text(const struct world_result *result, struct text_buffer *out);

/** One document. Times in picoseconds, rates in bytes a second. */
void world_report_json(const struct world_result *result, struct text_buffer *out);

#endif
