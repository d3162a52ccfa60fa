/* SPDX-License-Identifier: MIT */
/* Recursive descent over the bytes; the depth limit bounds the recursion. Keys of the objects that are open
 * are kept on one stack and compared when their object closes. */
#include "sim/base/json_scan.h"

#include "sim/base/arena.h"
#include "sim/base/json_string.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where a key stands: its quotes at start and end - 1; the hash is of the decoded characters. */
struct key {
    size_t start, end;
    uint64_t hash;
};

struct scanner {
    const struct source_text *source;
    struct diagnostics *diagnostics;
    const unsigned char *text;
    size_t at, length;
    unsigned depth;
    struct key *keys;
    size_t key_count, key_capacity;
};

/* Report at an offset; always false, so that callers can `return fail(...)`. */
#define FAIL(scanner, offset, code, ...)                                                                     \
    (diagnostics_report((scanner)->diagnostics, DIAGNOSTIC_ERROR, (scanner)->source, offset, NULL, code,     \
                        __VA_ARGS__),                                                                        \
     false)

/* Byte at the current place, or -1 at the end. */
static int peek(const struct scanner *scanner)
{
    return scanner->at < scanner->length ? scanner->text[scanner->at] : -1;
}

static bool is_digit(int byte)
{
    return byte >= '0' && byte <= '9';
}

/* What stands at the current place, for "expected X, found Y". */
static const char *found(const struct scanner *scanner, char text[24])
{
    int byte = peek(scanner);
    if (byte < 0)
        return "the end of the file";
    if (byte == '"')
        return "a string";
    if (byte > 0x20 && byte < 0x7f)
        snprintf(text, 24, "'%c'", byte);
    else if (byte >= 0x80)
        return "a character that is not ASCII";
    else
        snprintf(text, 24, "control character %02x", (unsigned)byte);
    return text;
}

static bool fail_expected(struct scanner *scanner, const char *expected)
{
    char text[24];
    return FAIL(scanner, scanner->at, "json-syntax", "expected %s, found %s", expected, found(scanner, text));
}

static bool skip_blanks(struct scanner *scanner)
{
    for (;;) {
        int byte = peek(scanner);
        if (byte == '/' || byte == '#')
            return FAIL(scanner, scanner->at, "json-syntax",
                        "JSON has no comments; a key that begins with \"x-\" may hold a remark");
        if (byte != ' ' && byte != '\n' && byte != '\r' && byte != '\t')
            return true;
        scanner->at++;
    }
}

