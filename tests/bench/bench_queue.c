/* SPDX-License-Identifier: MIT */
/* The event queue under the hold model: pop one, push one at an exponential distance, with N events always
 * pending. */
#include "sim/kernel/event_queue.h"
#include "sim/kernel/random.h"
#include "tests/bench/bench.h"

enum { DELAYS = 65536 };

double bench_queue_hold(unsigned pending, uint64_t events)
{
    static uint64_t delays[DELAYS]; /* drawn before the clock starts: the logarithm is not the queue's */
    struct random_stream random;
    struct event_queue queue;
    struct event event;
    random_init(&random, 1, "hold");
    for (unsigned i = 0; i < DELAYS; i++)
        delays[i] = random_exponential(&random, 1000000);
    event_queue_init(&queue, pending);
    for (unsigned i = 0; i < pending; i++)
        event_queue_push(&queue, random_exponential(&random, 1000000), PRIORITY_NORMAL, 0, i, 0);
    for (uint64_t i = 0; i < 2 * (uint64_t)pending; i++) {
        event_queue_pop(&queue, &event);
        event_queue_push(&queue, event.time_ps + delays[i % DELAYS], PRIORITY_NORMAL, 0, event_target(&event),
                         0);
    }
    double start = bench_cpu_seconds();
    for (uint64_t i = 0; i < events; i++) {
        event_queue_pop(&queue, &event);
        event_queue_push(&queue, event.time_ps + delays[i % DELAYS], PRIORITY_NORMAL, 0, event_target(&event),
                         0);
    }
    double seconds = bench_cpu_seconds() - start;
    event_queue_fini(&queue);
    return (double)events / seconds;
}
