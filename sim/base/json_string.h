/* SPDX-License-Identifier: MIT */
/**
 * @file json_string.h
 * The characters of a JSON string literal, decoded one byte at a time without making a copy.
 */
#ifndef IOMMUSIM_BASE_JSON_STRING_H
#define IOMMUSIM_BASE_JSON_STRING_H

/** Set @c at to the first byte after the opening quote, the rest to zero. */
struct json_bytes {
    const char *at;
    char pending[4]; /**< UTF-8 of an escape */
    unsigned pending_count, pending_at;
};

/** Next byte (0..255) of the decoded string, -1 at its closing quote. The literal must be a valid one. */
int json_bytes_next(struct json_bytes *bytes);

#endif
