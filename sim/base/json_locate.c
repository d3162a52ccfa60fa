/* SPDX-License-Identifier: MIT */
/* From a JSON pointer to a place in the text. The text has passed json_scan(), so nothing is checked again.
 */
#include "sim/base/json_scan.h"

#include "sim/base/json_string.h"
#include "sim/base/text_buffer.h"

#include <stdlib.h>
#include <string.h>

static size_t skip_blanks(const char *text, size_t at)
{
    while (text[at] == ' ' || text[at] == '\n' || text[at] == '\r' || text[at] == '\t')
        at++;
    return at;
}

/* Past the string whose opening quote is at `at`. */
static size_t skip_string(const char *text, size_t at)
{
    for (at++; text[at] != '"'; at++)
        at += text[at] == '\\';
    return at + 1;
}

/* Past the value that begins at `at`. */
static size_t skip_value(const char *text, size_t at, size_t length)
{
    size_t depth = 0;
    do {
        char c = text[at];
        if (c == '"') {
            at = skip_string(text, at);
            continue;
        }
        depth += c == '{' || c == '[';
        depth -= c == '}' || c == ']';
        at++;
        if (depth == 0 && !strchr("{[}]", c)) { /* number or word: to its end */
            while (at < length && !strchr(" \n\r\t,:}]", text[at]))
                at++;
        }
    } while (depth);
    return at;
}

/* Next byte of a pointer token (~0 is ~, ~1 is /), or -1 at its end. */
static int next_of_token(const char **at)
{
    char c = **at;
    if (c == '\0' || c == '/')
        return -1;
    ++*at;
    if (c == '~' && (**at == '0' || **at == '1'))
        return *(*at)++ == '0' ? '~' : '/';
    return (unsigned char)c;
}

/* Does the string whose opening quote is at `quote` equal the pointer token? */
static bool key_matches(const char *quote, const char *token)
{
    struct json_bytes bytes = {.at = quote + 1};
    for (;;) {
        int a = json_bytes_next(&bytes), b = next_of_token(&token);
        if (a != b)
            return false;
        if (a < 0)
            return true;
    }
}

/* Offsets of the member named by the token in the object at `at`; false where it has none. */
static bool find_member(const char *text, size_t at, size_t length, const char *token, size_t *key,
                        size_t *value)
{
    at = skip_blanks(text, at + 1);
    while (text[at] == '"') {
        size_t quote = at;
        at = skip_blanks(text, skip_string(text, at));
        at = skip_blanks(text, at + 1); /* the colon */
        if (key_matches(text + quote, token)) {
            *key = quote;
            *value = at;
            return true;
        }
        at = skip_blanks(text, skip_value(text, at, length));
        if (text[at] == ',')
            at = skip_blanks(text, at + 1);
    }
    return false;
}

static bool find_element(const char *text, size_t at, size_t length, const char *token, size_t *value)
{
    char *end;
    unsigned long index = strtoul(token, &end, 10);
    if (end == token || (*end && *end != '/'))
        return false;
    at = skip_blanks(text, at + 1);
    for (; text[at] != ']'; index--) {
        if (index == 0) {
            *value = at;
            return true;
        }
        at = skip_blanks(text, skip_value(text, at, length));
        if (text[at] == ',')
            at = skip_blanks(text, at + 1);
    }
    return false;
}

size_t json_locate(const struct source_text *source, const char *pointer, enum json_place place)
{
    const char *text = source->text;
    size_t value = skip_blanks(text, 0), key = value;
    while (*pointer == '/') {
        const char *token = pointer + 1;
        size_t below = value, below_key = value;
        bool there = false;
        if (text[value] == '{') {
            there = find_member(text, value, source->length, token, &below_key, &below);
        } else if (text[value] == '[') {
            there = find_element(text, value, source->length, token, &below);
            below_key = below;
        }
        if (!there)
            return value;
        value = below;
        key = below_key;
        pointer = token + strcspn(token, "/");
    }
    return place == JSON_KEY ? key : value;
}

size_t json_locate_value(const struct source_text *source, const char *pointer)
{
    return json_locate(source, pointer, JSON_VALUE);
}

/** A pass over all values. The depth was checked by json_scan(), so the recursion is bounded. */
struct pass {
    const char *text;
    size_t length;
    struct text_buffer pointer;
    json_object_visit visit;
    void *data;
};

static size_t pass_value(struct pass *pass, size_t at);

static void shorten(struct text_buffer *pointer, size_t length)
{
    pointer->length = length;
    if (pointer->text)
        pointer->text[length] = '\0';
}

/* Append the key whose opening quote is at `quote` as a pointer token. */
static void add_token(struct pass *pass, size_t quote)
{
    struct json_bytes bytes = {.at = pass->text + quote + 1};
    text_buffer_add(&pass->pointer, "/");
    for (int c = json_bytes_next(&bytes); c >= 0; c = json_bytes_next(&bytes)) {
        char byte = (char)c;
        if (c == '~' || c == '/')
            text_buffer_add(&pass->pointer, c == '~' ? "~0" : "~1");
        else
            text_buffer_append(&pass->pointer, &byte, 1);
    }
}

/* Past the object or array that begins at `at`. */
static size_t pass_container(struct pass *pass, size_t at)
{
    bool object = pass->text[at] == '{';
    size_t above = pass->pointer.length;
    at = skip_blanks(pass->text, at + 1);
    for (size_t index = 0; pass->text[at] != '}' && pass->text[at] != ']'; index++) {
        if (object) {
            add_token(pass, at);
            at = skip_blanks(pass->text, skip_string(pass->text, at));
            at = skip_blanks(pass->text, at + 1); /* the colon */
        } else {
            text_buffer_format(&pass->pointer, "/%zu", index);
        }
        at = skip_blanks(pass->text, pass_value(pass, at));
        shorten(&pass->pointer, above);
        if (pass->text[at] == ',')
            at = skip_blanks(pass->text, at + 1);
    }
    return at + 1;
}

static size_t pass_value(struct pass *pass, size_t at)
{
    if (pass->text[at] == '{')
        pass->visit(pass->data, text_buffer_get(&pass->pointer), at);
    if (pass->text[at] == '{' || pass->text[at] == '[')
        return pass_container(pass, at);
    return skip_value(pass->text, at, pass->length);
}

void json_objects_visit(const struct source_text *source, json_object_visit visit, void *data)
{
    struct pass pass = {.text = source->text, .length = source->length, .visit = visit, .data = data};
    pass_value(&pass, skip_blanks(source->text, 0));
    text_buffer_fini(&pass.pointer);
}
