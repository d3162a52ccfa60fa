/* SPDX-License-Identifier: MIT */
/**
 * @file slurm.h
 * Computing a study on a cluster with Slurm: a job array, each task a chunk of the missing points.
 *
 * FOLDER/slurm holds the plans (which points a job computes, which task which of them), the job scripts, a
 * copy of this program for each model version, what tasks print, and jobs, a line for each job submitted.
 *
 * Slurm runs a task at least once: after a crash of the controller some have been seen to run twice at the
 * same time, others to be held for ever. That is why a task only writes results under their keys, whole and
 * always the same bytes, and why what is left is found out by looking at the results, never by asking the
 * queue.
 *
 * Source: observed with Slurm 22.05 (Debian 12); sbatch(1), squeue(1), scontrol(1).
 */
#ifndef IOMMUSIM_BATCH_SLURM_H
#define IOMMUSIM_BATCH_SLURM_H

#include "sim/batch/sweep.h"

struct slurm_options {
    uint64_t chunk;           /**< points of a task; 0: as many as take a minute */
    const char *const *extra; /**< further arguments of sbatch, [extra_count] */
    size_t extra_count;
    const char *program; /**< path of the running program */
    bool retry_failed;   /**< points that have failed count as missing */
};

struct slurm_submission {
    uint64_t missing; /**< points without a result */
    uint64_t tasks, chunk;
    char job[32]; /**< its number; "" where nothing was missing */
};

/**
 * Submit what is missing as one job array. A chunk is never so small that there are more tasks than the
 * cluster's MaxArraySize allows.
 * @return 0; STATUS_FILE_WRITE, STATUS_LIMIT (code sweep-slurm: sbatch is missing or refuses) after
 * diagnostics
 */
int slurm_submit(struct sweep *sweep, const struct slurm_options *options,
                 struct slurm_submission *submission, struct diagnostics *diagnostics);

/**
 * The points of one task.
 * @param plan   path of a plan
 * @param points [*count], malloc'ed
 * @return 0, or STATUS_BAD_INPUT, STATUS_FILE_OPEN after diagnostics
 */
int slurm_plan_read(const char *plan, uint64_t task, uint64_t **points, uint64_t *count,
                    struct diagnostics *diagnostics);

/** Has the folder jobs of Slurm? */
bool slurm_used(const char *folder);

/**
 * Append what the queue says of the jobs of a folder: how many tasks wait and run, and a warning for what
 * will never end without help: held tasks, nodes that are drained or down. Nothing where there are no jobs.
 */
void slurm_queue_print(const char *folder, struct text_buffer *out);

#endif
