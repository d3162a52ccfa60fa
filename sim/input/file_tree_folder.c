/* SPDX-License-Identifier: MIT */
/* A tree from a folder on disk; the folder may be the live /sys. */
#include "sim/base/arena.h"
#include "sim/base/status.h"
#include "sim/base/text_buffer.h"
#include "sim/input/file_tree.h"
#include "sim/input/sysfs_reader.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { DEPTH_LIMIT = 32, FILE_LIMIT = 64 << 20, BLOCK = 65536 };

struct walk {
    struct file_tree *tree;
    file_wanted wanted;
    struct diagnostics *diagnostics;
    struct text_buffer path; /* from the top, with "/" before each step */
    unsigned depth;
    bool following; /* a link: nothing but its files */
};

/* Parts of a live /sys that are large and tell nothing of PCI functions. */
static bool is_passed_over(const char *name)
{
    static const char *const names[] = {"debug", "tracing", "fs",    "module", "cgroup",
                                        "power", "cpu",     "block", "net",    "msi_irqs"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(name, names[i]) == 0)
            return true;
    }
    return false;
}

/* The content as far as it can be read: attributes may refuse, and their size is a guess. */
static bool add_file(struct walk *walk, int folder, const char *name)
{
    int file = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (file < 0)
        return true;
    struct text_buffer content = {0};
    char *block = memory_alloc(BLOCK);
    ssize_t got;
    while (content.length < FILE_LIMIT &&
           ((got = read(file, block, BLOCK)) > 0 || (got < 0 && errno == EINTR))) {
        if (got > 0)
            text_buffer_append(&content, block, (size_t)got);
    }
    free(block);
    close(file);
    bool good = file_tree_add(walk->tree, FILE_REGULAR, text_buffer_get(&walk->path),
                              text_buffer_get(&content), content.length, walk->diagnostics);
    text_buffer_fini(&content);
    return good;
}

static bool add_link(struct walk *walk, int folder, const char *name)
{
    char target[PATH_MAX];
    ssize_t length = readlinkat(folder, name, target, sizeof(target));
    return length < 0 || file_tree_add(walk->tree, FILE_LINK, text_buffer_get(&walk->path), target,
                                       (size_t)length, walk->diagnostics);
}

static bool walk_folder(struct walk *walk, int folder);

/* In the live /sys links to functions are followed one step, so that /sys/bus/pci/devices tells something:
 * the kernel's own links lead to its own folders. In copies they may lead anywhere, and are only noted. */
static bool follow_live_link(struct walk *walk, int folder, const char *name)
{
    struct statfs about;
    int below = walk->following ? -1 : openat(folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (below < 0)
        return true;
    if (fstatfs(below, &about) < 0 || about.f_type != SYSFS_MAGIC || !sysfs_is_function(name)) {
        close(below);
        return true;
    }
    walk->following = true;
    bool good = walk_folder(walk, below);
    walk->following = false;
    return good;
}

/* One name in an open folder; the path is that of the name already. */
static bool walk_name(struct walk *walk, int folder, const char *name)
{
    struct stat about;
    if (fstatat(folder, name, &about, AT_SYMLINK_NOFOLLOW) < 0)
        return true;
    const char *path = text_buffer_get(&walk->path);
    if (S_ISLNK(about.st_mode))
        return add_link(walk, folder, name) && follow_live_link(walk, folder, name);
    if (S_ISREG(about.st_mode))
        return !walk->wanted(path) || add_file(walk, folder, name);
    if (!S_ISDIR(about.st_mode) || walk->depth == DEPTH_LIMIT || walk->following || is_passed_over(name))
        return true;
    if (!file_tree_add(walk->tree, FILE_FOLDER, path, "", 0, walk->diagnostics))
        return false;
    int below = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return below < 0 || walk_folder(walk, below);
}

/* Takes the descriptor over. */
static bool walk_folder(struct walk *walk, int folder)
{
    DIR *stream = fdopendir(folder);
    if (!stream) {
        close(folder);
        return true;
    }
    bool good = true;
    const struct dirent *entry;
    walk->depth++;
    while (good && (entry = readdir(stream))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        size_t length = walk->path.length;
        text_buffer_format(&walk->path, "/%s", entry->d_name);
        good = walk_name(walk, dirfd(stream), entry->d_name);
        walk->path.text[length] = '\0';
        walk->path.length = length;
    }
    walk->depth--;
    closedir(stream);
    return good;
}

int file_tree_read_folder(const char *path, file_wanted wanted, struct file_tree **tree,
                          struct diagnostics *diagnostics)
{
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) {
        const struct source_text name = {.name = path};
        diagnostics_report(diagnostics, DIAGNOSTIC_ERROR, &name, DIAGNOSTIC_NO_OFFSET, NULL, "file-open",
                           "cannot open the folder: %s", strerror(errno));
        return STATUS_FILE_OPEN;
    }
    struct walk walk = {.tree = file_tree_new(path), .wanted = wanted, .diagnostics = diagnostics};
    bool good = walk_folder(&walk, folder);
    text_buffer_fini(&walk.path);
    if (!good) {
        file_tree_free(walk.tree);
        return STATUS_BAD_INPUT;
    }
    file_tree_sort(walk.tree);
    *tree = walk.tree;
    return STATUS_OK;
}
