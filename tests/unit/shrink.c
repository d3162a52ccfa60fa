/* SPDX-License-Identifier: MIT */
#include "tests/unit/shrink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** Length of the node at @p text: its word, "[options]" and "(children)". */
static size_t node_length(const char *text)
{
    size_t length = 0;
    int depth = 0;
    for (; text[length]; length++) {
        char c = text[length];
        if (depth == 0 && (c == ' ' || c == ')' || c == '|'))
            break;
        depth += (c == '[' || c == '(') - (c == ']' || c == ')');
    }
    return length;
}

/** @p line without @p length bytes at @p at; free() it. */
static char *without(const char *line, size_t at, size_t length)
{
    size_t size = strlen(line) - length + 1;
    char *shorter = malloc(size);
    if (!shorter)
        abort();
    snprintf(shorter, size, "%.*s%s", (int)at, line, line + at + length);
    return shorter;
}

/** A part of a line. */
struct part {
    size_t at, length;
};

/** What begins at @p at and could be taken away; length 0 for nothing. */
static struct part removable(const char *line, size_t at)
{
    const char *text = line + at;
    size_t spaces = strspn(text + 1, " ");
    bool begins = at == 0 || strchr(" (|:", line[at - 1]);
    switch (*text) {
    case ',': /* an option but the first */
        return (struct part){at, 1 + strcspn(text + 1, ",]")};
    case '[': /* the first option, or the only one */
        if (text[strcspn(text, ",]")] == ',')
            return (struct part){at + 1, strcspn(text, ",")};
        return (struct part){at, strcspn(text, "]") + 1};
    case '(': /* nothing is below */
        return (struct part){at, text[1 + spaces] == ')' ? spaces + 2 : 0};
    case '|': /* a host bridge */
        return (struct part){at, 1 + strcspn(text + 1, "|")};
    case ' ':
        return (struct part){at, begins || strchr(" )", text[1]) ? 1 : 0};
    default: /* a function with all below it */
        return (struct part){at, begins && *text != ')' ? node_length(text) : 0};
    }
}

char *shrink_machine(const char *line, shrink_fails *fails, void *context)
{
    char *best = without(line, 0, 0);
    for (size_t at = 0; at < strlen(best);) {
        struct part part = removable(best, at);
        char *candidate = part.length ? without(best, part.at, part.length) : NULL;
        if (candidate && fails(candidate, context)) {
            free(best);
            best = candidate;
            at = 0;
            continue;
        }
        free(candidate);
        at++;
    }
    return best;
}
