/* SPDX-License-Identifier: MIT */
/**
 * @file file_tree.h
 * A folder's files in memory, read from the folder itself or from an archive of it (tar or cpio, plain or
 * compressed with gzip, bzip2, xz or zstd). Nothing is ever unpacked to disk and no link is followed.
 *
 * Only files the caller wants are read; folders and symbolic links are always noted. Limits keep a hostile
 * archive from filling the memory (codes tree-too-large, tree-too-many).
 */
#ifndef IOMMUSIM_INPUT_FILE_TREE_H
#define IOMMUSIM_INPUT_FILE_TREE_H

#include "sim/base/diagnostic.h"

#include <stdbool.h>
#include <stddef.h>

struct arena;

enum file_kind { FILE_REGULAR, FILE_LINK, FILE_FOLDER };

struct file_entry {
    const char *path; /**< from the top of the tree, without empty, "." and ".." steps */
    enum file_kind kind;
    size_t number;           /**< in the order added */
    struct source_text text; /**< a file's content, or where a link points; NUL-terminated beyond its length;
                                the name is the tree's with the path behind it, for findings */
};

struct file_tree {
    struct arena *arena;      /**< owns everything */
    const char *name;         /**< as the user gave it (borrowed) */
    struct source_text whole; /**< the name and no text, for findings about the tree as a whole */
    struct file_entry *entries;
    size_t count, capacity;
    size_t bytes; /**< of content */
    bool single;  /**< a compressed file that is no archive: its content is the only entry */
};

/** Does the reader want the content of the file at @p path? */
typedef bool (*file_wanted)(const char *path);

/** An empty tree. Free with file_tree_free(). */
struct file_tree *file_tree_new(const char *name);
void file_tree_free(struct file_tree *tree);

/** Add an entry; @p bytes (copied) is the content or the link's target. Paths with ".." in them and the top
 * folder itself are left out. @return false after an error: the tree is full */
bool file_tree_add(struct file_tree *tree, enum file_kind kind, const char *path, const char *bytes,
                   size_t length, struct diagnostics *diagnostics);

/** Sort by path, so that readers see the same order whatever made the tree; call it once, after the last
 * file_tree_add(). Of entries with one path the first added stays. */
void file_tree_sort(struct file_tree *tree);

/** The entry at @p path, or NULL. */
const struct file_entry *file_tree_find(const struct file_tree *tree, const char *path);

/**
 * Read the folder @p path. Files that cannot be read (attributes a driver refuses, or that take root) are
 * passed over, as copies of such folders have to.
 * @return 0 with @p tree filled, STATUS_FILE_OPEN or STATUS_BAD_INPUT after a diagnostic
 */
int file_tree_read_folder(const char *path, file_wanted wanted, struct file_tree **tree,
                          struct diagnostics *diagnostics);

/** Do @p length bytes begin like an archive or a compressed file? */
bool file_tree_is_archive(const char *bytes, size_t length);

/**
 * Read an archive held in memory.
 * @return 0 with @p tree filled, or STATUS_BAD_INPUT after a diagnostic (archive-damaged)
 */
int file_tree_read_archive(const struct source_text *archive, file_wanted wanted, struct file_tree **tree,
                           struct diagnostics *diagnostics);

#endif
