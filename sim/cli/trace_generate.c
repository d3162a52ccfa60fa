/* SPDX-License-Identifier: MIT */
#include "sim/cli/trace_generate.h"

#include "models/iommu/pasid_table.h"
#include "sim/base/units.h"
#include "sim/kernel/random.h"

#include <inttypes.h>
#include <string.h>

/* A line has some 50 bytes, and the trace is made in memory. */
static const uint64_t count_max = 20000000;

static int take_word(const char *const *words, const char *text, const char *what, struct argp_state *state)
{
    for (int i = 0; words[i]; i++) {
        if (strcmp(words[i], text) == 0)
            return i;
    }
    argp_error(state, "unknown %s '%s'", what, text);
    return 0;
}

static uint64_t take_number(const char *text, uint64_t low, uint64_t high, struct argp_state *state)
{
    uint64_t value = 0;
    if (!number_parse(text, high, &value) || value < low)
        argp_error(state, "'%s' is no number from %" PRIu64 " to %" PRIu64, text, low, high);
    return value;
}

static uint64_t take_size(const char *text, struct argp_state *state)
{
    uint64_t bytes = 0;
    if (!unit_parse(text, UNIT_BYTES, &bytes) || !bytes || bytes >> 52)
        argp_error(state, "'%s' is no size such as 64MiB", text);
    return bytes;
}

void trace_recipe_add_device(struct trace_recipe *recipe, const char *address, struct argp_state *state)
{
    if (recipe->device_count == RECIPE_DEVICES_MAX)
        argp_error(state, "at most %d devices", RECIPE_DEVICES_MAX);
    recipe->devices[recipe->device_count++] = address;
}

bool trace_recipe_take(struct trace_recipe *recipe, int key, char *text, struct argp_state *state)
{
    static const char *const operations[] = {"read", "write", "alternate", NULL};
    static const char *const patterns[] = {"sequential", "random", "strided", NULL};
    if (key < OPTION_OPERATION || key > OPTION_PASIDS)
        return false;
    recipe->given = true;
    if (key == OPTION_OPERATION)
        recipe->operation = take_word(operations, text, "operation", state);
    else if (key == OPTION_PATTERN)
        recipe->pattern = take_word(patterns, text, "pattern", state);
    else if (key == OPTION_BASE)
        recipe->base = take_number(text, 0, UINT64_MAX, state);
    else if (key == OPTION_WINDOW)
        recipe->window = take_size(text, state);
    else if (key == OPTION_STRIDE)
        recipe->stride = take_size(text, state);
    else if (key == OPTION_COUNT)
        recipe->count = take_number(text, 1, count_max, state);
    else if (key == OPTION_SEED)
        recipe->seed = take_number(text, 0, UINT64_MAX, state);
    else
        recipe->pasids = (uint32_t)take_number(text, 1, PASID_MAX + 1, state);
    return true;
}

void trace_recipe_check(const struct trace_recipe *recipe, uint64_t size, uint64_t interval_ps,
                        struct argp_state *state)
{
    if (!recipe->device_count || !recipe->count)
        argp_error(state, "generate needs --device and --count");
    if (recipe->count && interval_ps > UINT64_MAX / 2 / recipe->count)
        argp_error(state, "so many operations at this interval take longer than 106 days");
    if (recipe->window < size)
        argp_error(state, "an operation of %" PRIu64 " bytes does not fit in the window", size);
    if (recipe->base > UINT64_MAX - (recipe->window - 1))
        argp_error(state, "the window ends beyond 64 bits");
    if ((recipe->pattern == RECIPE_STRIDED) != (recipe->stride != 0))
        argp_error(state, "--stride and the pattern strided go together");
}

/* Offset of the next operation in the window. */
static uint64_t next_offset(const struct trace_recipe *recipe, uint64_t size, struct random_stream *random,
                            uint64_t *position)
{
    uint64_t offset = *position, step = recipe->pattern == RECIPE_STRIDED ? recipe->stride : size;
    if (recipe->pattern == RECIPE_RANDOM)
        return random_below(random, recipe->window / size) * size;
    *position = offset + step + size > recipe->window ? 0 : offset + step;
    return offset;
}

void trace_recipe_write(const struct trace_recipe *recipe, uint64_t size, uint64_t interval_ps,
                        struct text_buffer *out)
{
    struct random_stream random;
    uint64_t position = 0;
    random_init(&random, recipe->seed, "trace");
    text_buffer_add(out,
                    recipe->pasids ? "time,device,op,iova,length,pasid\n" : "time,device,op,iova,length\n");
    for (uint64_t i = 0; i < recipe->count; i++) {
        bool write = recipe->operation == RECIPE_WRITE ||
                     (recipe->operation == RECIPE_ALTERNATE && i / recipe->device_count % 2 == 0);
        uint64_t time_ps = i * interval_ps,
                 iova = recipe->base + next_offset(recipe, size, &random, &position);
        text_buffer_format(out, "%" PRIu64 ".%03" PRIu64 "ns,%s,%s,0x%" PRIx64 ",%" PRIu64, time_ps / 1000,
                           time_ps % 1000, recipe->devices[i % recipe->device_count],
                           write ? "write" : "read", iova, size);
        if (recipe->pasids)
            text_buffer_format(out, ",%" PRIu64, i / recipe->device_count % recipe->pasids);
        text_buffer_add(out, "\n");
    }
}
