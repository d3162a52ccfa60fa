/* SPDX-License-Identifier: MIT */
/**
 * @file json_layout.h
 * JSON for people to read: short members share a line, blocks begin a new one, two blanks a level.
 */
#ifndef IOMMUSIM_INPUT_JSON_LAYOUT_H
#define IOMMUSIM_INPUT_JSON_LAYOUT_H

#include "sim/base/text_buffer.h"

#include <stdbool.h>
#include <stdint.h>

enum { JSON_LINE_WIDTH = 110, JSON_LEVELS_MAX = 96 };

/** Zero-initialise but for @c out. */
struct json_layout {
    struct text_buffer *out;
    unsigned level;
    bool filled[JSON_LEVELS_MAX]; /**< the container of a level has a member or element */
    bool fresh_line;              /**< the next member begins a line in any case */
};

/** Begin an object or array ('{' or '['): as an element where @p key is NULL, else as a member. Begins a
 * line. */
void layout_open(struct json_layout *layout, const char *key, char bracket);
/** End the innermost object or array ('}' or ']'); on a line of its own where @p own_line. */
void layout_close(struct json_layout *layout, char bracket, bool own_line);
/** Add a member (or, without key, an element) whose value is finished JSON text. */
void layout_raw(struct json_layout *layout, const char *key, const char *value);
void layout_string(struct json_layout *layout, const char *key, const char *value);
void layout_format(struct json_layout *layout, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void layout_boolean(struct json_layout *layout, const char *key, bool value);
/** The member is written only where it is true, not zero, not NULL. */
void layout_flag(struct json_layout *layout, const char *key, bool value);
void layout_count(struct json_layout *layout, const char *key, uint64_t value);
void layout_text(struct json_layout *layout, const char *key, const char *value);

#endif
