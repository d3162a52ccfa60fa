/* SPDX-License-Identifier: MIT */
#include "sim/batch/check_findings.h"

#include "sim/analysis/group_explain.h"
#include "sim/base/arena.h"
#include "sim/output/group_words.h"

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

/* ---- what is in both ---- */

/* An element of one side by its name, which is its first member. */
struct named {
    const char *name;
    const void *element;
};

static int by_name(const void *left, const void *right)
{
    return strcmp(((const struct named *)left)->name, ((const struct named *)right)->name);
}

static struct named named_at(const void *elements, size_t index, size_t size)
{
    const void *element = (const char *)elements + index * size;
    return (struct named){*(const char *const *)element, element};
}

/**
 * The elements of the other side that have the names of one side's.
 * @param elements  @p count elements of @p size bytes that begin with their name
 * @param others    the same of the other side
 * @return [count] elements of the other side, NULL where it has none of that name; malloc'ed
 */
static const void **match_names(const void *elements, size_t count, const void *others, size_t other_count,
                                size_t size)
{
    struct named *index = memory_array(other_count, sizeof(*index));
    const void **matches = memory_array(count, sizeof(const void *));
    for (size_t i = 0; i < other_count; i++)
        index[i] = named_at(others, i, size);
    qsort(index, other_count, sizeof(*index), by_name);
    for (size_t i = 0; i < count; i++) {
        const struct named wanted = named_at(elements, i, size),
                           *found = bsearch(&wanted, index, other_count, sizeof(*index), by_name);
        matches[i] = found ? found->element : NULL;
    }
    free(index);
    return matches;
}

/* ---- groups ---- */

/* A function that is in both answers. */
struct both {
    size_t at; /* in the answer of now */
    uint32_t group, old_group;
    bool same; /* its group has the same members in both, as far as they are in both */
};

static int by_groups(const void *left, const void *right)
{
    const struct both *a = left, *b = right;
    return a->group != b->group ? (a->group > b->group) - (a->group < b->group)
                                : (a->old_group > b->old_group) - (a->old_group < b->old_group);
}

static int by_old_group(const void *left, const void *right)
{
    const struct both *a = left, *b = right;
    return a->old_group != b->old_group ? (a->old_group > b->old_group) - (a->old_group < b->old_group)
                                        : by_groups(left, right);
}

/* A group is the same where all its members come from one, and no other has members from that. Sorted by
 * group and then by old group, the members of such a group are one run in both orders. Functions without a
 * group have no mates. */
static void mark_same(struct both *items, size_t count)
{
    qsort(items, count, sizeof(*items), by_groups);
    for (size_t first = 0, next; first < count; first = next) {
        for (next = first; next < count && items[next].group == items[first].group; next++)
            continue;
        bool one = items[first].old_group == items[next - 1].old_group && items[first].old_group != NONE;
        for (size_t i = first; i < next; i++)
            items[i].same = items[first].group == NONE ? items[i].old_group == NONE : one;
    }
    qsort(items, count, sizeof(*items), by_old_group);
    for (size_t first = 0, next; first < count; first = next) {
        for (next = first; next < count && items[next].old_group == items[first].old_group; next++)
            continue;
        bool one = items[first].group == items[next - 1].group;
        for (size_t i = first; i < next && items[first].old_group != NONE; i++)
            items[i].same = items[i].same && one;
    }
}

