/* SPDX-License-Identifier: MIT */
#include "sim/analysis/viability_diff.h"

#include "sim/analysis/viability_words.h"

#include <stdlib.h>
#include <string.h>

enum { CLASS_BRIDGE = 0x06, FINDINGS_TOLD = 3 };

/* One comparison under way. */
struct comparing {
    const struct machine_diff *diff;
    struct viability_diff *result;
    const char *const *drivers[2]; /* before, after: [function id] */
    bool *regrouped;               /* [row] its group changed */
    bool *asked;                   /* [row] */
};

static const struct machine_view *view_of(const struct comparing *comparing, unsigned side)
{
    return side ? comparing->diff->after : comparing->diff->before;
}

static uint32_t id_of(const struct comparing *comparing, uint32_t row, unsigned side)
{
    const struct diff_row *at = &comparing->diff->rows[row];
    return side ? at->after_id : at->before_id;
}

/* The function of a row, of the machine before where it is there. */
static const struct pci_function *function_of(const struct comparing *comparing, uint32_t row)
{
    const struct diff_row *at = &comparing->diff->rows[row];
    return at->before_id != NONE ? &comparing->diff->before->topology->functions[at->before_id]
                                 : &comparing->diff->after->topology->functions[at->after_id];
}

/* Something one might want to give to a guest: no bridge of any kind, no event collector. */
static bool is_candidate(const struct pci_function *function)
{
    return function->header_type == 0 && function->class_code >> 16 != CLASS_BRIDGE &&
           !function_is_type(function, PCIE_RC_EVENT_COLLECTOR);
}

/* Are two rows functions of one device? */
static bool one_device(const struct comparing *comparing, uint32_t row, uint32_t other)
{
    const struct pci_function *a = function_of(comparing, row), *b = function_of(comparing, other);
    bool same_machine =
        (comparing->diff->rows[row].before_id == NONE) == (comparing->diff->rows[other].before_id == NONE);
    return same_machine && !a->is_vf && !b->is_vf && a->segment == b->segment && a->bus == b->bus &&
           pci_slot(a->devfn) == pci_slot(b->devfn);
}

static char *reason_of(const struct viability *answer, struct arena *arena)
{
    struct text_buffer text = {0};
    unsigned told = 0;
    for (uint32_t i = 0; i < answer->finding_count && told < FINDINGS_TOLD; i++) {
        if (answer->findings[i].severity > SEVERITY_OPEN)
            break;
        text_buffer_add(&text, told++ ? "; " : "");
        viability_finding_text(answer, &answer->findings[i], &text);
    }
    char *reason = told ? arena_string(arena, text.text) : NULL;
    text_buffer_fini(&text);
    return reason;
}

/* Ask one machine about a device. @return false where it is not there */
static bool ask(const struct comparing *comparing, const uint32_t *rows, uint32_t count, unsigned side,
                enum viability_verdict *verdict, const char **reason)
{
    struct arena *scratch = arena_new();
    uint32_t *given = arena_array(scratch, count, sizeof(*given));
    struct viability_question question = {
        .given = given, .drivers = comparing->drivers[side], .without_leaks = true};
    for (uint32_t i = 0; i < count; i++) {
        uint32_t id = id_of(comparing, rows[i], side);
        if (id != NONE)
            given[question.given_count++] = id;
    }
    if (question.given_count) {
        const struct viability *answer = viability_find(view_of(comparing, side)->groups, &question, scratch);
        *verdict = answer->verdict;
        *reason = reason_of(answer, comparing->result->arena);
    }
    bool there = question.given_count > 0;
    arena_free(scratch);
    return there;
}

static void compare_device(struct comparing *comparing, const uint32_t *rows, uint32_t count)
{
    struct viability_diff *result = comparing->result;
    struct viability_change change = {.rows = rows, .row_count = count};
    change.there_before = ask(comparing, rows, count, 0, &change.before, &change.reason_before);
    change.there_after = ask(comparing, rows, count, 1, &change.after, &change.reason_after);
    result->viable_before += change.there_before && change.before == VERDICT_VIABLE;
    result->viable_after += change.there_after && change.after == VERDICT_VIABLE;
    if (change.there_before == change.there_after && change.before == change.after)
        return;
    result->worse += change.there_before && change.there_after && change.after > change.before;
    result->changes[result->change_count++] = change;
}

/* The device that begins with a row: that function and those of its slot behind it. */
static void take_device(struct comparing *comparing, uint32_t first)
{
    const struct machine_diff *diff = comparing->diff;
    uint32_t count = 0, room = 0;
    for (uint32_t row = first; row < diff->row_count; row++)
        room += row == first || one_device(comparing, first, row);
    uint32_t *rows = arena_array(comparing->result->arena, room, sizeof(*rows));
    for (uint32_t row = first; row < diff->row_count; row++) {
        bool own = row == first || one_device(comparing, first, row);
        if (!own || !is_candidate(function_of(comparing, row)))
            continue;
        comparing->asked[row] = true;
        rows[count++] = row;
    }
    compare_device(comparing, rows, count);
}

struct viability_diff *viability_diff_new(const struct machine_diff *diff)
{
    struct arena *arena = arena_new(), *scratch = arena_new();
    struct viability_diff *result = arena_alloc(arena, sizeof(*result));
    struct comparing comparing = {
        .diff = diff,
        .result = result,
        .drivers = {viability_drivers(diff->before->topology, scratch),
                    viability_drivers(diff->after->topology, scratch)},
        .regrouped = arena_array(scratch, diff->row_count, sizeof(bool)),
        .asked = arena_array(scratch, diff->row_count, sizeof(bool)),
    };
    result->arena = arena;
    result->changes = arena_array(arena, diff->row_count, sizeof(*result->changes));
    for (uint32_t i = 0; i < diff->group_change_count; i++) {
        for (uint32_t j = 0; j < diff->group_changes[i].row_count; j++)
            comparing.regrouped[diff->group_changes[i].rows[j]] = true;
    }
    for (uint32_t row = 0; row < diff->row_count; row++) {
        const struct pci_function *function = function_of(&comparing, row);
        if (!comparing.asked[row] && is_candidate(function) && (!function->is_vf || comparing.regrouped[row]))
            take_device(&comparing, row);
    }
    arena_free(scratch);
    return result;
}

void viability_diff_free(struct viability_diff *diff)
{
    if (diff)
        arena_free(diff->arena);
}
