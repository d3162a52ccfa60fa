/* SPDX-License-Identifier: MIT */
#include "sim/input/source_file.h"

#include "sim/base/arena.h"
#include "sim/base/status.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int fail(struct diagnostics *diagnostics, const char *path, int status, int error)
{
    const struct source_text name = {.name = path};
    diagnostics_report(diagnostics, DIAGNOSTIC_ERROR, &name, DIAGNOSTIC_NO_OFFSET, NULL,
                       status == STATUS_FILE_OPEN ? "file-open" : "file-read",
                       status == STATUS_FILE_OPEN ? "cannot open the file: %s" : "cannot read the file: %s",
                       strerror(error));
    return status;
}

int source_file_read(const char *path, struct source_text *source, struct diagnostics *diagnostics)
{
    bool standard_input = strcmp(path, "-") == 0;
    int file = standard_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return fail(diagnostics, path, STATUS_FILE_OPEN, errno);

    struct stat about;
    size_t capacity = 65536, length = 0;
    if (fstat(file, &about) == 0 && S_ISREG(about.st_mode) && about.st_size > 0)
        capacity = (size_t)about.st_size + 2;
    char *text = memory_alloc(capacity);
    int status = STATUS_OK;
    for (;;) {
        if (capacity - length < 2) {
            capacity *= 2;
            text = memory_resize(text, capacity, 1);
        }
        ssize_t got = read(file, text + length, capacity - length - 1);
        if (got == 0)
            break;
        if (got > 0)
            length += (size_t)got;
        else if (errno != EINTR) {
            status = fail(diagnostics, path, STATUS_FILE_READ, errno);
            break;
        }
    }
    if (!standard_input)
        close(file);
    if (status < 0) {
        free(text);
        return status;
    }
    text[length] = '\0';
    *source = (struct source_text){path, text, length};
    return STATUS_OK;
}

void source_file_fini(struct source_text *source)
{
    free((char *)source->text);
    *source = (struct source_text){0};
}
