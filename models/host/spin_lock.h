/* SPDX-License-Identifier: MIT */
/**
 * @file spin_lock.h
 * A lock that CPUs spin for, as the kernel's queued spin locks are (kernel/locking/qspinlock.c): first come,
 * first served. Taking it after another CPU moves its cache line, and what it guards, from there.
 *
 * MODEL: who asks first in the order of calls gets it first. Callers ask at the time at which they want it,
 * or little later than that.
 */
#ifndef IOMMUSIM_HOST_SPIN_LOCK_H
#define IOMMUSIM_HOST_SPIN_LOCK_H

#include "models/host/kernel_time.h"

#include <stdbool.h>

struct spin_lock {
    uint64_t free_ps; /**< when the last holder lets it go */
    uint32_t holder;  /**< the last one; valid where @c used */
    bool used;
    /* Counters. */
    uint64_t taken, waited_for; /**< times; of them, times when another CPU had it */
    uint64_t wait_ps;           /**< of all CPUs, until it was free */
};

/** Wait for the lock on @p time's CPU; its time spent is KERNEL_LOCK. @param handoff_ps  the line's way from
 * another CPU @return that it came from one: so does what it guards */
bool spin_lock_take(struct spin_lock *lock, struct kernel_time *time, uint64_t handoff_ps);

/** Let it go, at the CPU's present time. */
static inline void spin_lock_release(struct spin_lock *lock, const struct kernel_time *time)
{
    lock->free_ps = time->now_ps;
}

#endif
