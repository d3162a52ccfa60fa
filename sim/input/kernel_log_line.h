/* SPDX-License-Identifier: MIT */
/**
 * @file kernel_log_line.h
 * Messages of a kernel log, whatever way it was passed on: dmesg (plain, -T, -x, raw), journalctl -k, syslog;
 * mail-quoted; wrapped by a mailer. A time stamp and what goes with it is cut off; a line that starts no
 * message continues the one before.
 */
#ifndef IOMMUSIM_INPUT_KERNEL_LOG_LINE_H
#define IOMMUSIM_INPUT_KERNEL_LOG_LINE_H

#include "sim/base/text_buffer.h"
#include "sim/input/slice.h"

/** Where a reader of messages is. Zero-initialise but for @c rest. */
struct kernel_log_cursor {
    struct slice rest;         /**< text not read yet */
    unsigned next_line;        /**< number of the line at its start, from 0 */
    unsigned line;             /**< of the message's first line, from 1 */
    const char *at;            /**< that line */
    struct text_buffer joined; /**< a message made of several lines; free with text_buffer_fini() */
};

/** The next message, without time stamp. Valid until the next call. @return false at the end */
bool kernel_log_next(struct kernel_log_cursor *cursor, struct slice *message);

/** What a message about a PCI function says of whom. */
struct kernel_log_device {
    struct slice driver; /**< "pci" where none is bound; empty where the message does not start with it */
    uint32_t segment;
    uint8_t bus, devfn;
    struct slice body; /**< what it says */
};

/**
 * The first "driver ssss:bb:dd.f: body" in @p message. Logs are torn now and then, so it need not be the
 * beginning; look into @c body for another one.
 * @return true with @p device filled
 */
bool kernel_log_device(struct slice message, struct kernel_log_device *device);

/** Cut an address with segment ("0000:00:1f.3") off the front of @p rest. @return false where there is none
 */
bool kernel_log_address(struct slice *rest, uint32_t *segment, uint8_t *bus, uint8_t *devfn);

/** Is @p line (unquoted) of a kernel log? Only of lines about PCI functions, root buses and IOMMUs. */
bool kernel_log_is_line(struct slice line);

#endif
