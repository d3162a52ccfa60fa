/* SPDX-License-Identifier: MIT */
/* Blessed answers against new ones, on random partitions: what is reported as moved is what has other mates.
 */
#include "sim/base/arena.h"
#include "sim/batch/check_findings.h"
#include "sim/kernel/random.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *check_compare_suite(void);

enum { FUNCTIONS = 12, GROUPS = 4, ROUNDS = 3000 };

/* Some of the functions, each in one of a few groups or in none. Names that are no addresses: nothing is
 * asked of a machine. */
static void make_answers(struct random_stream *random, struct case_answers *answers)
{
    answers->functions = memory_array(FUNCTIONS, sizeof(*answers->functions));
    answers->arena = arena_new();
    for (unsigned i = 0; i < FUNCTIONS; i++) {
        if (random_below(random, 5) == 0)
            continue;
        uint64_t group = random_below(random, GROUPS + 1);
        answers->functions[answers->function_count++] = (struct answered_function){
            arena_format(answers->arena, "function %c", 'a' + i), group == GROUPS ? NONE : (uint32_t)group};
    }
}

static const struct answered_function *plain_find(const struct case_answers *answers, const char *address)
{
    for (size_t i = 0; i < answers->function_count; i++)
        if (strcmp(answers->functions[i].address, address) == 0)
            return &answers->functions[i];
    return NULL;
}

static bool mates(const struct answered_function *a, const struct answered_function *b)
{
    return a->group != NONE && a->group == b->group;
}

/* The plain definition: of the functions that are in both, has this one other mates? */
static bool plainly_moved(const struct case_answers *now, const struct case_answers *then,
                          const struct answered_function *function)
{
    const struct answered_function *old = plain_find(then, function->address);
    if ((function->group == NONE) != (old->group == NONE))
        return true;
    for (size_t i = 0; i < now->function_count; i++) {
        const struct answered_function *other = &now->functions[i],
                                       *other_old = plain_find(then, other->address);
        if (other_old && mates(function, other) != mates(old, other_old))
            return true;
    }
    return false;
}

static size_t count_reported(const struct check_findings *findings, enum check_rule rule, const char *begin)
{
    size_t count = 0;
    for (size_t i = 0; i < findings->count; i++)
        count +=
            findings->items[i].rule == rule && strncmp(findings->items[i].message, begin, strlen(begin)) == 0;
    return count;
}

static void hold_against(const struct case_answers *now, const struct case_answers *then,
                         const struct check_findings *findings)
{
    for (size_t i = 0; i < now->function_count; i++) {
        const struct answered_function *function = &now->functions[i];
        bool known = plain_find(then, function->address);
        ck_assert_uint_eq(count_reported(findings, CHECK_FUNCTION, function->address), !known);
        ck_assert_uint_eq(count_reported(findings, CHECK_GROUP, function->address),
                          known && plainly_moved(now, then, function));
    }
    for (size_t i = 0; i < then->function_count; i++)
        ck_assert_uint_eq(count_reported(findings, CHECK_FUNCTION, then->functions[i].address),
                          !plain_find(now, then->functions[i].address));
}

START_TEST(moved_is_who_has_other_mates)
{
    struct random_stream random;
    const struct check_suite suite = {0};
    size_t moved = 0;
    random_init(&random, 7, "check-compare");
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct case_work work = {0};
        struct case_answers golden = {0};
        struct check_findings findings = {.arena = arena_new()};
        make_answers(&random, &work.answers);
        make_answers(&random, &golden);
        check_compare(&suite, &work, &golden, &findings);
        hold_against(&work.answers, &golden, &findings);
        moved += count_reported(&findings, CHECK_GROUP, "");
        arena_free(findings.arena);
        check_findings_fini(&findings);
        case_answers_fini(&golden);
        case_answers_fini(&work.answers);
    }
    ck_assert_uint_gt(moved, ROUNDS);
}
END_TEST

Suite *check_compare_suite(void)
{
    Suite *suite = suite_create("check_compare");
    TCase *tests = tcase_create("check_compare");
    tcase_add_test(tests, moved_is_who_has_other_mates);
    suite_add_tcase(suite, tests);
    return suite;
}
