/* SPDX-License-Identifier: MIT */
/**
 * @file run_progress.h
 * While a simulation runs: a bar on standard error (on a terminal only, and only after two seconds), and an
 * end in good order when the user presses Ctrl-C.
 */
#ifndef IOMMUSIM_CLI_RUN_PROGRESS_H
#define IOMMUSIM_CLI_RUN_PROGRESS_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct run_progress {
    bool shown; /**< a bar is wanted */
    bool drawn; /**< and there now */
    uint64_t begun_ms, drawn_ms;
    struct sigaction old_interrupt, old_terminate;
};

/** Start: from here on SIGINT and SIGTERM only ask for an end; one that comes a second after the first, or
 * later, ends the program at once. */
void run_progress_begin(struct run_progress *progress);

/** For machine_options.progress. @return false once the user wants an end */
bool run_progress_step(void *progress, unsigned thousandths);

/** The simulation is over: remove the bar. Signals still do not cut off what is written now. */
void run_progress_erase(struct run_progress *progress);

/** The results are written: signals do again what they did. */
void run_progress_end(struct run_progress *progress);

#endif