/* Bytes of the UTF-8 sequence at the current place (Unicode table 3-7), 0 where it is none. */
static size_t utf8_length(const struct scanner *scanner)
{
    const unsigned char *c = scanner->text + scanner->at;
    size_t left = scanner->length - scanner->at, length;
    unsigned char low = 0x80, high = 0xbf;
    if (c[0] >= 0xc2 && c[0] <= 0xdf)
        length = 2;
    else if (c[0] >= 0xe0 && c[0] <= 0xef)
        length = 3;
    else if (c[0] >= 0xf0 && c[0] <= 0xf4)
        length = 4;
    else
        return 0;
    if (c[0] == 0xe0)
        low = 0xa0; /* shorter form exists */
    else if (c[0] == 0xed)
        high = 0x9f; /* surrogates */
    else if (c[0] == 0xf0)
        low = 0x90; /* shorter form exists */
    else if (c[0] == 0xf4)
        high = 0x8f; /* beyond U+10FFFF */
    if (length > left || c[1] < low || c[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++) {
        if ((c[i] & 0xc0) != 0x80)
            return 0;
    }
    return length;
}

/* Value of four hexadecimal digits at text[at], or -1. */
static int hex4(const unsigned char *text, size_t at, size_t length)
{
    int value = 0;
    if (length - at < 4)
        return -1;
    for (size_t i = at; i < at + 4; i++) {
        int digit;
        if (is_digit(text[i]))
            digit = text[i] - '0';
        else if ((text[i] | 0x20) >= 'a' && (text[i] | 0x20) <= 'f')
            digit = (text[i] | 0x20) - 'a' + 10;
        else
            return -1;
        value = value << 4 | digit;
    }
    return value;
}

static bool scan_escape(struct scanner *scanner)
{
    const unsigned char *text = scanner->text;
    size_t start = scanner->at++;
    int byte = peek(scanner);
    if (byte < 0)
        return fail_expected(scanner, "the rest of an escape");
    scanner->at++;
    if (byte && strchr("\"\\/bfnrt", byte))
        return true;
    if (byte != 'u')
        return FAIL(scanner, start, "json-escape",
                    "unknown escape; JSON has \\\" \\\\ \\/ \\b \\f \\n \\r \\t and \\uXXXX");
    int unit = hex4(text, scanner->at, scanner->length);
    if (unit < 0)
        return FAIL(scanner, start, "json-escape", "\\u needs four hexadecimal digits");
    scanner->at += 4;
    if (unit == 0)
        return FAIL(scanner, start, "json-nul", "a string may not hold the character NUL");
    if (unit >= 0xdc00 && unit <= 0xdfff)
        return FAIL(scanner, start, "json-surrogate", "a low surrogate without a high one before it");
    if (unit < 0xd800 || unit > 0xdbff)
        return true;
    int low = -1;
    if (scanner->length - scanner->at >= 6 && text[scanner->at] == '\\' && text[scanner->at + 1] == 'u')
        low = hex4(text, scanner->at + 2, scanner->length);
    if (low < 0xdc00 || low > 0xdfff)
        return FAIL(scanner, start, "json-surrogate", "a high surrogate without a low one after it");
    scanner->at += 6;
    return true;
}

static bool scan_string(struct scanner *scanner)
{
    size_t start = scanner->at++;
    for (;;) {
        int byte = peek(scanner);
        if (byte == '"') {
            scanner->at++;
            return true;
        }
        if (byte == '\\') {
            if (!scan_escape(scanner))
                return false;
        } else if (byte >= 0x80) {
            size_t length = utf8_length(scanner);
            if (length == 0)
                return FAIL(scanner, scanner->at, "json-encoding", "byte %02x is not part of valid UTF-8",
                            (unsigned)byte);
            scanner->at += length;
        } else if (byte >= 0x20) {
            scanner->at++;
        } else if (byte < 0 || byte == '\n') {
            return FAIL(scanner, start, "json-syntax", "a string without a closing quote%s",
                        byte == '\n' ? " on its line" : "");
        } else {
            return FAIL(scanner, scanner->at, "json-control-character",
                        "control character %02x in a string must be written \\u%04x", (unsigned)byte,
                        (unsigned)byte);
        }
    }
}

/* Digits that count: without leading zeros of the value and trailing zeros of the mantissa. */
static unsigned significant_digits(const char *number)
{
    unsigned digits = 0, zeros = 0;
    for (; *number && *number != 'e' && *number != 'E'; number++) {
        if (!is_digit((unsigned char)*number))
            continue;
        if (*number == '0') {
            zeros += digits > 0;
        } else {
            digits += zeros + 1;
            zeros = 0;
        }
    }
    return digits;
}

static bool check_number(struct scanner *scanner, size_t start)
{
    char number[JSON_NUMBER_LENGTH_MAX + 1];
    size_t length = scanner->at - start;
    if (length > JSON_NUMBER_LENGTH_MAX)
        return FAIL(scanner, start, "json-number", "a number of %zu characters; at most %d are read", length,
                    JSON_NUMBER_LENGTH_MAX);
    memcpy(number, scanner->text + start, length);
    number[length] = '\0';
    double value = strtod(number, NULL);
    unsigned digits = significant_digits(number);
    if (!isfinite(value))
        return FAIL(scanner, start, "json-number", "the number is too large to be represented");
    if (value == 0 && digits)
        return FAIL(scanner, start, "json-number", "the number is too small to be represented");
    bool limit =
        fabs(value) == 9007199254740992.0 && strcmp(number + (number[0] == '-'), "9007199254740992") == 0;
    if (fabs(value) >= 9007199254740992.0 && !limit)
        return FAIL(scanner, start, "json-number",
                    "numbers beyond 2^53 cannot be represented exactly; write it as a string");
    if (digits > 17)
        return FAIL(scanner, start, "json-number", "%u significant digits cannot be represented exactly",
                    digits);
    return true;
}

static bool scan_digits(struct scanner *scanner, const char *expected)
{
    if (!is_digit(peek(scanner)))
        return fail_expected(scanner, expected);
    while (is_digit(peek(scanner)))
        scanner->at++;
    return true;
}

static bool scan_number(struct scanner *scanner)
{
    size_t start = scanner->at;
    if (peek(scanner) == '-')
        scanner->at++;
    size_t first = scanner->at;
    if (!scan_digits(scanner, "a digit"))
        return false;
    if (scanner->text[first] == '0' && scanner->at > first + 1)
        return FAIL(scanner, first, "json-number", "a number may not begin with 0");
    if (scanner->at == first + 1 && scanner->text[first] == '0' &&
        (peek(scanner) == 'x' || peek(scanner) == 'X'))
        return FAIL(scanner, first, "json-number",
                    "JSON has no hexadecimal numbers; write it as a string: \"0x...\"");
    if (peek(scanner) == '.') {
        scanner->at++;
        if (!scan_digits(scanner, "a digit after the decimal point"))
            return false;
    }
    if (peek(scanner) == 'e' || peek(scanner) == 'E') {
        scanner->at++;
        if (peek(scanner) == '+' || peek(scanner) == '-')
            scanner->at++;
        if (!scan_digits(scanner, "a digit of the exponent"))
            return false;
    }
    return check_number(scanner, start);
}

static void remember_key(struct scanner *scanner, size_t start, size_t end)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    struct json_bytes bytes = {.at = scanner->source->text + start + 1};
    for (int byte; (byte = json_bytes_next(&bytes)) >= 0;)
        hash = (hash ^ (unsigned)byte) * UINT64_C(0x100000001b3);
    scanner->keys =
        memory_grow(scanner->keys, scanner->key_count, &scanner->key_capacity, sizeof(*scanner->keys));
    scanner->keys[scanner->key_count++] = (struct key){start, end, hash};
}

