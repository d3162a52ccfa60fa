/* SPDX-License-Identifier: MIT */
/**
 * @file slice.h
 * A piece of a text in memory, borrowed, without NUL at its end. The dump readers cut lines and words out of
 * it without copying; every function stays inside the slice.
 */
#ifndef IOMMUSIM_INPUT_SLICE_H
#define IOMMUSIM_INPUT_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct slice {
    const char *at;  /**< first byte */
    const char *end; /**< one past the last byte */
};

/** Bytes in the slice. */
size_t slice_length(struct slice slice);

/** The slice without blanks (space, tab, carriage return) at both ends. */
struct slice slice_trim(struct slice slice);

/** Cut the next line off the front of @p rest, without its newline. @return false at the end. */
bool slice_next_line(struct slice *rest, struct slice *line);

/** Cut the next word (between blanks) off the front of @p rest. @return false where there is none. */
bool slice_next_word(struct slice *rest, struct slice *word);

/** True where the slice is exactly @p text. */
bool slice_is(struct slice slice, const char *text);

/** Where @p rest starts with @p text, cut it off and return true. */
bool slice_skip(struct slice *rest, const char *text);

/** First place of @p text in the slice, or NULL. */
const char *slice_find(struct slice slice, const char *text);

/** Value of a hexadecimal digit, or -1. */
int hex_digit(char character);

/**
 * Cut a number of @p minimum to @p maximum digits (at most 16) off the front of @p rest; a further digit
 * after the maximum makes it no number.
 * @param base  10 or 16
 * @return true; false leaves @p rest and @p value untouched
 */
bool slice_number(struct slice *rest, unsigned base, unsigned minimum, unsigned maximum, uint64_t *value);

#endif
