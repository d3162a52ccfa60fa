/* SPDX-License-Identifier: MIT */
#include "sim/output/terminal.h"

#include "sim/base/units.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { NARROWEST = 40, ROOM_PERCENT = 55, WIDEST = 10000 };

unsigned terminal_width(void)
{
    const char *columns = getenv("COLUMNS");
    uint64_t stated = 0;
    struct winsize size;
    if (columns && number_parse(columns, WIDEST, &stated) && stated > 0)
        return stated < NARROWEST ? NARROWEST : (unsigned)stated;
    if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
        return 0;
    return size.ws_col < NARROWEST ? NARROWEST : size.ws_col;
}

/** A line while it is broken. */
struct line {
    const char *text;
    size_t length; /**< bytes */
    unsigned width;
};

static bool is_continuation(char byte)
{
    return ((unsigned char)byte & 0xc0) == 0x80;
}

static unsigned columns_of(const char *text, size_t length)
{
    unsigned columns = 0;
    for (size_t i = 0; i < length; i++)
        columns += !is_continuation(text[i]);
    return columns;
}

/* Where what does not fit goes: the last column of the table that leaves room, behind the dash of a list. */
static unsigned hang_of(const struct line *line)
{
    unsigned column = 0, hang = 0, blanks = 2;
    for (size_t i = 0; i < line->length && column < line->width - line->width * ROOM_PERCENT / 100; i++) {
        if (line->text[i] == ' ') {
            blanks++;
        } else {
            if (blanks >= 2)
                hang = column +
                       (line->text[i] == '-' && line->text[i + 1] == ' ' && line->text[i + 2] != ' ' ? 2 : 0);
            blanks = 0;
        }
        column += !is_continuation(line->text[i]);
    }
    return hang;
}

/* Where the last column begins, with the blanks before it; 0: there is one only. */
static size_t last_column(const char *text, size_t length)
{
    size_t found = 0;
    for (size_t i = strspn(text, " "); i + 1 < length; i++) {
        if (text[i] == ' ' && text[i + 1] == ' ' && text[i - 1] != ' ')
            found = i;
    }
    return found;
}

/* Bytes of @p text that stand on one line of @p width columns; at least a word. */
static size_t first_part(const char *text, size_t length, unsigned width)
{
    size_t blank = 0, start = strspn(text, " ");
    unsigned column = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] == ' ' && i > start && text[i - 1] != ' ' && (column <= width || blank == 0))
            blank = i;
        column += !is_continuation(text[i]);
    }
    return column <= width || blank == 0 ? length : blank;
}

static void fold_line(const struct line *line, struct text_buffer *out)
{
    const char *text = line->text;
    size_t left = line->length;
    if (columns_of(text, left) <= line->width || strstr(text, " # ")) {
        text_buffer_append(out, text, left);
        return;
    }
    unsigned hang = hang_of(line), room = line->width;
    size_t last = last_column(text, left);
    /* A last column that has no room where it stands begins on the next line. */
    bool apart = last && columns_of(text, last) >= hang && columns_of(text, last) <= line->width;
    for (unsigned part = 0; left; part++) {
        size_t length = part == 0 && apart ? last : first_part(text, left, room);
        if (part)
            text_buffer_format(out, "\n%*s", (int)hang, "");
        text_buffer_append(out, text, length);
        text += length;
        left -= length;
        while (left && *text == ' ') {
            text++;
            left--;
        }
        room = line->width - hang;
    }
}

void text_fold(struct text_buffer *text, unsigned width)
{
    struct text_buffer folded = {0};
    if (width == 0 || text->length == 0)
        return;
    for (char *at = text->text; *at;) {
        size_t length = strcspn(at, "\n");
        bool ended = at[length] == '\n';
        at[length] = '\0'; /* so that a look ahead ends with the line */
        fold_line(&(struct line){at, length, width}, &folded);
        text_buffer_add(&folded, ended ? "\n" : "");
        at += length + ended;
    }
    text_buffer_fini(text);
    *text = folded;
}

void terminal_fold(struct text_buffer *text, const char *path)
{
    if (!path || strcmp(path, "-") == 0)
        text_fold(text, terminal_width());
}
