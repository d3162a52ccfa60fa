/* SPDX-License-Identifier: MIT */
/**
 * @file text_wrap.h
 * Sentences within the width of a terminal.
 */
#ifndef IOMMUSIM_OUTPUT_TEXT_WRAP_H
#define IOMMUSIM_OUTPUT_TEXT_WRAP_H

#include "sim/base/text_buffer.h"

enum { TEXT_WRAP_WIDTH = 80 };

/**
 * Append @p lead and formatted text (printf rules), broken at blanks so that no line is longer than
 * TEXT_WRAP_WIDTH columns, and a line end. A word longer than a line stands alone.
 * @param indent  columns before further lines
 * @param lead    begins the first line; not broken
 */
void text_wrap(struct text_buffer *out, unsigned indent, const char *lead, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
