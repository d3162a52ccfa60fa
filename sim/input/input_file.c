/* SPDX-License-Identifier: MIT */
#include "sim/input/input_file.h"

#include "sim/base/arena.h"
#include "sim/base/status.h"
#include "sim/input/source_file.h"

#include <string.h>

int input_file_read(const char *path, struct input_file *file, struct diagnostics *diagnostics)
{
    static const char prefix[] = "synthetic:";
    if (strncmp(path, prefix, strlen(prefix)) == 0) {
        char *text = memory_string(path + strlen(prefix));
        *file =
            (struct input_file){.path = path, .text = {"<synthetic>", text, strlen(text)}, .one_line = true};
        return STATUS_OK;
    }
    *file = (struct input_file){.path = path};
    return source_file_read(path, &file->text, diagnostics);
}

void input_file_fini(struct input_file *file)
{
    source_file_fini(&file->text);
}
