/* SPDX-License-Identifier: MIT */
#include "sim/base/text_buffer.h"

#include "sim/base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void text_buffer_fini(struct text_buffer *buffer)
{
    free(buffer->text);
    *buffer = (struct text_buffer){0};
}

static void reserve(struct text_buffer *buffer, size_t extra)
{
    size_t needed = buffer->length + extra + 1;
    if (needed <= buffer->capacity)
        return;
    size_t capacity = buffer->capacity ? buffer->capacity : 256;
    while (capacity < needed)
        capacity *= 2;
    buffer->text = memory_resize(buffer->text, capacity, 1);
    buffer->capacity = capacity;
}

void text_buffer_append(struct text_buffer *buffer, const char *bytes, size_t length)
{
    reserve(buffer, length);
    if (length)
        memcpy(buffer->text + buffer->length, bytes, length);
    buffer->length += length;
    buffer->text[buffer->length] = '\0';
}

void text_buffer_add(struct text_buffer *buffer, const char *text)
{
    text_buffer_append(buffer, text, strlen(text));
}

void text_buffer_format(struct text_buffer *buffer, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    reserve(buffer, (size_t)length);
    va_start(arguments, format);
    vsnprintf(buffer->text + buffer->length, (size_t)length + 1, format, arguments);
    va_end(arguments);
    buffer->length += (size_t)length;
}

void text_buffer_json_string(struct text_buffer *buffer, const char *text)
{
    text_buffer_add(buffer, "\"");
    for (const char *c = text; *c; c++) {
        if (*c == '"' || *c == '\\')
            text_buffer_format(buffer, "\\%c", *c);
        else if (*c == '\n')
            text_buffer_add(buffer, "\\n");
        else if (*c == '\t')
            text_buffer_add(buffer, "\\t");
        else if ((unsigned char)*c < 0x20)
            text_buffer_format(buffer, "\\u%04x", (unsigned)*c);
        else
            text_buffer_append(buffer, c, 1);
    }
    text_buffer_add(buffer, "\"");
}

const char *text_buffer_get(const struct text_buffer *buffer)
{
    return buffer->text ? buffer->text : "";
}
