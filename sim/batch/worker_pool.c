/* SPDX-License-Identifier: MIT */
#include "sim/batch/worker_pool.h"

#include "sim/base/arena.h"
#include "sim/base/status.h"
#include "sim/base/text_buffer.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TICK_MS = 200, ERRORS_KEPT = 4000 };

struct worker {
    pid_t process;
    int tasks, answers; /* pipes to it and from it */
    int errors;         /* its standard error, a file in memory */
    uint64_t task;      /* under way, or NO_TASK */
};

static bool read_all(int file, void *data, size_t size)
{
    char *at = data;
    while (size > 0) {
        ssize_t got = read(file, at, size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        at += got;
        size -= (size_t)got;
    }
    return true;
}

static bool write_all(int file, const void *data, size_t size)
{
    ssize_t put;
    do
        put = write(file, data, size);
    while (put < 0 && errno == EINTR);
    return put == (ssize_t)size; /* less than PIPE_BUF is written at once or not at all */
}

/* ---- in a worker ---- */

static void limit_memory(uint64_t bytes)
{
#ifndef __SANITIZE_ADDRESS__ /* which takes terabytes of address space */
    const struct rlimit limit = {bytes, bytes};
    if (bytes)
        setrlimit(RLIMIT_AS, &limit);
#else
    (void)bytes;
#endif
}

/* From now on; 0: no longer. SIGPROF ends the process. (RLIMIT_CPU counts whole seconds since its start.) */
static void limit_time(uint64_t milliseconds)
{
    const struct itimerval limit = {
        .it_value = {(time_t)(milliseconds / 1000), (suseconds_t)(milliseconds % 1000 * 1000)}};
    setitimer(ITIMER_PROF, &limit, NULL);
}

static _Noreturn void work(const struct worker_pool *pool, const struct worker *worker, pid_t parent)
{
    uint64_t task;
    signal(SIGINT, SIG_IGN); /* the parent decides */
    signal(SIGTERM, SIG_DFL);
    signal(SIGPROF, SIG_DFL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(0);
    dup2(worker->errors, STDERR_FILENO);
    limit_memory(pool->memory_limit);
    while (read_all(worker->tasks, &task, sizeof(task))) {
        if (ftruncate(worker->errors, 0) < 0 || lseek(worker->errors, 0, SEEK_SET) < 0)
            _exit(3);
        limit_time(pool->cpu_limit_ms);
        int status = pool->work(pool->context, task);
        limit_time(0);
        if (!write_all(worker->answers, &status, sizeof(status)))
            break;
    }
    _exit(0);
}

/* ---- in the parent ---- */

static void close_files(struct worker *worker)
{
    close(worker->tasks);
    close(worker->answers);
    close(worker->errors);
}

static bool start(const struct worker_pool *pool, struct worker *workers, unsigned number)
{
    struct worker *worker = &workers[number];
    int tasks[2], answers[2];
    pid_t parent = getpid();
    if (pipe(tasks) < 0)
        return false;
    if (pipe(answers) < 0) {
        close(tasks[0]);
        close(tasks[1]);
        return false;
    }
    *worker = (struct worker){.tasks = tasks[1],
                              .answers = answers[0],
                              .errors = memfd_create("errors", MFD_CLOEXEC),
                              .task = NO_TASK};
    worker->process = worker->errors < 0 ? -1 : fork();
    if (worker->process == 0) {
        for (unsigned i = 0; i < pool->workers; i++)
            if (i != number && workers[i].process > 0)
                close_files(&workers[i]); /* a pipe ends only when all hold it no longer */
        close(tasks[1]);
        close(answers[0]);
        worker->tasks = tasks[0];
        worker->answers = answers[1];
        work(pool, worker, parent);
    }
    close(tasks[0]);
    close(answers[1]);
    if (worker->process < 0) {
        close(tasks[1]);
        close(answers[0]);
        if (worker->errors >= 0)
            close(worker->errors);
        return false;
    }
    return true;
}

static void end(struct worker *worker, bool at_once)
{
    if (worker->process <= 0)
        return;
    if (at_once)
        kill(worker->process, SIGKILL);
    close_files(worker);
    while (waitpid(worker->process, NULL, 0) < 0 && errno == EINTR)
        ;
    worker->process = 0;
}

/* What a worker has written to standard error for its task. */
static void read_errors(const struct worker *worker, char errors[ERRORS_KEPT + 1])
{
    ssize_t length = pread(worker->errors, errors, ERRORS_KEPT, 0);
    errors[length > 0 ? length : 0] = '\0';
}

/* A worker is gone in the middle of a task. */
static void bury(const struct worker_pool *pool, struct worker *worker)
{
    int status = 0;
    char errors[ERRORS_KEPT + 1];
    while (waitpid(worker->process, &status, 0) < 0 && errno == EINTR)
        ;
    read_errors(worker, errors);
    close_files(worker);
    worker->process = 0;
    const struct worker_outcome outcome = {
        .status = WIFEXITED(status) ? WEXITSTATUS(status) : 0,
        .signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0,
        .errors = errors,
    };
    pool->done(pool->context, worker->task, &outcome);
}

/* Give an idle worker its next task. False when there is none. */
static bool feed(const struct worker_pool *pool, struct worker *worker)
{
    uint64_t task = pool->next(pool->context);
    if (task == NO_TASK)
        return false;
    worker->task = task;
    /* Where it died while idle the answer's pipe says so, with this task. */
    write_all(worker->tasks, &task, sizeof(task));
    return true;
}

static bool take_answer(const struct worker_pool *pool, struct worker *workers, unsigned number)
{
    struct worker *worker = &workers[number];
    char errors[ERRORS_KEPT + 1];
    struct worker_outcome outcome = {.survived = true, .errors = errors};
    if (read_all(worker->answers, &outcome.status, sizeof(outcome.status))) {
        uint64_t task = worker->task;
        worker->task = NO_TASK;
        read_errors(worker, errors);
        pool->done(pool->context, task, &outcome);
        return true;
    }
    bury(pool, worker);
    return start(pool, workers, number);
}

static int run(const struct worker_pool *pool, struct worker *workers, struct pollfd *polled)
{
    bool more = true;
    for (;;) {
        nfds_t busy = 0;
        for (unsigned i = 0; i < pool->workers; i++) {
            if (workers[i].task == NO_TASK && more)
                more = feed(pool, &workers[i]);
            polled[i] = (struct pollfd){workers[i].task == NO_TASK ? -1 : workers[i].answers, POLLIN, 0};
            busy += workers[i].task != NO_TASK;
        }
        if (busy == 0)
            return STATUS_OK;
        poll(polled, pool->workers, TICK_MS);
        for (unsigned i = 0; i < pool->workers; i++)
            if (polled[i].fd >= 0 && polled[i].revents && !take_answer(pool, workers, i))
                return STATUS_MEMORY;
        if (!pool->tick(pool->context))
            return STATUS_INTERRUPTED;
    }
}

int worker_pool_run(const struct worker_pool *pool)
{
    int status = STATUS_OK;
    struct worker *workers = memory_array(pool->workers, sizeof(*workers));
    struct pollfd *polled = memory_array(pool->workers, sizeof(*polled));
    struct sigaction ignore = {.sa_handler = SIG_IGN}, old;
    sigaction(SIGPIPE, &ignore, &old); /* a worker that has just died */
    for (unsigned i = 0; i < pool->workers && status == STATUS_OK; i++)
        if (!start(pool, workers, i))
            status = STATUS_MEMORY;
    if (status == STATUS_OK)
        status = run(pool, workers, polled);
    for (unsigned i = 0; i < pool->workers; i++)
        end(&workers[i], status != STATUS_OK);
    sigaction(SIGPIPE, &old, NULL);
    free(polled);
    free(workers);
    return status;
}
