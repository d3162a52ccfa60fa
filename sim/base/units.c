/* SPDX-License-Identifier: MIT */
#include "sim/base/units.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <math.h>
#include <string.h>

/* A unit name and what one of it is in base units: multiplier / divisor (bits need the divisor 8). */
struct unit_name {
    enum unit unit;
    const char *name;
    uint64_t multiplier;
    uint64_t divisor;
    bool printed; /* unit_print() uses it */
};

#define KI UINT64_C(1024)
#define K  UINT64_C(1000)

/* Largest first within a unit: unit_print() takes the first that divides. */
static const struct unit_name unit_names[] = {
    {UNIT_PICOSECONDS, "s", K *K *K *K, 1, true},
    {UNIT_PICOSECONDS, "ms", K *K *K, 1, true},
    {UNIT_PICOSECONDS, "us", K *K, 1, true},
    {UNIT_PICOSECONDS, "ns", K, 1, true},
    {UNIT_PICOSECONDS, "ps", 1, 1, true},
    {UNIT_BYTES, "TiB", KI *KI *KI *KI, 1, true},
    {UNIT_BYTES, "GiB", KI *KI *KI, 1, true},
    {UNIT_BYTES, "MiB", KI *KI, 1, true},
    {UNIT_BYTES, "KiB", KI, 1, true},
    {UNIT_BYTES, "TB", K *K *K *K, 1, false},
    {UNIT_BYTES, "GB", K *K *K, 1, false},
    {UNIT_BYTES, "MB", K *K, 1, false},
    {UNIT_BYTES, "KB", K, 1, false},
    {UNIT_BYTES, "B", 1, 1, true},
    {UNIT_HERTZ, "GHz", K *K *K, 1, true},
    {UNIT_HERTZ, "MHz", K *K, 1, true},
    {UNIT_HERTZ, "kHz", K, 1, true},
    {UNIT_HERTZ, "KHz", K, 1, false},
    {UNIT_HERTZ, "Hz", 1, 1, true},
    {UNIT_BYTES_PER_S, "GB/s", K *K *K, 1, true},
    {UNIT_BYTES_PER_S, "MB/s", K *K, 1, true},
    {UNIT_BYTES_PER_S, "KB/s", K, 1, true},
    {UNIT_BYTES_PER_S, "GiB/s", KI *KI *KI, 1, false},
    {UNIT_BYTES_PER_S, "MiB/s", KI *KI, 1, false},
    {UNIT_BYTES_PER_S, "KiB/s", KI, 1, false},
    {UNIT_BYTES_PER_S, "Gb/s", K *K *K, 8, false},
    {UNIT_BYTES_PER_S, "Mb/s", K *K, 8, false},
    {UNIT_BYTES_PER_S, "Kb/s", K, 8, false},
    {UNIT_BYTES_PER_S, "B/s", 1, 1, true},
    {UNIT_TRANSFERS_PER_S, "GT/s", K, 1, true},
    {UNIT_TRANSFERS_PER_S, "MT/s", 1, 1, true},
};

enum { UNIT_NAMES = sizeof(unit_names) / sizeof(unit_names[0]) };

/* digits[.digits] as mantissa / 10^decimals; advances *text. */
static bool parse_decimal(const char **text, __uint128_t *mantissa, unsigned *decimals)
{
    const char *c = *text;
    bool any = false, point = false;
    *mantissa = 0;
    *decimals = 0;
    for (;; c++) {
        if (isdigit((unsigned char)*c)) {
            if (*mantissa > (__uint128_t)UINT64_MAX * 1000)
                return false;
            *mantissa = *mantissa * 10 + (unsigned)(*c - '0');
            *decimals += point;
            any = true;
        } else if (*c == '.' && !point && any && isdigit((unsigned char)c[1])) {
            point = true;
        } else {
            break;
        }
    }
    *text = c;
    return any;
}

