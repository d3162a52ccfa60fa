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

const char *program_folder(void)
{
    return folder;
}

char *program_path(void)
{
    const char *given = getenv("IOMMUSIM");
    char *path = realpath(given ? given : "build/iommusim", NULL);
    ck_assert_ptr_nonnull(path);
    return path;
}

/* What a command prints. */
static char *read_command(const char *command, int *status)
{
    struct text_buffer out = {0};
    char block[4096];
    size_t length;
    FILE *stream = popen(command, "r");
    ck_assert_ptr_nonnull(stream);
    while ((length = fread(block, 1, sizeof(block), stream)) > 0)
        text_buffer_append(&out, block, length);
    int ended = pclose(stream);
    *status = WIFEXITED(ended) ? WEXITSTATUS(ended) : -1;
    return out.text ? out.text : strdup("");
}

char *program_run(const char *arguments, int *status)
{
    struct text_buffer command = {0};
    char *path = program_path();
    text_buffer_format(&command, "cd %s && %s %s 2>/dev/null", folder, path, arguments);
    char *out = read_command(command.text, status);
    text_buffer_fini(&command);
    free(path);
    return out;
}

char *program_shell(const char *line, int *status)
{
    struct text_buffer command = {0};
    char *path = program_path();
    text_buffer_format(&command, "cd %s && iommusim() { %s \"$@\"; } && { %s; } 2>&1", folder, path, line);
    char *out = read_command(command.text, status);
    text_buffer_fini(&command);
    free(path);
    return out;
}

void program_expect(const char *line, int status, const char *words)
{
    int got;
    char *out = program_shell(line, &got);
    ck_assert_msg(got == status, "%s: exit status %d, expected %d\n%s", line, got, status, out);
    ck_assert_msg(strstr(out, words) != NULL, "%s: \"%s\" is not in\n%s", line, words, out);
    free(out);
}
