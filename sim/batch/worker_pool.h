/* SPDX-License-Identifier: MIT */
/**
 * @file worker_pool.h
 * Tasks on several processes. Processes and not threads: a task that crashes, loops or takes all memory takes
 * only its worker with it, and is named.
 */
#ifndef IOMMUSIM_BATCH_WORKER_POOL_H
#define IOMMUSIM_BATCH_WORKER_POOL_H

#include <stdbool.h>
#include <stdint.h>

#define NO_TASK UINT64_MAX

struct worker_outcome {
    bool survived;      /**< the worker lives: work() returned @c status */
    int status;         /**< of work(), or the exit status of the worker */
    int signal;         /**< that ended the worker, or 0 */
    const char *errors; /**< what the worker wrote to standard error for the task; "" if nothing */
};

struct worker_pool {
    unsigned workers;
    uint64_t cpu_limit_ms; /**< CPU time of one task, after which SIGPROF ends its worker; 0: none */
    uint64_t memory_limit; /**< of one worker, bytes of address space; 0: none */
    void *context;
    /** In the parent: the next task, or NO_TASK. */
    uint64_t (*next)(void *context);
    /** In a worker. What it writes to standard error is kept for worker_outcome.errors. */
    int (*work)(void *context, uint64_t task);
    /** In the parent: a task has ended. */
    void (*done)(void *context, uint64_t task, const struct worker_outcome *outcome);
    /** In the parent, several times a second. @return false to stop: what is under way is given up */
    bool (*tick)(void *context);
};

/**
 * Do tasks until next() has no more and all have ended.
 * @return 0, STATUS_INTERRUPTED when tick() said so, STATUS_MEMORY where no process can be had (errno says
 * why)
 */
int worker_pool_run(const struct worker_pool *pool);

#endif
