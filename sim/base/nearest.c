/* SPDX-License-Identifier: MIT */
#include "sim/base/nearest.h"

#include <ctype.h>
#include <string.h>

enum { LONGEST = 63 };

static unsigned minimum(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

static unsigned distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
    unsigned rows[3][LONGEST + 1];
    for (size_t j = 0; j <= b_length; j++)
        rows[0][j] = (unsigned)j;
    for (size_t i = 1; i <= a_length; i++) {
        unsigned *row = rows[i % 3], *above = rows[(i + 2) % 3], *above2 = rows[(i + 1) % 3];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_length; j++) {
            int x = tolower((unsigned char)a[i - 1]), y = tolower((unsigned char)b[j - 1]);
            unsigned best = minimum(minimum(above[j] + 1, row[j - 1] + 1), above[j - 1] + (x != y));
            if (i > 1 && j > 1 && x == tolower((unsigned char)b[j - 2]) &&
                y == tolower((unsigned char)a[i - 2]))
                best = minimum(best, above2[j - 2] + 1);
            row[j] = best;
        }
    }
    return rows[a_length % 3][b_length];
}

const char *nearest_name(const char *text, const void *names, size_t count, size_t stride)
{
    size_t length = strlen(text);
    const char *best = NULL;
    unsigned best_distance = ~0U;
    if (length > LONGEST)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        const char *name = *(const char *const *)((const char *)names + i * stride);
        size_t name_length = strlen(name);
        if (name_length > LONGEST)
            continue;
        unsigned d = distance(text, length, name, name_length);
        size_t longer = length > name_length ? length : name_length;
        if (d <= longer / 4 + 1 && d < longer && d < best_distance) {
            best = name;
            best_distance = d;
        }
    }
    return best;
}
