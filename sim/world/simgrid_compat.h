/* SPDX-License-Identifier: MIT */
/**
 * @file simgrid_compat.h
 * The one place that knows how SimGrid is started, configured and asked, and in which version what differs.
 *
 * SimGrid has one engine a process, ends the process where its input is wrong, reads command lines, writes to
 * standard error and takes over signals. All of that is kept away from the user here: it is started with a
 * command line of its own, quietly; what it may refuse is tried in a child first (simgrid_compat_try()).
 *
 * Settings, and why (each was measured with SimGrid 3.32):
 * - network/model CM02 without factors: the default LV08 multiplies latencies by 13.
 * - network/crosstraffic 0: acknowledgements take no bandwidth.
 * - network/latency-factor 0: CM02 shares a link in inverse proportion to latency; without latency it is
 *   exactly max-min fair. Who needs latency adds that of the route (simgrid_compat_latency_ps()) himself.
 * - network/TCP-gamma 1e15: no window limits a flow. 0 is not allowed before 3.34.
 * - precision 1e-12: the default of 1e-9 s merges what happens within a nanosecond.
 */
#ifndef IOMMUSIM_WORLD_SIMGRID_COMPAT_H
#define IOMMUSIM_WORLD_SIMGRID_COMPAT_H

#include <simgrid/forward.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text_buffer;

/** Version of the library, "3.32". Does not start it. */
const char *simgrid_compat_version(void);

/**
 * Start SimGrid in this process; once.
 * @param threads  that run actors between their calls of SimGrid; 1: none beside this one. Results do not
 * depend on it. SimGrid's handlers of SIGINT and SIGSEGV are taken out again.
 * @param quiet  nothing it says is printed; else its errors are, on standard error
 */
void simgrid_compat_start(unsigned threads, bool quiet);

/** Load a platform from memory (SimGrid XML). The process ends where SimGrid does not like it: try before. */
void simgrid_compat_load(const char *xml, size_t length);

/**
 * Do something that may end the process in a child process, which sees all of this one's state.
 * @param body  its return value, 0 to 100, is the child's exit status
 * @param said  gets what SimGrid said last where it ended the child, else all that was written to standard
 *              error
 * @return the exit status; -1 where the child did not come back from @p body
 */
int simgrid_compat_try(int (*body)(void *context), void *context, struct text_buffer *said);

/** Sum of the latencies on the way between two hosts, in ps; UINT64_MAX where there is no route. */
uint64_t simgrid_compat_latency_ps(sg_host_t from, sg_host_t to);

/** SimGrid's clock in picoseconds. Platforms are in SI units: a SimGrid second is a second. */
uint64_t simgrid_compat_now_ps(void);

/** Sleep, as the actor that calls, until @p time_ps; does nothing where that has passed. */
void simgrid_compat_sleep_until(uint64_t time_ps);

/**
 * Start an actor.
 * @param daemon  the simulation ends when all others are over
 * @param code    its body; @p data is handed to it
 */
void simgrid_compat_actor(const char *name, sg_host_t host, bool daemon, void (*code)(void *data),
                          void *data);

/** Acquire @p semaphore, but wait until @p time_ps at most (UINT64_MAX: for ever). */
void simgrid_compat_acquire_until(sg_sem_t semaphore, uint64_t time_ps);

#endif
