/* SPDX-License-Identifier: MIT */
/**
 * @file machine_migration.h
 * A guest's live migration as it went (machine_migration.c).
 */
#ifndef IOMMUSIM_MACHINE_MACHINE_MIGRATION_H
#define IOMMUSIM_MACHINE_MACHINE_MIGRATION_H

#include "models/host/live_migration.h"
#include "models/iommu/dirty_log.h"

enum migration_phase {
    MIGRATION_NOT_YET,
    MIGRATION_STARTING, /**< dirty bits are being switched on */
    MIGRATION_TRACKING, /**< rounds are sent */
    MIGRATION_STOPPED,  /**< the guest does not run */
    MIGRATION_OVER,
};

struct guest_migration {
    enum migration_phase phase;
    struct live_migration live;
    uint64_t leaves; /**< entries with dirty bits */
    uint64_t begin_ps, stopped_ps, sent_ps, resumed_ps;
    uint64_t rest_pages;         /**< that devices had written when they were stopped, of 4 KiB */
    uint32_t interrupts_carried; /**< in descriptors when the guest was resumed */
    struct dirty_log dirty;      /**< the bits */
    struct dirty_log reported;   /**< read, while the units forget */
    struct dirty_log unsent;     /**< pages written since they were reported last: the law's */
};

#endif
