/* SPDX-License-Identifier: MIT */
/**
 * @file case_answers.h
 * What a case of a suite comes to: the group of each function, the leaks, the figures of its runs. As
 * computed now, or as blessed in a file (`iommusim-golden/1`), in which every function, leak and figure has a
 * line of its own, so that version control shows what changed.
 */
#ifndef IOMMUSIM_BATCH_CASE_ANSWERS_H
#define IOMMUSIM_BATCH_CASE_ANSWERS_H

#include "sim/base/text_buffer.h"
#include "sim/input/check_suite.h"
#include "sim/machine/simulation.h"

struct answered_function {
    const char *address;
    uint32_t group; /**< number, or NONE */
};

/** A pair that reaches across groups. */
struct answered_leak {
    const char *pair; /**< "0000:09:00.0 -> 0000:0a:00.0" */
    const char *how;  /**< "switch-peer at 0000:08:00.0" */
};

struct answered_figure {
    const char *name; /**< "run: stream.p99_ps" */
    double value;     /**< whole numbers up to 2^53 are exact */
};

/** Sorted by address, pair and name: the order of the file. */
struct case_answers {
    struct arena *arena;
    struct answered_function *functions;
    struct answered_leak *leaks;
    struct answered_figure *figures;
    size_t function_count, leak_count, figure_count;
    size_t function_capacity, leak_capacity, figure_capacity;
};

/** A case that has been worked out. Zero-initialise. */
struct case_work {
    struct machine_input *input;
    struct simulation simulation; /**< groups and reach */
    struct case_answers answers;
    struct text_buffer *results; /**< [run] result documents */
    uint32_t run_count;
};

/**
 * Load the machine, form groups, follow all pairs, run all runs.
 * @return 0, or as machine_input_load_files() and scenario_run_load() after diagnostics. Free with
 * case_work_fini() in any case.
 */
int case_work_out(struct case_work *work, const struct check_case *one, struct diagnostics *diagnostics);
void case_work_fini(struct case_work *work);

/** Id of a function of a case by address, NONE where there is none. */
uint32_t case_function(const struct case_work *work, const char *address);

/** Append the file's text. */
void case_answers_write(const struct case_answers *answers, const char *name, struct text_buffer *out);

/**
 * Read blessed answers.
 * @return 0, STATUS_BAD_INPUT, STATUS_FILE_OPEN or STATUS_FILE_READ after diagnostics; free with
 * case_answers_fini() on success
 */
int case_answers_read(const char *path, struct case_answers *answers, struct diagnostics *diagnostics);
void case_answers_fini(struct case_answers *answers);

#endif
