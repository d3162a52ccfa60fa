/* SPDX-License-Identifier: MIT */
/**
 * @file byte_stream.h
 * The bytes of a file in order, decompressed on the way where they are zstd (recognised by content). Memory
 * is constant whatever the size of the file.
 */
#ifndef IOMMUSIM_INPUT_BYTE_STREAM_H
#define IOMMUSIM_INPUT_BYTE_STREAM_H

#include "sim/base/diagnostic.h"

struct byte_stream;

/**
 * Open a file.
 * @param path         "-" is standard input
 * @param stream       filled on success; close with byte_stream_close()
 * @return 0 or STATUS_FILE_OPEN or STATUS_FILE_READ after a diagnostic (codes file-open, file-read)
 */
int byte_stream_open(const char *path, struct byte_stream **stream, struct diagnostics *diagnostics);

/**
 * Next bytes of the (decompressed) content.
 * @param size  room at @p bytes, at least 1
 * @return number of bytes, 0 at the end; STATUS_FILE_READ, or STATUS_BAD_INPUT for a compressed file that is
 * damaged (code compressed-damaged) or ends too early (code compressed-truncated); a diagnostic says which
 */
long byte_stream_read(struct byte_stream *stream, char *bytes, size_t size, struct diagnostics *diagnostics);

/** Bytes of the file consumed so far, and its size (0 where unknown). */
void byte_stream_position(const struct byte_stream *stream, uint64_t *bytes_read, uint64_t *bytes_total);

/** Close. NULL is fine. */
void byte_stream_close(struct byte_stream *stream);

#endif
