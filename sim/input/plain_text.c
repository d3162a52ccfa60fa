/* SPDX-License-Identifier: MIT */
#include "sim/input/plain_text.h"

#include "sim/base/arena.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char utf8_mark[] = "\xef\xbb\xbf", no_break_space[] = "\xc2\xa0";

enum { ESCAPE = 0x1b, BELL = 0x07, REPLACEMENT_CHARACTER = 0xfffd };

static bool starts_with(const char *at, const char *end, const char *bytes)
{
    size_t length = strlen(bytes);
    return (size_t)(end - at) >= length && memcmp(at, bytes, length) == 0;
}

static bool is_json(const char *at, const char *end)
{
    if (starts_with(at, end, utf8_mark))
        at += strlen(utf8_mark);
    while (at < end && strchr(" \t\r\n", *at) && *at)
        at++;
    return at < end && *at == '{';
}

static char *put_utf8(char *out, uint32_t code)
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

static uint32_t unit_at(const unsigned char *at, bool big_endian)
{
    return big_endian ? (uint32_t)at[0] << 8 | at[1] : (uint32_t)at[1] << 8 | at[0];
}

/* Lone surrogates become the replacement character; half a unit at the end is dropped. */
static char *from_utf16(const struct source_text *source, size_t *length)
{
    const unsigned char *at = (const unsigned char *)source->text, *end = at + source->length;
    bool big_endian = at[0] == 0xfe;
    char *text = memory_alloc(source->length / 2 * 3 + 1), *out = text;
    for (at += 2; end - at >= 2; at += 2) {
        uint32_t code = unit_at(at, big_endian);
        if (code >= 0xd800 && code < 0xe000) {
            uint32_t low = code < 0xdc00 && end - at >= 4 ? unit_at(at + 2, big_endian) : 0;
            bool pair = low >= 0xdc00 && low < 0xe000;
            code = pair ? 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00) : REPLACEMENT_CHARACTER;
            at += pair ? 2 : 0;
        }
        out = put_utf8(out, code);
    }
    *length = (size_t)(out - text);
    *out = '\0';
    return text;
}

/* The end of the escape sequence at @p at; unfinished ones end with their line. */
static const char *skip_escape(const char *at, const char *end)
{
    at++;
    if (at < end && *at == '[') { /* control sequence: parameters, then one letter */
        at++;
        while (at < end && *at >= 0x20 && *at < 0x40)
            at++;
        return at < end && *at >= 0x40 && *at < 0x7f ? at + 1 : at;
    }
    if (at < end && *at == ']') { /* command: up to BEL or ESC \ */
        while (at < end && *at != '\n' && *at != BELL && *at != ESCAPE)
            at++;
        return at < end && *at == BELL ? at + 1 : starts_with(at, end, "\x1b\\") ? at + 2 : at;
    }
    while (at < end && *at >= 0x20 && *at < 0x30)
        at++;
    return at < end && *at >= 0x30 && *at < 0x7f ? at + 1 : at;
}

/* Shorten @p text in place. @return its new length */
static size_t strip(char *text, size_t length)
{
    const char *at = text, *end = text + length;
    bool bare_returns = !memchr(text, '\n', length);
    char *out = text;
    if (starts_with(at, end, utf8_mark))
        at += strlen(utf8_mark);
    while (at < end) {
        if (*at == ESCAPE) {
            at = skip_escape(at, end);
        } else if (starts_with(at, end, no_break_space)) {
            *out++ = ' ';
            at += strlen(no_break_space);
        } else {
            *out++ = *at == '\r' && bare_returns ? '\n' : *at;
            at++;
        }
    }
    *out = '\0';
    return (size_t)(out - text);
}

char *plain_text_make(const struct source_text *source, size_t *length)
{
    const char *text = source->text, *end = text + source->length;
    char *plain = NULL;
    if (starts_with(text, end, "\xff\xfe") || starts_with(text, end, "\xfe\xff")) {
        plain = from_utf16(source, length);
    } else if (!is_json(text, end)) {
        plain = memory_alloc(source->length + 1);
        memcpy(plain, text, source->length);
        *length = source->length;
    }
    if (plain && !is_json(plain, plain + *length))
        *length = strip(plain, *length);
    if (plain && *length == source->length && memcmp(plain, text, *length) == 0) {
        free(plain);
        plain = NULL;
    }
    return plain;
}
