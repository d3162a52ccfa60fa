/* SPDX-License-Identifier: MIT */
/**
 * @file text_buffer.h
 * A growing string. Commands write their answer into one and hand it to output in one piece, so a failed
 * command leaves nothing half written.
 */
#ifndef IOMMUSIM_BASE_TEXT_BUFFER_H
#define IOMMUSIM_BASE_TEXT_BUFFER_H

#include <stddef.h>

/** Zero-initialise to make an empty one. @c text is NUL-terminated once anything was added, else NULL. */
struct text_buffer {
    char *text;
    size_t length;   /**< bytes without the NUL */
    size_t capacity; /**< bytes allocated */
};

/** Free the memory and make @p buffer empty again. */
void text_buffer_fini(struct text_buffer *buffer);

/** Append @p length bytes of @p bytes. */
void text_buffer_append(struct text_buffer *buffer, const char *bytes, size_t length);

/** Append a NUL-terminated string. */
void text_buffer_add(struct text_buffer *buffer, const char *text);

/** Append formatted text (printf rules). */
void text_buffer_format(struct text_buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** Append @p text as a JSON string literal, quotes included; control characters become \\u00XX. */
void text_buffer_json_string(struct text_buffer *buffer, const char *text);

/** The text so far; "" where nothing was added. Valid until the next change. */
const char *text_buffer_get(const struct text_buffer *buffer);

#endif
