/* SPDX-License-Identifier: MIT */
/**
 * @file live_migration.h
 * Live migration of a guest by pre-copy (QEMU's migration/ram.c; Clark et al., Live Migration of Virtual
 * Machines, NSDI 2005): all of its memory is sent while it runs, then, round after round, what was written
 * meanwhile. When what is left can be sent within the downtime that is allowed, or rounds are used up, the
 * guest is stopped, the rest is sent with the state of its devices (VFIO: RUNNING_P2P, STOP, STOP_COPY), and
 * the other host resumes it.
 *
 * Who calls it says what was written: devices' pages from the IOMMU's dirty bits (dirty_log.h), CPUs' pages
 * from a rate.
 *
 * MODEL: no page is left out for being zero, compressed, or written again before it was sent; the other host
 * is like this one, and the time of the network between is in the bandwidth. CPUs write each page once.
 */
#ifndef IOMMUSIM_HOST_LIVE_MIGRATION_H
#define IOMMUSIM_HOST_LIVE_MIGRATION_H

#include "sim/base/field.h"

#include <stdbool.h>
#include <stdint.h>

enum { MIGRATION_ROUNDS_MAX = 64 };

struct migration_parameters {
    uint64_t split_entry_ps; /**< an entry of a large page becomes small ones: each of them */
    uint64_t read_entry_ps;  /**< a leaf entry looked at for its dirty bit */
    uint64_t enable_ps;      /**< dirty tracking is switched on, or off, for a domain */
    uint64_t stop_device_ps; /**< devices stop asking for anything new (VFIO RUNNING_P2P) and stop */
    uint64_t resume_ps;      /**< from the last byte's arrival to the guest's CPUs being loaded */
};

extern const struct field_table migration_fields;

/** What a workload says of one guest's migration. */
struct migration_request {
    bool wanted;
    uint64_t time_ps; /**< it begins */
    uint64_t bandwidth_bytes_per_s;
    uint64_t downtime_ps;        /**< that is allowed */
    uint32_t rounds;             /**< at most, the first included; then it stops whatever is left */
    uint64_t cpu_bytes_per_s;    /**< the guest's CPUs write so much fresh memory, ... */
    uint64_t working_set_bytes;  /**< ... but never more than this in a round */
    uint64_t device_state_bytes; /**< of its devices */
    bool split;                  /**< large pages are split, so that dirty ones are small */
};

struct migration_round {
    uint64_t sent_pages;   /**< of 4 KiB */
    uint64_t device_pages; /**< written by devices while they were sent, ... */
    uint64_t cpu_pages;    /**< ... and by CPUs */
    uint64_t duration_ps;  /**< sending, and reading the dirty bits */
};

struct live_migration {
    const struct migration_request *request;
    uint64_t begin_ps;   /**< of the round under way */
    uint64_t send_pages; /**< in it */
    struct migration_round rounds[MIGRATION_ROUNDS_MAX];
    uint32_t round_count;
};

/** The first round sends @p memory_bytes. */
void live_migration_begin(struct live_migration *migration, const struct migration_request *request,
                          uint64_t memory_bytes, uint64_t now_ps);

/** How long the pages of this round take, or, when the guest is stopped, with its devices' state. */
uint64_t live_migration_send_ps(const struct live_migration *migration, bool stopped);

/** Pages the CPUs have written since @p since_ps. */
uint64_t live_migration_cpu_pages(const struct live_migration *migration, uint64_t since_ps, uint64_t now_ps);

/**
 * A round was sent, and the dirty bits were read.
 * @param device_pages  of 4 KiB, by them
 * @return true: stop the guest now; what was written last goes with the rest
 */
bool live_migration_end_round(struct live_migration *migration, uint64_t device_pages, uint64_t now_ps);

/** The guest is stopped, and what was written since the last round was read: send_pages are the rest. */
void live_migration_rest(struct live_migration *migration, uint64_t device_pages, uint64_t stopped_ps);

#endif
