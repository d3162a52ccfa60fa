/* SPDX-License-Identifier: MIT */
#include "sim/input/input_file.h"

#include "sim/base/arena.h"
#include "sim/base/status.h"
#include "sim/input/file_tree.h"
#include "sim/input/plain_text.h"
#include "sim/input/source_file.h"
#include "sim/input/sysfs_reader.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static bool is_folder(const char *path)
{
    struct stat about;
    return strcmp(path, "-") != 0 && stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

/* A compressed text takes the place of its packed form. */
static void take_single(struct input_file *file)
{
    const struct source_text *packed = &file->tree->entries[0].text;
    char *text = memory_alloc(packed->length + 1);
    memcpy(text, packed->text, packed->length);
    file->text = (struct source_text){file->path, text, packed->length};
    file_tree_free(file->tree);
    file->tree = NULL;
}

static int read_archive(struct input_file *file, struct diagnostics *diagnostics)
{
    int status = file_tree_read_archive(&file->text, sysfs_wants, &file->tree, diagnostics);
    source_file_fini(&file->text);
    if (status < 0)
        return status;
    file->text = (struct source_text){file->path, NULL, 0};
    if (file->tree->single)
        take_single(file);
    return STATUS_OK;
}

static void make_plain(struct input_file *file)
{
    size_t length;
    char *plain = plain_text_make(&file->text, &length);
    if (!plain)
        return;
    source_file_fini(&file->text);
    file->text = (struct source_text){file->path, plain, length};
}

/* Texts beside a copy of /sys. */
static void make_entries_plain(struct file_tree *tree)
{
    for (size_t i = 0; i < tree->count; i++) {
        struct file_entry *entry = &tree->entries[i];
        size_t length;
        char *plain = entry->kind == FILE_REGULAR && sysfs_is_text(entry->path)
                          ? plain_text_make(&entry->text, &length)
                          : NULL;
        if (!plain)
            continue;
        char *text = arena_alloc(tree->arena, length + 1);
        memcpy(text, plain, length + 1);
        entry->text.text = text;
        entry->text.length = length;
        free(plain);
    }
}

static int read_any(const char *path, struct input_file *file, struct diagnostics *diagnostics)
{
    if (is_folder(path))
        return file_tree_read_folder(path, sysfs_wants, &file->tree, diagnostics);
    int status = source_file_read(path, &file->text, diagnostics);
    if (status < 0 || !file_tree_is_archive(file->text.text, file->text.length))
        return status;
    return read_archive(file, diagnostics);
}

int input_file_read(const char *path, struct input_file *file, struct diagnostics *diagnostics)
{
    static const char prefix[] = "synthetic:";
    if (strncmp(path, prefix, strlen(prefix)) == 0) {
        char *text = memory_string(path + strlen(prefix));
        *file =
            (struct input_file){.path = path, .text = {"<synthetic>", text, strlen(text)}, .one_line = true};
        return STATUS_OK;
    }
    *file = (struct input_file){.path = path, .text.name = path};
    int status = read_any(path, file, diagnostics);
    if (status < 0)
        return status;
    if (file->tree)
        make_entries_plain(file->tree);
    else
        make_plain(file);
    return STATUS_OK;
}

void input_file_fini(struct input_file *file)
{
    source_file_fini(&file->text);
    file_tree_free(file->tree);
    file->tree = NULL;
}
