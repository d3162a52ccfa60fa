/* SPDX-License-Identifier: MIT */
/**
 * @file function_places.h
 * Where in the input each function of a machine stands, for findings that are about functions.
 */
#ifndef IOMMUSIM_INPUT_FUNCTION_PLACES_H
#define IOMMUSIM_INPUT_FUNCTION_PLACES_H

#include "sim/base/diagnostic.h"
#include "sim/topology/topology.h"

/** A place in an input file. */
struct source_place {
    const char *file; /**< as the user named it; NULL where it is not known */
    uint32_t line;    /**< from 1; 0 where only the file is known */
    uint32_t column;  /**< from 1, in characters; 0 where only the line is known */
};

/**
 * The places of all functions, in two passes over the text however many there are. A function that nobody
 * wrote down (a VF, a copy) stands where its origin does.
 * @param topology  as loaded: its functions' pointers tell
 * @param source    the (first) text it was loaded from; only read here
 * @return [function], from the topology's arena
 */
const struct source_place *function_places_find(const struct topology *topology,
                                                const struct source_text *source);

#endif
