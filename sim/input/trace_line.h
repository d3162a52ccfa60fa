/* SPDX-License-Identifier: MIT */
/**
 * @file trace_line.h
 * One line of a text trace (grammar in trace.h). Knows no file; used by trace.c for every line of billions,
 * so it is a hand-written scanner.
 */
#ifndef IOMMUSIM_INPUT_TRACE_LINE_H
#define IOMMUSIM_INPUT_TRACE_LINE_H

#include "sim/input/trace.h"

enum {
    TRACE_LINE_PADDING = 16, /**< bytes behind the last line that must be readable */
    TRACE_DEVICE_SLOTS = 256,
    TRACE_LENGTH_MAX = 4 << 20, /**< bytes of one operation */
};

/** A device's address as written, and the function it names. */
struct trace_device {
    uint64_t text[2];
    uint32_t length; /**< 0: slot is empty */
    uint32_t function_id;
};

struct trace_parser {
    const struct topology *topology;
    struct trace_device
        devices[TRACE_DEVICE_SLOTS]; /**< direct mapped; most lines name a device seen before */
    /* Filled for TRACE_LINE_WRONG. */
    const char *wrong; /**< place in the line */
    const char *code;
    char message[320];
};

enum trace_line { TRACE_LINE_RECORD, TRACE_LINE_BLANK, TRACE_LINE_WRONG };

/**
 * Parse a line.
 * @param line    begins the line; a line end '\n' must follow, with TRACE_LINE_PADDING readable bytes behind
 * it
 * @param record  filled for a record, but for @c line
 * @param next    set to the beginning of the next line, unless something is wrong
 */
enum trace_line trace_line_parse(struct trace_parser *parser, const char *line, struct trace_record *record,
                                 const char **next);

#endif
