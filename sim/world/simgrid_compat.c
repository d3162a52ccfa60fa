/* SPDX-License-Identifier: MIT */
#include "sim/world/simgrid_compat.h"

#include "sim/base/arena.h"
#include "sim/base/text_buffer.h"

#include <math.h>
#include <signal.h>
#include <simgrid/actor.h>
#include <simgrid/engine.h>
#include <simgrid/host.h>
#include <simgrid/semaphore.h>
#include <simgrid/version.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Options were renamed in 3.34. */
#if SIMGRID_VERSION >= 33400
#define OPTION_PRECISION "--cfg=precision/timing:1e-12"
#else
#define OPTION_PRECISION "--cfg=surf/precision:1e-12"
#endif

/* AddressSanitizer does not follow SimGrid's own context switches; with threads it does. */
#ifdef __SANITIZE_ADDRESS__
#define OPTION_CONTEXTS "--cfg=contexts/factory:thread"
#else
#define OPTION_CONTEXTS "--cfg=contexts/factory:raw"
#endif

/* KiB of stack an actor has: the transaction engine runs on it. */
#define OPTION_STACK "--cfg=contexts/stack-size:512"

static const double ps_per_second = 1e12;

const char *simgrid_compat_version(void)
{
    static char text[32];
    int major, minor, patch;
    sg_version_get(&major, &minor, &patch);
    if (patch)
        snprintf(text, sizeof(text), "%d.%d.%d", major, minor, patch);
    else
        snprintf(text, sizeof(text), "%d.%d", major, minor);
    return text;
}

void simgrid_compat_start(unsigned threads, bool quiet)
{
    static const int signals[] = {SIGINT, SIGSEGV, SIGBUS, SIGABRT};
    enum { SIGNALS = sizeof(signals) / sizeof(signals[0]) };
    struct sigaction old[SIGNALS];
    char threads_option[48];
    snprintf(threads_option, sizeof(threads_option), "--cfg=contexts/nthreads:%u", threads);
    char *arguments[] = {(char[]){"iommusim"},
                         quiet ? (char[]){"--log=root.app:file:/dev/null"}
                               : (char[]){"--log=root.thres:error"},
                         (char[]){"--cfg=network/model:CM02"},
                         (char[]){"--cfg=network/crosstraffic:0"},
                         (char[]){"--cfg=network/latency-factor:0"},
                         (char[]){"--cfg=network/TCP-gamma:1e15"},
                         (char[]){OPTION_PRECISION},
                         (char[]){OPTION_CONTEXTS},
                         (char[]){OPTION_STACK},
                         threads_option,
                         NULL};
    int count = sizeof(arguments) / sizeof(arguments[0]) - 1;
    for (int i = 0; i < SIGNALS; i++)
        sigaction(signals[i], NULL, &old[i]);
    simgrid_init(&count, arguments);
    for (int i = 0; i < SIGNALS; i++)
        sigaction(signals[i], &old[i], NULL);
}

/* SimGrid reads platforms from files only. */
void simgrid_compat_load(const char *xml, size_t length)
{
    char path[48];
    int file = memfd_create("platform", MFD_CLOEXEC);
    FILE *stream = file < 0 ? NULL : fdopen(file, "w");
    if (!stream || fwrite(xml, 1, length, stream) != length || fflush(stream) != 0) {
        perror("iommusim: error: cannot hand a platform to SimGrid");
        _exit(3);
    }
    snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
    simgrid_load_platform(path);
    fclose(stream);
}

/* ---- a try ---- */

static _Noreturn void run_child(int (*body)(void *context), void *context, int report)
{
    const struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    signal(SIGABRT, SIG_DFL);
    signal(SIGSEGV, SIG_DFL);
    dup2(report, STDERR_FILENO);
    close(report);
    _exit(body(context));
}

/* "[0.0] ./src/xbt/exception.cpp:95: [xbt_exception/ERROR] Parse error at ..." -> what comes last of it. */
static void keep_message(const char *text, struct text_buffer *said)
{
    static const char uncaught[] = "Uncaught exception ";
    size_t line = strcspn(text, "\n");
    const char *category = strstr(text, "] ");
    const char *begin = text;
    while (category && category < text + line) {
        begin = category + 2;
        category = strstr(begin, "] ");
    }
    line -= (size_t)(begin - text);
    if (strncmp(begin, uncaught, strlen(uncaught)) == 0) {
        const char *colon = strstr(begin, ": ");
        if (colon && colon < begin + line) {
            line -= (size_t)(colon + 2 - begin);
            begin = colon + 2;
        }
    }
    text_buffer_format(said, "%.*s", (int)line, begin);
}

int simgrid_compat_try(int (*body)(void *context), void *context, struct text_buffer *said)
{
    int ends[2], status = 0;
    fflush(NULL);
    pid_t child = pipe(ends) < 0 ? -1 : fork();
    if (child < 0) {
        perror("iommusim: error: cannot start a process");
        _exit(3);
    }
    if (child == 0) {
        close(ends[0]);
        run_child(body, context, ends[1]);
    }
    close(ends[1]);
    struct text_buffer text = {0};
    char piece[4096];
    for (ssize_t got; (got = read(ends[0], piece, sizeof(piece))) > 0;)
        text_buffer_format(&text, "%.*s", (int)got, piece);
    close(ends[0]);
    waitpid(child, &status, 0);
    bool came_back = WIFEXITED(status);
    if (came_back)
        text_buffer_add(said, text_buffer_get(&text));
    else
        keep_message(text_buffer_get(&text), said);
    text_buffer_fini(&text);
    return came_back ? WEXITSTATUS(status) : -1;
}

/* ---- routes, time ---- */

uint64_t simgrid_compat_latency_ps(sg_host_t from, sg_host_t to)
{
    if (sg_host_get_route_bandwidth(from, to) <= 0) /* -1 without a single link */
        return UINT64_MAX;
    return (uint64_t)llround(sg_host_get_route_latency(from, to) * ps_per_second);
}

uint64_t simgrid_compat_now_ps(void)
{
    return (uint64_t)llround(simgrid_get_clock() * ps_per_second);
}

void simgrid_compat_sleep_until(uint64_t time_ps)
{
    if (time_ps > simgrid_compat_now_ps())
        sg_actor_sleep_until((double)time_ps / ps_per_second);
}

/* ---- actors ---- */

struct actor_start {
    void (*code)(void *data);
    void *data;
};

/* 3.32 hands argc and argv to an actor; what it is to do comes as its data. */
static void actor_main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    struct actor_start start = *(struct actor_start *)sg_actor_self_get_data();
    free(sg_actor_self_get_data());
    start.code(start.data);
}

void simgrid_compat_actor(const char *name, sg_host_t host, bool daemon, void (*code)(void *data), void *data)
{
    struct actor_start *start = memory_alloc(sizeof(*start));
    *start = (struct actor_start){code, data};
    sg_actor_t actor = sg_actor_init(name, host);
    sg_actor_set_data(actor, start);
    sg_actor_start(actor, actor_main, 0, NULL);
    if (daemon)
        sg_actor_daemonize(actor);
}

void simgrid_compat_acquire_until(sg_sem_t semaphore, uint64_t time_ps)
{
    uint64_t now_ps = simgrid_compat_now_ps();
    if (time_ps == UINT64_MAX)
        sg_sem_acquire(semaphore);
    else if (time_ps > now_ps)
        sg_sem_acquire_timeout(semaphore, (double)time_ps / ps_per_second - simgrid_get_clock());
}
