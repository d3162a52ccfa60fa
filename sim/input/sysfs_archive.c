/* SPDX-License-Identifier: MIT */
#include "sim/input/sysfs_archive.h"

#include "sim/base/arena.h"

#include <archive.h>
#include <archive_entry.h>
#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct sysfs_archive {
    struct archive *archive;
    struct archive_entry *entry; /* used again for each */
    struct text_buffer *out;
};

static la_ssize_t append(struct archive *archive, void *data, const void *bytes, size_t length)
{
    (void)archive;
    text_buffer_append(data, bytes, length);
    return (la_ssize_t)length;
}

struct sysfs_archive *sysfs_archive_new(struct text_buffer *out)
{
    struct sysfs_archive *archive = memory_alloc(sizeof(*archive));
    archive->archive = archive_write_new();
    archive->entry = archive_entry_new();
    archive->out = out;
    archive_write_set_format_pax_restricted(archive->archive);
    int result = archive_write_open(archive->archive, out, NULL, append, NULL);
    assert(result == ARCHIVE_OK);
    (void)result;
    return archive;
}

/* Writing to memory does not fail; the entries are what the format takes. */
static void write_entry(struct sysfs_archive *archive, const void *bytes, size_t length)
{
    int result = archive_write_header(archive->archive, archive->entry);
    assert(result == ARCHIVE_OK);
    (void)result;
    if (length)
        archive_write_data(archive->archive, bytes, length);
}

void sysfs_archive_bytes(struct sysfs_archive *archive, const char *path, const void *bytes, size_t length)
{
    archive_entry_clear(archive->entry);
    archive_entry_set_pathname(archive->entry, path);
    archive_entry_set_filetype(archive->entry, AE_IFREG);
    archive_entry_set_perm(archive->entry, 0644);
    archive_entry_set_size(archive->entry, (la_int64_t)length);
    write_entry(archive, bytes, length);
}

void sysfs_archive_file(struct sysfs_archive *archive, const char *path, const char *text)
{
    sysfs_archive_bytes(archive, path, text, strlen(text));
}

void sysfs_archive_link(struct sysfs_archive *archive, const char *path, const char *target)
{
    archive_entry_clear(archive->entry);
    archive_entry_set_pathname(archive->entry, path);
    archive_entry_set_filetype(archive->entry, AE_IFLNK);
    archive_entry_set_perm(archive->entry, 0777);
    archive_entry_set_symlink(archive->entry, target);
    write_entry(archive, NULL, 0);
}

void sysfs_archive_finish(struct sysfs_archive *archive)
{
    archive_write_close(archive->archive);
    archive_write_free(archive->archive);
    archive_entry_free(archive->entry);
    free(archive);
}
