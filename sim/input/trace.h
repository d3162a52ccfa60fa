/* SPDX-License-Identifier: MIT */
/**
 * @file trace.h
 * DMA traces as text: one operation a line, `time,device,op,iova,length[,pasid][,flags]`, plain or
 * zstd-compressed, recognised by content. Read as a stream: the file may be larger than memory.
 *
 *     # comment; blank lines are ignored
 *     0ns,0000:03:00.0,read,0x10000,64
 *     15.8ns,0000:03:00.0,write,0x20000,1500
 *     100ns,0000:03:00.0,barrier
 *
 *     200ns,0000:03:00.0,map,0x30000,8192,,rw@0x140000000
 *     900ns,0000:03:00.0,unmap,0x30000,8192
 *
 * time: with unit, or a plain number of nanoseconds; never decreasing. device: as in `lspci`. op: read,
 * write, barrier, or msi (a write of 4 bytes to 0xfee00000-0xfeefffff); or what the driver of the device
 * does, whose domain must have mode strict or lazy: map (pages of 4 KiB; flags r, w or rw, the default, and
 * where it leads,
 * @ADDRESS; without it, to a free place in RAM), unmap, invalidate (of the domain's cached translations in
 * the range; iova 0 and length 0: all of them). pasid: of reads and writes, 20 bits, decimal or 0x. iova and
 * length: decimal or 0x; length at most 4 MiB. Blanks may stand around fields; a heading that begins with
 * `time,` is skipped; a line has at most 1024 bytes.
 *
 * Codes: trace-time, trace-time-order, trace-device, trace-operation, trace-number, trace-length, trace-msi,
 * trace-page, trace-fields, trace-unsupported (flags), trace-pasid, trace-nul, trace-line-length; of
 * byte_stream.h: file-open, file-read, compressed-damaged, compressed-truncated.
 */
#ifndef IOMMUSIM_INPUT_TRACE_H
#define IOMMUSIM_INPUT_TRACE_H

#include "sim/base/diagnostic.h"
#include "sim/topology/topology.h"

enum trace_operation { TRACE_READ, TRACE_WRITE, TRACE_BARRIER, TRACE_MAP, TRACE_UNMAP, TRACE_INVALIDATE };

struct trace_record {
    uint64_t time_ps;
    uint32_t function_id;
    uint32_t pasid; /**< plus one; 0: the line has none */
    enum trace_operation
        operation; /**< barrier: all earlier operations of the trace complete before later ones start */
    uint64_t iova;
    uint32_t length;          /**< bytes; 0 for barriers, and for an invalidation of the whole domain */
    bool map_read, map_write; /**< TRACE_MAP: what the device may do there */
    bool physical_given;
    uint64_t physical; /**< TRACE_MAP: where it leads, if given */
    uint64_t line;     /**< line number, from 1 */
};

/** What stands for a function where no machine is at hand: its segment (16 bits), bus, device and function.
 */
static inline uint32_t trace_bare_function(uint32_t segment, uint8_t bus, uint8_t devfn)
{
    return segment << 16 | (uint32_t)bus << 8 | devfn;
}

struct trace_reader;

/**
 * Open a trace.
 * @param topology  resolves device addresses; must outlive the reader. NULL: any address will do, and
 * function ids are those of trace_bare_function()
 * @param reader    filled on success; close with trace_close()
 * @return 0, STATUS_FILE_OPEN, or STATUS_BAD_INPUT; a diagnostic says why
 */
int trace_open(const char *path, const struct topology *topology, struct trace_reader **reader,
               struct diagnostics *diagnostics);

/**
 * Next record.
 * @return 1: @p record filled; 0: end; STATUS_BAD_INPUT (diagnostic with file, line and column) or
 * STATUS_FILE_READ
 */
int trace_next(struct trace_reader *reader, struct trace_record *record, struct diagnostics *diagnostics);

/** Bytes of the file consumed so far and its size (0 where unknown), for progress. */
void trace_position(const struct trace_reader *reader, uint64_t *bytes_read, uint64_t *bytes_total);

void trace_close(struct trace_reader *reader);

#endif
