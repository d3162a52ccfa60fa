/* SPDX-License-Identifier: MIT */
#include "sim/batch/check_findings.h"

#include "sim/analysis/group_explain.h"
#include "sim/base/arena.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MATES_NAMED = 3 };

const char *check_rule_name(enum check_rule rule)
{
    static const char *const names[CHECK_RULES] = {
        [CHECK_GROUP] = "group-moved", [CHECK_NUMBER] = "group-number", [CHECK_FUNCTION] = "function",
        [CHECK_LEAK] = "leak-new",     [CHECK_LEAK_GONE] = "leak-gone", [CHECK_LEAK_WAY] = "leak-way",
        [CHECK_FIGURE] = "figure",     [CHECK_POLICY] = "policy",       [CHECK_UNBLESSED] = "unblessed",
        [CHECK_BROKEN] = "broken",
    };
    return names[rule];
}

void check_findings_add(struct check_findings *findings, enum check_rule rule, uint32_t function_id,
                        const struct check_policy *policy, const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    findings->items =
        memory_grow(findings->items, findings->count, &findings->capacity, sizeof(*findings->items));
    findings->items[findings->count++] = (struct check_finding){
        rule, arena_string(findings->arena, length < 0 ? "" : text), function_id, policy};
    free(text);
}

void check_findings_fini(struct check_findings *findings)
{
    free(findings->items);
    *findings = (struct check_findings){.arena = findings->arena};
}

/* ---- groups ---- */

static const struct answered_function *find_function(const struct case_answers *answers, const char *address)
{
    for (size_t i = 0; i < answers->function_count; i++)
        if (strcmp(answers->functions[i].address, address) == 0)
            return &answers->functions[i];
    return NULL;
}

/* Do the two have the same members in both answers? */
static bool same_mates(const struct case_answers *now, uint32_t group, const struct case_answers *then,
                       uint32_t old_group)
{
    size_t there = 0, before = 0;
    if ((group == NONE) != (old_group == NONE))
        return false;
    if (group == NONE)
        return true; /* without a group there are no mates */
    for (size_t i = 0; i < now->function_count; i++) {
        if (now->functions[i].group != group)
            continue;
        const struct answered_function *old = find_function(then, now->functions[i].address);
        if (old && old->group != old_group)
            return false;
        there += old != NULL;
    }
    for (size_t i = 0; i < then->function_count; i++)
        before += then->functions[i].group == old_group && find_function(now, then->functions[i].address);
    return there == before;
}

/* "with 0000:00:1f.0, 0000:00:1f.3 and 2 more", "alone", "in no group". */
static void print_mates(const struct case_answers *answers, const struct answered_function *function,
                        struct text_buffer *out)
{
    size_t mates = 0;
    if (function->group == NONE) {
        text_buffer_add(out, "in no group");
        return;
    }
    for (size_t i = 0; i < answers->function_count; i++) {
        const struct answered_function *other = &answers->functions[i];
        if (other == function || other->group != function->group)
            continue;
        if (mates++ < MATES_NAMED)
            text_buffer_format(out, "%s%s", mates == 1 ? "with " : ", ", other->address);
    }
    if (mates == 0)
        text_buffer_add(out, "alone");
    else if (mates > MATES_NAMED)
        text_buffer_format(out, " and %zu more", mates - MATES_NAMED);
}

static void report_move(const struct case_work *work, const struct answered_function *now,
                        const struct case_answers *golden, const struct answered_function *then,
                        struct check_findings *findings)
{
    struct text_buffer old = {0}, new = {0}, cause = {0};
    uint32_t id = case_function(work, now->address);
    print_mates(golden, then, &old);
    print_mates(&work->answers, now, &new);
    if (id != NONE)
        group_explain_cause(work->simulation.groups, id, &cause);
    check_findings_add(findings, CHECK_GROUP, id, NULL, "%s was %s and is now %s%s%s", now->address,
                       text_buffer_get(&old), text_buffer_get(&new), cause.length ? ": " : "",
                       text_buffer_get(&cause));
    text_buffer_fini(&old);
    text_buffer_fini(&new);
    text_buffer_fini(&cause);
}

