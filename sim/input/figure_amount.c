/* SPDX-License-Identifier: MIT */
#include "sim/input/figure_amount.h"

#include "sim/base/units.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct measure {
    const char *end; /* of a part of the pointer */
    enum unit unit;
    double scale; /* of the unit's base to what the figure counts */
};

static const struct measure measures[] = {
    {"_ps", UNIT_PICOSECONDS, 1}, {"bits_per_s", UNIT_BYTES_PER_S, 8}, {"bytes_per_s", UNIT_BYTES_PER_S, 1},
    {"bytes", UNIT_BYTES, 1},     {"bytes_read", UNIT_BYTES, 1},       {"bytes_written", UNIT_BYTES, 1},
};

static const struct measure *measure_of_part(const char *part, size_t length)
{
    for (size_t i = 0; i < sizeof(measures) / sizeof(measures[0]); i++) {
        size_t own = strlen(measures[i].end);
        if (length >= own && strncmp(part + length - own, measures[i].end, own) == 0)
            return &measures[i];
    }
    return NULL;
}

/* "/streams/0/ledger/mean_ps/iotlb": the last part that tells. NULL: a plain number. */
static const struct measure *measure_of(const char *pointer)
{
    const struct measure *found = NULL;
    for (const char *part = pointer; *part;) {
        size_t length = strcspn(part, "/");
        const struct measure *own = measure_of_part(part, length);
        found = own ? own : found;
        part += length + (part[length] == '/');
    }
    return found;
}

bool figure_amount_parse(const char *pointer, const char *text, double *value)
{
    const struct measure *measure = measure_of(pointer);
    char *end;
    uint64_t amount;
    double number = strtod(text, &end);
    if (end != text && *end == '\0' && isfinite(number)) {
        *value = number;
        return true;
    }
    if (!measure || !unit_parse(text, measure->unit, &amount))
        return false;
    *value = (double)amount * measure->scale;
    return true;
}

const char *figure_amount_expected(const char *pointer)
{
    const struct measure *measure = measure_of(pointer);
    return measure ? unit_expected(measure->unit) : "a number without a unit";
}