/* @return [count of now] as in struct both; malloc'ed */
static bool *find_same(const struct case_answers *now, const void *const *matches)
{
    struct both *items = memory_array(now->function_count, sizeof(*items));
    bool *same = memory_array(now->function_count, sizeof(*same));
    size_t count = 0;
    for (size_t i = 0; i < now->function_count; i++) {
        const struct answered_function *old = matches[i];
        if (old)
            items[count++] = (struct both){i, now->functions[i].group, old->group, false};
    }
    mark_same(items, count);
    for (size_t i = 0; i < count; i++)
        same[items[i].at] = items[i].same;
    free(items);
    return same;
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

/* Why a function is with others; of the one their group began with, why the first of them joined. */
static void print_cause(const struct iommu_groups *groups, uint32_t id, struct text_buffer *out)
{
    const struct group_decision *decision = &groups->decisions[id];
    const struct iommu_group *group = decision->group == NONE ? NULL : &groups->groups[decision->group];
    char address[BDF_TEXT_SIZE];
    if (group && decision->rule == GROUP_RULE_NEW && group->member_count > 1) {
        id = group->members[group->members[0] == id ? 1 : 0];
        text_buffer_format(out, "%s joins it, ", group_words_address(groups->topology, id, address));
    }
    group_explain_cause(groups, id, out);
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
        print_cause(work->simulation.groups, id, &cause);
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
    const void **there = match_names(now->functions, now->function_count, golden->functions,
                                     golden->function_count, sizeof(*now->functions)),
               **here = match_names(golden->functions, golden->function_count, now->functions,
                                    now->function_count, sizeof(*now->functions));
    bool *same = find_same(now, there);
    size_t numbers = 0;
    for (size_t i = 0; i < now->function_count; i++) {
        const struct answered_function *function = &now->functions[i], *old = there[i];
        if (!old)
            check_findings_add(findings, CHECK_FUNCTION, case_function(work, function->address), NULL,
                               "%s is new", function->address);
        else if (!same[i])
            report_move(work, function, golden, old, findings);
        else
            numbers += function->group != old->group;
    }
    for (size_t i = 0; i < golden->function_count; i++)
        if (!here[i])
            check_findings_add(findings, CHECK_FUNCTION, NONE, NULL, "%s is gone",
                               golden->functions[i].address);
    if (numbers)
        check_findings_add(findings, CHECK_NUMBER, NONE, NULL,
                           "%zu functions have the group mates they had, in groups with other numbers",
                           numbers);
    free(there);
    free(here);
    free(same);
}

/* ---- leaks ---- */

static void compare_leaks(const struct case_work *work, const struct case_answers *golden,
                          struct check_findings *findings)
{
    const struct case_answers *now = &work->answers;
    const void **there = match_names(now->leaks, now->leak_count, golden->leaks, golden->leak_count,
                                     sizeof(*now->leaks)),
               **here = match_names(golden->leaks, golden->leak_count, now->leaks, now->leak_count,
                                    sizeof(*now->leaks));
    for (size_t i = 0; i < now->leak_count; i++) {
        const struct answered_leak *leak = &now->leaks[i], *old = there[i];
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
        if (!here[i])
            check_findings_add(findings, CHECK_LEAK_GONE, NONE, NULL, "leak closed: %s, by %s",
                               golden->leaks[i].pair, golden->leaks[i].how);
    free(there);
    free(here);
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

static void compare_figures(const struct check_suite *suite, const struct case_answers *now,
                            const struct case_answers *golden, struct check_findings *findings)
{
    const void **there = match_names(now->figures, now->figure_count, golden->figures, golden->figure_count,
                                     sizeof(*now->figures)),
               **here = match_names(golden->figures, golden->figure_count, now->figures, now->figure_count,
                                    sizeof(*now->figures));
    for (size_t i = 0; i < now->figure_count; i++) {
        const struct answered_figure *figure = &now->figures[i], *old = there[i];
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
        if (!here[i])
            check_findings_add(findings, CHECK_FIGURE, NONE, NULL, "%s is gone; it was %.10g",
                               golden->figures[i].name, golden->figures[i].value);
    free(there);
    free(here);
}

void check_compare(const struct check_suite *suite, const struct case_work *work,
                   const struct case_answers *golden, struct check_findings *findings)
{
    compare_groups(work, golden, findings);
    compare_leaks(work, golden, findings);
    compare_figures(suite, &work->answers, golden, findings);
}
