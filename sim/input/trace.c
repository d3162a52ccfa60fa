/* SPDX-License-Identifier: MIT */
/* Trace files: a window of whole lines moves over the byte stream; trace_line.c looks at each. */
#include "sim/input/trace.h"

#include "sim/base/arena.h"
#include "sim/base/status.h"
#include "sim/input/byte_stream.h"
#include "sim/input/trace_line.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { WINDOW = 1 << 18, LINE_MAX_BYTES = 1024 };

struct trace_reader {
    struct byte_stream *bytes;
    char *name;
    struct trace_parser parser;
    uint64_t line;          /* lines taken so far */
    uint64_t latest_ps;     /* time of the latest record */
    uint64_t latest_line;   /* and its line */
    const char *at, *whole; /* next line; end of the last whole line in the window */
    char *end;              /* end of what is in the window */
    bool ended;             /* nothing more to read */
    int status;             /* of the failure that ended reading */
    char window[WINDOW + TRACE_LINE_PADDING];
};

int trace_open(const char *path, const struct topology *topology, struct trace_reader **result,
               struct diagnostics *diagnostics)
{
    struct byte_stream *bytes;
    int status = byte_stream_open(path, &bytes, diagnostics);
    if (status < 0)
        return status;
    struct trace_reader *reader = memory_alloc(sizeof(*reader));
    reader->bytes = bytes;
    reader->name = memory_string(path);
    reader->parser.topology = topology;
    reader->at = reader->whole = reader->end = reader->window;
    *result = reader;
    return 0;
}

static int fail(struct trace_reader *reader, const char *place, const char *code, const char *message,
                struct diagnostics *diagnostics)
{
    const char *line = reader->at, *end = memchr(line, '\n', (size_t)(reader->end - line));
    const struct source_line where = {reader->name, reader->line + 1, line,
                                      (size_t)((end ? end : reader->end) - line), (size_t)(place - line)};
    diagnostics_report_line(diagnostics, DIAGNOSTIC_ERROR, &where, code, "%s", message);
    return reader->status = STATUS_BAD_INPUT;
}

static int too_long(struct trace_reader *reader, struct diagnostics *diagnostics)
{
    return fail(reader, reader->at + LINE_MAX_BYTES, "trace-line-length",
                "the line is longer than 1024 bytes: this is no trace", diagnostics);
}

/* Move what is left to the front and read on until a whole line is there. @return 1, 0 at the end, or status
 */
static int fill_window(struct trace_reader *reader, struct diagnostics *diagnostics)
{
    size_t left = (size_t)(reader->end - reader->at);
    memmove(reader->window, reader->at, left);
    reader->at = reader->whole = reader->window;
    reader->end = reader->window + left;
    while (!reader->ended && reader->whole == reader->window) {
        if (reader->end - reader->window > LINE_MAX_BYTES)
            return too_long(reader, diagnostics);
        long got = byte_stream_read(reader->bytes, reader->end,
                                    (size_t)(reader->window + WINDOW - reader->end), diagnostics);
        if (got < 0)
            return reader->status = (int)got;
        reader->ended = got == 0;
        reader->end += got;
        if (reader->ended && reader->end > reader->window) /* the last line need not be ended */
            *reader->end++ = '\n';
        const char *newline = memrchr(reader->window, '\n', (size_t)(reader->end - reader->window));
        reader->whole = newline ? newline + 1 : reader->window;
    }
    memset(reader->end, 0, TRACE_LINE_PADDING - 1);
    if (reader->line == 0 && reader->end - reader->at >= 3 && memcmp(reader->at, "\xef\xbb\xbf", 3) == 0)
        reader->at += 3; /* byte order mark */
    return reader->at < reader->whole;
}

static int check_order(struct trace_reader *reader, const struct trace_record *record,
                       struct diagnostics *diagnostics)
{
    char message[160];
    if (record->time_ps >= reader->latest_ps) {
        reader->latest_ps = record->time_ps;
        reader->latest_line = record->line;
        return 1;
    }
    snprintf(message, sizeof(message), "time goes back: %" PRIu64 " ps after %" PRIu64 " ps in line %" PRIu64,
             record->time_ps, reader->latest_ps, reader->latest_line);
    return fail(reader, reader->at, "trace-time-order", message, diagnostics);
}

int trace_next(struct trace_reader *reader, struct trace_record *record, struct diagnostics *diagnostics)
{
    if (reader->status < 0)
        return reader->status;
    for (;;) {
        const char *next;
        if (reader->at == reader->whole) {
            int more = fill_window(reader, diagnostics);
            if (more <= 0)
                return more;
        }
        enum trace_line got = trace_line_parse(&reader->parser, reader->at, record, &next);
        if (got == TRACE_LINE_WRONG && memchr(reader->at, '\n', LINE_MAX_BYTES + 1))
            return fail(reader, reader->parser.wrong, reader->parser.code, reader->parser.message,
                        diagnostics);
        if (got == TRACE_LINE_WRONG || next - reader->at > LINE_MAX_BYTES + 1)
            return too_long(reader, diagnostics);
        record->line = reader->line + 1;
        if (got == TRACE_LINE_RECORD && check_order(reader, record, diagnostics) < 0)
            return reader->status;
        reader->at = next;
        reader->line++;
        if (got == TRACE_LINE_RECORD)
            return 1;
    }
}

void trace_position(const struct trace_reader *reader, uint64_t *bytes_read, uint64_t *bytes_total)
{
    byte_stream_position(reader->bytes, bytes_read, bytes_total);
}

void trace_close(struct trace_reader *reader)
{
    if (!reader)
        return;
    byte_stream_close(reader->bytes);
    free(reader->name);
    free(reader);
}
