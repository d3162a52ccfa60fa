/* SPDX-License-Identifier: MIT */
#include "sim/input/file_tree.h"

#include "sim/base/arena.h"

#include <stdlib.h>
#include <string.h>

enum {
    PATH_LIMIT = 4096,
    ENTRY_LIMIT = 1 << 20,  /* /sys of a large server holds some hundred thousand */
    BYTE_LIMIT = 256 << 20, /* 4 KiB of each of 60000 functions */
};

struct file_tree *file_tree_new(const char *name)
{
    struct file_tree *tree = memory_alloc(sizeof(*tree));
    tree->arena = arena_new();
    tree->name = name;
    tree->whole = (struct source_text){name, "", 0};
    return tree;
}

void file_tree_free(struct file_tree *tree)
{
    if (!tree)
        return;
    arena_free(tree->arena);
    free(tree->entries);
    free(tree);
}

/* Copy a path without empty and "." steps. False where it has a ".." step, is too long, or nothing is left.
 */
static bool clean_path(const char *path, char clean[PATH_LIMIT])
{
    size_t length = 0;
    while (*path) {
        size_t step = strcspn(path, "/");
        bool up = step == 2 && path[0] == '.' && path[1] == '.';
        if (up || length + step + 2 > PATH_LIMIT)
            return false;
        if (step > 0 && !(step == 1 && *path == '.')) {
            if (length)
                clean[length++] = '/';
            memcpy(clean + length, path, step);
            length += step;
        }
        path += step + (path[step] == '/');
    }
    clean[length] = '\0';
    return length > 0;
}

static bool check_limits(const struct file_tree *tree, size_t length, struct diagnostics *diagnostics)
{
    if (tree->count >= ENTRY_LIMIT)
        diagnostics_report(
            diagnostics, DIAGNOSTIC_ERROR, &tree->whole, DIAGNOSTIC_NO_OFFSET, NULL, "tree-too-many",
            "more than %d files and folders; name the folder that holds the copy of /sys", ENTRY_LIMIT);
    else if (length > BYTE_LIMIT - tree->bytes)
        diagnostics_report(diagnostics, DIAGNOSTIC_ERROR, &tree->whole, DIAGNOSTIC_NO_OFFSET, NULL,
                           "tree-too-large", "more than %d MiB of files", BYTE_LIMIT >> 20);
    else
        return true;
    return false;
}

bool file_tree_add(struct file_tree *tree, enum file_kind kind, const char *path, const char *bytes,
                   size_t length, struct diagnostics *diagnostics)
{
    char clean[PATH_LIMIT];
    if (!clean_path(path, clean))
        return true;
    if (!check_limits(tree, length, diagnostics))
        return false;
    char *text = arena_alloc(tree->arena, length + 1);
    if (length)
        memcpy(text, bytes, length);
    tree->bytes += length;
    tree->entries = memory_grow(tree->entries, tree->count, &tree->capacity, sizeof(*tree->entries));
    const char *kept = arena_string(tree->arena, clean);
    tree->entries[tree->count] = (struct file_entry){
        .number = tree->count,
        .path = kept,
        .kind = kind,
        .text = {arena_format(tree->arena, "%s/%s", tree->name, kept), text, length},
    };
    tree->count++;
    return true;
}

static int compare_entries(const void *left, const void *right)
{
    const struct file_entry *a = left, *b = right;
    int order = strcmp(a->path, b->path);
    return order ? order : a->number < b->number ? -1 : a->number > b->number;
}

static int compare_path(const void *path, const void *entry)
{
    return strcmp(path, ((const struct file_entry *)entry)->path);
}

void file_tree_sort(struct file_tree *tree)
{
    size_t kept = 0;
    if (tree->count)
        qsort(tree->entries, tree->count, sizeof(*tree->entries), compare_entries);
    for (size_t i = 0; i < tree->count; i++) {
        if (kept == 0 || strcmp(tree->entries[kept - 1].path, tree->entries[i].path) != 0)
            tree->entries[kept++] = tree->entries[i];
    }
    tree->count = kept;
}

const struct file_entry *file_tree_find(const struct file_tree *tree, const char *path)
{
    return tree->count ? bsearch(path, tree->entries, tree->count, sizeof(*tree->entries), compare_path)
                       : NULL;
}
