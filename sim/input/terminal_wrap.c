/* SPDX-License-Identifier: MIT */
#include "sim/input/terminal_wrap.h"

#include "sim/input/lspci_record.h"

#include <string.h>

enum {
    WIDTH_MINIMUM = 60, /* narrower than any terminal dumps are printed on */
    BROKEN_MINIMUM = 3, /* so many lines of one length are no accident */
    KEY_LIMIT = 40,
    ALIKE = 3, /* characters: two lines of one form */
    TAIL = 16,
    SHORTER = 4, /* columns: where words are kept whole, lines of these lengths are as frequent */
};

/* Characters of UTF-8. */
static size_t width(struct slice line)
{
    size_t count = 0;
    for (const char *at = line.at; at < line.end; at++)
        count += ((unsigned char)*at & 0xc0) != 0x80 && *at != '\r';
    return count;
}

/* "Kernel driver in use: ", "00:1f.0 ISA bridge: " */
static bool starts_with_key(struct slice line)
{
    const char *limit = slice_length(line) > KEY_LIMIT ? line.at + KEY_LIMIT : line.end;
    for (const char *at = line.at; at < limit && !strchr("[](,", *at); at++) {
        if (*at == ':' && (at + 1 == line.end || at[1] == ' ' || at[1] == '\t'))
            return true;
    }
    return false;
}

/* Does a line start here by what it looks like, and not the rest of the one before? A rest may begin with the
 * blank the line was broken at. */
static bool starts_line(struct slice line, struct slice before)
{
    struct lspci_header header;
    struct slice rest = slice_trim(line);
    if (slice_length(line) < 2 || strchr("\t\r>|", *line.at) ||
        (*line.at == ' ' && strchr(" \t", line.at[1])) || starts_with_key(line))
        return true;
    if (slice_skip(&rest, "IOMMU") || slice_skip(&rest, "Group") || slice_skip(&rest, "[ ") ||
        lspci_header_address(&rest, &header))
        return true;
    return slice_length(before) >= ALIKE && slice_length(line) >= ALIKE &&
           memcmp(line.at, before.at, ALIKE) == 0;
}

/* Are these functions of one name? A mail program breaks them at the same place. */
static bool ends_alike(struct slice line, struct slice other)
{
    return !strchr(" \t", *line.at) && slice_length(line) >= TAIL && slice_length(other) >= TAIL &&
           memcmp(line.end - TAIL, other.end - TAIL, TAIL) == 0;
}

/* The width lines were broken at, or 0. */
static size_t broken_at(struct slice text)
{
    size_t longest = 0, exact = 0, shorter = 0, continued = 0;
    for (struct slice rest = text, line; slice_next_line(&rest, &line);) {
        size_t length = width(line);
        longest = length > longest ? length : longest;
    }
    struct slice previous = {text.at, text.at};
    for (struct slice rest = text, line; slice_next_line(&rest, &line);) {
        size_t length = width(line);
        struct slice after = rest, next;
        shorter += length < longest && length + SHORTER >= longest;
        if (length != longest || ends_alike(line, previous))
            continue;
        exact++;
        continued += slice_next_line(&after, &next) && !starts_line(next, line);
        previous = line;
    }
    bool broken = longest >= WIDTH_MINIMUM && continued >= BROKEN_MINIMUM &&
                  continued > exact - exact / 8 - 1 && exact > shorter;
    return broken ? longest : 0;
}

size_t terminal_wrap_undo(char *text, size_t length)
{
    struct slice rest = {text, text + length}, line, next;
    size_t limit = broken_at(rest);
    char *out = text;
    if (limit == 0)
        return length;
    while (slice_next_line(&rest, &line)) {
        struct slice after = rest;
        bool newline = rest.at > line.end;
        if (width(line) == limit && slice_next_line(&after, &next) && !starts_line(next, line)) {
            newline = false;
            line.end -= line.end > line.at && line.end[-1] == '\r';
        }
        memmove(out, line.at, slice_length(line));
        out += slice_length(line);
        if (newline)
            *out++ = '\n';
    }
    *out = '\0';
    return (size_t)(out - text);
}
