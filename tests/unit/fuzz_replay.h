/* SPDX-License-Identifier: MIT */
/**
 * @file fuzz_replay.h
 * The fuzzers' corpora in the ordinary tests: each file whole, cut short at many places, and damaged.
 */
#ifndef IOMMUSIM_TEST_FUZZ_REPLAY_H
#define IOMMUSIM_TEST_FUZZ_REPLAY_H

#include <stddef.h>
#include <stdint.h>

struct fuzz_replay {
    const char *pattern;                             /**< glob of the corpus; it must match something */
    int (*target)(const uint8_t *data, size_t size); /**< a fuzzer's entry: aborts at what may not be */
    const char *alphabet; /**< bytes that damage writes: such as mean something to the reader */
    unsigned bytes;       /**< overwritten at once, at most */
    unsigned rounds;      /**< damaged copies of each file */
    unsigned cuts;        /**< about so many shorter copies for each; 0: one every 1 to 40 bytes */
};

/** Run it. Always the same copies. */
void fuzz_replay(const struct fuzz_replay *replay);

/** A small generator for damage (Knuth's MMIX constants), apart from the simulator's own. */
uint32_t fuzz_random(uint64_t *state);

#endif
