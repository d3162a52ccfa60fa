/* SPDX-License-Identifier: MIT */
/* Blocks in a list; each allocation is bumped off the newest block, large ones get a block of their own. */
#include "sim/base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_BYTES = 64 * 1024, ALIGNMENT = 16 };

struct arena_block {
    struct arena_block *next;
    size_t used;
    size_t capacity;
    _Alignas(ALIGNMENT) unsigned char bytes[];
};

struct arena {
    struct arena_block *newest;
    size_t total_bytes;
};

static void abort_on_exhausted(size_t size)
{
    fprintf(stderr, "iommusim: out of memory (%zu bytes asked for)\n", size);
    abort();
}

/* Process-wide by nature: there is one heap. Set once by main before any thread starts. */
static void (*exhausted_handler)(size_t) = abort_on_exhausted;

void memory_on_exhausted(void (*handler)(size_t size))
{
    exhausted_handler = handler;
}

static _Noreturn void exhausted(size_t size)
{
    exhausted_handler(size);
    abort();
}

void *memory_alloc(size_t size)
{
    void *memory = calloc(1, size ? size : 1);
    if (!memory)
        exhausted(size);
    return memory;
}

void *memory_array(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size ? size : 1);
    if (!memory)
        exhausted(size && count > SIZE_MAX / size ? SIZE_MAX : count * size);
    return memory;
}

void *memory_resize(void *old, size_t count, size_t size)
{
    if (size && count > SIZE_MAX / size)
        exhausted(SIZE_MAX);
    void *memory = realloc(old, count && size ? count * size : 1);
    if (!memory)
        exhausted(count * size);
    return memory;
}

char *memory_string(const char *text)
{
    size_t bytes = strlen(text) + 1;
    return memcpy(memory_alloc(bytes), text, bytes);
}

uint32_t memory_doubled(uint32_t count, uint64_t wanted)
{
    uint64_t doubled = count;
    while (doubled < wanted)
        doubled *= 2;
    if (doubled > UINT32_MAX)
        exhausted(SIZE_MAX);
    return (uint32_t)doubled;
}

void *memory_grow(void *items, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity)
        return items;
    size_t wanted = *capacity ? *capacity * 2 : 16;
    items = memory_resize(items, wanted, size);
    *capacity = wanted;
    return items;
}

struct arena *arena_new(void)
{
    return memory_alloc(sizeof(struct arena));
}

void arena_free(struct arena *arena)
{
    if (!arena)
        return;
    for (struct arena_block *block = arena->newest; block;) {
        struct arena_block *next = block->next;
        free(block);
        block = next;
    }
    free(arena);
}

void *arena_alloc(struct arena *arena, size_t size)
{
    if (size > SIZE_MAX - sizeof(struct arena_block) - ALIGNMENT)
        exhausted(size);
    size_t rounded = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    struct arena_block *block = arena->newest;
    if (!block || block->capacity - block->used < rounded) {
        size_t capacity = rounded > BLOCK_BYTES ? rounded : BLOCK_BYTES;
        block = memory_alloc(sizeof(*block) + capacity);
        block->capacity = capacity;
        block->next = arena->newest;
        arena->newest = block;
    }
    void *memory = block->bytes + block->used;
    block->used += rounded;
    arena->total_bytes += rounded;
    return memory;
}

void *arena_array(struct arena *arena, size_t count, size_t size)
{
    if (size && count > SIZE_MAX / size)
        exhausted(SIZE_MAX);
    return arena_alloc(arena, count * size);
}

char *arena_string(struct arena *arena, const char *text)
{
    if (!text)
        return NULL;
    size_t bytes = strlen(text) + 1;
    return memcpy(arena_alloc(arena, bytes), text, bytes);
}

char *arena_format(struct arena *arena, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *text = arena_alloc(arena, (size_t)length + 1);
    va_start(arguments, format);
    vsnprintf(text, (size_t)length + 1, format, arguments);
    va_end(arguments);
    return text;
}

size_t arena_bytes(const struct arena *arena)
{
    return arena->total_bytes;
}
