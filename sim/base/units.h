/* SPDX-License-Identifier: MIT */
/**
 * @file units.h
 * Quantities with units, as users write them and as integers inside: picoseconds, bytes, hertz, bits per
 * second.
 *
 * Grammar: digits, optional `.digits`, optional spaces, unit. The value must be an exact whole number of the
 * base unit
 * ("0.5ns" is 500 ps; "0.0001ps" is refused). Decimal prefixes K M G T are powers of 1000; Ki Mi Gi Ti powers
 * of 1024.
 */
#ifndef IOMMUSIM_BASE_UNITS_H
#define IOMMUSIM_BASE_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum unit {
    UNIT_NONE,            /**< a plain number */
    UNIT_PICOSECONDS,     /**< ps ns us ms s */
    UNIT_BYTES,           /**< B KiB MiB GiB TiB KB MB GB TB */
    UNIT_HERTZ,           /**< Hz KHz kHz MHz GHz */
    UNIT_BYTES_PER_S,     /**< B/s KB/s MB/s GB/s KiB/s MiB/s GiB/s, and Kb/s Mb/s Gb/s (bits) */
    UNIT_TRANSFERS_PER_S, /**< GT/s MT/s; value in MT/s */
};

/**
 * Parse @p text as a quantity of @p unit into base units.
 * @param value  filled on success, untouched on failure
 * @return true; false where the number or the unit is wrong, the value is no whole number of base units, or
 * overflows
 */
bool unit_parse(const char *text, enum unit unit, uint64_t *value);

/** The units a user may write for @p unit, for messages: e.g. "a time (ps, ns, us, ms, s)". Never NULL. */
const char *unit_expected(enum unit unit);

/**
 * Print @p value (base units) in the largest unit that keeps it exact, so that unit_parse() gives @p value
 * back. Writes at most @p size bytes with NUL; returns @p text.
 */
char *unit_print(char *text, size_t size, uint64_t value, enum unit unit);

/**
 * Parse an unsigned whole number: decimal, or hexadecimal after 0x. The whole string must be used.
 * @return true; false on anything else or above @p maximum, @p value untouched
 */
bool number_parse(const char *text, uint64_t maximum, uint64_t *value);

/**
 * A number, or an amount with any unit of above in base units: "1.5e3", "64KiB", "330ns". The whole string
 * must be used. @return false where it is neither; @p value is untouched then
 */
bool amount_parse(const char *text, double *value);

#endif
