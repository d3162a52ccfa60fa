/* SPDX-License-Identifier: MIT */
/* The program: what holds for every command, then the command. */
#include "sim/base/arena.h"
#include "sim/cli/command.h"
#include "sim/cli/help_overview.h"
#include "sim/base/nearest.h"
#include "sim/cli/world_program.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static _Noreturn void exit_on_exhausted(size_t size)
{
    fprintf(stderr, "iommusim: error: out of memory (%zu bytes asked for)\n", size);
    _Exit(3);
}

/* A law of the simulator is broken (assert(), abort()): what failed is on standard error already. */
static void exit_on_abort(int number)
{
    static const char text[] =
        "iommusim: internal error: this is a fault of iommusim " IOMMUSIM_VERSION
        "; please report it with the lines above, the command line and its input files\n";
    ssize_t written = write(STDERR_FILENO, text, sizeof(text) - 1);
    (void)written;
    (void)number;
    _exit(70);
}

/* Help and the like leave through stdio, and argp ends the program itself: what could not be written is found
 * here. */
static void close_output(void)
{
    static const char text[] = "iommusim: error: cannot write to standard output\n";
    if (ferror(stdout) || fflush(stdout) != 0) {
        ssize_t written = write(STDERR_FILENO, text, sizeof(text) - 1);
        (void)written;
        _exit(3);
    }
}

int main(int argc, char **argv)
{
    memory_on_exhausted(exit_on_exhausted);
    signal(SIGABRT, exit_on_abort);
    atexit(close_output);
    signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is a write error like others */
    if (argc < 2) {
        help_overview(stderr);
        return 2;
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
        help_overview(stdout);
        return 0;
    }
    if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
        const struct world_engines *engines = world_program_engines();
        printf("iommusim " IOMMUSIM_VERSION "%s%s\n", engines ? " with SimGrid " : "",
               engines ? engines->simgrid_version() : "");
        return 0;
    }
    const struct command *command = command_find(argv[1]);
    if (command)
        return command_run(command, argc - 1, argv + 1);
    const char *near = nearest_name(argv[1], &commands[0].name, command_count(), sizeof(commands[0]));
    fprintf(stderr, "iommusim: error: unknown command '%s'%s%s%s; see 'iommusim --help'\n", argv[1],
            near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "");
    return 2;
}
