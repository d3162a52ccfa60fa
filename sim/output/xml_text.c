/* SPDX-License-Identifier: MIT */
#include "sim/output/xml_text.h"

size_t xml_text_sequence(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    size_t length = at[0] < 0x80 ? 1 : at[0] < 0xc2 ? 0 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
    if (at[0] > 0xf4)
        return 0;
    for (size_t i = 1; i < length; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    }
    /* No surrogates, nothing twice as long as it need be, nothing beyond 10ffff, no fffe and ffff. */
    if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) ||
        (at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f) ||
        (at[0] == 0xef && at[1] == 0xbf && at[2] >= 0xbe))
        return 0;
    return length;
}

void xml_text_add(struct text_buffer *out, const char *text)
{
    while (*text) {
        size_t length = xml_text_sequence(text);
        unsigned char byte = (unsigned char)*text;
        const char *escape = byte == '&'                             ? "&amp;"
                             : byte == '<'                           ? "&lt;"
                             : byte == '>'                           ? "&gt;"
                             : byte == '"'                           ? "&quot;"
                             : byte == '\''                          ? "&apos;"
                             : byte < ' ' || byte == 0x7f || !length ? "?"
                                                                     : NULL;
        if (escape)
            text_buffer_add(out, escape);
        else
            text_buffer_append(out, text, length);
        text += length ? length : 1;
    }
}
