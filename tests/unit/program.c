/* SPDX-License-Identifier: MIT */
#include "tests/unit/program.h"

#include "sim/base/text_buffer.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/iommusim-program-XXXXXX";

void program_setup(void)
{
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

void program_teardown(void)
{
    char command[64];
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    ck_assert_int_eq(system(command), 0);
    memcpy(folder + sizeof(folder) - 7, "XXXXXX", 6);
}

void program_write_file(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

char *program_run(const char *arguments, int *status)
{
    const char *program = getenv("IOMMUSIM");
    char *absolute = realpath(program ? program : "build/iommusim", NULL), command[9000], block[4096];
    struct text_buffer out = {0};
    size_t length;
    ck_assert_ptr_nonnull(absolute);
    snprintf(command, sizeof(command), "cd %s && %s %s 2>/dev/null", folder, absolute, arguments);
    FILE *stream = popen(command, "r");
    ck_assert_ptr_nonnull(stream);
    while ((length = fread(block, 1, sizeof(block), stream)) > 0)
        text_buffer_append(&out, block, length);
    *status = WEXITSTATUS(pclose(stream));
    free(absolute);
    return out.text ? out.text : strdup("");
}
