/* SPDX-License-Identifier: MIT */
/**
 * @file text_width.h
 * How wide text gets in a picture, on whatever machine it is looked at.
 */
#ifndef IOMMUSIM_OUTPUT_TEXT_WIDTH_H
#define IOMMUSIM_OUTPUT_TEXT_WIDTH_H

#include "sim/base/text_buffer.h"

#include <stdbool.h>

/** A font of the family TEXT_FONTS. */
struct text_font {
    unsigned size; /**< pixels */
    bool bold;
};

/** CSS font families, so common that one of them is there. The widths are those of the widest. */
#define TEXT_FONTS "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif"

/** An upper bound for the width of @p text (UTF-8) in pixels. Characters outside ASCII count as squares. */
unsigned text_width(const char *text, struct text_font font);

/** Append to @p out, unescaped, as much of @p text as fits into @p room pixels; where something is left out
 * an ellipsis ends it. @return true where all fitted */
bool text_fit(const char *text, struct text_font font, unsigned room, struct text_buffer *out);

#endif
