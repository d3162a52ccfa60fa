/* SPDX-License-Identifier: MIT */
/**
 * @file random.h
 * Named, seeded random streams: every component draws from its own, so a new component does not shift the
 * others.
 *
 * Generator: xoshiro256** (Blackman and Vigna, public domain algorithm), seeded by splitmix64 over the run's
 * seed and an FNV-1a hash of the stream's name.
 */
#ifndef IOMMUSIM_KERNEL_RANDOM_H
#define IOMMUSIM_KERNEL_RANDOM_H

#include <stdint.h>

struct random_stream {
    uint64_t state[4];
};

/** Start the stream @p name of a run with @p seed. Same name and seed, same numbers, on every machine. */
void random_init(struct random_stream *stream, uint64_t seed, const char *name);

/** 64 uniform bits. */
static inline uint64_t random_next(struct random_stream *stream)
{
    uint64_t *s = stream->state;
    uint64_t product = s[1] * 5, result = (product << 7 | product >> 57) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = s[3] << 45 | s[3] >> 19;
    return result;
}

/** Uniform in 0 .. @p bound - 1 (bound > 0), without modulo bias beyond 2^-64 (Lemire's multiply-shift). */
static inline uint64_t random_below(struct random_stream *stream, uint64_t bound)
{
    return (uint64_t)(((__uint128_t)random_next(stream) * bound) >> 64);
}

/** Exponentially distributed with mean @p mean (whole units, at least 1 where mean is). For tests and
 * generators. */
uint64_t random_exponential(struct random_stream *stream, uint64_t mean);

#endif