static bool same_key(const struct scanner *scanner, const struct key *a, const struct key *b)
{
    if (a->hash != b->hash)
        return false;
    struct json_bytes left = {.at = scanner->source->text + a->start + 1};
    struct json_bytes right = {.at = scanner->source->text + b->start + 1};
    int byte;
    do {
        byte = json_bytes_next(&left);
        if (byte != json_bytes_next(&right))
            return false;
    } while (byte >= 0);
    return true;
}

static int compare_keys(const void *left, const void *right)
{
    const struct key *a = left, *b = right;
    if (a->hash != b->hash)
        return a->hash < b->hash ? -1 : 1;
    return a->start < b->start ? -1 : a->start > b->start;
}

/* Check and forget the keys of the object that closes: keys[first ...]. */
static bool check_keys(struct scanner *scanner, size_t first)
{
    struct key *keys = scanner->keys + first;
    size_t count = scanner->key_count - first;
    const struct key *again = NULL, *before = NULL;
    scanner->key_count = first;
    if (count < 2)
        return true;
    qsort(keys, count, sizeof(*keys), compare_keys);
    for (size_t i = 1; i < count; i++) {
        if (same_key(scanner, &keys[i - 1], &keys[i]) && (!again || keys[i].start < again->start)) {
            again = &keys[i];
            before = &keys[i - 1];
        }
    }
    if (!again)
        return true;
    unsigned line, column;
    source_position(scanner->source, before->start, &line, &column);
    return FAIL(scanner, again->start, "json-duplicate-key",
                "key %.*s is used twice in one object, first at line %u, column %u",
                (int)(again->end - again->start), scanner->text + again->start, line, column);
}

static bool scan_value(struct scanner *scanner);

