/* SPDX-License-Identifier: MIT */
/**
 * @file sweep.h
 * A study and its folder: which points are there, computing those that are not, reading what came out.
 *
 * The folder holds study.json (the study as it was given), origin (the path it came from, against which the
 * paths in it are read), lock, and the results (result_store.h). What is in the results follows from the
 * study and the inputs alone, whoever computed which point when.
 */
#ifndef IOMMUSIM_BATCH_SWEEP_H
#define IOMMUSIM_BATCH_SWEEP_H

#include "sim/batch/point_key.h"
#include "sim/batch/result_store.h"
#include "sim/input/study.h"

struct sweep {
    struct study *study;         /**< owned */
    char *folder;                /**< owned */
    struct input_hashes *hashes; /**< owned */
    unsigned sections;           /**< parts of the result that are kept */
    int lock;                    /**< file descriptor, or -1 */
};

/** How a sweep goes, or has gone. */
struct sweep_progress {
    uint64_t points;  /**< of the study */
    uint64_t there;   /**< had a result (or a failure) before */
    uint64_t damaged; /**< of the others: had a file that was none */
    uint64_t done, failed;
};

/**
 * Begin with a study file: make its folder and put the study there.
 * @param path    a study, or a folder that has one already
 * @param folder  NULL: the study's name without ".json", and "-results", in the current folder
 * @param write   the folder is to be written: see that the study can be computed (study_check.h), make it,
 * lock it
 * @return 0; STATUS_BAD_INPUT, STATUS_FILE_OPEN, STATUS_FILE_READ, STATUS_FILE_WRITE after diagnostics (codes
 * sweep-busy: another process works in the folder; sweep-no-study; notes sweep-other-study,
 * sweep-study-changed). Free with sweep_close() in any case.
 */
int sweep_open(struct sweep *sweep, const char *path, const char *folder, bool write,
               struct diagnostics *diagnostics);
void sweep_close(struct sweep *sweep);

/**
 * The scenario of a point with what is kept of its result, its key and its canonical inputs.
 * @param scenario  filled on success; free with scenario_free()
 * @return as study_point_scenario() and point_inputs_print()
 */
int sweep_point(struct sweep *sweep, uint64_t point, struct scenario **scenario, char key[POINT_KEY_SIZE],
                struct text_buffer *inputs, struct diagnostics *diagnostics);

/**
 * The key of a point alone.
 * @param seed  gets the seed it is simulated with; may be NULL
 * @return as sweep_point()
 */
int sweep_key(struct sweep *sweep, uint64_t point, char key[POINT_KEY_SIZE], uint64_t *seed,
              struct diagnostics *diagnostics);

/** Point number whose key begins with @p prefix, or UINT64_MAX where none or several do. */
uint64_t sweep_find(struct sweep *sweep, const char *prefix, struct diagnostics *diagnostics);

struct sweep_options {
    unsigned workers;
    bool retry_failed;
    const uint64_t *only; /**< [only_count] the points to compute; NULL: all */
    uint64_t only_count;
    /** Called several times a second; return false to stop. */
    bool (*tick)(void *context, const struct sweep_progress *progress);
    void *context;
};

/**
 * Compute what is missing.
 * @param progress  filled in; valid also after an interruption
 * @return 0 (failed points are no error of the sweep), STATUS_INTERRUPTED, or what kept it from going on,
 * after diagnostics
 */
int sweep_run(struct sweep *sweep, const struct sweep_options *options, struct sweep_progress *progress,
              struct diagnostics *diagnostics);

#endif
