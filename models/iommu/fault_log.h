/* SPDX-License-Identifier: MIT */
/**
 * @file fault_log.h
 * Where a remapping unit writes down what it refused, and what of it software gets to see.
 *
 * A unit has room for some records: VT-d's fault recording registers (primary fault logging, VT-d
 * specification 7.2) or its fault log in memory (advanced fault logging, 7.3), AMD-Vi's event log and
 * SMMUv3's event queue in memory. The first record raises an interrupt; its handler takes all records out
 * `fault_service` later and rearms the log. What faults while the log is full sets the overflow flag (VT-d:
 * PFO, AFO) and is lost, as is everything after it until the handler has been there. A unit may collapse a
 * fault into a record that still waits and has the same source id (VT-d 7.2.1).
 *
 * MODEL: writing a record into memory takes no time and no bandwidth.
 */
#ifndef IOMMUSIM_IOMMU_FAULT_LOG_H
#define IOMMUSIM_IOMMU_FAULT_LOG_H

#include "models/iommu/remapping_unit.h"

/** One refused request, as the unit would log it. */
struct fault_record {
    uint64_t time_ps;
    uint64_t address;     /**< as the request carried it; units log it without the offset in its page */
    uint32_t pasid;       /**< plus one; 0: the request carried none */
    uint32_t function_id; /**< who issued it; the hardware's record has the source id alone */
    uint16_t source_id;   /**< requester id at the unit */
    uint8_t reason;       /**< enum iommu_fault */
    bool write;
    bool mapped; /**< a page was there, without the permission asked for */
};

enum { FAULT_RECORDS_KEPT = 1000 };

struct fault_log {
    uint32_t capacity;       /**< records the unit has room for */
    bool collapse;           /**< a record of the same source id that waits takes further faults in */
    uint64_t service_ps;     /**< from the interrupt to the records being read and the log rearmed */
    uint64_t serviced_at_ps; /**< when the handler takes out what waits now */

    uint16_t *waiting; /**< [capacity] source ids of the records nobody has read yet */
    uint32_t waiting_count;
    bool overflow;             /**< PFO */
    struct fault_record *kept; /**< first FAULT_RECORDS_KEPT recorded ones, in order of time */
    uint32_t kept_count;
    size_t kept_capacity;
    uint64_t recorded, collapsed, lost; /**< every fault is one of these */
    uint64_t overflows;                 /**< times the overflow flag was set */
};

/** Empty log with the sizes of @p parameters. */
void fault_log_init(struct fault_log *log, const struct iommu_parameters *parameters);
void fault_log_fini(struct fault_log *log);

/** A request was refused, at record->time_ps, which never goes back. */
void fault_log_add(struct fault_log *log, const struct fault_record *record);

/** All faults so far. */
static inline uint64_t fault_log_seen(const struct fault_log *log)
{
    return log->recorded + log->collapsed + log->lost;
}

#endif
