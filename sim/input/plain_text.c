/* SPDX-License-Identifier: MIT */
#include "sim/input/plain_text.h"

#include "sim/base/arena.h"
#include "sim/input/hwloc_reader.h"
#include "sim/input/pasted_text.h"
#include "sim/input/terminal_wrap.h"
#include "sim/input/text_encoding.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const char utf8_mark[] = "\xef\xbb\xbf";

enum { ESCAPE = 0x1b, BELL = 0x07 };

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

/* JSON and XML have readers that are strict about every character. */
static bool is_document(const char *text, size_t length)
{
    const struct source_text source = {"text", text, length};
    return is_json(text, text + length) || hwloc_recognise(&source);
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

/* Bytes of the space at @p at that is none of ASCII, or of the mark without width; 0 where there is none. */
static size_t foreign_space(const char *at, const char *end, bool *visible)
{
    static const struct {
        const char *bytes;
        bool visible;
    } spaces[] = {
        {"\xc2\xa0", true},      {"\xe2\x80\xaf", true},  {"\xe3\x80\x80", true},  {"\xe2\x80\x87", true},
        {"\xe2\x80\x82", true},  {"\xe2\x80\x83", true},  {"\xe2\x80\x89", true},  {"\xe2\x80\x8b", false},
        {"\xe2\x80\x8c", false}, {"\xe2\x80\x8d", false}, {"\xe2\x81\xa0", false}, {utf8_mark, false},
    };
    for (size_t i = 0; i < sizeof(spaces) / sizeof(spaces[0]); i++) {
        *visible = spaces[i].visible;
        if (starts_with(at, end, spaces[i].bytes))
            return strlen(spaces[i].bytes);
    }
    return 0;
}

/* Shorten @p text in place. @return its new length */
static size_t strip(char *text, size_t length)
{
    const char *at = text, *end = text + length;
    bool bare_returns = !memchr(text, '\n', length), visible = false;
    char *out = text;
    while (at < end) {
        size_t space = (unsigned char)*at < 0x80 ? 0 : foreign_space(at, end, &visible);
        if (*at == ESCAPE) {
            at = skip_escape(at, end);
        } else if (space) {
            at += space;
            if (visible)
                *out++ = ' ';
        } else {
            *out = *at++;
            if (*out == '\r' && bare_returns)
                *out = '\n';
            out++;
        }
    }
    *out = '\0';
    return (size_t)(out - text);
}

char *plain_text_make(const struct source_text *source, size_t *length)
{
    const char *text = source->text;
    char *plain = NULL;
    size_t mark;
    enum text_encoding encoding = text_encoding_of(text, source->length, &mark);
    if (encoding != TEXT_BYTES) {
        plain = text_from_utf16(text + mark, source->length - mark, encoding, length);
    } else if (!is_document(text, source->length)) {
        plain = memory_alloc(source->length + 1);
        memcpy(plain, text, source->length);
        *length = source->length;
    }
    if (plain && !is_document(plain, *length))
        *length = terminal_wrap_undo(plain, pasted_text_unwrap(plain, strip(plain, *length)));
    if (plain && *length == source->length && memcmp(plain, text, *length) == 0) {
        free(plain);
        plain = NULL;
    }
    return plain;
}
