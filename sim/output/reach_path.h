/* SPDX-License-Identifier: MIT */
/**
 * @file reach_path.h
 * How reports name the functions and the way of a request.
 */
#ifndef IOMMUSIM_OUTPUT_REACH_PATH_H
#define IOMMUSIM_OUTPUT_REACH_PATH_H

#include "sim/analysis/reach.h"
#include "sim/base/text_buffer.h"

/** A function's address, without its segment where that is 0; "root complex" for NONE.
 * @param text  BDF_TEXT_SIZE bytes */
const char *reach_path_name(const struct topology *topology, uint32_t id, char *text);

/** Append the way of a request of @p source_id that @p result tells of: "09:00.0 > 08:00.0 > 0a:00.0", or
 * with its end: "... > IOMMU", "... > unsupported request". */
void reach_path_add(const struct reach *reach, uint32_t source_id, const struct reach_result *result,
                    struct text_buffer *out);

/** Append `"key": "ssss:bb:dd.f"`, or `"key": null` for NONE. */
void reach_path_json_bdf(const struct topology *topology, const char *key, uint32_t id,
                         struct text_buffer *out);

/** Append a line for each hop: who, and in words by which rule. */
void reach_path_text(const struct topology *topology, const struct reach_hop *hops, uint32_t count,
                     struct text_buffer *out);

/** Append a blank line and a sentence for each rule that was seen; nothing where none was. @param seen
 * [RULE_COUNT] @return true where there was one */
bool reach_path_legend(const bool *seen, struct text_buffer *out);

/** Append hops as a JSON array: [{"at": "0000:08:00.0", "rule": "switch-peer"}, ...]. */
void reach_path_json_hops(const struct topology *topology, const struct reach_hop *hops, uint32_t count,
                          struct text_buffer *out);

/** Append the hops of @p result as a JSON array: [{"at": "0000:08:00.0", "rule": "switch-peer"}, ...]. */
void reach_path_json(const struct reach *reach, uint32_t source_id, const struct reach_result *result,
                     struct text_buffer *out);

#endif
