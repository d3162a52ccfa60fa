/* SPDX-License-Identifier: MIT */
/**
 * @file pasted_text.h
 * What web pages, forums and tools put around the lines of a text that was pasted there: markup, character
 * references, line numbers, the marks of a patch.
 */
#ifndef IOMMUSIM_INPUT_PASTED_TEXT_H
#define IOMMUSIM_INPUT_PASTED_TEXT_H

#include <stddef.h>

/**
 * Take such wrappings off @p text, in place:
 * - character references ("&lt;", "&amp;gt;", "&#39;", "&nbsp;") become what they stand for;
 * - tags of HTML and BBCode go; those that break a line ("<br>", "[code]") do so where text stands on both
 *   sides, which moves the lines behind. What lspci prints in angle brackets ("<access denied>") stays;
 * - what stands before at least five lines in a row goes: numbers (cat -n, nl, grep -n, listings of editors),
 *   the plus signs of a patch, the time in logs of build servers. Numbers that may be those of IOMMU groups
 *   stay.
 * - where nearly every line has a blank one behind it, those go.
 * @param text    NUL-terminated at @p length
 * @return the new length, at most @p length
 */
size_t pasted_text_unwrap(char *text, size_t length);

#endif
