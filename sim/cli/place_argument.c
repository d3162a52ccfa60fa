/* SPDX-License-Identifier: MIT */
#include "sim/cli/place_argument.h"

#include "sim/base/arena.h"
#include "sim/base/nearest.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { PORTS = 0x10000 };

bool place_argument_is(const char *text)
{
    uint32_t segment;
    uint8_t bus, devfn;
    return strcmp(text, "all") != 0 && !bdf_parse(text, &segment, &bus, &devfn);
}

static void report(struct diagnostics *diagnostics, const char *code, const char *complaint, const char *text)
{
    diagnostics_report(diagnostics, DIAGNOSTIC_ERROR, NULL, DIAGNOSTIC_NO_OFFSET, NULL, code, "'%s' %s", text,
                       complaint);
}

/** Read @p digits, hexadecimal without its 0x. @return false where it is no number, or too large */
static bool read_hexadecimal(const char *digits, uint64_t *number)
{
    char *end;
    if (!isxdigit((unsigned char)digits[0]))
        return false;
    errno = 0;
    *number = strtoull(digits, &end, 16);
    return *end == '\0' && errno == 0;
}

/** One place of @p kind among all there are. */
static bool find_kind(struct arena *arena, const struct fabric *fabric, enum reach_destination_kind kind,
                      struct reach_destination *place)
{
    uint32_t count;
    const struct reach_destination *all = reach_destinations(arena, fabric, &count);
    for (uint32_t i = 0; i < count; i++) {
        if (all[i].kind == kind) {
            *place = all[i];
            return true;
        }
    }
    return false;
}

static bool read_number(const struct fabric *fabric, const char *text, bool io,
                        struct diagnostics *diagnostics, struct reach_destination *place)
{
    uint64_t number;
    const char *digits = text + (io ? strlen("io:") : 0);
    bool hexadecimal = digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X');
    if (!hexadecimal || !read_hexadecimal(digits + 2, &number)) {
        report(diagnostics, "place-number",
               io ? "is no port: io:0x and up to four hexadecimal digits are expected"
                  : "is no address: 0x and up to sixteen hexadecimal digits are expected",
               text);
        return false;
    }
    if (io && number >= PORTS) {
        report(diagnostics, "place-number", "is no port: they end at io:0xffff", text);
        return false;
    }
    *place = reach_destination_at(fabric, number, io);
    return true;
}

bool place_argument_find(struct arena *arena, const struct fabric *fabric, const char *text,
                         struct diagnostics *diagnostics, const struct reach_destination **places,
                         uint32_t *count)
{
    static const char *const words[] = {"ram", "msi", "unclaimed", "places", "all"};
    static const enum reach_destination_kind kinds[] = {DESTINATION_MEMORY, DESTINATION_MSI,
                                                        DESTINATION_UNCLAIMED};
    struct reach_destination *place = arena_alloc(arena, sizeof(*place));
    bool io = strncmp(text, "io:", 3) == 0;
    *places = place;
    *count = 1;
    if (io || (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')))
        return read_number(fabric, text, io, diagnostics, place);
    if (strcmp(text, "places") == 0) {
        *places = reach_destinations(arena, fabric, count);
        return true;
    }
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(text, words[i]) != 0)
            continue;
        bool found = find_kind(arena, fabric, kinds[i], place);
        if (!found)
            report(diagnostics, "place-none",
                   "is not to be found: the input does not tell what RAM there is, and without that every "
                   "address may be some",
                   text);
        return found;
    }
    const char *near = nearest_name(text, words, sizeof(words) / sizeof(words[0]), sizeof(words[0]));
    diagnostics_report(diagnostics, DIAGNOSTIC_ERROR, NULL, DIAGNOSTIC_NO_OFFSET, NULL, "place-unknown",
                       "'%s' is neither a function's address, [segment:]bus:device.function, nor a place: "
                       "%s%s%s",
                       text, PLACE_WORDS, near ? "; did you mean " : "", near ? near : "");
    return false;
}
