/* SPDX-License-Identifier: MIT */
#include "sim/cli/world_program.h"

#include "sim/base/arena.h"
#include "sim/base/status.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char ending[] = "-world";

const struct world_engines *world_program_engines(void)
{
    return &world_engines;
}

/* This program's path with the ending; false where the kernel does not tell. */
static bool world_path(char *path, size_t size)
{
    ssize_t length = readlink("/proc/self/exe", path, size - sizeof(ending));
    if (length <= 0)
        return false;
    memcpy(path + length, ending, sizeof(ending));
    return true;
}

int world_program_become(char **argv, struct diagnostics *diagnostics)
{
    char path[PATH_MAX + sizeof(ending)] = "iommusim-world";
    size_t count = 0;
    const char *space = strrchr(argv[0], ' ');
    while (argv[count])
        count++;
    char **again = memory_array(count + 2, sizeof(*again));
    again[0] = (char[]){"iommusim"};
    again[1] = space ? memory_string(space + 1) : memory_string(argv[0]);
    memcpy(again + 2, argv + 1, count * sizeof(*again));
    int error = ENOENT;
    if (world_path(path, sizeof(path))) {
        execv(path, again);
        error = errno;
    }
    diagnostics_report(diagnostics, DIAGNOSTIC_ERROR, NULL, DIAGNOSTIC_NO_OFFSET, NULL, "world-program",
                       "this needs %s (%s): install libsimgrid-dev (make setup) and run make", path,
                       strerror(error));
    free(again[1]);
    free(again);
    return STATUS_FILE_OPEN;
}
