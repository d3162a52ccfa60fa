/* SPDX-License-Identifier: MIT */
#include "models/host/kernel_time.h"

const char *kernel_work_name(enum kernel_work work)
{
    static const char *const names[KERNEL_WORKS] = {
        [KERNEL_IOVA] = "iova",
        [KERNEL_LOCK] = "lock",
        [KERNEL_TABLE] = "page_table",
        [KERNEL_FLUSH_QUEUE] = "flush_queue",
        [KERNEL_INVALIDATION] = "invalidation",
        [KERNEL_BOUNCE] = "bounce_slots",
        [KERNEL_COPY] = "bounce_copy",
        [KERNEL_OTHER] = "other",
        [KERNEL_HYPERVISOR] = "hypervisor",
    };
    return names[work];
}
