/* SPDX-License-Identifier: MIT */
/**
 * @file trace_generate.h
 * `iommusim trace generate`: a trace from a recipe. The same recipe and seed give the same trace.
 */
#ifndef IOMMUSIM_CLI_TRACE_GENERATE_H
#define IOMMUSIM_CLI_TRACE_GENERATE_H

#include "sim/base/text_buffer.h"

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>

enum { RECIPE_DEVICES_MAX = 1024, OPTION_RECIPE = 512 };

enum recipe_operation { RECIPE_READ, RECIPE_WRITE, RECIPE_ALTERNATE };
enum recipe_pattern { RECIPE_SEQUENTIAL, RECIPE_RANDOM, RECIPE_STRIDED };

struct trace_recipe {
    const char *devices[RECIPE_DEVICES_MAX]; /**< take turns */
    unsigned device_count;
    int operation, pattern; /**< enum recipe_operation, enum recipe_pattern */
    uint64_t count, base, window, stride, seed;
    uint32_t pasids; /**< 0: none; else PASIDs 0 .. pasids - 1 take turns */
    bool given;      /**< some option of it was */
};

/** Keys of its options. */
enum {
    OPTION_OPERATION = OPTION_RECIPE,
    OPTION_PATTERN,
    OPTION_BASE,
    OPTION_WINDOW,
    OPTION_STRIDE,
    OPTION_COUNT,
    OPTION_SEED,
    OPTION_PASIDS,
};

/** Rows of the table of options. */
#define TRACE_RECIPE_OPTIONS                                                                                 \
    {"count", OPTION_COUNT, "N", 0, "Of generate: operations, up to 20 million", 0},                         \
        {"operation", OPTION_OPERATION, "read|write|alternate", 0, "Of generate: what is issued (read)", 0}, \
        {"pattern",                                                                                          \
         OPTION_PATTERN,                                                                                     \
         "sequential|random|strided",                                                                        \
         0,                                                                                                  \
         "Of generate: order of addresses (random)",                                                         \
         0},                                                                                                 \
        {"base", OPTION_BASE, "ADDRESS", 0, "Of generate: first address (0x10000000)", 0},                   \
        {"window", OPTION_WINDOW, "SIZE", 0, "Of generate: range of addresses from there on (64MiB)", 0},    \
        {"stride", OPTION_STRIDE, "SIZE", 0, "Of generate: distance of starts, for strided", 0},             \
        {"pasids", OPTION_PASIDS, "N", 0, "Of generate: requests carry PASIDs 0 to N-1 in turn (none)", 0},  \
    {                                                                                                        \
        "seed", OPTION_SEED, "N", 0, "Of generate: of the random addresses (1)", 0                           \
    }

/** A device whose address is well-formed. Too many end the program. */
void trace_recipe_add_device(struct trace_recipe *recipe, const char *address, struct argp_state *state);

/** @return whether @p key is one of them; what is wrong with @p text ends the program */
bool trace_recipe_take(struct trace_recipe *recipe, int key, char *text, struct argp_state *state);

/** Ends the program where the recipe is incomplete or contradicts itself. @param size, interval_ps  of an
 * operation; from one to the next */
void trace_recipe_check(const struct trace_recipe *recipe, uint64_t size, uint64_t interval_ps,
                        struct argp_state *state);

/** Add the trace's lines. @param size, interval_ps  of an operation; from one to the next */
void trace_recipe_write(const struct trace_recipe *recipe, uint64_t size, uint64_t interval_ps,
                        struct text_buffer *out);

#endif
