/* SPDX-License-Identifier: MIT */
/**
 * @file validate_input.h
 * Is an input of any kind well-formed and sensible? JSON is told apart by its "format"; everything else by
 * content. A new kind of JSON input is one function and one row of the table in validate_input.c.
 */
#ifndef IOMMUSIM_INPUT_VALIDATE_INPUT_H
#define IOMMUSIM_INPUT_VALIDATE_INPUT_H

#include "sim/base/diagnostic.h"
#include "sim/base/text_buffer.h"

/**
 * Load the input at @p path ("-": standard input) and report all that is wrong with it.
 * @param kind     set to a word for what it is ("topology", "preset", ...), "unknown" where nothing says so
 * @param summary  takes one line about a valid input: "17 functions on 9 buses, 1 remapping unit"
 * @return 0, STATUS_BAD_INPUT, STATUS_FILE_OPEN or STATUS_FILE_READ
 */
int validate_input(const char *path, const char **kind, struct text_buffer *summary,
                   struct diagnostics *diagnostics);

#endif
