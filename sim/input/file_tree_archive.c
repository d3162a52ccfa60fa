/* SPDX-License-Identifier: MIT */
/* A tree from an archive, read by libarchive. */
#include "sim/base/arena.h"
#include "sim/base/status.h"
#include "sim/base/text_buffer.h"
#include "sim/input/file_tree.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 65536, FILE_LIMIT = 64 << 20 };

/* What unwanted files and padding may unpack to before it is called a trap. */
static const int64_t total_limit = INT64_C(2) << 30;

struct unpacking {
    const struct source_text *source;
    struct archive *archive;
    struct file_tree *tree;
    file_wanted wanted;
    struct diagnostics *diagnostics;
};

static bool starts_with(const char *bytes, size_t length, const char *magic, size_t size)
{
    return length >= size && memcmp(bytes, magic, size) == 0;
}

bool file_tree_is_archive(const char *bytes, size_t length)
{
    enum { TAR_MAGIC = 257 };
    return starts_with(bytes, length, "\x1f\x8b", 2) || starts_with(bytes, length, "BZh", 3) ||
           starts_with(bytes, length,
                       "\xfd"
                       "7zXZ",
                       5) ||
           starts_with(bytes, length, "\x28\xb5\x2f\xfd", 4) || starts_with(bytes, length, "070701", 6) ||
           starts_with(bytes, length, "070702", 6) || starts_with(bytes, length, "070707", 6) ||
           (length > TAR_MAGIC && starts_with(bytes + TAR_MAGIC, length - TAR_MAGIC, "ustar", 5));
}

static bool report(const struct unpacking *unpacking, const char *code, const char *text)
{
    diagnostics_report(unpacking->diagnostics, DIAGNOSTIC_ERROR, unpacking->source, DIAGNOSTIC_NO_OFFSET,
                       NULL, code, "%s", text);
    return false;
}

/* A decompressor that runs on is stopped as the library hands out its blocks. */
static bool check_total(const struct unpacking *unpacking)
{
    if (archive_filter_bytes(unpacking->archive, 0) <= total_limit)
        return true;
    return report(unpacking, "tree-too-large", "the archive unpacks to more than 2 GiB");
}

static bool check_read(const struct unpacking *unpacking, la_ssize_t got)
{
    if (got < 0 && got != ARCHIVE_WARN)
        return report(unpacking, "archive-damaged", "the archive is damaged or cut short");
    return check_total(unpacking);
}

static bool read_content(const struct unpacking *unpacking, struct text_buffer *content)
{
    char *block = memory_alloc(BLOCK);
    la_ssize_t got = 1;
    bool good = true;
    while (good && got > 0) {
        got = archive_read_data(unpacking->archive, block, BLOCK);
        good = check_read(unpacking, got);
        if (good && got > 0)
            text_buffer_append(content, block, (size_t)got);
        if (content->length > FILE_LIMIT)
            good = report(unpacking, "tree-too-large", "a file in the archive has more than 64 MiB");
    }
    free(block);
    return good;
}

/* Block by block as stored: what a sparse file leaves out costs nothing. */
static bool skip_content(const struct unpacking *unpacking)
{
    const void *block;
    size_t size;
    la_int64_t offset;
    int result;
    while ((result = archive_read_data_block(unpacking->archive, &block, &size, &offset)) != ARCHIVE_EOF) {
        if (!check_read(unpacking, result))
            return false;
    }
    return true;
}

static bool add_regular(const struct unpacking *unpacking, const char *path)
{
    struct text_buffer content = {0};
    bool good = read_content(unpacking, &content) &&
                file_tree_add(unpacking->tree, FILE_REGULAR, path, text_buffer_get(&content), content.length,
                              unpacking->diagnostics);
    text_buffer_fini(&content);
    return good;
}

static bool add_entry(const struct unpacking *unpacking, struct archive_entry *entry)
{
    const char *path = archive_entry_pathname(entry);
    if (!path)
        path = archive_entry_pathname_utf8(entry);
    if (!path || archive_entry_hardlink(entry))
        return true;
    if (archive_format(unpacking->archive) == ARCHIVE_FORMAT_RAW) {
        unpacking->tree->single = true;
        return add_regular(unpacking, path);
    }
    switch (archive_entry_filetype(entry)) {
    case AE_IFREG:
        return unpacking->wanted(path) ? add_regular(unpacking, path) : skip_content(unpacking);
    case AE_IFLNK: {
        const char *target = archive_entry_symlink(entry);
        return !target || file_tree_add(unpacking->tree, FILE_LINK, path, target, strlen(target),
                                        unpacking->diagnostics);
    }
    case AE_IFDIR:
        return file_tree_add(unpacking->tree, FILE_FOLDER, path, "", 0, unpacking->diagnostics);
    default:
        return true;
    }
}

static bool unpack(const struct unpacking *unpacking)
{
    struct archive_entry *entry;
    int result;
    bool good = true;
    while (good && (result = archive_read_next_header(unpacking->archive, &entry)) != ARCHIVE_EOF) {
        if (result != ARCHIVE_OK && result != ARCHIVE_WARN)
            good = report(unpacking, "archive-damaged", "the archive is damaged or cut short");
        else
            good = check_total(unpacking) && add_entry(unpacking, entry);
    }
    return good;
}

/* Only filters built into the library: it would run programs for others. */
static struct archive *open_archive(const struct source_text *source)
{
    struct archive *archive = archive_read_new();
    archive_read_support_filter_gzip(archive);
    archive_read_support_filter_bzip2(archive);
    archive_read_support_filter_xz(archive);
    archive_read_support_filter_zstd(archive);
    archive_read_support_format_tar(archive);
    archive_read_support_format_cpio(archive);
    archive_read_support_format_raw(archive);
    archive_read_support_format_empty(archive);
    archive_read_open_memory(archive, source->text, source->length);
    return archive;
}

int file_tree_read_archive(const struct source_text *source, file_wanted wanted, struct file_tree **tree,
                           struct diagnostics *diagnostics)
{
    struct unpacking unpacking = {source, open_archive(source), file_tree_new(source->name), wanted,
                                  diagnostics};
    bool good = unpack(&unpacking);
    archive_read_free(unpacking.archive);
    if (!good) {
        file_tree_free(unpacking.tree);
        return STATUS_BAD_INPUT;
    }
    file_tree_sort(unpacking.tree);
    *tree = unpacking.tree;
    return STATUS_OK;
}
