/* SPDX-License-Identifier: MIT */
#include "sim/output/text_wrap.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put_words(struct text_buffer *out, unsigned indent, size_t column, const char *text)
{
    bool first = true;
    for (const char *at = text + strspn(text, " "); *at; at += strspn(at, " ")) {
        size_t length = strcspn(at, " ");
        if (!first && column + 1 + length > TEXT_WRAP_WIDTH) {
            text_buffer_format(out, "\n%*s", (int)indent, "");
            column = indent;
        } else if (!first) {
            text_buffer_add(out, " ");
            column++;
        }
        text_buffer_append(out, at, length);
        column += length;
        at += length;
        first = false;
    }
}

void text_wrap(struct text_buffer *out, unsigned indent, const char *lead, const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    text_buffer_add(out, lead);
    if (length >= 0)
        put_words(out, indent, strlen(lead), text);
    text_buffer_add(out, "\n");
    free(text);
}
