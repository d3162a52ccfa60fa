/* SPDX-License-Identifier: MIT */
/**
 * @file reserved_output.h
 * Reserved regions of groups as text, JSON and tab-separated values. Types are the kernel's words.
 */
#ifndef IOMMUSIM_OUTPUT_RESERVED_OUTPUT_H
#define IOMMUSIM_OUTPUT_RESERVED_OUTPUT_H

#include "sim/analysis/reserved_regions.h"
#include "sim/base/text_buffer.h"

/** For people: a paragraph after the table of groups; groups with the same regions share a line. */
void reserved_output_text(const struct iommu_groups *groups, struct text_buffer *out);

/** One line a region, `<group>TAB<start>TAB<end>TAB<type>`, addresses as the kernel prints them, by group,
 * then start. */
void reserved_output_tsv(const struct iommu_groups *groups, struct text_buffer *out);

/** The value of a group's "reserved_regions" in JSON: an array of {"start", "end", "type"}. */
void reserved_output_json(const struct group_regions *regions, struct text_buffer *out);

#endif
