/* SPDX-License-Identifier: MIT */
/**
 * @file json_scan.h
 * The strict front door for JSON, before any parser sees the text. It takes exactly RFC 8259 and refuses,
 * with one diagnostic at the exact place, what parsers let through: duplicate keys, broken UTF-8, raw control
 * characters, lone surrogates, escaped NULs, numbers a double cannot hold, text after the document.
 *
 * Nothing is built here and success keeps no positions. Only when a reader has something to report is the
 * text walked again, by json_locate(), to turn a JSON pointer (RFC 6901) into a byte offset.
 */
#ifndef IOMMUSIM_BASE_JSON_SCAN_H
#define IOMMUSIM_BASE_JSON_SCAN_H

#include "sim/base/diagnostic.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    JSON_DEPTH_MAX = 64,         /**< objects and arrays one inside the other */
    JSON_NUMBER_LENGTH_MAX = 63, /**< characters of a number: cJSON 1.7.15 cuts longer ones */
};

/**
 * Check that @p source is one JSON document.
 *
 * Numbers: whole ones must lie within +-2^53 (beyond, doubles skip integers: write addresses as strings);
 * others may have up to 17 significant digits and must neither overflow nor vanish to zero.
 *
 * Codes: json-empty, json-byte-order-mark, json-syntax, json-trailing-text, json-depth, json-encoding,
 * json-control-character, json-escape, json-surrogate, json-nul, json-number, json-duplicate-key.
 * @return true; false after exactly one error in @p diagnostics
 */
bool json_scan(const struct source_text *source, struct diagnostics *diagnostics);

/** Which part of an object's member a diagnostic points at. */
enum json_place {
    JSON_VALUE, /**< first character of the value */
    JSON_KEY,   /**< the key's opening quote; for elements of arrays and the document the value */
};

/**
 * Byte offset of what @p pointer names in a text that json_scan() took. Where the text lacks it, the deepest
 * value on the way there.
 * @param pointer  JSON pointer: "" is the document, "/iommus/0/kind" a member
 */
size_t json_locate(const struct source_text *source, const char *pointer, enum json_place place);

/** json_locate() of the value, with the signature topology_builder_finish() wants. */
size_t json_locate_value(const struct source_text *source, const char *pointer);

/** Called for each object of a document, in the order of the text. @param pointer  its JSON pointer, valid
 * during the call */
typedef void (*json_object_visit)(void *data, const char *pointer, size_t offset);

/** Visit all objects of a text that json_scan() took, in one pass: json_locate() for many pointers at once.
 */
void json_objects_visit(const struct source_text *source, json_object_visit visit, void *data);

#endif
