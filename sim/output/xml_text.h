/* SPDX-License-Identifier: MIT */
/**
 * @file xml_text.h
 * Text of any origin inside XML.
 */
#ifndef IOMMUSIM_OUTPUT_XML_TEXT_H
#define IOMMUSIM_OUTPUT_XML_TEXT_H

#include "sim/base/text_buffer.h"

/** Bytes of the UTF-8 sequence @p text begins with, 0 where it begins with none. */
size_t xml_text_sequence(const char *text);

/** Append @p text so that it may stand in an element or a quoted attribute: `&lt;` and its like; what XML 1.0
 * cannot hold (control characters, broken UTF-8) is shown as '?'. */
void xml_text_add(struct text_buffer *out, const char *text);

#endif
