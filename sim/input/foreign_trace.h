/* SPDX-License-Identifier: MIT */
/**
 * @file foreign_trace.h
 * Traces of other programs, recognised by content and read as a stream of translations:
 *
 * - HyperSIO's binary translation trace (`*_iotlb_trace.bin` of PrincetonUniversity/hypersio): records of 48
 * bytes, little endian: 32 bits type (1), 16 bits source id, 16 bits domain, then 64 bits each of IOVA, page
 * mask, level (1: 4 KiB, 2: 2 MiB, 3: 1 GiB), page-table entry, index of the next access to the page. No
 * times.
 * - logs of QEMU's VT-d unit (`-trace vtd_iotlb_page_hit -trace vtd_iotlb_page_update`): each translation
 * leaves one of the two lines, with sid, iova, slpte and domain; the time is that of the `PID@SECONDS:` in
 * front, where there is one. Other lines are passed over.
 * - what a live kernel records of its DMA (kernel_trace.h): mappings, and what devices do between them.
 *
 * Codes: foreign-record (a binary record that is none), foreign-line (a line that lacks what its kind has).
 */
#ifndef IOMMUSIM_INPUT_FOREIGN_TRACE_H
#define IOMMUSIM_INPUT_FOREIGN_TRACE_H

#include "sim/input/kernel_trace.h"

enum trace_format { TRACE_FORMAT_TEXT, TRACE_FORMAT_HYPERSIO, TRACE_FORMAT_QEMU, TRACE_FORMAT_KERNEL };

/** One translation of a foreign trace. */
struct foreign_access {
    uint64_t time_ps;   /**< since the first one; 0 where the format has no times */
    uint16_t source_id; /**< requester id: bus, device, function */
    uint32_t domain;
    uint64_t iova;
    uint64_t page_bytes; /**< of the page that translated it; 0: not told */
};

struct foreign_trace;

/**
 * Open a trace of any format.
 * @param format  what it is, by content
 * @param trace   filled for foreign formats, NULL for TRACE_FORMAT_TEXT (open that with trace_open()); close
 * with foreign_trace_close()
 * @return 0, STATUS_FILE_OPEN or STATUS_FILE_READ after a diagnostic
 */
int foreign_trace_open(const char *path, enum trace_format *format, struct foreign_trace **trace,
                       struct diagnostics *diagnostics);

/** Of TRACE_FORMAT_KERNEL: whose iommu:map and iommu:unmap are (trace_bare_function()). Before the first
 * line. */
void foreign_trace_name_device(struct foreign_trace *trace, uint32_t function);

/** Next operation of TRACE_FORMAT_KERNEL. @return as foreign_trace_next() */
int foreign_trace_next_operation(struct foreign_trace *trace, struct kernel_operation *operation,
                                 struct diagnostics *diagnostics);

/** What of such a trace was seen. */
const struct kernel_trace_counts *foreign_trace_kernel_counts(struct foreign_trace *trace);

/** Next translation, of the other formats. @return 1, 0 at the end, STATUS_BAD_INPUT or STATUS_FILE_READ
 * after a diagnostic */
int foreign_trace_next(struct foreign_trace *trace, struct foreign_access *access,
                       struct diagnostics *diagnostics);

void foreign_trace_close(struct foreign_trace *trace);

/** "text", "hypersio", "qemu", "kernel". */
const char *trace_format_name(enum trace_format format);

#endif
