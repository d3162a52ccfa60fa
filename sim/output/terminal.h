/* SPDX-License-Identifier: MIT */
/**
 * @file terminal.h
 * Text for people, where it meets a terminal.
 */
#ifndef IOMMUSIM_OUTPUT_TERMINAL_H
#define IOMMUSIM_OUTPUT_TERMINAL_H

#include "sim/base/text_buffer.h"

/** Columns of a line of standard output: COLUMNS where it is set, else what the terminal says. 0: it is no
 * terminal, and lines may be of any length. */
unsigned terminal_width(void);

/**
 * Break lines of more than @p width columns at blanks. What follows stands below the last column of a table
 * (text behind two blanks or more) that leaves it room, and begins there where a column does not fit. Words
 * are neither cut nor lost, and lines with " # ", shell commands, stay as they are. @param width  0: leave
 * all as it is
 */
void text_fold(struct text_buffer *text, unsigned width);

/** text_fold() to the width of the terminal, where the text goes to standard output. @param path  as for
 * output_file_write() */
void terminal_fold(struct text_buffer *text, const char *path);

/** text_fold() to the width of the terminal, where the text goes to standard output.
 * @param path  as for output_file_write() */
void terminal_fold(struct text_buffer *text, const char *path);

#endif
