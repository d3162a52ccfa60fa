/* SPDX-License-Identifier: MIT */
/**
 * @file bench.h
 * The measurements of `make bench`. Each returns a rate per CPU second of this process.
 */
#ifndef IOMMUSIM_BENCH_H
#define IOMMUSIM_BENCH_H

#include <stdbool.h>
#include <stdint.h>

/** CPU seconds this process has used. */
double bench_cpu_seconds(void);

/** Events per second of the queue with @p pending events always in it. */
double bench_queue_hold(unsigned pending, uint64_t events);

/** Timed translations per second on the T3 workload; @p hit_rate gets the IOTLB's. */
double bench_translations(uint32_t tenant_count, uint64_t translations, double *hit_rate);

/** DMA operations per second through two switches, 64 in flight. */
double bench_dma(bool write, uint64_t size, uint64_t operations, double *events_per_operation);

#endif
