/* SPDX-License-Identifier: MIT */
#include "sim/input/kernel_log_reader.h"

#include "sim/base/arena.h"
#include "sim/input/kernel_log_internal.h"

#include <stdlib.h>

enum { FUNCTION_LIMIT = 1 << 18 };

struct dump_part *kernel_log_part(struct kernel_log *log, uint32_t segment, uint8_t bus, uint8_t devfn)
{
    struct dump_part *part = dump_find(log->dump, DUMP_LOG, segment, bus, devfn);
    log->devices_seen = true;
    return part ? part : dump_add(log->dump, DUMP_LOG, segment, bus, devfn, log->offset, log->where);
}

bool kernel_log_recognise(const struct source_text *source)
{
    struct kernel_log_cursor cursor = {.rest = {source->text, source->text + source->length}};
    struct slice message;
    struct kernel_log_device device;
    bool found = false;
    while (!found && kernel_log_next(&cursor, &message)) {
        found = kernel_log_is_platform(message);
        if (!found && kernel_log_device(message, &device))
            found = slice_skip(&device.body, "Adding to iommu group ") ||
                    slice_skip(&device.body, "PCI bridge to [") || slice_skip(&device.body, "found [") ||
                    (slice_skip(&device.body, "[") && slice_find(device.body, "] type "));
    }
    text_buffer_fini(&cursor.joined);
    return found;
}

static void take_message(struct kernel_log *log, struct slice message)
{
    struct kernel_log_device device;
    struct slice rest = message;
    if (kernel_log_take_platform(log, message))
        return;
    while (kernel_log_device(rest, &device)) {
        kernel_log_take_device(log, &device);
        rest = device.body;
    }
}

/* Closed windows are not printed. */
static void settle_windows(struct kernel_log *log, size_t first)
{
    for (size_t i = first; log->windows_seen && i < log->dump->part_count; i++) {
        struct dump_part *part = &log->dump->parts[i];
        if (part->rank == DUMP_LOG && (part->facts & FACT_BUSES))
            part->facts |= FACT_WINDOWS;
    }
}

void kernel_log_read(const struct source_text *source, struct dump *dump)
{
    struct kernel_log log = {.dump = dump, .cursor.rest = {source->text, source->text + source->length}};
    size_t first = dump->part_count;
    struct slice message;
    unsigned line = 0;
    while (dump->part_count - first < FUNCTION_LIMIT && kernel_log_next(&log.cursor, &message)) {
        log.offset = (size_t)(log.cursor.at - source->text);
        log.where = NULL;
        struct kernel_log_device device;
        if (!kernel_log_is_line(message) && !kernel_log_device(message, &device))
            continue;
        if (line != log.cursor.line)
            log.where = arena_format(dump->arena, "line %u", log.cursor.line);
        line = log.cursor.line;
        take_message(&log, message);
    }
    settle_windows(&log, first);
    if (log.devices_seen)
        dump_note_kind(dump, "kernel log");
    text_buffer_fini(&log.cursor.joined);
}
