/* SPDX-License-Identifier: MIT */
#include "sim/input/trace_line.h"

#include "sim/base/arena.h"
#include "sim/base/nearest.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MSI_LENGTH = 4, SHOWN = 40, TRACE_PAGE = 4096, TRACE_PASID_MAX = (1 << 20) - 1 };
static const uint64_t msi_base = 0xfee00000, msi_limit = 0xfeefffff;

/* ---- what is wrong ---- */

static bool __attribute__((format(printf, 4, 5)))
wrong(struct trace_parser *parser, const char *at, const char *code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(parser->message, sizeof(parser->message), format, arguments);
    va_end(arguments);
    parser->wrong = at;
    parser->code = code;
    return false;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static const char *skip_blanks(const char *at)
{
    while (is_blank(*at))
        at++;
    return at;
}

/* End of the field that begins at @p at, trailing blanks not included. */
static const char *field_end(const char *at)
{
    const char *end = at;
    for (; *at != ',' && *at != '\n'; at++) {
        if (!is_blank(*at))
            end = at + 1;
    }
    return end;
}

/* The field as a string for a message. */
static const char *shown(char text[SHOWN + 4], const char *at)
{
    size_t length = (size_t)(field_end(at) - at), kept = length > SHOWN ? SHOWN : length;
    memcpy(text, at, kept);
    for (size_t i = 0; i < kept; i++) {
        if ((unsigned char)text[i] < 0x20 || (unsigned char)text[i] >= 0x7f)
            text[i] = '?';
    }
    memcpy(text + kept, length > SHOWN ? "..." : "", length > SHOWN ? 4 : 1);
    return text;
}

/* To the field after the comma at *at, which belongs to @p what. */
static bool next_field(struct trace_parser *parser, const char **at, const char *what)
{
    const char *here = skip_blanks(*at);
    if (*here == ',') {
        *at = skip_blanks(here + 1);
        if (**at != '\n' && **at != ',')
            return true;
        here = *at;
    }
    return wrong(parser, here, "trace-fields",
                 "%s is missing; a line is time,device,operation,iova,length[,pasid][,flags]", what);
}

/* ---- numbers ---- */

/* Value of a hexadecimal digit plus one; 0 for anything else. */
static const unsigned char hex_digits[256] = {
    ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
    ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
    ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

/* False, and the sum wrong, beyond 64 bits. */
static bool add_digit(uint64_t *sum, unsigned digit)
{
    return (int)!__builtin_mul_overflow(*sum, 10, sum) & (int)!__builtin_add_overflow(*sum, digit, sum);
}

/* Decimal or 0x. False: not a number, or beyond 64 bits. */
static bool scan_number(const char **text, uint64_t *value)
{
    const char *at = *text, *first = at;
    uint64_t sum = 0;
    bool fits = true;
    if (at[0] == '0' && (at[1] | 0x20) == 'x') {
        first = at += 2;
        for (unsigned digit; (digit = hex_digits[(unsigned char)*at]) != 0; at++) {
            fits &= sum >> 60 == 0;
            sum = sum << 4 | (digit - 1);
        }
    } else {
        for (unsigned digit = (unsigned)(*at - '0'); digit < 10; digit = (unsigned)(*++at - '0')) {
            fits &= add_digit(&sum, digit);
        }
    }
    if (at == first || !fits)
        return false;
    *text = at;
    *value = sum;
    return true;
}

static bool at_field_end(const char *at)
{
    at = skip_blanks(at);
    return *at == ',' || *at == '\n';
}

static bool parse_number(struct trace_parser *parser, const char **at, const char *what, uint64_t *value)
{
    const char *end = *at;
    if (scan_number(&end, value) && at_field_end(end)) {
        *at = end;
        return true;
    }
    char text[SHOWN + 4];
    return wrong(parser, *at, "trace-number",
                 "%s \"%s\" is no number of 64 bits, decimal or hexadecimal after 0x", what,
                 shown(text, *at));
}

/* Powers of ten of the units of time in picoseconds; *at moves behind the unit. -1 for none of them. */
static int scan_time_unit(const char **at)
{
    static const char letters[] = "pnum";
    const char *unit = skip_blanks(*at);
    if (*unit == ',' || *unit == '\n') /* nanoseconds where none is given */
        return 3;
    *at = unit + 1;
    if (*unit == 's')
        return 12;
    const char *prefix = *unit ? strchr(letters, *unit) : NULL;
    *at = unit + 2;
    return prefix && unit[1] == 's' ? 3 * (int)(prefix - letters) : -1;
}

static bool parse_time(struct trace_parser *parser, const char **text, uint64_t *time_ps)
{
    static const uint64_t powers[] = {1,           10,           100,          1000,      10000,
                                      100000,      1000000,      10000000,     100000000, 1000000000,
                                      10000000000, 100000000000, 1000000000000};
    const char *at = *text;
    uint64_t sum = 0;
    int decimals = 0;
    bool point = false, fits = true;
    for (;; at++) {
        unsigned digit = (unsigned)(*at - '0');
        if (digit < 10) {
            fits &= add_digit(&sum, digit);
            decimals += point;
        } else if (*at == '.' && !point && at > *text && at[1] >= '0' && at[1] <= '9') {
            point = true;
        } else {
            break;
        }
    }
    char copy[SHOWN + 4];
    const char *digits_end = at;
    int exponent = at == *text ? -1 : scan_time_unit(&at);
    if (exponent < 0 || !at_field_end(at))
        return wrong(parser, *text, "trace-time",
                     "time \"%s\" is no number with a unit (ps, ns, us, ms, s; none: nanoseconds)",
                     shown(copy, *text));
    for (; decimals > exponent && sum % 10 == 0; decimals--)
        sum /= 10;
    if (decimals > exponent)
        return wrong(parser, *text, "trace-time", "time \"%s\" is no whole number of picoseconds",
                     shown(copy, *text));
    if (!fits || sum > UINT64_MAX / 2 / powers[exponent - decimals])
        return wrong(parser, *text, "trace-time", "time \"%.*s\" is beyond 106 days",
                     (int)(digits_end - *text > SHOWN ? SHOWN : digits_end - *text), *text);
    *time_ps = sum * powers[exponent - decimals];
    *text = at;
    return true;
}

/* ---- devices ---- */

static bool unknown_device(struct trace_parser *parser, const char *at, const char *address)
{
    const struct topology *topology = parser->topology;
    char(*texts)[BDF_TEXT_SIZE] = memory_array(topology->function_count, sizeof(*texts));
    const char **names = memory_array(topology->function_count, sizeof(*names));
    uint32_t count = 0;
    for (uint32_t i = 0; i < topology->function_count; i++) {
        const struct pci_function *function = &topology->functions[i];
        if (function->header_type == 0)
            names[count] = bdf_print(texts[count], function->segment, function->bus, function->devfn),
            count++;
    }
    const char *near = nearest_name(address, names, count, sizeof(*names));
    wrong(parser, at, "trace-device", "there is no device %s%s%s", address, near ? "; the nearest is " : "",
          near ? near : "");
    free(names);
    free(texts);
    return false;
}

/* A device not in the table: parse, find, remember. */
static bool resolve_device(struct trace_parser *parser, const char *at, const char *end,
                           struct trace_device *slot)
{
    char text[SHOWN + 4], address[BDF_TEXT_SIZE];
    uint32_t segment;
    uint8_t bus, devfn;
    if (end - at > SHOWN || !bdf_parse(shown(text, at), &segment, &bus, &devfn))
        return wrong(parser, at, "trace-device",
                     "device \"%s\" is no address of the form [segment:]bus:device.function",
                     shown(text, at));
    if (!parser->topology) {
        slot->function_id = trace_bare_function(segment, bus, devfn);
        return true;
    }
    const struct pci_function *function = topology_find(parser->topology, segment, bus, devfn);
    bdf_print(address, segment, bus, devfn);
    if (!function)
        return unknown_device(parser, at, address);
    if (function->header_type != 0)
        return wrong(parser, at, "trace-device", "%s is a %s: it issues no DMA", address,
                     function_kind_name(function));
    slot->function_id = function->id;
    return true;
}

/* Mask of the first @p count bytes of a word in memory (little endian, as everywhere this runs). */
static uint64_t first_bytes(size_t count)
{
    return count < 8 ? (UINT64_C(1) << 8 * count) - 1 : UINT64_MAX;
}

static bool parse_device(struct trace_parser *parser, const char **text, uint32_t *function_id)
{
    const char *at = *text, *end = at;
    while (*end != ',' && *end != '\n' && !is_blank(*end))
        end++;
    size_t length = (size_t)(end - at); /* at least 1: next_field() has looked */
    struct trace_device key = {{0, 0}, (uint32_t)length, NONE}, *slot;
    if (length <= 16) {
        memcpy(key.text, at, 16); /* the padding makes it readable */
        key.text[0] &= first_bytes(length);
        key.text[1] &= first_bytes(length > 8 ? length - 8 : 0);
        uint64_t mixed =
            (key.text[0] ^ key.text[1] * UINT64_C(0x9e3779b97f4a7c15)) * UINT64_C(0xff51afd7ed558ccd);
        slot = &parser->devices[mixed >> 56];
        if (slot->length == length && slot->text[0] == key.text[0] && slot->text[1] == key.text[1]) {
            *function_id = slot->function_id;
            *text = end;
            return true;
        }
    } else {
        slot = &key; /* longer than any slot holds */
    }
    if (!at_field_end(end))
        end = field_end(at);
    if (!resolve_device(parser, at, end, &key))
        return false;
    *slot = key;
    *function_id = key.function_id;
    *text = end;
    return true;
}

/* ---- operations ---- */

enum word {
    WORD_READ,
    WORD_WRITE,
    WORD_MSI,
    WORD_BARRIER,
    WORD_MAP,
    WORD_UNMAP,
    WORD_INVALIDATE,
    WORD_UNSUPPORTED,
};

/* By word; an msi is a write. */
static const enum trace_operation operations[] = {TRACE_READ, TRACE_WRITE, TRACE_WRITE,     TRACE_BARRIER,
                                                  TRACE_MAP,  TRACE_UNMAP, TRACE_INVALIDATE};

static bool parse_operation(struct trace_parser *parser, const char **text, enum word *word)
{
    static const char *const names[] = {"read",  "write",      "msi",    "barrier",  "map",
                                        "unmap", "invalidate", "atomic", "translate"};
    enum { NAMES = sizeof(names) / sizeof(names[0]) };
    const char *at = *text, *end = at;
    while (*end >= 'a' && *end <= 'z')
        end++;
    size_t length = (size_t)(end - at);
    if (at_field_end(end)) {
        for (int i = 0; i < NAMES; i++) {
            if (strlen(names[i]) != length || memcmp(names[i], at, length) != 0)
                continue;
            if (i >= WORD_UNSUPPORTED)
                return wrong(parser, at, "trace-operation",
                             "%s operations are not simulated; supported are read, write, msi, barrier, map, "
                             "unmap and invalidate",
                             names[i]);
            *word = (enum word)i;
            *text = end;
            return true;
        }
    }
    char copy[SHOWN + 4];
    const char *near = nearest_name(shown(copy, at), names, WORD_UNSUPPORTED, sizeof(names[0]));
    return wrong(
        parser, at, "trace-operation",
        "unknown operation \"%s\"%s%s%s; supported are read, write, msi, barrier, map, unmap and invalidate",
        copy, near ? ", did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

static bool parse_range(struct trace_parser *parser, const char **at, enum word word,
                        struct trace_record *record)
{
    uint64_t length = 0;
    if (!next_field(parser, at, "iova"))
        return false;
    const char *iova_at = *at;
    if (!parse_number(parser, at, "iova", &record->iova) || !next_field(parser, at, "length"))
        return false;
    const char *length_at = *at;
    if (!parse_number(parser, at, "length", &length))
        return false;
    if (length == 0 && word == WORD_INVALIDATE && record->iova == 0)
        return true; /* all of the domain */
    if (length == 0 || length > TRACE_LENGTH_MAX)
        return wrong(parser, length_at, "trace-length", "length %" PRIu64 " is outside 1 to %d bytes (4 MiB)",
                     length, TRACE_LENGTH_MAX);
    if (record->iova > UINT64_MAX - (length - 1))
        return wrong(parser, iova_at, "trace-number",
                     "iova 0x%" PRIx64 " plus length %" PRIu64 " is beyond 64 bits", record->iova, length);
    if (word == WORD_MSI &&
        (record->iova < msi_base || record->iova > msi_limit - 3 || record->iova % 4 || length != MSI_LENGTH))
        return wrong(parser, iova_at, "trace-msi",
                     "an msi is a write of 4 bytes to an aligned address in 0xfee00000-0xfeefffff");
    if (word >= WORD_MAP && (record->iova | length) % TRACE_PAGE)
        return wrong(parser, record->iova % TRACE_PAGE ? iova_at : length_at, "trace-page",
                     "what is mapped and unmapped are whole pages of 4096 bytes");
    record->length = (uint32_t)length;
    return true;
}

/* r, w or rw, and @ADDRESS. */
static bool parse_map_flags(struct trace_parser *parser, const char **text, struct trace_record *record)
{
    const char *at = *text;
    record->map_read = *at == 'r';
    at += *at == 'r';
    record->map_write = *at == 'w';
    at += *at == 'w';
    if (*at == '@') {
        const char *number = ++at;
        if (!parse_number(parser, &at, "physical address", &record->physical))
            return false;
        if (record->physical % TRACE_PAGE || record->physical >> 52)
            return wrong(parser, number, "trace-page", "a physical address is a multiple of 4096 below 2^52");
        record->physical_given = true;
    }
    if (!at_field_end(at))
        return wrong(parser, *text, "trace-fields",
                     "the flags of a map are r, w or rw, and may end in @ADDRESS");
    if (!record->map_read && !record->map_write)
        record->map_read = record->map_write = true;
    *text = at;
    return true;
}

/* Of the operations that are requests. */
static bool parse_pasid(struct trace_parser *parser, const char **text, struct trace_record *record)
{
    const char *at = *text;
    uint64_t pasid;
    if (record->operation > TRACE_WRITE)
        return wrong(parser, at, "trace-pasid", "only reads and writes carry a pasid");
    if (!parse_number(parser, text, "pasid", &pasid))
        return false;
    if (pasid > TRACE_PASID_MAX)
        return wrong(parser, at, "trace-pasid", "pasid %" PRIu64 " is beyond 20 bits", pasid);
    record->pasid = (uint32_t)pasid + 1;
    return true;
}

/* What may follow the length, each after a comma and each possibly empty: pasid, flags. */
static bool parse_rest(struct trace_parser *parser, const char **text, struct trace_record *record)
{
    bool barrier = record->operation == TRACE_BARRIER;
    const char *at = skip_blanks(*text);
    for (int field = barrier ? -2 : 0; *at == ',' && field < 2; field++) {
        at = skip_blanks(at + 1);
        if (*at == ',' || *at == '\n')
            continue;
        if (field < 0)
            return wrong(parser, at, "trace-fields", "a barrier has no iova and length");
        if (field == 1 && record->operation != TRACE_MAP)
            return wrong(parser, at, "trace-unsupported", "flags are not simulated: leave the field empty");
        if (field == 0 ? !parse_pasid(parser, &at, record) : !parse_map_flags(parser, &at, record))
            return false;
        at = skip_blanks(at);
    }
    if (*at != '\n')
        return wrong(parser, at, "trace-fields",
                     "more than a line has: time,device,operation,iova,length[,pasid][,flags]");
    *text = at;
    return true;
}

static bool parse_record(struct trace_parser *parser, const char **at, struct trace_record *record)
{
    enum word word = WORD_READ;
    *record = (struct trace_record){.function_id = NONE};
    if (!parse_time(parser, at, &record->time_ps) || !next_field(parser, at, "device") ||
        !parse_device(parser, at, &record->function_id) || !next_field(parser, at, "operation") ||
        !parse_operation(parser, at, &word))
        return false;
    if (word != WORD_BARRIER && !parse_range(parser, at, word, record))
        return false;
    record->operation = operations[word];
    record->map_read = record->map_write = word == WORD_MAP;
    return parse_rest(parser, at, record);
}

/* A NUL hides the rest of the line from anyone who looks at it; it is named before anything else. */
static bool has_nul(struct trace_parser *parser, const char *line)
{
    const char *end = strchrnul(line, '\n');
    return *end == '\0' && !wrong(parser, end, "trace-nul", "the line has a NUL byte: a trace is text");
}

enum trace_line trace_line_parse(struct trace_parser *parser, const char *line, struct trace_record *record,
                                 const char **next)
{
    const char *at = skip_blanks(line);
    if (*at == '#' || *at == '\n' || strncmp(at, "time,", 5) == 0) {
        if (has_nul(parser, at))
            return TRACE_LINE_WRONG;
        *next = strchr(at, '\n') + 1;
        return TRACE_LINE_BLANK;
    }
    if (!parse_record(parser, &at, record)) {
        has_nul(parser, line);
        return TRACE_LINE_WRONG;
    }
    *next = at + 1;
    return TRACE_LINE_RECORD;
}
