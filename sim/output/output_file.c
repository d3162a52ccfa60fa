/* SPDX-License-Identifier: MIT */
#include "sim/output/output_file.h"

#include "sim/base/arena.h"
#include "sim/base/status.h"
#include "sim/base/text_buffer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int fail(struct diagnostics *diagnostics, const char *path, int status, const char *what, int error)
{
    const struct source_text name = {.name = path};
    diagnostics_report(diagnostics, DIAGNOSTIC_ERROR, &name, DIAGNOSTIC_NO_OFFSET, NULL,
                       status == STATUS_FILE_OPEN ? "file-create" : "file-write", "cannot %s: %s", what,
                       strerror(error));
    return status;
}

/* 0, or the error number. */
static int write_all(int file, const char *text, size_t length)
{
    while (length > 0) {
        ssize_t written = write(file, text, length);
        if (written < 0) {
            if (errno == EINTR)
                continue;
            return errno;
        }
        text += written;
        length -= (size_t)written;
    }
    return 0;
}

/* A new file beside the target; its name replaces the one in `name`. */
static int create_beside(const char *target, struct text_buffer *name)
{
    for (unsigned attempt = 0;; attempt++) {
        text_buffer_fini(name);
        text_buffer_format(name, "%s.%ld-%u.partial", target, (long)getpid(), attempt);
        int file = open(name->text, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (file >= 0 || errno != EEXIST || attempt == 1000)
            return file;
    }
}

/* The rename is on disk only once the folder is. Not every file system can sync folders: no error then. */
static void sync_folder(const char *target)
{
    char *folder = memory_string(target);
    char *slash = strrchr(folder, '/');
    if (slash)
        slash[slash == folder] = '\0';
    int file = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file >= 0) {
        fsync(file);
        close(file);
    }
    free(folder);
}

static int replace(const char *path, const char *target, const struct stat *old, const char *text,
                   size_t length, struct diagnostics *diagnostics)
{
    struct text_buffer name = {0};
    int file = create_beside(target, &name), error = 0;
    if (file < 0) {
        error = errno;
        text_buffer_fini(&name);
        return fail(diagnostics, path, STATUS_FILE_OPEN, "create the file", error);
    }
    const char *what = "write the file";
    if (old && fchmod(file, old->st_mode & 07777) < 0)
        error = errno;
    if (!error)
        error = write_all(file, text, length);
    if (!error && fsync(file) < 0)
        error = errno;
    if (close(file) < 0 && !error)
        error = errno;
    if (!error && rename(name.text, target) < 0) {
        what = "rename the finished file";
        error = errno;
    }
    if (error)
        unlink(name.text);
    else
        sync_folder(target);
    text_buffer_fini(&name);
    return error ? fail(diagnostics, path, STATUS_FILE_WRITE, what, error) : STATUS_OK;
}

static int write_directly(const char *path, const char *text, size_t length, struct diagnostics *diagnostics)
{
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0)
        return fail(diagnostics, path, STATUS_FILE_OPEN, "open the file", errno);
    int error = write_all(file, text, length);
    if (close(file) < 0 && !error)
        error = errno;
    return error ? fail(diagnostics, path, STATUS_FILE_WRITE, "write the file", error) : STATUS_OK;
}

int output_file_write(const char *path, const char *text, size_t length, struct diagnostics *diagnostics)
{
    if (!path || strcmp(path, "-") == 0) {
        fflush(stdout); /* what was printed before comes before */
        int error = write_all(STDOUT_FILENO, text, length);
        return error ? fail(diagnostics, "standard output", STATUS_FILE_WRITE, "write", error) : STATUS_OK;
    }
    struct stat old;
    if (stat(path, &old) < 0)
        return replace(path, path, NULL, text, length, diagnostics);
    if (S_ISDIR(old.st_mode))
        return fail(diagnostics, path, STATUS_FILE_OPEN, "write the file", EISDIR);
    if (!S_ISREG(old.st_mode))
        return write_directly(path, text, length, diagnostics);
    char *target = realpath(path, NULL);
    if (!target)
        return fail(diagnostics, path, STATUS_FILE_OPEN, "find the file", errno);
    int status = replace(path, target, &old, text, length, diagnostics);
    free(target);
    return status;
}
