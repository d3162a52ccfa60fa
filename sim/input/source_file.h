/* SPDX-License-Identifier: MIT */
/**
 * @file source_file.h
 * A whole input file in memory.
 */
#ifndef IOMMUSIM_INPUT_SOURCE_FILE_H
#define IOMMUSIM_INPUT_SOURCE_FILE_H

#include "sim/base/diagnostic.h"

/**
 * Read a file of any size, or standard input where @p path is "-". The text is NUL-terminated beyond its
 * length.
 * @param source  filled on success; its name is @p path (borrowed). Free with source_file_fini().
 * @return 0, STATUS_FILE_OPEN or STATUS_FILE_READ after one diagnostic (codes file-open, file-read)
 */
int source_file_read(const char *path, struct source_text *source, struct diagnostics *diagnostics);
void source_file_fini(struct source_text *source);

#endif
