/* SPDX-License-Identifier: MIT */
/**
 * @file output_file.h
 * Results reach their file whole or not at all.
 */
#ifndef IOMMUSIM_OUTPUT_OUTPUT_FILE_H
#define IOMMUSIM_OUTPUT_OUTPUT_FILE_H

#include "sim/base/diagnostic.h"

#include <stddef.h>

/**
 * Write @p length bytes of @p text to the file @p path: into a new file beside it, flushed to the disk, then
 * renamed; a failure leaves what was there before. What is no ordinary file (a device, a pipe) is written to
 * directly. "-" is standard output.
 * @return 0, STATUS_FILE_OPEN or STATUS_FILE_WRITE after one diagnostic (codes file-create, file-write)
 */
int output_file_write(const char *path, const char *text, size_t length, struct diagnostics *diagnostics);

#endif
