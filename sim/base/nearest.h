/* SPDX-License-Identifier: MIT */
/**
 * @file nearest.h
 * The known name a user most likely meant.
 */
#ifndef IOMMUSIM_BASE_NEAREST_H
#define IOMMUSIM_BASE_NEAREST_H

#include <stddef.h>

/**
 * The name among @p names (each found at @p names + i * @p stride, a `const char *`) nearest to @p text by
 * Damerau-Levenshtein distance (restricted), case ignored.
 * @return the name, or NULL where none is near enough (more than a quarter of the longer word plus one
 * differs). Ties go to the earlier name.
 */
const char *nearest_name(const char *text, const void *names, size_t count, size_t stride);

#endif