static bool scan_object(struct scanner *scanner)
{
    size_t first = scanner->key_count;
    scanner->at++;
    if (!skip_blanks(scanner))
        return false;
    if (peek(scanner) == '}') {
        scanner->at++;
        return true;
    }
    for (;;) {
        if (peek(scanner) != '"')
            return fail_expected(scanner, "a key in double quotes");
        size_t start = scanner->at;
        if (!scan_string(scanner))
            return false;
        remember_key(scanner, start, scanner->at);
        if (!skip_blanks(scanner))
            return false;
        if (peek(scanner) != ':')
            return fail_expected(scanner, "':' after a key");
        scanner->at++;
        if (!scan_value(scanner) || !skip_blanks(scanner))
            return false;
        int byte = peek(scanner);
        if (byte != ',' && byte != '}')
            return fail_expected(scanner, "',' or '}' after a member of an object");
        scanner->at++;
        if (byte == '}')
            return check_keys(scanner, first);
        if (!skip_blanks(scanner))
            return false;
        if (peek(scanner) == '}')
            return fail_expected(scanner, "a key in double quotes after the comma");
    }
}

static bool scan_array(struct scanner *scanner)
{
    scanner->at++;
    if (!skip_blanks(scanner))
        return false;
    if (peek(scanner) == ']') {
        scanner->at++;
        return true;
    }
    for (;;) {
        if (!scan_value(scanner) || !skip_blanks(scanner))
            return false;
        int byte = peek(scanner);
        if (byte != ',' && byte != ']')
            return fail_expected(scanner, "',' or ']' after an element of an array");
        scanner->at++;
        if (byte == ']')
            return true;
        if (!skip_blanks(scanner))
            return false;
        if (peek(scanner) == ']')
            return fail_expected(scanner, "a value after the comma");
    }
}

static bool scan_word(struct scanner *scanner)
{
    static const char *const words[] = {"true", "false", "null"};
    size_t length = 0;
    while (scanner->at + length < scanner->length && length < 40 &&
           (scanner->text[scanner->at + length] | 0x20) >= 'a' &&
           (scanner->text[scanner->at + length] | 0x20) <= 'z')
        length++;
    const char *word = (const char *)scanner->text + scanner->at;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strlen(words[i]) == length && memcmp(words[i], word, length) == 0) {
            scanner->at += length;
            return true;
        }
    }
    if (length == 0)
        return fail_expected(scanner, "a value");
    return FAIL(scanner, scanner->at, "json-syntax",
                "expected a value, found the word %.*s (strings need double quotes)", (int)length, word);
}

static bool scan_value(struct scanner *scanner)
{
    if (!skip_blanks(scanner))
        return false;
    int byte = peek(scanner);
    if (byte == '"')
        return scan_string(scanner);
    if (byte == '-' || is_digit(byte))
        return scan_number(scanner);
    if (byte != '{' && byte != '[')
        return scan_word(scanner);
    if (scanner->depth == JSON_DEPTH_MAX)
        return FAIL(scanner, scanner->at, "json-depth",
                    "more than %d objects and arrays one inside the other", JSON_DEPTH_MAX);
    scanner->depth++;
    bool good = byte == '{' ? scan_object(scanner) : scan_array(scanner);
    scanner->depth--;
    return good;
}

static bool scan_document(struct scanner *scanner)
{
    if (scanner->length >= 3 && memcmp(scanner->text, "\xef\xbb\xbf", 3) == 0)
        return FAIL(scanner, 0, "json-byte-order-mark", "JSON text may not begin with a byte order mark");
    if (!skip_blanks(scanner))
        return false;
    if (peek(scanner) < 0)
        return FAIL(scanner, DIAGNOSTIC_NO_OFFSET, "json-empty",
                    "the file is empty, expected a JSON document");
    if (!scan_value(scanner) || !skip_blanks(scanner))
        return false;
    if (peek(scanner) >= 0)
        return FAIL(scanner, scanner->at, "json-trailing-text", "text after the end of the JSON document");
    return true;
}

bool json_scan(const struct source_text *source, struct diagnostics *diagnostics)
{
    struct scanner scanner = {.source = source,
                              .diagnostics = diagnostics,
                              .text = (const unsigned char *)source->text,
                              .length = source->length};
    bool good = scan_document(&scanner);
    free(scanner.keys);
    return good;
}
