/* SPDX-License-Identifier: MIT */
/**
 * @file bench.h
 * The measurements of `make bench`. Each returns a rate per CPU second of this process.
 */
#ifndef IOMMUSIM_BENCH_H
#define IOMMUSIM_BENCH_H

#include <stdint.h>

/** CPU seconds this process has used. */
double bench_cpu_seconds(void);

/** Events per second of the queue with @p pending events always in it. */
double bench_queue_hold(unsigned pending, uint64_t events);

#endif
