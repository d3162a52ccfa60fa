/* SPDX-License-Identifier: MIT */
/* What the remapping units refused. */
#include "models/iommu/fault_code.h"
#include "sim/output/result_json.h"
#include "sim/output/result_text.h"

#include <inttypes.h>

enum { RECORDS_SHOWN = 8 };

/* ---- JSON ---- */

static void write_record(struct json_layout *layout, const struct result *result, uint32_t unit,
                         const struct fault_record *record)
{
    const struct simulation *simulation = result->simulation;
    const struct pci_function *function = &simulation->input->topology->functions[record->function_id];
    enum iommu_kind kind = simulation->groups->coverage->units[unit].kind;
    struct fault_code code = fault_code_of(kind, record);
    char bdf[BDF_TEXT_SIZE], line[FAULT_LINE_SIZE], label[24];
    layout_open(layout, NULL, '{');
    layout_string(layout, "unit", unit_label(result, unit, label));
    layout_format(layout, "time_ps", "%" PRIu64, record->time_ps);
    layout_string(layout, "device", bdf_print(bdf, function->segment, function->bus, function->devfn));
    layout_format(layout, "source_id", "\"%02x:%02x.%x\"", record->source_id >> 8,
                  record->source_id >> 3 & 31, record->source_id & 7);
    layout_string(layout, "access", record->write ? "write" : "read");
    layout_format(layout, "address", "\"0x%" PRIx64 "\"", record->address);
    layout_format(layout, "code", "\"0x%02x\"", code.number);
    layout_string(layout, "name", code.name);
    layout_string(layout, "log", fault_log_line(line, kind, record));
    layout_close(layout, '}', false);
}

void result_json_faults(struct json_layout *layout, const struct result *result)
{
    const struct machine *machine = result->simulation->machine;
    uint32_t units = result->simulation->options.unit_count;
    uint64_t recorded = 0, collapsed = 0, lost = 0, overflows = 0, listed = 0;
    for (uint32_t i = 0; i < units; i++) {
        const struct fault_log *log = machine_fault_log(machine, i);
        recorded += log->recorded;
        collapsed += log->collapsed;
        lost += log->lost;
        overflows += log->overflows;
        listed += log->kept_count;
    }
    layout_open(layout, "faults", '{');
    layout_format(layout, "seen", "%" PRIu64, recorded + collapsed + lost);
    layout_format(layout, "recorded", "%" PRIu64, recorded);
    layout_format(layout, "collapsed", "%" PRIu64, collapsed);
    layout_format(layout, "lost", "%" PRIu64, lost);
    layout_format(layout, "overflows", "%" PRIu64, overflows);
    layout_open(layout, "records", '[');
    for (uint32_t i = 0; i < units; i++) {
        const struct fault_log *log = machine_fault_log(machine, i);
        for (uint32_t r = 0; r < log->kept_count; r++)
            write_record(layout, result, i, &log->kept[r]);
    }
    layout_close(layout, ']', true);
    layout_format(layout, "records_not_listed", "%" PRIu64, recorded - listed);
    layout_close(layout, '}', true);
    result_json_refusals(layout, result);
}

/* ---- text ---- */

static void write_log(const struct result *result, uint32_t unit, struct text_buffer *out)
{
    const struct fault_log *log = machine_fault_log(result->simulation->machine, unit);
    enum iommu_kind kind = result->simulation->groups->coverage->units[unit].kind;
    enum fault_logging logging =
        (enum fault_logging)machine_unit(result->simulation->machine, unit)->parameters.fault_logging;
    char label[24], line[FAULT_LINE_SIZE], time[AMOUNT_TEXT_SIZE];
    text_buffer_format(out, "\nFaults     %s refused %" PRIu64 " request%s; ",
                       unit_label(result, unit, label), fault_log_seen(log),
                       fault_log_seen(log) == 1 ? "" : "s");
    text_buffer_format(out, "its log has %" PRIu64 " record%s", log->recorded, log->recorded == 1 ? "" : "s");
    if (log->collapsed)
        text_buffer_format(out, ", %" PRIu64 " were taken into one that waited", log->collapsed);
    if (log->lost)
        text_buffer_format(out, ", %" PRIu64 " were lost while it was full (%s set %" PRIu64 " time%s)",
                           log->lost, fault_overflow_flag(kind, logging), log->overflows,
                           log->overflows == 1 ? "" : "s");
    text_buffer_add(out, "\n");
    for (uint32_t i = 0; i < log->kept_count && i < RECORDS_SHOWN; i++)
        text_buffer_format(out, "           %9s  %s\n", time_print(time, log->kept[i].time_ps),
                           fault_log_line(line, kind, &log->kept[i]));
    if (log->recorded > RECORDS_SHOWN)
        text_buffer_format(out, "           ... and %" PRIu64 " more\n", log->recorded - RECORDS_SHOWN);
}

void result_text_faults(const struct result *result, struct text_buffer *out)
{
    for (uint32_t i = 0; i < result->simulation->options.unit_count; i++) {
        if (fault_log_seen(machine_fault_log(result->simulation->machine, i)))
            write_log(result, i, out);
    }
}
