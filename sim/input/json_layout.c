/* SPDX-License-Identifier: MIT */
#include "sim/input/json_layout.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void new_line(struct json_layout *layout)
{
    text_buffer_format(layout->out, "\n%*s", (int)layout->level * 2, "");
}

/* Characters of the line being written. */
static size_t column(const struct json_layout *layout)
{
    const char *text = text_buffer_get(layout->out);
    size_t at = layout->out->length;
    while (at > 0 && text[at - 1] != '\n')
        at--;
    return layout->out->length - at;
}

/* Comma and blank or new line before a member of `length` characters, and its key. */
static void begin_member(struct json_layout *layout, const char *key, size_t length, bool own_line)
{
    bool first = !layout->filled[layout->level];
    if (key)
        length += strlen(key) + 4;
    if (layout->level == 0) {
        /* the document */
    } else if (first) {
        if (own_line || layout->fresh_line)
            new_line(layout);
    } else if (own_line || layout->fresh_line || column(layout) + 2 + length > JSON_LINE_WIDTH) {
        text_buffer_add(layout->out, ",");
        new_line(layout);
    } else {
        text_buffer_add(layout->out, ", ");
    }
    layout->filled[layout->level] = true;
    layout->fresh_line = false;
    if (key)
        text_buffer_format(layout->out, "\"%s\": ", key);
}

void layout_open(struct json_layout *layout, const char *key, char bracket)
{
    assert(layout->level + 1 < JSON_LEVELS_MAX);
    begin_member(layout, key, 1, true);
    text_buffer_append(layout->out, &bracket, 1);
    layout->filled[++layout->level] = false;
}

void layout_close(struct json_layout *layout, char bracket, bool own_line)
{
    bool filled = layout->filled[layout->level--];
    layout->fresh_line = false;
    if (own_line && filled)
        new_line(layout);
    text_buffer_append(layout->out, &bracket, 1);
    if (layout->level == 0)
        text_buffer_add(layout->out, "\n");
}

void layout_raw(struct json_layout *layout, const char *key, const char *value)
{
    begin_member(layout, key, strlen(value), false);
    text_buffer_add(layout->out, value);
}

void layout_string(struct json_layout *layout, const char *key, const char *value)
{
    struct text_buffer text = {0};
    text_buffer_json_string(&text, value);
    layout_raw(layout, key, text.text);
    text_buffer_fini(&text);
}

void layout_format(struct json_layout *layout, const char *key, const char *format, ...)
{
    char text[1024]; /* numbers, addresses, one-line descriptions */
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    assert(length >= 0 && (size_t)length < sizeof(text));
    (void)length;
    layout_raw(layout, key, text);
}

void layout_boolean(struct json_layout *layout, const char *key, bool value)
{
    layout_raw(layout, key, value ? "true" : "false");
}

void layout_flag(struct json_layout *layout, const char *key, bool value)
{
    if (value)
        layout_boolean(layout, key, true);
}

void layout_count(struct json_layout *layout, const char *key, uint64_t value)
{
    if (value)
        layout_format(layout, key, "%" PRIu64, value);
}

void layout_text(struct json_layout *layout, const char *key, const char *value)
{
    if (value)
        layout_string(layout, key, value);
}
