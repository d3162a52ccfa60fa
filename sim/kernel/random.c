/* SPDX-License-Identifier: MIT */
#include "sim/kernel/random.h"

#include <math.h>

static uint64_t splitmix64(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

void random_init(struct random_stream *stream, uint64_t seed, const char *name)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
    uint64_t state = seed ^ hash;
    for (int i = 0; i < 4; i++)
        stream->state[i] = splitmix64(&state);
}

uint64_t random_exponential(struct random_stream *stream, uint64_t mean)
{
    double uniform = (double)((random_next(stream) >> 11) + 1) / 9007199254740993.0; /* (0, 1) */
    double value = -log(uniform) * (double)mean;
    return value < 1 && mean ? 1 : (uint64_t)value;
}
