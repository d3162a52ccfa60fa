/* SPDX-License-Identifier: MIT */
/* The command table. A subcommand is one file in sim/cli and one line here. */
#include "sim/base/arena.h"
#include "sim/cli/command.h"
#include "sim/cli/commands.h"
#include "sim/base/nearest.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct command commands[] = {
#define COMMAND(name, summary) {#name, summary, name##_command},
#include "sim/cli/commands.def"
#undef COMMAND
    {NULL, NULL, NULL},
};

enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) - 1 };

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

static void print_help(FILE *out)
{
    fputs("Usage: iommusim COMMAND [OPTIONS] FILE...\n\n"
          "A simulator of IOMMUs and the PCI Express fabric in front of them: who shares a group,\n"
          "who can reach whom, what translation costs.\n\nCommands:\n",
          out);
    for (int i = 0; i < COMMANDS; i++)
        fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].summary);
    fputs("\n`iommusim COMMAND --help` describes a command; `iommusim --version` prints the version.\n"
          "Exit status: 0 fine, 1 the answer is no, 2 bad usage or input, 3 files or resources,\n"
          "70 internal error, 130 interrupted.\n",
          out);
}

int main(int argc, char **argv)
{
    memory_on_exhausted(exit_on_exhausted);
    signal(SIGABRT, exit_on_abort);
    atexit(close_output);
    signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is a write error like others */
    if (argc < 2) {
        print_help(stderr);
        return 2;
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
        print_help(stdout);
        return 0;
    }
    if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
        puts("iommusim " IOMMUSIM_VERSION);
        return 0;
    }
    for (int i = 0; i < COMMANDS; i++) {
        if (strcmp(commands[i].name, argv[1]) == 0) {
            char name[64];
            snprintf(name, sizeof(name), "iommusim %s", argv[1]);
            argv[1] = name;
            return commands[i].run(argc - 1, argv + 1);
        }
    }
    const char *near = nearest_name(argv[1], &commands[0].name, COMMANDS, sizeof(commands[0]));
    fprintf(stderr, "iommusim: error: unknown command '%s'%s%s%s; see 'iommusim --help'\n", argv[1],
            near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "");
    return 2;
}
