/* SPDX-License-Identifier: MIT */
/**
 * @file plain_text.h
 * Texts as terminals, editors and other systems leave them, made what the readers of dumps expect: UTF-8 with
 * lines that end in '\n' and without escape sequences.
 */
#ifndef IOMMUSIM_INPUT_PLAIN_TEXT_H
#define IOMMUSIM_INPUT_PLAIN_TEXT_H

#include "sim/base/diagnostic.h"

/**
 * Make a text plain: UTF-16 (text_encoding.h) becomes UTF-8; unless it is JSON or XML of hwloc, a byte order
 * mark and the escape sequences of ECMA-48 that colour terminals are cut out, spaces of other kinds become
 * spaces, those without width go, where no '\n' ends a line '\r' does, what stands around the lines of pasted
 * texts is taken off (pasted_text.h), and lines that a terminal broke are whole again (terminal_wrap.h). JSON
 * is left to its strict reader.
 * @param length  of the text returned, in bytes
 * @return the text, on the heap and NUL-terminated beyond its length, or NULL where @p source is plain
 * already
 */
char *plain_text_make(const struct source_text *source, size_t *length);

#endif
