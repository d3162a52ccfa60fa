/* SPDX-License-Identifier: MIT */
#include "sim/batch/study_search.h"

#include "sim/base/arena.h"
#include "sim/base/status.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS_MAX = 16 };

/* A place in the grid, and what was computed so far. */
struct searching {
    struct study_search *search;
    uint32_t at[STUDY_AXES_MAX]; /* [dimension] value */
    double *known;               /* [combination] NAN: not computed */
    int status;
};

/* Number of the combination at a place, UINT32_MAX where the conditions leave it out. */
static uint32_t combination_at(const struct study *study, const uint32_t *at)
{
    uint32_t grid = 0, low = 0, high = study->combination_count;
    for (uint32_t d = 0; d < study->dimension_count; d++)
        grid = grid * study->dimensions[d] + at[d];
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (study->combinations[middle] < grid)
            low = middle + 1;
        else
            high = middle;
    }
    return low < study->combination_count && study->combinations[low] == grid ? low : UINT32_MAX;
}

/* The value with axis dimension @p dimension at @p value; @p outside where there is no such combination. */
static double value_at(struct searching *searching, uint32_t dimension, uint32_t value, double outside)
{
    uint32_t at[STUDY_AXES_MAX];
    const struct study *study = searching->search->study;
    memcpy(at, searching->at, sizeof(at));
    at[dimension] = value;
    uint32_t combination = combination_at(study, at);
    if (combination == UINT32_MAX || searching->status < 0)
        return outside;
    if (isnan(searching->known[combination])) {
        double found = outside;
        searching->status = searching->search->evaluate(searching->search->context, combination, &found);
        searching->known[combination] = isnan(found) ? outside : found;
        searching->search->evaluated++;
    }
    return searching->known[combination];
}

static void begin(struct searching *searching, struct study_search *search, bool from_the_end)
{
    const struct study *study = search->study;
    *searching = (struct searching){.search = search, .status = STATUS_OK};
    searching->known = memory_array(study->combination_count, sizeof(*searching->known));
    for (uint32_t i = 0; i < study->combination_count; i++)
        searching->known[i] = NAN;
    for (uint32_t i = 0; i < search->axis_count; i++) {
        uint32_t dimension = study->axes[search->axes[i]].dimension, values = study->dimensions[dimension];
        searching->at[dimension] = from_the_end ? values - 1 : values / 2;
    }
    search->evaluated = 0;
}

/* Rounds over all axes with @p step, which says whether it moved. */
static void settle(struct searching *searching, bool (*step)(struct searching *searching, uint32_t dimension))
{
    const struct study_search *search = searching->search;
    bool moved = true;
    for (unsigned round = 0; round < ROUNDS_MAX && moved && searching->status == STATUS_OK; round++) {
        moved = false;
        for (uint32_t i = 0; i < search->axis_count; i++)
            moved |= step(searching, search->study->axes[search->axes[i]].dimension);
    }
}

/* ---- halving ---- */

/* The smallest value that meets the target, the present one meeting it. */
static bool halve(struct searching *searching, uint32_t dimension)
{
    uint32_t low = 0, high = searching->at[dimension], before = high;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (value_at(searching, dimension, middle, -1) > 0)
            high = middle;
        else
            low = middle + 1;
    }
    searching->at[dimension] = high;
    return high != before;
}

int study_search_halving(struct study_search *search, uint32_t *combination)
{
    struct searching searching;
    begin(&searching, search, true);
    *combination = UINT32_MAX;
    if (value_at(&searching, 0, searching.at[0], -1) > 0) {
        settle(&searching, halve);
        *combination = combination_at(search->study, searching.at);
    }
    free(searching.known);
    return searching.status;
}

/* ---- golden sections ---- */

/* Three values left: the lowest of them. Values that are equal are taken for a slope towards the middle. */
static bool section(struct searching *searching, uint32_t dimension)
{
    const double ratio = 0.6180339887498949; /* (sqrt(5) - 1) / 2 */
    uint32_t low = 0, high = searching->search->study->dimensions[dimension] - 1,
             before = searching->at[dimension];
    while (high - low > 2) {
        uint32_t span = high - low, left = high - (uint32_t)lround(ratio * span),
                 right = low + (uint32_t)lround(ratio * span);
        if (right <= left)
            right = left + 1;
        if (value_at(searching, dimension, left, INFINITY) <= value_at(searching, dimension, right, INFINITY))
            high = right;
        else
            low = left;
    }
    uint32_t best = before;
    for (uint32_t value = low; value <= high; value++)
        if (value_at(searching, dimension, value, INFINITY) < value_at(searching, dimension, best, INFINITY))
            best = value;
    searching->at[dimension] = best;
    return best != before;
}

int study_search_golden(struct study_search *search, uint32_t *combination)
{
    struct searching searching;
    begin(&searching, search, false);
    settle(&searching, section);
    *combination = combination_at(search->study, searching.at);
    if (*combination != UINT32_MAX && isinf(value_at(&searching, 0, searching.at[0], INFINITY)))
        *combination = UINT32_MAX;
    free(searching.known);
    return searching.status;
}
