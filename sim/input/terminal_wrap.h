/* SPDX-License-Identifier: MIT */
/**
 * @file terminal_wrap.h
 * Lines broken at the last column of a terminal, in the middle of words: serial consoles, tmux, screen and
 * recorded sessions give them out so. (What mail programs break between words is for the readers.)
 */
#ifndef IOMMUSIM_INPUT_TERMINAL_WRAP_H
#define IOMMUSIM_INPUT_TERMINAL_WRAP_H

#include <stddef.h>

/**
 * Join such lines again, in place. They are believed to be broken where no line is longer than some width,
 * many are exactly as long, fewer a little shorter, and what follows those does not start as lines of dumps
 * do. The lines behind move up.
 * @param text  NUL-terminated at @p length
 * @return the new length, at most @p length
 */
size_t terminal_wrap_undo(char *text, size_t length);

#endif
