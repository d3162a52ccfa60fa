/* SPDX-License-Identifier: MIT */
/**
 * @file study_search.h
 * Finding a combination without computing them all, where a grid is hopeless.
 *
 * Both searches move along axes one after the other, with the other axes where they are, until a round over
 * all axes changes nothing. They compute few points and trust the shape of the answer: halving that more of
 * an axis never hurts, golden that a figure has one lowest place along an axis. Where that is not so the
 * result is a place that no step along one axis improves, no more.
 */
#ifndef IOMMUSIM_BATCH_STUDY_SEARCH_H
#define IOMMUSIM_BATCH_STUDY_SEARCH_H

#include "sim/input/study.h"

struct study_search {
    const struct study *study;
    void *context;
    /**
     * Compute a combination.
     * @param value  filled in: halving: above 0 where the target is met; golden: the figure, less is better
     * @return 0, or a status that ends the search
     */
    int (*evaluate)(void *context, uint32_t combination, double *value);
    uint32_t axes[STUDY_AXES_MAX]; /**< that are searched, in this order */
    uint32_t axis_count;
    uint32_t evaluated; /**< combinations asked for, each once; filled in */
};

/**
 * The smallest values (in the order the study lists them, the first being the smallest) that meet a target,
 * by halving from the last value of every searched axis down. Axes that are not searched stay at their first
 * value.
 * @param combination  filled on success; UINT32_MAX where even the last values do not meet it
 * @return 0, or what evaluate() gave
 */
int study_search_halving(struct study_search *search, uint32_t *combination);

/** The values with the lowest figure, by golden sections. @return as study_search_halving() */
int study_search_golden(struct study_search *search, uint32_t *combination);

#endif
