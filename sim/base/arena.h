/* SPDX-License-Identifier: MIT */
/**
 * @file arena.h
 * Memory that lives and dies together. A loaded machine owns one arena; freeing it frees everything in the
 * machine.
 *
 * Exhaustion: where memory cannot be had, the handler of memory_on_exhausted() is called; it must not return.
 * The default handler aborts. Only the program's main sets another one (message, exit 3), so callers need no
 * checks.
 */
#ifndef IOMMUSIM_BASE_ARENA_H
#define IOMMUSIM_BASE_ARENA_H

#include <stddef.h>
#include <stdint.h>

struct arena;

/** A new, empty arena. Free with arena_free(). */
struct arena *arena_new(void);

/** Free @p arena and all memory got from it. NULL is fine. */
void arena_free(struct arena *arena);

/** @p size zeroed bytes, aligned for any type, valid until arena_free(). Never NULL. @p size 0 gives a valid
 * pointer. */
void *arena_alloc(struct arena *arena, size_t size);

/** Zeroed array of @p count elements of @p size bytes. A product beyond SIZE_MAX counts as exhaustion. */
void *arena_array(struct arena *arena, size_t count, size_t size);

/** Copy of the string @p text, or NULL where @p text is NULL. */
char *arena_string(struct arena *arena, const char *text);

/** Formatted string (printf rules). */
char *arena_format(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Total bytes handed out so far. */
size_t arena_bytes(const struct arena *arena);

/** malloc/realloc/strdup that never return NULL (see "Exhaustion"). Free with free(). */
void *memory_alloc(size_t size);
void *memory_array(size_t count, size_t size);
void *memory_resize(void *old, size_t count, size_t size);
char *memory_string(const char *text);

/** Install what happens when memory is exhausted; it gets the size asked for and must not return. */
void memory_on_exhausted(void (*handler)(size_t size));

/** @p count (not 0) doubled until it is at least @p wanted. What 32 bits cannot count is exhaustion. */
uint32_t memory_doubled(uint32_t count, uint64_t wanted);

/**
 * Make room for one more element in a malloc'ed vector.
 * @param items     current memory (or NULL)
 * @param count     elements in use
 * @param capacity  in/out: elements the memory holds
 * @param size      bytes an element
 * @return the (perhaps moved) memory, with room for at least count + 1 elements
 */
void *memory_grow(void *items, size_t count, size_t *capacity, size_t size);

#endif
