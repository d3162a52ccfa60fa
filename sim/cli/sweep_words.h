/* SPDX-License-Identifier: MIT */
/**
 * @file sweep_words.h
 * Words behind `iommusim sweep`: questions about a study that is computed, or half.
 */
#ifndef IOMMUSIM_CLI_SWEEP_WORDS_H
#define IOMMUSIM_CLI_SWEEP_WORDS_H

#include "sim/batch/study_answers.h"

#include <argp.h>
#include <stdio.h>

struct sweep_word {
    const char *name;
    /** argv[0] is "iommusim sweep NAME". @return exit status of the program */
    int (*run)(int argc, char **argv);
    const struct argp *argp; /**< its options and what it says of itself */
};

/** Ends with a NULL name. */
extern const struct sweep_word sweep_words[];

/** study_quantity_read(), with a message on standard error where it finds none. In sweep_answers.c. */
bool sweep_find_quantity(const struct collected *table, const char *name, struct study_quantity *quantity);

/** Why points have failed, each reason once with how many it befell and a point to look at. */
void sweep_print_failures(const struct sweep *sweep, const struct collected *table, FILE *out);

/* In sweep_answers.c. */
extern const struct argp sweep_answer_argp, sweep_best_argp, sweep_pareto_argp, sweep_sensitivity_argp;
int sweep_answer_word(int argc, char **argv);
int sweep_best_word(int argc, char **argv);
int sweep_pareto_word(int argc, char **argv);
int sweep_sensitivity_word(int argc, char **argv);
/* In sweep_plot.c and sweep_search.c. */
extern const struct argp sweep_plot_argp, sweep_search_argp;
int sweep_plot_word(int argc, char **argv);
int sweep_search_word(int argc, char **argv);

#endif