bool unit_parse(const char *text, enum unit unit, uint64_t *value)
{
    __uint128_t mantissa;
    unsigned decimals;
    if (!parse_decimal(&text, &mantissa, &decimals) || decimals > 18)
        return false;
    if (unit != UNIT_NONE) {
        while (*text == ' ')
            text++;
        const struct unit_name *name = NULL;
        for (size_t i = 0; i < UNIT_NAMES && !name; i++) {
            if (unit_names[i].unit == unit && strcmp(unit_names[i].name, text) == 0)
                name = &unit_names[i];
        }
        if (!name || mantissa > ~(__uint128_t)0 / name->multiplier)
            return false;
        mantissa *= name->multiplier;
        if (mantissa % name->divisor)
            return false;
        mantissa /= name->divisor;
    } else if (*text) {
        return false;
    }
    for (; decimals; decimals--) {
        if (mantissa % 10)
            return false;
        mantissa /= 10;
    }
    if (mantissa > UINT64_MAX)
        return false;
    *value = (uint64_t)mantissa;
    return true;
}

const char *unit_expected(enum unit unit)
{
    switch (unit) {
    case UNIT_PICOSECONDS:
        return "a time such as \"330ns\" (ps, ns, us, ms, s)";
    case UNIT_BYTES:
        return "a size such as \"64KiB\" (B, KiB, MiB, GiB, TiB, KB, MB, GB, TB)";
    case UNIT_HERTZ:
        return "a frequency such as \"1GHz\" (Hz, kHz, MHz, GHz)";
    case UNIT_BYTES_PER_S:
        return "a rate such as \"25GB/s\" (B/s, KB/s, MB/s, GB/s, KiB/s, MiB/s, GiB/s, Kb/s, Mb/s, Gb/s)";
    case UNIT_TRANSFERS_PER_S:
        return "a link speed such as \"8GT/s\" (MT/s, GT/s)";
    default:
        return "a whole number";
    }
}

char *unit_print(char *text, size_t size, uint64_t value, enum unit unit)
{
    for (size_t i = 0; i < UNIT_NAMES; i++) {
        const struct unit_name *name = &unit_names[i];
        if (name->unit != unit || !name->printed)
            continue;
        /* "2.5GT/s", not "2500MT/s": link speeds are known by that name. */
        if (unit == UNIT_TRANSFERS_PER_S && value % 1000 == 500 && name->multiplier == 1000) {
            snprintf(text, size, "%" PRIu64 ".5%s", value / 1000, name->name);
            return text;
        }
        if (value % name->multiplier == 0 && (value || name->multiplier == 1)) {
            snprintf(text, size, "%" PRIu64 "%s", value / name->multiplier, name->name);
            return text;
        }
    }
    snprintf(text, size, "%" PRIu64, value);
    return text;
}

bool number_parse(const char *text, uint64_t maximum, uint64_t *value)
{
    uint64_t result = 0;
    unsigned base = 10;
    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
        base = 16;
        text += 2;
    }
    if (!*text)
        return false;
    for (; *text; text++) {
        unsigned digit;
        if (isdigit((unsigned char)*text))
            digit = (unsigned)(*text - '0');
        else if (base == 16 && isxdigit((unsigned char)*text))
            digit = (unsigned)(tolower((unsigned char)*text) - 'a' + 10);
        else
            return false;
        if (result > (UINT64_MAX - digit) / base)
            return false;
        result = result * base + digit;
    }
    if (result > maximum)
        return false;
    *value = result;
    return true;
}

bool amount_parse(const char *text, double *value)
{
    static const enum unit units[] = {UNIT_PICOSECONDS, UNIT_BYTES, UNIT_HERTZ, UNIT_BYTES_PER_S,
                                      UNIT_TRANSFERS_PER_S};
    char *end;
    uint64_t amount;
    double number = strtod(text, &end);
    if (end != text && *end == '\0' && isfinite(number)) {
        *value = number;
        return true;
    }
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (unit_parse(text, units[i], &amount)) {
            *value = (double)amount;
            return true;
        }
    }
    return false;
}
