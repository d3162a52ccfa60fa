/* SPDX-License-Identifier: MIT */
#include "models/iommu/fault_log.h"

#include "sim/base/arena.h"

#include <stdlib.h>

void fault_log_init(struct fault_log *log, const struct iommu_parameters *parameters)
{
    bool advanced = parameters->fault_logging == FAULT_LOGGING_ADVANCED;
    *log =
        (struct fault_log){.capacity = advanced ? parameters->fault_log_entries : parameters->fault_records,
                           .collapse = parameters->fault_collapse,
                           .service_ps = parameters->fault_service_ps};
    log->waiting = memory_array(log->capacity, sizeof(*log->waiting));
}

void fault_log_fini(struct fault_log *log)
{
    free(log->waiting);
    free(log->kept);
    *log = (struct fault_log){0};
}

static bool waits(const struct fault_log *log, uint16_t source_id)
{
    for (uint32_t i = 0; i < log->waiting_count; i++) {
        if (log->waiting[i] == source_id)
            return true;
    }
    return false;
}

static void keep(struct fault_log *log, const struct fault_record *record)
{
    log->recorded++;
    if (log->kept_count == FAULT_RECORDS_KEPT)
        return;
    log->kept = memory_grow(log->kept, log->kept_count, &log->kept_capacity, sizeof(*log->kept));
    log->kept[log->kept_count++] = *record;
}

void fault_log_add(struct fault_log *log, const struct fault_record *record)
{
    if (log->waiting_count && record->time_ps >= log->serviced_at_ps) {
        log->waiting_count = 0;
        log->overflow = false;
    }
    if (!log->overflow && log->collapse && waits(log, record->source_id)) {
        log->collapsed++;
        return;
    }
    if (log->overflow || log->waiting_count == log->capacity) {
        log->overflows += !log->overflow;
        log->overflow = true;
        log->lost++;
        return;
    }
    if (log->waiting_count == 0)
        log->serviced_at_ps = record->time_ps + log->service_ps;
    log->waiting[log->waiting_count++] = record->source_id;
    keep(log, record);
}
