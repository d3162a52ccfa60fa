/* SPDX-License-Identifier: MIT */
/**
 * @file input_file.h
 * One thing the user names as input, read into memory: a text, a machine in one line, or a copy of /sys
 * (folder or archive).
 */
#ifndef IOMMUSIM_INPUT_INPUT_FILE_H
#define IOMMUSIM_INPUT_INPUT_FILE_H

#include "sim/base/diagnostic.h"

struct file_tree;

struct input_file {
    const char *path;        /**< as the user gave it */
    struct file_tree *tree;  /**< a folder or an archive, then @c text is empty; else NULL */
    struct source_text text; /**< NUL-terminated beyond its length; its name is @c path, or "<synthetic>" */
    bool one_line;           /**< it was named "synthetic:...": a machine in one line (synthetic.h) */
};

/**
 * Read what @p path names: a file, standard input ("-"), a folder, or the text behind "synthetic:".
 * Compressed texts are unpacked, archives read as trees (file_tree.h), texts made plain (plain_text.h).
 * @param file  filled on success; free with input_file_fini(). It borrows @p path.
 * @return 0, STATUS_FILE_OPEN, STATUS_FILE_READ or STATUS_BAD_INPUT (an archive) after one diagnostic
 */
int input_file_read(const char *path, struct input_file *file, struct diagnostics *diagnostics);

/** Free what input_file_read() filled. */
void input_file_fini(struct input_file *file);

#endif
