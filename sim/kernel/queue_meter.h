/* SPDX-License-Identifier: MIT */
/**
 * @file queue_meter.h
 * How many are in a queue, over time: the queue's owner tells of every arrival and departure.
 *
 * Little's law ties what is seen from outside to what those inside saw: the area under the length of the
 * queue is the sum of the times all of them spent in it. The area comes from the count, the times from the
 * stamp each one carries, so one that is lost, taken twice or stamped wrongly breaks the law
 * (queue_meter_holds()).
 */
#ifndef IOMMUSIM_KERNEL_QUEUE_METER_H
#define IOMMUSIM_KERNEL_QUEUE_METER_H

#include <stdbool.h>
#include <stdint.h>

struct queue_meter {
    uint64_t since_ps;   /**< measured from here on */
    uint64_t changed_ps; /**< of the last arrival or departure */
    uint64_t count;      /**< in the queue now */
    uint64_t high;       /**< most at once */
    uint64_t arrivals, departures;
    __uint128_t moments; /**< times of departures less times of arrivals, modulo 2^128 */
    __uint128_t waited;  /**< sum over departures of their times in the queue */
};

/** The area under the length up to @p now_ps, not before changed_ps: whoever came at a and left at d adds
 * d - a, whoever is there now_ps - a. */
static inline __uint128_t queue_meter_area(const struct queue_meter *meter, uint64_t now_ps)
{
    return meter->moments + (__uint128_t)meter->count * now_ps;
}

static inline void queue_meter_arrive(struct queue_meter *meter, uint64_t now_ps)
{
    meter->moments -= now_ps;
    meter->changed_ps = now_ps;
    meter->arrivals++;
    if (++meter->count > meter->high)
        meter->high = meter->count;
}

/** Time of one that is in the queue since @p arrived_ps, as far as it is measured. */
static inline uint64_t queue_meter_stay(const struct queue_meter *meter, uint64_t arrived_ps, uint64_t now_ps)
{
    return now_ps - (arrived_ps > meter->since_ps ? arrived_ps : meter->since_ps);
}

/** One leaves that came at @p arrived_ps, as it says itself. */
static inline void queue_meter_depart(struct queue_meter *meter, uint64_t arrived_ps, uint64_t now_ps)
{
    meter->moments += now_ps;
    meter->changed_ps = now_ps;
    meter->waited += queue_meter_stay(meter, arrived_ps, now_ps);
    meter->departures++;
    meter->count--;
}

/** Measure from @p now_ps on; those that are in the queue count from now. */
static inline void queue_meter_restart(struct queue_meter *meter, uint64_t now_ps)
{
    *meter = (struct queue_meter){.since_ps = now_ps,
                                  .changed_ps = now_ps,
                                  .count = meter->count,
                                  .high = meter->count,
                                  .moments = -((__uint128_t)meter->count * now_ps)};
}

/** Little's law. @param staying  sum of queue_meter_stay() over all that are in the queue at @p now_ps */
static inline bool queue_meter_holds(const struct queue_meter *meter, __uint128_t staying, uint64_t now_ps)
{
    return queue_meter_area(meter, now_ps) == meter->waited + staying;
}

#endif
