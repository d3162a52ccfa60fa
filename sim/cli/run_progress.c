/* SPDX-License-Identifier: MIT */
#include "sim/cli/run_progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { FIRST_MS = 2000, EACH_MS = 100, WIDTH = 50, SAME_REQUEST_MS = 1000 };

/* A signal handler can reach nothing else. */
static volatile sig_atomic_t end_wanted;
static uint64_t end_wanted_ms; /* the handler's own */

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* One request may come as several signals: timeout(1), make(1) and batch systems signal the process and its
 * group. Only one that comes a while later is a second Ctrl-C, which ends at once. */
static void want_end(int number)
{
    uint64_t time_ms = now_ms();
    if (!end_wanted) {
        end_wanted = 1;
        end_wanted_ms = time_ms;
    } else if (time_ms - end_wanted_ms >= SAME_REQUEST_MS) {
        signal(number, SIG_DFL);
        raise(number);
    }
}

/* What is ignored stays so: a shell starts background jobs like that. A read of a trace goes on after the
 * signal. */
static void catch_signal(int number, struct sigaction *old)
{
    struct sigaction action = {.sa_handler = want_end, .sa_flags = SA_RESTART};
    sigaction(number, NULL, old);
    if (old->sa_handler != SIG_IGN)
        sigaction(number, &action, NULL);
}

void run_progress_begin(struct run_progress *progress)
{
    const char *term = getenv("TERM");
    *progress = (struct run_progress){.begun_ms = now_ms()};
    progress->shown = isatty(STDERR_FILENO) && !getenv("NO_COLOR") && !(term && strcmp(term, "dumb") == 0);
    end_wanted = 0;
    catch_signal(SIGINT, &progress->old_interrupt);
    catch_signal(SIGTERM, &progress->old_terminate);
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

void run_progress_erase(struct run_progress *progress)
{
    if (progress->drawn)
        fprintf(stderr, "\r%*s\r", WIDTH + 8, "");
    progress->drawn = false;
}

void run_progress_end(struct run_progress *progress)
{
    sigaction(SIGINT, &progress->old_interrupt, NULL);
    sigaction(SIGTERM, &progress->old_terminate, NULL);
}
