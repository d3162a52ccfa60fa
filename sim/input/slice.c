/* SPDX-License-Identifier: MIT */
#include "sim/input/slice.h"

#include <string.h>

size_t slice_length(struct slice slice)
{
    return (size_t)(slice.end - slice.at);
}

static bool is_blank(char character)
{
    return character == ' ' || character == '\t' || character == '\r';
}

struct slice slice_trim(struct slice slice)
{
    while (slice.at < slice.end && is_blank(*slice.at))
        slice.at++;
    while (slice.end > slice.at && is_blank(slice.end[-1]))
        slice.end--;
    return slice;
}

bool slice_next_line(struct slice *rest, struct slice *line)
{
    if (rest->at >= rest->end)
        return false;
    const char *end = memchr(rest->at, '\n', slice_length(*rest));
    *line = (struct slice){rest->at, end ? end : rest->end};
    rest->at = end ? end + 1 : rest->end;
    return true;
}

bool slice_next_word(struct slice *rest, struct slice *word)
{
    const char *at = rest->at;
    while (at < rest->end && is_blank(*at))
        at++;
    const char *end = at;
    while (end < rest->end && !is_blank(*end))
        end++;
    rest->at = end;
    *word = (struct slice){at, end};
    return at < end;
}

bool slice_is(struct slice slice, const char *text)
{
    size_t length = strlen(text);
    return slice_length(slice) == length && memcmp(slice.at, text, length) == 0;
}

bool slice_skip(struct slice *rest, const char *text)
{
    size_t length = strlen(text);
    if (slice_length(*rest) < length || memcmp(rest->at, text, length) != 0)
        return false;
    rest->at += length;
    return true;
}

const char *slice_find(struct slice slice, const char *text)
{
    return slice.at < slice.end ? memmem(slice.at, slice_length(slice), text, strlen(text)) : NULL;
}

int hex_digit(char character)
{
    if (character >= '0' && character <= '9')
        return character - '0';
    if (character >= 'a' && character <= 'f')
        return character - 'a' + 10;
    if (character >= 'A' && character <= 'F')
        return character - 'A' + 10;
    return -1;
}

bool slice_number(struct slice *rest, unsigned base, unsigned minimum, unsigned maximum, uint64_t *value)
{
    uint64_t number = 0;
    unsigned digits = 0;
    const char *at = rest->at;
    for (; at < rest->end; at++, digits++) {
        int digit = hex_digit(*at);
        if (digit < 0 || (unsigned)digit >= base)
            break;
        if (digits == maximum)
            return false;
        number = number * base + (unsigned)digit;
    }
    if (digits < minimum || digits == 0)
        return false;
    rest->at = at;
    *value = number;
    return true;
}
