/* SPDX-License-Identifier: MIT */
/**
 * @file json_schema.h
 * JSON Schema (draft 2020-12) of the input formats, made from the tables the readers use. The files in
 * sim/input/schema/ are its output, for editors; a test holds them to it.
 */
#ifndef IOMMUSIM_INPUT_JSON_SCHEMA_H
#define IOMMUSIM_INPUT_JSON_SCHEMA_H

#include "sim/base/text_buffer.h"
#include "sim/input/json_keys.h"

/** Append the schema of a format of schema_formats. @return false where there is no such format */
bool schema_write(const char *format, struct text_buffer *out);

/** Names of the formats schema_write() knows ("topology", "preset", "workload", "scenario", "study",
 * "check", "world"); ends with NULL.
 */
extern const char *const schema_formats[];

#endif
