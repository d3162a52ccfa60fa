/* SPDX-License-Identifier: MIT */
#include "sim/cli/run_progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { FIRST_MS = 2000, EACH_MS = 100, WIDTH = 50 };

/* A signal handler can reach nothing else. */
static volatile sig_atomic_t end_wanted;

static void want_end(int number)
{
    (void)number;
    end_wanted = 1;
}

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void run_progress_begin(struct run_progress *progress)
{
    const char *term = getenv("TERM");
    struct sigaction action = {.sa_handler = want_end, .sa_flags = (int)SA_RESETHAND};
    *progress = (struct run_progress){.begun_ms = now_ms()};
    progress->shown = isatty(STDERR_FILENO) && !getenv("NO_COLOR") && !(term && strcmp(term, "dumb") == 0);
    end_wanted = 0;
    sigaction(SIGINT, &action, &progress->old_interrupt); /* a second Ctrl-C ends at once */
    sigaction(SIGTERM, &action, &progress->old_terminate);
}

bool run_progress_step(void *context, unsigned thousandths)
{
    struct run_progress *progress = context;
    uint64_t time_ms = progress->shown ? now_ms() : 0;
    if (progress->shown && time_ms - progress->begun_ms >= FIRST_MS &&
        time_ms - progress->drawn_ms >= EACH_MS) {
        char bar[WIDTH + 1];
        unsigned share = thousandths > 1000 ? 1000 : thousandths;
        size_t full = share * WIDTH / 1000;
        memset(bar, '.', WIDTH);
        memset(bar, '#', full);
        bar[WIDTH] = '\0';
        fprintf(stderr, "\r[%s] %3u %%", bar, share / 10);
        progress->drawn = true;
        progress->drawn_ms = time_ms;
    }
    return !end_wanted;
}

void run_progress_end(struct run_progress *progress)
{
    if (progress->drawn)
        fprintf(stderr, "\r%*s\r", WIDTH + 8, "");
    sigaction(SIGINT, &progress->old_interrupt, NULL);
    sigaction(SIGTERM, &progress->old_terminate, NULL);
}
