/* SPDX-License-Identifier: MIT */
/**
 * @file kernel_log_internal.h
 * Shared by the parts of the kernel log reader.
 */
#ifndef IOMMUSIM_INPUT_KERNEL_LOG_INTERNAL_H
#define IOMMUSIM_INPUT_KERNEL_LOG_INTERNAL_H

#include "sim/input/dump.h"
#include "sim/input/kernel_log_line.h"

/** A log being read. */
struct kernel_log {
    struct dump *dump;
    struct kernel_log_cursor cursor;
    size_t offset;         /**< of the message, in the source */
    const char *where;     /**< "line N" */
    bool windows_seen;     /**< some bridge window was printed, so what is not printed is closed */
    bool window_list_open; /**< windows that follow belong to the bridge printed last */
    bool devices_seen;
};

/** What the log says of a function; made where it said nothing so far. */
struct dump_part *kernel_log_part(struct kernel_log *log, uint32_t segment, uint8_t bus, uint8_t devfn);

/** Take a message about a function. */
void kernel_log_take_device(struct kernel_log *log, const struct kernel_log_device *device);

/** Is @p message one kernel_log_take_platform() takes? */
bool kernel_log_is_platform(struct slice message);

/** Take a message of the platform: root buses, command line, IOMMUs. @return false where it is none */
bool kernel_log_take_platform(struct kernel_log *log, struct slice message);

/** Take "PCI host bridge to bus ssss:bb", printed by @p device where it is a VMD endpoint, else NULL. */
void kernel_log_take_root_bus(struct kernel_log *log, struct slice rest,
                              const struct kernel_log_device *device);

/** Take "Found IOMMU", printed of the AMD IOMMU at that address; the order is the firmware's table's. */
void kernel_log_take_amd_unit(struct kernel_log *log, uint32_t segment, uint8_t bus, uint8_t devfn);

/** "[mem 0xb1000000-0xb10fffff 64bit pref]", cut off the front of @p rest. */
struct kernel_log_range {
    enum bar_kind kind;
    bool prefetchable;
    uint64_t base, limit;
};
bool kernel_log_range(struct slice *rest, struct kernel_log_range *range);

#endif
