/* SPDX-License-Identifier: MIT */
#include "sim/input/text_encoding.h"

#include "sim/base/arena.h"

#include <stdbool.h>

enum { REPLACEMENT_CHARACTER = 0xfffd, SAMPLE = 256 };

char *utf8_put(char *out, uint32_t code)
{
    if (code < 0x80) {
        *out++ = (char)code;
        return out;
    }
    unsigned more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    static const unsigned char lead[] = {0, 0xc0, 0xe0, 0xf0};
    *out++ = (char)(lead[more] | code >> (6 * more));
    while (more-- > 0)
        *out++ = (char)(0x80 | (code >> (6 * more) & 0x3f));
    return out;
}

enum text_encoding text_encoding_of(const char *text, size_t length, size_t *mark)
{
    const unsigned char *at = (const unsigned char *)text;
    *mark = 2;
    if (length >= 2 && at[0] == 0xff && at[1] == 0xfe)
        return TEXT_UTF16_LE;
    if (length >= 2 && at[0] == 0xfe && at[1] == 0xff)
        return TEXT_UTF16_BE;
    *mark = 0;
    /* Nearly all characters of a dump are ASCII: every other byte is zero, and no character is. */
    size_t pairs = (length < SAMPLE ? length : SAMPLE) / 2, zeros[2] = {0};
    for (size_t i = 0; i < 2 * pairs; i++)
        zeros[i % 2] += at[i] == 0;
    if (pairs < 2 || zeros[0] + zeros[1] < pairs - pairs / 8 || (zeros[0] && zeros[1]))
        return TEXT_BYTES;
    return zeros[1] ? TEXT_UTF16_LE : TEXT_UTF16_BE;
}

static uint32_t unit_at(const unsigned char *at, bool big_endian)
{
    return big_endian ? (uint32_t)at[0] << 8 | at[1] : (uint32_t)at[1] << 8 | at[0];
}

char *text_from_utf16(const char *text, size_t length, enum text_encoding encoding, size_t *result)
{
    const unsigned char *at = (const unsigned char *)text, *end = at + length;
    bool big_endian = encoding == TEXT_UTF16_BE;
    char *made = memory_alloc(length / 2 * 3 + 1), *out = made;
    for (; end - at >= 2; at += 2) {
        uint32_t code = unit_at(at, big_endian);
        if (code >= 0xd800 && code < 0xe000) {
            uint32_t low = code < 0xdc00 && end - at >= 4 ? unit_at(at + 2, big_endian) : 0;
            bool pair = low >= 0xdc00 && low < 0xe000;
            code = pair ? 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00) : REPLACEMENT_CHARACTER;
            at += pair ? 2 : 0;
        }
        out = utf8_put(out, code);
    }
    *result = (size_t)(out - made);
    *out = '\0';
    return made;
}