static void compare_groups(const struct case_work *work, const struct case_answers *golden,
                           struct check_findings *findings)
{
    const struct case_answers *now = &work->answers;
    size_t numbers = 0;
    for (size_t i = 0; i < now->function_count; i++) {
        const struct answered_function *function = &now->functions[i],
                                       *old = find_function(golden, function->address);
        if (!old)
            check_findings_add(findings, CHECK_FUNCTION, case_function(work, function->address), NULL,
                               "%s is new", function->address);
        else if (!same_mates(now, function->group, golden, old->group))
            report_move(work, function, golden, old, findings);
        else
            numbers += function->group != old->group;
    }
    for (size_t i = 0; i < golden->function_count; i++)
        if (!find_function(now, golden->functions[i].address))
            check_findings_add(findings, CHECK_FUNCTION, NONE, NULL, "%s is gone",
                               golden->functions[i].address);
    if (numbers)
        check_findings_add(findings, CHECK_NUMBER, NONE, NULL,
                           "%zu functions have the group mates they had, in groups with other numbers",
                           numbers);
}

/* ---- leaks ---- */

static const struct answered_leak *find_leak(const struct case_answers *answers, const char *pair)
{
    for (size_t i = 0; i < answers->leak_count; i++)
        if (strcmp(answers->leaks[i].pair, pair) == 0)
            return &answers->leaks[i];
    return NULL;
}

static void compare_leaks(const struct case_work *work, const struct case_answers *golden,
                          struct check_findings *findings)
{
    for (size_t i = 0; i < work->answers.leak_count; i++) {
        const struct answered_leak *leak = &work->answers.leaks[i], *old = find_leak(golden, leak->pair);
        char source[32];
        snprintf(source, sizeof(source), "%.*s", (int)strcspn(leak->pair, " "), leak->pair);
        uint32_t id = case_function(work, source);
        if (!old)
            check_findings_add(findings, CHECK_LEAK, id, NULL, "new leak: %s, by %s", leak->pair, leak->how);
        else if (strcmp(old->how, leak->how) != 0)
            check_findings_add(findings, CHECK_LEAK_WAY, id, NULL, "%s leaks by %s, and did by %s",
                               leak->pair, leak->how, old->how);
    }
    for (size_t i = 0; i < golden->leak_count; i++)
        if (!find_leak(&work->answers, golden->leaks[i].pair))
            check_findings_add(findings, CHECK_LEAK_GONE, NONE, NULL, "leak closed: %s, by %s",
                               golden->leaks[i].pair, golden->leaks[i].how);
}

/* ---- figures ---- */

static double tolerance_of(const struct check_suite *suite, const char *name)
{
    double all = 0;
    for (uint32_t i = 0; i < suite->tolerance_count; i++) {
        const struct check_tolerance *tolerance = &suite->tolerances[i];
        size_t length = strlen(name), own = strlen(tolerance->figure);
        if (strcmp(tolerance->figure, "*") == 0)
            all = tolerance->relative;
        else if (own < length && strcmp(name + length - own, tolerance->figure) == 0 &&
                 strchr(". ", name[length - own - 1]))
            return tolerance->relative;
    }
    return all;
}

static const struct answered_figure *find_figure(const struct case_answers *answers, const char *name)
{
    for (size_t i = 0; i < answers->figure_count; i++)
        if (strcmp(answers->figures[i].name, name) == 0)
            return &answers->figures[i];
    return NULL;
}

static void compare_figures(const struct check_suite *suite, const struct case_answers *now,
                            const struct case_answers *golden, struct check_findings *findings)
{
    for (size_t i = 0; i < now->figure_count; i++) {
        const struct answered_figure *figure = &now->figures[i], *old = find_figure(golden, figure->name);
        double tolerance = tolerance_of(suite, figure->name);
        if (!old)
            check_findings_add(findings, CHECK_FIGURE, NONE, NULL, "%s is new: %.10g", figure->name,
                               figure->value);
        else if (fabs(figure->value - old->value) > tolerance * fabs(old->value))
            check_findings_add(
                findings, CHECK_FIGURE, NONE, NULL, "%s is %.10g and was %.10g (%+.3g %%, allowed %.3g %%)",
                figure->name, figure->value, old->value,
                old->value != 0 ? 100 * (figure->value - old->value) / fabs(old->value) : INFINITY,
                100 * tolerance);
    }
    for (size_t i = 0; i < golden->figure_count; i++)
        if (!find_figure(now, golden->figures[i].name))
            check_findings_add(findings, CHECK_FIGURE, NONE, NULL, "%s is gone; it was %.10g",
                               golden->figures[i].name, golden->figures[i].value);
}

void check_compare(const struct check_suite *suite, const struct case_work *work,
                   const struct case_answers *golden, struct check_findings *findings)
{
    compare_groups(work, golden, findings);
    compare_leaks(work, golden, findings);
    compare_figures(suite, &work->answers, golden, findings);
}
