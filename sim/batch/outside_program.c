/* SPDX-License-Identifier: MIT */
#include "sim/batch/outside_program.h"

#include <errno.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static void read_all(int file, struct text_buffer *output)
{
    char block[4096];
    for (;;) {
        ssize_t got = read(file, block, sizeof(block));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return;
        text_buffer_append(output, block, (size_t)got);
    }
}

int outside_program_run(const char *const *arguments, struct text_buffer *output)
{
    int ends[2], status = 0;
    pid_t process;
    posix_spawn_file_actions_t actions;
    if (pipe(ends) < 0)
        return 127;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    posix_spawn_file_actions_addclose(&actions, ends[1]);
    /* The interface lacks a const; the strings are not written to. */
    int error = posix_spawnp(&process, arguments[0], &actions, NULL, (char *const *)arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    if (error == 0) {
        read_all(ends[0], output);
        while (waitpid(process, &status, 0) < 0 && errno == EINTR)
            ;
    }
    close(ends[0]);
    if (error)
        return 127;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
