/* SPDX-License-Identifier: MIT */
/**
 * @file figure_amount.h
 * Amounts that figures of a result are held against: "p99_ps" against "800ns", "bits_per_s" against "40Gb/s".
 *
 * A figure's own name says what it is measured in. An amount of anything else is refused: a latency is never
 * compared with a size, nor bits with bytes.
 */
#ifndef IOMMUSIM_INPUT_FIGURE_AMOUNT_H
#define IOMMUSIM_INPUT_FIGURE_AMOUNT_H

#include <stdbool.h>

/**
 * Read a bound of a figure.
 * @param pointer  JSON pointer of the figure in the result. The last of its parts that ends with a unit
 * counts:
 *                 "_ps", "bytes_per_s", "bits_per_s", "bytes"; any other figure takes plain numbers only.
 * @param text     a number in what the figure is measured in, or an amount with a unit
 * @return false where it is neither; @p value is untouched then
 */
bool figure_amount_parse(const char *pointer, const char *text, double *value);

/** What figure_amount_parse() takes for @p pointer, for messages. Never NULL. */
const char *figure_amount_expected(const char *pointer);

#endif
