/* SPDX-License-Identifier: MIT */
/**
 * @file groups_stated.h
 * Types and reserved regions of groups as a running kernel printed them, beside those here: the rest of a
 * comparison (groups_compare.h).
 */
#ifndef IOMMUSIM_OUTPUT_GROUPS_STATED_H
#define IOMMUSIM_OUTPUT_GROUPS_STATED_H

#include "sim/analysis/group_statement.h"
#include "sim/base/text_buffer.h"

/** A line each on types and regions, and what differs; nothing where the input states neither. */
void groups_stated_text(const struct group_statements *statements, struct text_buffer *out);

/** The members "types" and "reserved_regions" of the comparison's document, with a comma behind each. */
void groups_stated_json(const struct group_statements *statements, struct text_buffer *out);

#endif
