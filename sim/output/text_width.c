/* SPDX-License-Identifier: MIT */
#include "sim/output/text_width.h"

#include "sim/output/xml_text.h"

#include <string.h>

enum { FIRST = ' ', LAST = '~', SQUARE = 100, ELLIPSIS_WIDTH = 100 };

static const char ellipsis[] = "\xe2\x80\xa6";

/* Hundredths of the size, from ' ' on: the greater of DejaVu Sans and Liberation Sans (as wide as Arial). */
static const unsigned char regular[] = {
    32, 40, 46, 84, 64, 95, 78, 28, 39,  39, 50, 84, 32, 36, 32, 34, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 34, 34, 84, 84, 84, 56, 102, 69, 69, 73, 77, 67, 61, 78, 76, 30, 50, 67, 56, 87, 75, 79,
    67, 79, 73, 67, 61, 74, 69, 99, 69,  67, 69, 39, 34, 39, 84, 56, 50, 62, 64, 55, 64, 62, 36, 64,
    64, 28, 28, 58, 28, 98, 64, 62, 64,  64, 42, 52, 40, 64, 60, 82, 60, 60, 53, 64, 34, 64, 84,
};
static const unsigned char bold[] = {
    35, 46, 52, 84, 70, 101, 88, 31,  46,  46, 53, 84, 38, 42, 38, 37, 70, 70, 70, 70, 70, 70,  70, 70,
    70, 70, 40, 40, 84, 84,  84, 61,  100, 78, 77, 74, 83, 69, 69, 82, 84, 38, 56, 78, 64, 100, 84, 85,
    74, 85, 77, 72, 69, 82,  78, 111, 77,  73, 73, 46, 37, 46, 84, 56, 50, 68, 72, 60, 72, 68,  44, 72,
    72, 35, 35, 67, 35, 105, 72, 69,  72,  72, 50, 60, 48, 72, 66, 93, 65, 66, 59, 72, 37, 72,  84,
};

/* Width and length of the first character. */
static unsigned first_width(const char *text, bool is_bold, size_t *length)
{
    *length = xml_text_sequence(text);
    if (*length == 0)
        *length = 1; /* shown as '?' */
    if (*length > 1 || *text < FIRST || *text > LAST)
        return SQUARE;
    return is_bold ? bold[*text - FIRST] : regular[*text - FIRST];
}

unsigned text_width(const char *text, struct text_font font)
{
    unsigned sum = 0;
    size_t length;
    for (; *text; text += length)
        sum += first_width(text, font.bold, &length);
    return (sum * font.size + 99) / 100;
}

bool text_fit(const char *text, struct text_font font, unsigned room, struct text_buffer *out)
{
    if (text_width(text, font) <= room) {
        text_buffer_add(out, text);
        return true;
    }
    unsigned sum = ELLIPSIS_WIDTH;
    size_t used = 0, length;
    for (; text[used]; used += length) {
        sum += first_width(text + used, font.bold, &length);
        if (sum * font.size > room * 100)
            break;
    }
    while (used > 0 && text[used - 1] == ' ')
        used--;
    if (used > 0 || ELLIPSIS_WIDTH * font.size <= room * 100) {
        text_buffer_append(out, text, used);
        text_buffer_add(out, ellipsis);
    }
    return false;
}
