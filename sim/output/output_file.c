/* SPDX-License-Identifier: MIT */
#include "sim/output/output_file.h"

#include "sim/base/status.h"
#include "sim/base/text_buffer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ATTEMPTS = 100 }; /* names of new files tried; two at once are rare, a hundred are not */

static int report(struct diagnostics *diagnostics, const char *path, int status)
{
    const char *code = status == STATUS_FILE_OPEN ? "file-create" : "file-write";
    diagnostics_report(diagnostics, DIAGNOSTIC_ERROR, NULL, DIAGNOSTIC_NO_OFFSET, NULL, code,
                       "cannot %s %s: %s", status == STATUS_FILE_OPEN ? "create" : "write", path,
                       strerror(errno));
    return status;
}

static bool write_all(int file, const char *text, size_t length)
{
    while (length > 0) {
        ssize_t written = write(file, text, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return false;
        text += written;
        length -= (size_t)written;
    }
    return true;
}

static int write_directly(int file, const char *path, const char *text, size_t length,
                          struct diagnostics *diagnostics)
{
    return write_all(file, text, length) ? STATUS_OK : report(diagnostics, path, STATUS_FILE_WRITE);
}

/* A new file beside @p path; its name goes to @p name. */
static int create_beside(const char *path, struct text_buffer *name)
{
    for (unsigned attempt = 0;; attempt++) {
        name->length = 0;
        text_buffer_format(name, "%s.%ld-%u.tmp", path, (long)getpid(), attempt);
        int file = open(name->text, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (file >= 0 || errno != EEXIST || attempt == ATTEMPTS)
            return file;
    }
}

static int write_beside(const char *path, const char *text, size_t length, struct diagnostics *diagnostics)
{
    struct text_buffer name = {0};
    int status = STATUS_OK;
    int file = create_beside(path, &name);
    if (file < 0) {
        status = report(diagnostics, path, STATUS_FILE_OPEN);
        goto out;
    }
    bool written = write_all(file, text, length) && fsync(file) == 0;
    written = close(file) == 0 && written;
    if (!written || rename(name.text, path) != 0) {
        status = report(diagnostics, path, STATUS_FILE_WRITE);
        unlink(name.text);
    }
out:
    text_buffer_fini(&name);
    return status;
}

int output_file_write(const char *path, const char *text, size_t length, struct diagnostics *diagnostics)
{
    struct stat information;
    if (strcmp(path, "-") == 0)
        return write_directly(STDOUT_FILENO, "standard output", text, length, diagnostics);
    if (stat(path, &information) == 0 && !S_ISREG(information.st_mode)) {
        int file = open(path, O_WRONLY | O_CLOEXEC);
        if (file < 0)
            return report(diagnostics, path, STATUS_FILE_OPEN);
        int status = write_directly(file, path, text, length, diagnostics);
        close(file);
        return status;
    }
    return write_beside(path, text, length, diagnostics);
}
