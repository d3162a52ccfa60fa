/* SPDX-License-Identifier: MIT */
#include "tests/unit/fuzz_replay.h"

#include <check.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEED_MAX = 65536 };

uint32_t fuzz_random(uint64_t *state)
{
    *state = *state * 6364136223846793005U + 1442695040888963407U;
    return (uint32_t)(*state >> 33);
}

static void damage(const struct fuzz_replay *replay, uint8_t *data, size_t size, uint64_t *state)
{
    size_t letters = strlen(replay->alphabet);
    for (unsigned i = fuzz_random(state) % replay->bytes + 1; i > 0; i--)
        data[fuzz_random(state) % size] = (uint8_t)replay->alphabet[fuzz_random(state) % letters];
}

static void replay_file(const struct fuzz_replay *replay, const uint8_t *data, size_t size, uint64_t *state)
{
    uint8_t *copy = malloc(size);
    size_t longest = replay->cuts ? size / replay->cuts + 1 : 40;
    replay->target(data, size);
    for (size_t length = 0; length < size; length += 1 + fuzz_random(state) % longest)
        replay->target(data, length);
    for (unsigned round = 0; round < replay->rounds; round++) {
        memcpy(copy, data, size);
        damage(replay, copy, size, state);
        replay->target(copy, size);
    }
    free(copy);
}

void fuzz_replay(const struct fuzz_replay *replay)
{
    glob_t files;
    uint64_t state = 1;
    uint8_t *data = malloc(SEED_MAX);
    ck_assert_int_eq(glob(replay->pattern, 0, NULL, &files), 0);
    for (size_t i = 0; i < files.gl_pathc; i++) {
        FILE *file = fopen(files.gl_pathv[i], "rb");
        ck_assert_ptr_nonnull(file);
        size_t size = fread(data, 1, SEED_MAX, file);
        ck_assert_msg(size > 0 && fgetc(file) == EOF, "%s", files.gl_pathv[i]);
        fclose(file);
        replay_file(replay, data, size, &state);
    }
    free(data);
    globfree(&files);
}
