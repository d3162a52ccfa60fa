/* SPDX-License-Identifier: MIT */
/* Workers that work, fail, crash and are killed. */
#include "sim/base/status.h"
#include "sim/batch/worker_pool.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

Suite *worker_pool_suite(void);

enum { TASKS = 60 };

struct seen {
    uint64_t next;
    unsigned ended[TASKS];
    struct worker_outcome outcomes[TASKS];
    char errors[TASKS][200];
    unsigned stop_after; /* tasks; 0: never */
    unsigned count;
};

static uint64_t next(void *context)
{
    struct seen *seen = context;
    return seen->next < TASKS ? seen->next++ : NO_TASK;
}

static void done(void *context, uint64_t task, const struct worker_outcome *outcome)
{
    struct seen *seen = context;
    ck_assert_uint_lt(task, TASKS);
    seen->ended[task]++;
    seen->count++;
    seen->outcomes[task] = *outcome;
    snprintf(seen->errors[task], sizeof(seen->errors[task]), "%s", outcome->errors);
}

static bool tick(void *context)
{
    const struct seen *seen = context;
    return seen->stop_after == 0 || seen->count < seen->stop_after;
}

static int work(void *context, uint64_t task)
{
    (void)context;
    const struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    fprintf(stderr, "task %u begins\n", (unsigned)task);
    switch (task % 10) {
    case 3:
        signal(SIGSEGV, SIG_DFL); /* a sanitizer's own handler would exit */
        raise(SIGSEGV);
        return 0;
    case 5:
        _exit(70);
    case 7:
        kill(getpid(), SIGKILL);
        return 0;
    case 9:
        return -7;
    default:
        return (int)task % 2;
    }
}

static void check(const struct seen *seen)
{
    for (unsigned i = 0; i < TASKS; i++) {
        const struct worker_outcome *outcome = &seen->outcomes[i];
        char said[40];
        snprintf(said, sizeof(said), "task %u begins\n", i);
        ck_assert_msg(seen->ended[i] == 1, "task %u ended %u times", i, seen->ended[i]);
        unsigned kind = i % 10;
        ck_assert_int_eq(outcome->survived, kind != 3 && kind != 5 && kind != 7);
        ck_assert_int_eq(outcome->signal, kind == 3 ? SIGSEGV : kind == 7 ? SIGKILL : 0);
        if (outcome->survived)
            ck_assert_int_eq(outcome->status, kind == 9 ? -7 : (int)i % 2);
        else
            ck_assert_str_eq(seen->errors[i], said);
        if (kind == 5)
            ck_assert_int_eq(outcome->status, 70);
    }
}

START_TEST(every_task_ends_once)
{
    static const unsigned sizes[] = {1, 3, 80};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct seen seen = {0};
        const struct worker_pool pool = {
            .workers = sizes[i], .context = &seen, .next = next, .work = work, .done = done, .tick = tick};
        ck_assert_int_eq(worker_pool_run(&pool), STATUS_OK);
        check(&seen);
    }
}
END_TEST

START_TEST(a_sweep_can_be_stopped)
{
    struct seen seen = {.stop_after = 5};
    const struct worker_pool pool = {
        .workers = 2, .context = &seen, .next = next, .work = work, .done = done, .tick = tick};
    ck_assert_int_eq(worker_pool_run(&pool), STATUS_INTERRUPTED);
    ck_assert_uint_ge(seen.count, 5);
    ck_assert_uint_lt(seen.count, 9); /* at most one task more from each worker in the last round */
}
END_TEST

static int burn(void *context, uint64_t task)
{
    (void)context;
    volatile uint64_t sum = 0;
    while (task == 1)
        sum += 1;
    return 0;
}

/* Of the process's CPU time. */
static int burn_some(void *context, uint64_t task)
{
    (void)context;
    for (clock_t begun = clock(); task < 20 && clock() - begun < CLOCKS_PER_SEC / 50;)
        ;
    return 0;
}

/* One worker computes longer than the limit in all, but no task does. */
START_TEST(the_limit_is_of_each_task)
{
    struct seen seen = {0};
    const struct worker_pool pool = {.workers = 1,
                                     .cpu_limit_ms = 200,
                                     .context = &seen,
                                     .next = next,
                                     .work = burn_some,
                                     .done = done,
                                     .tick = tick};
    ck_assert_int_eq(worker_pool_run(&pool), STATUS_OK);
    for (unsigned i = 0; i < TASKS; i++)
        ck_assert(seen.ended[i] == 1 && seen.outcomes[i].survived);
}
END_TEST

START_TEST(a_loop_is_ended)
{
    struct seen seen = {0};
    const struct worker_pool pool = {.workers = 2,
                                     .cpu_limit_ms = 100,
                                     .context = &seen,
                                     .next = next,
                                     .work = burn,
                                     .done = done,
                                     .tick = tick};
    ck_assert_int_eq(worker_pool_run(&pool), STATUS_OK);
    for (unsigned i = 0; i < TASKS; i++) {
        ck_assert_uint_eq(seen.ended[i], 1);
        ck_assert_int_eq(seen.outcomes[i].survived, i != 1);
    }
    ck_assert_int_eq(seen.outcomes[1].signal, SIGPROF);
}
END_TEST

Suite *worker_pool_suite(void)
{
    Suite *suite = suite_create("worker_pool");
    TCase *tests = tcase_create("worker_pool");
    tcase_add_test(tests, every_task_ends_once);
    tcase_add_test(tests, a_sweep_can_be_stopped);
    tcase_add_test(tests, a_loop_is_ended);
    tcase_add_test(tests, the_limit_is_of_each_task);
    suite_add_tcase(suite, tests);
    return suite;
}
