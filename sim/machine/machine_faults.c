/* SPDX-License-Identifier: MIT */
/* Refused requests: what the unit writes down, and what the device does next. */
#include "sim/machine/machine_state.h"

#include "sim/base/arena.h"

void machine_log_fault(struct machine *machine, uint32_t index)
{
    const struct tlp *tlp = &machine->pool.items[index];
    const struct translation_work *work = &machine->pool.works[index];
    uint32_t unit_id = machine->root_complex.unit_of[tlp->origin_id];
    const struct remapping_unit *unit = &machine->units[unit_id];
    uint32_t domain = remapping_unit_domain_of_request(unit, work->requester_id, work->pasid);
    unsigned shift;
    struct fault_record record = {
        .time_ps = machine->events.now_ps,
        .address = work->iova,
        .pasid = work->pasid,
        .function_id = tlp->origin_id,
        .source_id = work->requester_id,
        .reason = (uint8_t)work->fault,
        .write = work->write,
        .mapped = domain != IOMMU_NO_WORK && !unit->domains[domain].passthrough &&
                  page_table_find(&unit->domains[domain].table, &unit->memory, work->iova, &shift) != 0,
    };
    fault_log_add(&machine->fault_logs[unit_id], &record);
}

void machine_note_refusal(struct machine *machine, const struct tlp *tlp, bool answered)
{
    const struct refusal key = {
        .source_id = tlp->origin_id,
        .write = machine->operations.items[tlp->operation].write,
        .answered = answered,
        .status = answered ? (enum completion_status)tlp->status : COMPLETION_SUCCESS,
        .fault = (enum iommu_fault)tlp->fault,
        .rule = (enum route_rule)tlp->stopped_by,
        .unsent = tlp->unsent,
        .at_id = tlp->stopped_at_id,
    };
    for (uint32_t i = 0; i < machine->refusal_count; i++) {
        struct refusal *known = &machine->refusals[i];
        if (known->source_id == key.source_id && known->write == key.write &&
            known->answered == key.answered && known->status == key.status && known->fault == key.fault &&
            known->rule == key.rule && known->unsent == key.unsent && known->at_id == key.at_id) {
            known->requests++;
            return;
        }
    }
    machine->refusals = memory_grow(machine->refusals, machine->refusal_count, &machine->refusal_capacity,
                                    sizeof(*machine->refusals));
    machine->refusals[machine->refusal_count] = key;
    machine->refusals[machine->refusal_count++].requests = 1;
}

bool machine_operation_refused(struct machine *machine, uint32_t index)
{
    struct dma_operation *operation = &machine->operations.items[index];
    struct dma_engine *engine = &machine->engines[operation->engine];
    const struct dma_engine_parameters *parameters = &engine->parameters;
    if (parameters->on_error == ON_ERROR_STOP && !engine->stopped) {
        engine->stopped = true;
        traffic_stop_function(machine, engine->function_id);
    }
    if (parameters->on_error != ON_ERROR_RETRY || operation->attempts >= parameters->retries)
        return false;
    dma_engine_operation_over(engine, operation);
    operation->attempts++;
    operation->issued_bytes = operation->ready_bytes = 0;
    operation->moved_ps = 0;
    operation->failed = operation->refused = false;
    machine->traffic[operation->stream].result.retried++;
    machine->bytes_submitted += operation->length_bytes;
    event_queue_push(&machine->events,
                     machine->events.now_ps + parameters->completion_latency_ps + parameters->retry_delay_ps,
                     PRIORITY_NORMAL, EVENT_RETRY, operation->engine, index);
    return true;
}
