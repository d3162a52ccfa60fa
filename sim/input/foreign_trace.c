/* SPDX-License-Identifier: MIT */
#include "sim/input/foreign_trace.h"

#include "sim/base/arena.h"
#include "sim/base/status.h"
#include "sim/input/byte_stream.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { WINDOW = 1 << 17, RECORD_BYTES = 48, LINE_MAX_BYTES = 1 << 16 };

struct foreign_trace {
    enum trace_format format;
    struct byte_stream *bytes;
    char *name;
    uint64_t position; /* records or lines taken so far */
    uint64_t first_ps; /* of the log's clock */
    bool timed, ended;
    struct kernel_trace *kernel; /* TRACE_FORMAT_KERNEL */
    size_t at, end;
    char window[WINDOW + 1];
};

const char *trace_format_name(enum trace_format format)
{
    static const char *const names[] = {"text", "hypersio", "qemu", "kernel"};
    return names[format];
}

/* Move what is left to the front and read on until @p wanted bytes are there or the file ends. */
static int fill(struct foreign_trace *trace, size_t wanted, struct diagnostics *diagnostics)
{
    memmove(trace->window, trace->window + trace->at, trace->end - trace->at);
    trace->end -= trace->at;
    trace->at = 0;
    while (!trace->ended && trace->end < wanted) {
        long got =
            byte_stream_read(trace->bytes, trace->window + trace->end, WINDOW - trace->end, diagnostics);
        if (got < 0)
            return (int)got;
        trace->ended = got == 0;
        trace->end += (size_t)got;
    }
    trace->window[trace->end] = '\0';
    return STATUS_OK;
}

static uint64_t little_endian(const char *bytes, unsigned count)
{
    uint64_t value = 0;
    for (unsigned i = count; i-- > 0;)
        value = value << 8 | (unsigned char)bytes[i];
    return value;
}

/* The first record says that it is a translation of a page of one of three sizes. */
static bool is_record(const char *bytes)
{
    uint64_t level = little_endian(bytes + 24, 8);
    return little_endian(bytes, 4) == 1 && level >= 1 && level <= 3;
}

static enum trace_format recognise(const struct foreign_trace *trace)
{
    if (trace->end >= RECORD_BYTES && is_record(trace->window))
        return TRACE_FORMAT_HYPERSIO;
    if (memmem(trace->window, trace->end, "vtd_", 4))
        return TRACE_FORMAT_QEMU;
    return kernel_trace_recognise(trace->window) ? TRACE_FORMAT_KERNEL : TRACE_FORMAT_TEXT;
}

int foreign_trace_open(const char *path, enum trace_format *format, struct foreign_trace **result,
                       struct diagnostics *diagnostics)
{
    struct byte_stream *bytes;
    *result = NULL;
    int status = byte_stream_open(path, &bytes, diagnostics);
    if (status < 0)
        return status;
    struct foreign_trace *trace = memory_alloc(sizeof(*trace));
    trace->bytes = bytes;
    trace->name = memory_string(path);
    status = fill(trace, WINDOW / 2, diagnostics);
    *format = trace->format = recognise(trace);
    if (*format == TRACE_FORMAT_KERNEL)
        trace->kernel = kernel_trace_new(NONE);
    if (status < 0 || *format == TRACE_FORMAT_TEXT)
        foreign_trace_close(trace);
    else
        *result = trace;
    return status;
}

static int wrong_at(const struct foreign_trace *trace, const char *code, const char *text,
                    struct diagnostics *diagnostics)
{
    const struct source_text source = {trace->name, NULL, 0};
    diagnostics_report(diagnostics, DIAGNOSTIC_ERROR, &source, DIAGNOSTIC_NO_OFFSET, NULL, code,
                       "%s %" PRIu64 ": %s", trace->format == TRACE_FORMAT_HYPERSIO ? "record" : "line",
                       trace->position + 1, text);
    return STATUS_BAD_INPUT;
}

static int next_record(struct foreign_trace *trace, struct foreign_access *access,
                       struct diagnostics *diagnostics)
{
    if (trace->end - trace->at < RECORD_BYTES) {
        int status = fill(trace, RECORD_BYTES, diagnostics);
        if (status < 0)
            return status;
        if (trace->end == 0)
            return 0;
        if (trace->end < RECORD_BYTES)
            return wrong_at(trace, "foreign-record", "the file ends within it", diagnostics);
    }
    const char *bytes = trace->window + trace->at;
    if (!is_record(bytes))
        return wrong_at(trace, "foreign-record", "no translation event of HyperSIO (type 1, level 1 to 3)",
                        diagnostics);
    *access = (struct foreign_access){.source_id = (uint16_t)little_endian(bytes + 4, 2),
                                      .domain = (uint32_t)little_endian(bytes + 6, 2),
                                      .iova = little_endian(bytes + 8, 8),
                                      .page_bytes = UINT64_C(4096) << 9 * (little_endian(bytes + 24, 8) - 1)};
    trace->at += RECORD_BYTES;
    trace->position++;
    return 1;
}

