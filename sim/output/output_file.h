/* SPDX-License-Identifier: MIT */
/**
 * @file output_file.h
 * Results into files, whole or not at all.
 */
#ifndef IOMMUSIM_OUTPUT_OUTPUT_FILE_H
#define IOMMUSIM_OUTPUT_OUTPUT_FILE_H

#include "sim/base/diagnostic.h"

#include <stddef.h>

/**
 * Write a result. A regular file is written under a temporary name beside the target, synced, and renamed
 * over it: whoever looks finds the old file or the new one. Anything else that is already there (a pipe,
 * /dev/null) is written directly, a symbolic link followed.
 * @param path  target; NULL or "-" is standard output
 * @return 0, or STATUS_FILE_OPEN or STATUS_FILE_WRITE after one diagnostic (codes file-create,
 * file-write); then no temporary file is left
 * and the target is as before
 */
int output_file_write(const char *path, const char *text, size_t length, struct diagnostics *diagnostics);

#endif
