/* SPDX-License-Identifier: MIT */
/**
 * @file sysfs_archive.h
 * A tar archive under construction, in memory. The same calls give the same bytes: no times, no owners.
 */
#ifndef IOMMUSIM_INPUT_SYSFS_ARCHIVE_H
#define IOMMUSIM_INPUT_SYSFS_ARCHIVE_H

#include "sim/base/text_buffer.h"

#include <stddef.h>

struct sysfs_archive;

/** A new archive, appended to @p out (borrowed) as it grows. End it with sysfs_archive_finish(). */
struct sysfs_archive *sysfs_archive_new(struct text_buffer *out);

/** Add a file. Folders need not be added. */
void sysfs_archive_file(struct sysfs_archive *archive, const char *path, const char *text);
void sysfs_archive_bytes(struct sysfs_archive *archive, const char *path, const void *bytes, size_t length);

/** Add a symbolic link. */
void sysfs_archive_link(struct sysfs_archive *archive, const char *path, const char *target);

/** Write the end and free. */
void sysfs_archive_finish(struct sysfs_archive *archive);

#endif