/* ---- QEMU ---- */

/* The hexadecimal number behind a word of a line. */
static bool number_behind(const char *line, const char *word, uint64_t *value)
{
    const char *at = strstr(line, word);
    char *end;
    if (!at)
        return false;
    at += strlen(word);
    *value = strtoull(at, &end, 16);
    return end != at;
}

/* "12345@1609459200.123456:vtd_..." */
static bool clock_of(const char *line, uint64_t *ps)
{
    const char *at = strchr(line, '@'), *event = strstr(line, "vtd_");
    char *end;
    if (!at || at > event)
        return false;
    uint64_t seconds = strtoull(at + 1, &end, 10), fraction = 0;
    if (end == at + 1)
        return false;
    if (*end == '.') {
        const char *digit = end + 1;
        for (int i = 0; i < 12; i++)
            fraction = fraction * 10 + (*digit >= '0' && *digit <= '9' ? (uint64_t)(*digit++ - '0') : 0);
    }
    *ps = seconds % 1000000 * UINT64_C(1000000000000) + fraction;
    return true;
}

static int parse_line(struct foreign_trace *trace, const char *line, struct foreign_access *access,
                      struct diagnostics *diagnostics)
{
    uint64_t source_id, domain = 0, ps, mask;
    if (!strstr(line, "vtd_iotlb_page_hit") && !strstr(line, "vtd_iotlb_page_update"))
        return 0;
    *access = (struct foreign_access){0};
    if (!number_behind(line, "sid ", &source_id) || !number_behind(line, "iova ", &access->iova))
        return wrong_at(trace, "foreign-line", "a translation without sid or iova", diagnostics);
    number_behind(line, "domain ", &domain);
    access->source_id = (uint16_t)source_id;
    access->domain = (uint32_t)domain;
    if (number_behind(line, "pmask ", &mask) && mask)
        access->page_bytes = ~mask + 1;
    if (clock_of(line, &ps)) {
        if (!trace->timed)
            trace->first_ps = ps;
        trace->timed = true;
        access->time_ps = ps > trace->first_ps ? ps - trace->first_ps : 0;
    }
    return 1;
}

/* Next line, its end cut off; NULL at the end of the file, or with @p status set. */
static char *take_line(struct foreign_trace *trace, int *status, struct diagnostics *diagnostics)
{
    *status = STATUS_OK;
    if (!memchr(trace->window + trace->at, '\n', trace->end - trace->at)) {
        *status = fill(trace, LINE_MAX_BYTES, diagnostics);
        if (*status < 0 || trace->end == 0)
            return NULL;
    }
    char *line = trace->window + trace->at;
    char *newline = memchr(line, '\n', trace->end - trace->at);
    size_t length = newline ? (size_t)(newline - line) : trace->end - trace->at;
    line[length] = '\0'; /* there is room for one more byte than is read */
    trace->at += length + (newline ? 1 : 0);
    return line;
}

static int next_line(struct foreign_trace *trace, struct foreign_access *access,
                     struct diagnostics *diagnostics)
{
    int status;
    for (const char *line; (line = take_line(trace, &status, diagnostics)) != NULL;) {
        int got = parse_line(trace, line, access, diagnostics);
        trace->position++;
        if (got != 0)
            return got;
    }
    return status;
}

int foreign_trace_next(struct foreign_trace *trace, struct foreign_access *access,
                       struct diagnostics *diagnostics)
{
    return trace->format == TRACE_FORMAT_QEMU ? next_line(trace, access, diagnostics)
                                              : next_record(trace, access, diagnostics);
}

/* ---- live kernels ---- */

void foreign_trace_name_device(struct foreign_trace *trace, uint32_t function)
{
    kernel_trace_free(trace->kernel);
    trace->kernel = kernel_trace_new(function);
}

int foreign_trace_next_operation(struct foreign_trace *trace, struct kernel_operation *operation,
                                 struct diagnostics *diagnostics)
{
    while (!kernel_trace_take(trace->kernel, operation)) {
        int status;
        const char *wrong, *line = take_line(trace, &status, diagnostics);
        if (!line)
            return status;
        if (!kernel_trace_line(trace->kernel, line, &wrong))
            return wrong_at(trace, "foreign-line", wrong, diagnostics);
        trace->position++;
    }
    return 1;
}

const struct kernel_trace_counts *foreign_trace_kernel_counts(struct foreign_trace *trace)
{
    return kernel_trace_counts(trace->kernel);
}

void foreign_trace_close(struct foreign_trace *trace)
{
    if (!trace)
        return;
    byte_stream_close(trace->bytes);
    kernel_trace_free(trace->kernel);
    free(trace->name);
    free(trace);
}
