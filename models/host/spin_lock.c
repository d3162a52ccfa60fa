/* SPDX-License-Identifier: MIT */
#include "models/host/spin_lock.h"

bool spin_lock_take(struct spin_lock *lock, struct kernel_time *time, uint64_t handoff_ps)
{
    bool other = lock->used && lock->holder != time->cpu;
    lock->taken++;
    if (other) {
        if (lock->free_ps > time->now_ps) {
            lock->waited_for++;
            lock->wait_ps += lock->free_ps - time->now_ps;
            kernel_time_spend(time, KERNEL_LOCK, lock->free_ps - time->now_ps);
        }
        kernel_time_spend(time, KERNEL_LOCK, handoff_ps);
    }
    lock->used = true;
    lock->holder = time->cpu;
    return other;
}
